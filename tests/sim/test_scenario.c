/* Scenarios: ideal FCTs of training.md 3, ports, the ns-3 folders read back path by path, writing, derived
 * parameters. */
#include "tests/sim/test_sim.h"

#include "base/file.h"
#include "sim/scenario_parts.h"

static void ideal_vectors(void **state) {
  (void)state;
  static const struct {
    int64_t size;
    int32_t n_links;
    int64_t ideal;
  } rows[] = {{70220, 2, 61712}, {5444, 2, 7421}, {86223, 2, 75122}, {999, 2, 3674},
              {999, 4, 7348},    {999, 6, 11022}, {50, 6, 6468},     {1234567, 6, 1044773}};
  sim_topology *topology = training_fabric();
  const int32_t links[6] = {0, 1, 2, 3, 4, 5}; /* all links are alike */
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    assert_int_equal(sim_ideal_fct_ns(topology, links, rows[i].n_links, rows[i].size, 0), rows[i].ideal);
    assert_int_equal(sim_ideal_fct_ns(topology, links, rows[i].n_links, rows[i].size, GBPS(10)),
                     rows[i].ideal);
  }
  sim_topology_free(topology);
}

/* On 40 Gbps links only the standalone form is capped at 10 Gbps; sizes beyond 64-bit products stay exact. */
static void ideal_and_standalone_differ_on_fast_links(void **state) {
  (void)state;
  const int32_t switches[] = {2};
  const sim_cable cables[] = {{0, 2, GBPS(40), 1000}, {1, 2, GBPS(40), 1000}};
  sim_topology *topology;
  assert_int_equal(sim_topology_create(&topology, 3, switches, 1, cables, 2, NULL), M4_OK);
  const int32_t links[] = {0, 3};
  /* 2 x (1000 + floor(209.6)) + floor(9000 / 5 B/ns) + 9 x floor(9.6) */
  assert_int_equal(sim_ideal_fct_ns(topology, links, 2, 10000, 0), 2418 + 1800 + 81);
  assert_int_equal(sim_ideal_fct_ns(topology, links, 2, 10000, GBPS(10)), 2418 + 7200 + 9 * 38);
  assert_int_equal(sim_ideal_fct_ns(topology, links, 2, 4000000001000, 0),
                   2418 + 800000000000 + 4000000000LL * 9);
  assert_int_equal(sim_ideal_fct_ns(topology, links, 2, INT64_MAX, 1), INT64_MAX);
  sim_topology_free(topology);
}

static void ports_count_per_pair(void **state) {
  (void)state;
  const sim_flow flows[] = {{.src = 0, .dst = 9, .size_bytes = 1},
                            {.src = 0, .dst = 8, .size_bytes = 1},
                            {.src = 0, .dst = 9, .size_bytes = 1},
                            {.src = 9, .dst = 0, .size_bytes = 1}};
  sim_scenario *scenario = scenario_of(training_fabric(), flows, 4);
  const uint16_t expected[] = {10000, 10000, 10001, 10000};
  for (int i = 0; i < 4; i++) assert_int_equal(scenario->flows[i].source_port, expected[i]);
  sim_scenario_free(scenario);
}

static char *read_text(const char *folder, const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  char *text;
  size_t length;
  assert_int_equal(m4_file_read(path, 1 << 26, &text, &length, NULL), M4_OK);
  return text;
}

static sim_scenario *read_folder(const char *folder) {
  sim_scenario *scenario;
  m4_error err = {0};
  if (sim_scenario_read(&scenario, folder, &err) != M4_OK) fail_msg("%s: %s", err.where, err.what);
  return scenario;
}

/* "id switch switch ...": every path of the original simulator, hop by hop. */
static void check_paths(const sim_scenario *scenario, char *text) {
  int64_t checked = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), checked++) {
    char *next;
    const sim_flow *flow = &scenario->flows[strtoll(line, &next, 10)];
    for (int32_t i = 0; i + 1 < flow->n_links; i++)
      assert_int_equal(strtol(next, &next, 10), scenario->topology->links[flow->links[i]].to);
    assert_int_equal(*next, '\0');
  }
  assert_int_equal(checked, scenario->n_flows);
}

/* Columns 6 to 9 of the original's results: size, start, FCT, standalone FCT. */
static void check_truth(const sim_scenario *scenario, char *text) {
  int64_t checked = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), checked++) {
    long long id, size, start, fct, standalone;
    unsigned sip, dip, sport, dport;
    assert_int_equal(sscanf(line, "%lld %x %x %u %u %lld %lld %lld %lld", &id, &sip, &dip, &sport, &dport,
                            &size, &start, &fct, &standalone),
                     9);
    const sim_flow *flow = &scenario->flows[id];
    assert_int_equal(sip, sim_node_address(flow->src));
    assert_int_equal(dip, sim_node_address(flow->dst));
    assert_int_equal(sport, flow->source_port);
    assert_int_equal(dport, flow->destination_port);
    assert_int_equal(size, flow->size_bytes);
    assert_int_equal(start, flow->start_ns);
    assert_int_equal(standalone, flow->standalone_ns);
    assert_int_equal(fct, scenario->truth_fct_ns[id]);
  }
  assert_int_equal(checked, scenario->n_flows);
}

static void ns3_folders_match_in_every_flow(void **state) {
  (void)state;
  static const char *const folders[] = {NS3_DATA "/0", NS3_DATA "/1", NS3_DATA "/5"};
  for (int i = 0; i < 3; i++) {
    sim_scenario *scenario = read_folder(folders[i]);
    assert_string_equal(scenario->name, folders[i] + strlen(folders[i]) - 1);
    assert_null(scenario->warnings);
    char *paths = read_text(folders[i], "paths.txt"), *fct = read_text(folders[i], "fct.txt");
    check_paths(scenario, paths);
    check_truth(scenario, fct);
    free(paths);
    free(fct);
    sim_scenario_free(scenario);
  }
}

static void params_txt_wins(void **state) {
  (void)state;
  sim_scenario *scenario = read_folder(NS3_DATA "/1");
  const double expected[SIM_N_PARAMS] = {12.0765, 12.933, 0, 1, 0, 0, 0, 22.3163, 32.9711, 0, 0, 0, 0};
  assert_memory_equal(scenario->params, expected, sizeof expected);
  sim_scenario_free(scenario);
}

static const char *const scenario_files[] = {"topology.txt", "flows.txt", "config.txt",
                                             "params.txt",   "fct.txt",   NULL};

/* Written and read back: the same scenario. Without params.txt: derived, and said so. */
static void folders_round_trip(void **state) {
  (void)state;
  char dir[64], params[256];
  sim_scenario *made = read_folder(NS3_DATA "/1"), *again;
  make_scratch_dir(dir);
  assert_int_equal(sim_scenario_write(made, dir, NULL), M4_OK);
  again = read_folder(dir);
  assert_int_equal(again->n_flows, made->n_flows);
  assert_memory_equal(again->params, made->params, sizeof made->params);
  assert_memory_equal(again->topology->links, made->topology->links,
                      (size_t)made->topology->n_links * sizeof(sim_link));
  for (int64_t i = 0; i < made->n_flows; i++) {
    sim_flow a = made->flows[i], b = again->flows[i];
    assert_memory_equal(a.links, b.links, (size_t)a.n_links * sizeof *a.links);
    assert_true(a.id == b.id && a.src == b.src && a.dst == b.dst && a.size_bytes == b.size_bytes &&
                a.start_ns == b.start_ns);
  }
  assert_null(again->truth_fct_ns);
  sim_scenario_free(again);

  snprintf(params, sizeof params, "%s/params.txt", dir);
  remove(params);
  again = read_folder(dir);
  const double derived[SIM_N_PARAMS] = {12, 12.933, 0, 1, 0, 0, 0, 8 / 0.4, 13 / 0.4, 0, 0, 0, 0};
  for (int i = 0; i < SIM_N_PARAMS; i++) assert_true(again->params[i] == derived[i]);
  assert_non_null(again->warnings);
  assert_non_null(strstr(again->warnings[0], "params.txt"));
  sim_scenario_free(again);
  sim_scenario_free(made);
  remove_scratch_dir(dir, scenario_files);
}

static void parameters_are_derived_for_every_cc(void **state) {
  (void)state;
  pkt_settings settings = {.buffer_kib = 102,
                           .window_bytes = 6375,
                           .u_target = 0.95,
                           .ai_bps = 500000000,
                           .timely_low_ns = 41291,
                           .timely_high_ns = 127054,
                           .n_ecn = 2,
                           .ecn = {{GBPS(40), 16, 64, 1}, {GBPS(10), 8, 16, 0.2}}};
  double params[SIM_N_PARAMS];
  bool missing;
  static const struct {
    pkt_cc_mode cc;
    double expected[SIM_N_PARAMS];
  } rows[] = {{PKT_CC_DCTCP, {10.2, 6.375, 1, 0, 0, 0, 8}},
              {PKT_CC_DCQCN, {10.2, 6.375, 0, 1, 0, 0, 0, 20, 40}},
              {PKT_CC_HPCC, {10.2, 6.375, 0, 0, 1, 0, 0, 0, 0, 95, 50}},
              {PKT_CC_TIMELY, {10.2, 6.375, 0, 0, 0, 1, 0, 0, 0, 0, 0, 41.291, 127.054}}};
  for (size_t i = 0; i < 4; i++) {
    settings.cc = rows[i].cc;
    sim_params_from_settings(&settings, params, &missing);
    assert_false(missing);
    for (int j = 0; j < SIM_N_PARAMS; j++) assert_true(params[j] == rows[i].expected[j]);
  }
  settings.n_ecn = 1;
  settings.cc = PKT_CC_DCTCP;
  sim_params_from_settings(&settings, params, &missing);
  assert_true(missing);
}

static void bad_parts_are_refused(void **state) {
  (void)state;
  static const sim_flow bad[] = {
      {.id = 1, .src = 0, .dst = 0, .priority = 3, .size_bytes = 1},
      {.id = 1, .src = 0, .dst = 40, .priority = 3, .size_bytes = 1},
      {.id = 1, .src = -1, .dst = 1, .priority = 3, .size_bytes = 1},
      {.id = 1, .src = 0, .dst = 1, .priority = 3, .size_bytes = 0},
      {.id = 1, .src = 0, .dst = 1, .priority = 9, .size_bytes = 1},
      {.id = 1, .src = 0, .dst = 1, .priority = 3, .size_bytes = 1, .start_ns = -1},
      {.id = 0, .src = 0, .dst = 1, .priority = 3, .size_bytes = 1, .start_ns = 9},
      {.id = 1, .src = 0, .dst = 1, .priority = 3, .size_bytes = 1, .start_ns = 3}};
  const pkt_settings settings = dctcp_settings();
  const double params[SIM_N_PARAMS] = {0};
  sim_topology *topology = training_fabric();
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    sim_flow flows[] = {{.id = 0, .src = 0, .dst = 1, .priority = 3, .size_bytes = 1, .start_ns = 5}, bad[i]};
    sim_scenario *scenario;
    m4_error err = {0};
    assert_int_equal(sim_scenario_create(&scenario, "bad", topology, flows, 2, &settings, params, &err),
                     M4_DATA);
    assert_null(scenario);
    assert_true(err.what[0] != '\0');
  }
  sim_topology_free(topology);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ideal_vectors),
                                     cmocka_unit_test(ideal_and_standalone_differ_on_fast_links),
                                     cmocka_unit_test(ports_count_per_pair),
                                     cmocka_unit_test(ns3_folders_match_in_every_flow),
                                     cmocka_unit_test(params_txt_wins),
                                     cmocka_unit_test(folders_round_trip),
                                     cmocka_unit_test(parameters_are_derived_for_every_cc),
                                     cmocka_unit_test(bad_parts_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
