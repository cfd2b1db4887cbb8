/* Flows that never finish are named with the right reason, and the run ends. */
#include "sim/engine.h"
#include "tests/sim/packet/test_packet.h"

enum { RING = 5, MAX_TOLD = 64 };

typedef struct told {
  int64_t flow[MAX_TOLD];
  char why[MAX_TOLD][PKT_REASON_BYTES];
  int n;
} told;

static void tell(void *ctx, int64_t flow, const char *why) {
  told *t = ctx;
  assert_in_range(t->n, 0, MAX_TOLD - 1);
  assert_true(strlen(why) > 10 && strlen(why) < PKT_REASON_BYTES);
  t->flow[t->n] = flow;
  snprintf(t->why[t->n++], PKT_REASON_BYTES, "%s", why);
}

static void assert_says(const told *t, int i, const char *word) {
  if (!strstr(t->why[i], word)) fail_msg("\"%s\" does not say \"%s\"", t->why[i], word);
}

/* Runs to the end; fct_ns as after run_until. */
static told run_and_ask(pkt_sim *sim, int64_t *fct_ns) {
  told t = {.n = 0};
  run_until(sim, INT64_MAX, fct_ns);
  assert_int_equal(pkt_unfinished(sim, tell, &t, NULL), M4_OK);
  return t;
}

static told run_folder(sim_scenario *scenario) {
  int64_t *fct_ns = no_fcts(scenario->n_flows);
  pkt_sim *sim = make_sim(scenario, NULL);
  submit_all(sim, scenario);
  told t = run_and_ask(sim, fct_ns);
  int64_t n_missing = 0;
  for (int64_t i = 0; i < scenario->n_flows; i++) n_missing += fct_ns[i] < 0;
  assert_int_equal(t.n, n_missing);
  for (int i = 0; i < t.n; i++) assert_int_equal(fct_ns[t.flow[i]], -1);
  pkt_free(sim);
  free(fct_ns);
  return t;
}

/* The flows that the original's runs do not finish either. */
static void test_lost_tails(void **state) {
  (void)state;
  static const char *const folders[] = {"incast8/dcqcn_pfc0_buf160", "incast8/timely_pfc0_buf160",
                                        "incast8/dctcp_pfc0_buf160", "incast8/dctcp_pfc1_buf160"};
  for (int i = 0; i < 4; i++) {
    sim_scenario *scenario = read_ns3(folders[i]);
    told t = run_folder(scenario);
    assert_int_equal(t.n, i < 2 ? 1 : 0);
    for (int j = 0; j < t.n; j++) {
      assert_int_equal(scenario->truth_fct_ns[t.flow[j]], -1);
      assert_says(&t, j, "packets dropped, the last at node 9 towards 8");
      assert_says(&t, j, "of 250000 bytes arrived");
    }
    sim_scenario_free(scenario);
  }
}

static void test_stop_time(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("two_share/dctcp");
  scenario->packet.stop_time_ns = scenario->flows[1].start_ns;
  told t = run_folder(scenario);
  assert_int_equal(t.n, 2);
  assert_says(&t, 0,
              scenario->flows[0].start_ns < scenario->flows[1].start_ns ? "cut off by SIMULATOR_STOP_TIME"
                                                                        : "never started");
  assert_says(&t, 1, "never started: its time is");
  scenario->packet.stop_time_ns += 100000;
  t = run_folder(scenario);
  assert_int_equal(t.n, 2);
  assert_says(&t, 1, "cut off by SIMULATOR_STOP_TIME");
  sim_scenario_free(scenario);
}

/* No buffer for a single packet: the first flow of the host never ends, and the second keeps waiting. */
static void test_held_places(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("two_share/dctcp");
  scenario->packet.buffer_kib = 1;
  scenario->packet.flow_limit = 1;
  scenario->packet.hosts_per_group = 100;
  told t = run_folder(scenario);
  assert_int_equal(t.n, 2);
  assert_says(&t, 0, "packets dropped");
  assert_says(&t, 1, "the 1 places of hosts 0 to 99 are held");
  sim_scenario_free(scenario);
}

static void test_failed_link(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("two_share/dctcp");
  const sim_flow *flow = &scenario->flows[0];
  int64_t *fct_ns = no_fcts(scenario->n_flows);
  pkt_sim *sim = make_sim(scenario, NULL);
  submit_all(sim, scenario);
  assert_int_equal(pkt_change_link(sim, flow->links[0], 0, flow->start_ns + 50000, NULL), M4_OK);
  told t = run_and_ask(sim, fct_ns);
  char expected[80];
  snprintf(expected, sizeof expected, "the link from node %d to", flow->src);
  assert_int_equal(t.n, 1);
  assert_int_equal(t.flow[0], 0);
  assert_says(&t, 0, expected);
  pkt_free(sim);
  free(fct_ns);
  sim_scenario_free(scenario);
}

/* A ring of switches, a host at each. */
static sim_topology *ring(void) {
  int32_t switches[RING];
  sim_cable cables[2 * RING];
  for (int32_t i = 0; i < RING; i++) {
    switches[i] = RING + i;
    cables[i] = (sim_cable){i, RING + i, GBPS(10), 1000};
    cables[RING + i] = (sim_cable){RING + i, RING + (i + 1) % RING, GBPS(10), 1000};
  }
  sim_topology *topology = NULL;
  assert_int_equal(sim_topology_create(&topology, 2 * RING, switches, RING, cables, 2 * RING, NULL), M4_OK);
  return topology;
}

/* Everybody sends two switches ahead without any control: buffers fill in a circle and nobody can go on. */
static void test_pause_cycle(void **state) {
  (void)state;
  sim_topology *topology = ring();
  sim_routing *routing = NULL;
  pkt_settings settings;
  pkt_sim *sim = NULL;
  pkt_flow flows[RING];
  int64_t fct_ns[RING];
  assert_int_equal(pkt_settings_for(&settings, PKT_CC_DCTCP, 100, 10000, 20, 0, NULL), M4_OK);
  settings.has_window = settings.enable_ecn = false;
  for (int32_t i = 0; i < RING; i++) {
    flows[i] = (pkt_flow){i, i, (i + 2) % RING, 3, 10000, 100, 3000000, 0};
    fct_ns[i] = -1;
  }
  assert_int_equal(sim_routing_create(&routing, topology, NULL), M4_OK);
  assert_int_equal(pkt_create(&sim, topology, routing, &settings, NULL, NULL), M4_OK);
  assert_int_equal(pkt_submit(sim, flows, RING, NULL), M4_OK);
  told t = run_and_ask(sim, fct_ns);
  assert_int_equal(t.n, RING);
  assert_int_equal(pkt_count(sim).drops, 0);
  for (int i = 0; i < RING; i++) assert_says(&t, i, "held by a PAUSE: node ");
  for (int i = 0; i < RING; i++) assert_says(&t, i, "a cycle through the link from node ");
  pkt_free(sim);
  sim_routing_free(routing);
  sim_topology_free(topology);
}

/* The engine lists them, with counters. */
static void test_results(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("incast8/dcqcn_pfc0_buf160");
  sim_backend *backend = NULL;
  sim_result result;
  assert_int_equal(sim_packet_backend(&backend, scenario, NULL, NULL), M4_OK);
  assert_int_equal(sim_run(scenario, backend, NULL, NULL, &result, NULL), M4_OK);
  assert_int_equal(result.n_listed, 1);
  assert_int_equal(scenario->truth_fct_ns[result.unfinished[0].flow], -1);
  assert_non_null(strstr(result.unfinished[0].why, "no"));
  uint64_t drops = 0, on_links = 0;
  for (int i = 0; i < result.n_counters; i++)
    if (strcmp(result.counters[i].name, "drops") == 0) drops = result.counters[i].value;
  assert_int_equal(drops, 61);
  char *text = NULL;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  backend->ops->write_links(backend, out);
  fclose(out);
  int n_rows = -1; /* the heading */
  for (char *line = text; *line; line = strchr(line, '\n') + 1, n_rows++) {
    unsigned long long bytes, packets, dropped;
    long long queue;
    if (sscanf(line, "%*d,%*d,%*d,%*d,%llu,%llu,%lld,%llu", &bytes, &packets, &queue, &dropped) != 4)
      continue;
    assert_true(packets * 1048 >= bytes && packets * 43 <= bytes && queue <= 160 * 1024);
    on_links += dropped;
  }
  assert_int_equal(n_rows, scenario->topology->n_links);
  assert_int_equal(on_links, drops);
  free(text);
  sim_result_free(&result);
  sim_backend_free(backend);
  sim_scenario_free(scenario);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_lost_tails),  cmocka_unit_test(test_stop_time),
                                     cmocka_unit_test(test_held_places), cmocka_unit_test(test_failed_link),
                                     cmocka_unit_test(test_pause_cycle), cmocka_unit_test(test_results)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
