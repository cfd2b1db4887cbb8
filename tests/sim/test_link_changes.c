/* link_changes.txt: what is read, what is refused by line, what comes back, and that every back end follows
 * it. */
#include "tests/sim/test_sim.h"

#include "sim/engine.h"
#include "sim/link_changes.h"

static m4_status read_text(sim_link_changes *changes, const sim_topology *topology, const char *text,
                           m4_error *err) {
  char path[64];
  write_scratch(path, text);
  m4_status status = sim_link_changes_read(changes, topology, path, err);
  remove(path);
  return status;
}

/* Nodes 0 and 1 with two cables, and 2 behind 1. */
static sim_topology *three_nodes(void) {
  const int32_t switches[] = {1};
  const sim_cable cables[] = {{0, 1, GBPS(10), 1000}, {1, 0, GBPS(10), 1000}, {1, 2, GBPS(10), 1000}};
  sim_topology *topology = NULL;
  assert_int_equal(sim_topology_create(&topology, 3, switches, 1, cables, 3, NULL), M4_OK);
  return topology;
}

static void assert_change(const sim_link_changes *changes, int64_t i, int64_t time_ns, int32_t link,
                          int64_t rate_bps) {
  assert_int_equal(changes->list[i].time_ns, time_ns);
  assert_int_equal(changes->list[i].link, link);
  assert_int_equal(changes->list[i].rate_bps, rate_bps);
}

static const char text[] = "# a comment\n0.5 2 1 0 \n\n0.5 0 1 2.5Gbps\n1.000000001 2 1 10Gbps\n";

static void assert_the_text(const sim_link_changes *changes) {
  assert_int_equal(changes->count, 8);
  for (int32_t i = 0; i < 2; i++) {
    assert_change(changes, i, 500000000, 4 + i, 0);
    assert_change(changes, 6 + i, 1000000001, 4 + i, GBPS(10));
  }
  for (int32_t i = 0; i < 4; i++) assert_change(changes, 2 + i, 500000000, i, 2500000000);
}

static void reading_and_writing(void **state) {
  (void)state;
  sim_topology *topology = three_nodes();
  sim_link_changes changes, again;
  assert_int_equal(read_text(&changes, topology, text, NULL), M4_OK);
  assert_the_text(&changes);
  char path[64];
  FILE *out = scratch_file(path);
  sim_link_changes_write(&changes, topology, out);
  fclose(out);
  assert_int_equal(sim_link_changes_read(&again, topology, path, NULL), M4_OK);
  remove(path);
  assert_the_text(&again);
  sim_link_changes_free(&changes);
  sim_link_changes_free(&again);
  assert_int_equal(read_text(&changes, topology, "", NULL), M4_OK);
  assert_int_equal(changes.count, 0);
  sim_topology_free(topology);
}

static void refusals(void **state) {
  (void)state;
  static const struct {
    const char *text, *where, *what;
  } cases[] = {{"0.5 0 2 0\n", ":1", "no link between node 0 and node 2"},
               {"0.5 0 3 0\n", ":1", "node"},
               {"0.5 0 1 0\n0.4 0 1 10Gbps\n", ":2", "before"},
               {"-1 0 1 0\n", ":1", "time"},
               {"nan 0 1 0\n", ":1", "time"},
               {"1e99 0 1 0\n", ":1", "time"},
               {"0 0 1\n", ":1", "rate"},
               {"0 0 1 fast\n", ":1", "rate"},
               {"0 0 1 00\n", ":1", "rate"},
               {"0 0 1 -1Gbps\n", ":1", "rate"},
               {"0 0 1 10Gbps 5\n", ":1", "5"},
               {"0 0 1 0 5\n", ":1", "5"},
               {"0\n", ":1", "node"}};
  sim_topology *topology = three_nodes();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    sim_link_changes changes;
    m4_error err = {0};
    assert_int_equal(read_text(&changes, topology, cases[i].text, &err), M4_DATA);
    assert_null(changes.list);
    if (!strstr(err.where, cases[i].where) || !strstr(err.what, cases[i].what))
      fail_msg("case %zu: \"%s\" at \"%s\"", i, err.what, err.where);
  }
  sim_topology_free(topology);
}

/* A fabric with settings that packets can be simulated with. */
static sim_scenario *packet_scenario(const sim_flow *flows, int64_t n_flows) {
  sim_scenario *scenario = scenario_of(training_fabric(), flows, n_flows);
  assert_int_equal(pkt_settings_for(&scenario->packet, PKT_CC_DCTCP, 200, 12000, 20, 0, NULL), M4_OK);
  return scenario;
}

/* The host's cable is cut for a while: no back end finishes its flow meanwhile. */
static void back_ends_follow(void **state) {
  (void)state;
  const sim_flow flows[] = {{.src = 0, .dst = 3, .source_port = 10000, .size_bytes = 100000},
                            {.src = 1, .dst = 2, .source_port = 10000, .size_bytes = 100000}};
  sim_link_event cut[] = {{20000, 0, 0}, {20000, 0, 1}, {5000000, GBPS(10), 0}, {5000000, GBPS(10), 1}};
  for (int i = 0; i < 2; i++) {
    sim_scenario *scenario = packet_scenario(flows, 2);
    sim_backend *backend = NULL;
    sim_result result;
    int32_t link = scenario->flows[0].links[0];
    for (int j = 0; j < 4; j++) cut[j].link = j % 2 == 0 ? link : link ^ 1;
    scenario->changes = (sim_link_changes){cut, 4};
    assert_int_equal(i == 0 ? sim_packet_backend(&backend, scenario, NULL, NULL)
                            : sim_flowsim_backend(&backend, scenario, NULL, NULL),
                     M4_OK);
    assert_int_equal(sim_run(scenario, backend, NULL, NULL, &result, NULL), M4_OK);
    assert_int_equal(result.n_finished, 2);
    assert_int_equal(result.n_listed, 0);
    assert_true(result.fct_ns[0] > 5000000 && result.fct_ns[0] < 6200000);
    assert_true(result.fct_ns[1] < 300000);
    sim_result_free(&result);
    sim_backend_free(backend);
    scenario->changes = (sim_link_changes){0};
    sim_scenario_free(scenario);
  }
}

/* A folder with link_changes.txt reads back as it was written. */
static void in_a_folder(void **state) {
  (void)state;
  const sim_flow flows[] = {{.src = 0, .dst = 3, .source_port = 10000, .size_bytes = 100000}};
  sim_scenario *scenario = packet_scenario(flows, 1), *again;
  sim_link_event *list = calloc(2, sizeof *list);
  int32_t link = scenario->flows[0].links[0] & ~1;
  list[0] = (sim_link_event){77, 0, link};
  list[1] = (sim_link_event){77, 0, link + 1};
  scenario->changes = (sim_link_changes){list, 2};
  static const char *const names[] = {"topology.txt", "flows.txt",        "config.txt",
                                      "params.txt",   "link_changes.txt", NULL};
  char dir[64];
  make_scratch_dir(dir);
  assert_int_equal(sim_scenario_write(scenario, dir, NULL), M4_OK);
  assert_int_equal(sim_scenario_read(&again, dir, NULL), M4_OK);
  assert_int_equal(again->changes.count, 2);
  for (int i = 0; i < 2; i++) assert_change(&again->changes, i, 77, link + i, 0);
  remove_scratch_dir(dir, names);
  sim_scenario_free(scenario);
  sim_scenario_free(again);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(reading_and_writing), cmocka_unit_test(refusals),
                                     cmocka_unit_test(back_ends_follow), cmocka_unit_test(in_a_folder)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
