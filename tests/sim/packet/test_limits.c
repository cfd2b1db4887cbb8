/* What the packet simulator refuses, and runs that cannot finish: one clear error or a clean end, never a
 * hang. */
#include "tests/sim/packet/test_packet.h"

#include "sim/packet/base_rtt.h"

static void assert_create_fails(sim_scenario *scenario, m4_status status, const char *word) {
  pkt_sim *sim = NULL;
  m4_error err = {0};
  assert_int_equal(pkt_create(&sim, scenario->topology, scenario->routing, &scenario->packet, NULL, &err),
                   status);
  assert_null(sim);
  if (!strstr(err.what, word)) fail_msg("\"%s\" does not name %s", err.what, word);
}

static void test_settings_that_cannot_be_simulated(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("single/dctcp");
  const pkt_settings good = scenario->packet;
  scenario->packet.cc = (pkt_cc_mode)10;
  assert_create_fails(scenario, M4_USAGE, "CC_MODE 10");
  scenario->packet = good;
  scenario->packet.ecn[0].rate_bps++;
  assert_create_fails(scenario, M4_DATA, "10000000000 bit/s");
  scenario->packet.enable_ecn = false;
  pkt_free(make_sim(scenario, NULL));
  scenario->packet = good;
  scenario->packet.min_rate_bps = 0;
  assert_create_fails(scenario, M4_DATA, "MIN_RATE");
  scenario->packet = good;
  scenario->packet.ewma_gain = 0.0 / 0.0;
  assert_create_fails(scenario, M4_DATA, "EWMA_GAIN");
  scenario->packet = good;
  scenario->packet.window_bytes = (int64_t)1 << 40;
  assert_create_fails(scenario, M4_DATA, "window");
  scenario->packet = good;
  scenario->packet.cc = PKT_CC_HPCC;
  scenario->packet.has_window = false;
  assert_create_fails(scenario, M4_USAGE, "HAS_WIN");
  sim_scenario_free(scenario);
}

static void test_flows_that_are_refused(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("two_share/dctcp");
  pkt_sim *sim = make_sim(scenario, NULL);
  const pkt_flow good = {.src = 0,
                         .dst = 8,
                         .priority = 3,
                         .source_port = 10000,
                         .destination_port = 100,
                         .size_bytes = 1000,
                         .start_ns = 5};
  pkt_flow bad[10];
  for (int i = 0; i < 10; i++) bad[i] = good;
  bad[0].src = 9; /* the switch */
  bad[1].dst = -1;
  bad[2].dst = 10;
  bad[3].dst = 0;
  bad[4].size_bytes = 0;
  bad[5].size_bytes = INT64_MAX;
  bad[6].priority = 5;
  bad[7].start_ns = -1;
  bad[8].start_ns = INT64_MAX;
  bad[9].start_ns = 4; /* before the good one */
  for (int i = 0; i < 10; i++) {
    m4_error err = {0};
    const pkt_flow both[] = {good, bad[i]};
    assert_int_equal(pkt_submit(sim, both, 2, &err), M4_DATA);
    assert_non_null(strstr(err.what, "flow 0"));
  }
  assert_int_equal(pkt_submit(sim, NULL, -1, NULL), M4_USAGE);
  assert_int_equal(pkt_submit(sim, NULL, 0, NULL), M4_OK);
  submit_all(sim, scenario); /* the refused ones left nothing behind */
  int64_t *fct_ns = no_fcts(scenario->n_flows);
  run_until(sim, INT64_MAX, fct_ns);
  assert_truth(scenario, fct_ns);
  assert_int_equal(pkt_submit(sim, &good, 1, NULL), M4_DATA); /* starts before the clock */
  free(fct_ns);
  pkt_free(sim);
  sim_scenario_free(scenario);
}

static void test_dead_flows_end_the_run(void **state) {
  (void)state;
  sim_scenario *scenario =
      read_ns3("incast8/dcqcn_pfc0_buf160"); /* one tail is lost; timers go on for ever */
  scenario->packet.stop_time_ns = INT64_MAX / 4;
  int64_t *fct_ns = no_fcts(scenario->n_flows);
  pkt_sim *sim = make_sim(scenario, NULL);
  submit_all(sim, scenario);
  assert_int_equal(run_until(sim, INT64_MAX, fct_ns), 7);
  assert_true(pkt_count(sim).events < 100000);
  assert_truth(scenario, fct_ns);
  free(fct_ns);
  pkt_free(sim);
  sim_scenario_free(scenario);
}

static void test_buffer_too_small_for_a_packet(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("two_share/dctcp");
  scenario->packet.buffer_kib = 1;
  int64_t *fct_ns = no_fcts(scenario->n_flows);
  pkt_sim *sim = make_sim(scenario, NULL);
  submit_all(sim, scenario);
  assert_int_equal(run_until(sim, INT64_MAX, fct_ns), 0);
  assert_true(pkt_count(sim).drops > 0);
  free(fct_ns);
  pkt_free(sim);
  sim_scenario_free(scenario);
}

static void test_stop_time(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("single/dctcp");
  int64_t *fct_ns = no_fcts(scenario->n_flows);
  scenario->packet.stop_time_ns = scenario->flows[3].start_ns;
  pkt_sim *sim = make_sim(scenario, NULL);
  submit_all(sim, scenario);
  assert_int_equal(run_until(sim, INT64_MAX, fct_ns), 3);
  assert_int_equal(run_until(sim, scenario->flows[5].start_ns, fct_ns), 0);
  free(fct_ns);
  pkt_free(sim);
  sim_scenario_free(scenario);
}

static void test_no_path(void **state) {
  (void)state;
  const int32_t switches[] = {4, 5};
  const sim_cable cables[] = {
      {0, 4, GBPS(10), 1000}, {1, 4, GBPS(10), 1000}, {2, 5, GBPS(10), 1000}, {3, 5, GBPS(10), 1000}};
  sim_topology *topology = NULL;
  sim_routing *routing = NULL;
  pkt_sim *sim = NULL;
  pkt_settings settings;
  m4_error err = {0};
  bool completed;
  int64_t flow, time_ns;
  const pkt_flow lost = {.src = 0,
                         .dst = 3,
                         .priority = 3,
                         .source_port = 10000,
                         .destination_port = 100,
                         .size_bytes = 1000,
                         .start_ns = 5};
  assert_int_equal(sim_topology_create(&topology, 6, switches, 2, cables, 4, &err), M4_OK);
  assert_int_equal(sim_routing_create(&routing, topology, &err), M4_OK);
  assert_int_equal(pkt_settings_for(&settings, PKT_CC_DCTCP, 100, 10000, 20, 0, &err), M4_OK);
  assert_int_equal(pkt_create(&sim, topology, routing, &settings, NULL, &err), M4_OK);
  assert_int_equal(pkt_submit(sim, &lost, 1, &err), M4_OK);
  assert_int_equal(pkt_advance(sim, INT64_MAX, &completed, &flow, &time_ns, &err), M4_DATA);
  assert_true(err.what[0] != '\0');
  pkt_free(sim);
  sim_routing_free(routing);
  sim_topology_free(topology);
}

/* NIC rate x largest round trip of this star is 10 Gb/s x 4 us = 5000 bytes. */
static void test_window_of_the_network(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("single/dctcp_win5000");
  scenario->packet.max_bdp_window = true;
  scenario->packet.window_bytes = 77777;
  int64_t *fct_ns = no_fcts(scenario->n_flows);
  pkt_sim *sim = make_sim(scenario, NULL);
  submit_all(sim, scenario);
  run_until(sim, INT64_MAX, fct_ns);
  assert_truth(scenario, fct_ns);
  free(fct_ns);
  pkt_free(sim);
  sim_scenario_free(scenario);
}

static void test_no_window(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("single/dctcp");
  scenario->packet.has_window = false;
  int64_t *fct_ns = no_fcts(scenario->n_flows);
  pkt_sim *sim = make_sim(scenario, NULL);
  submit_all(sim, scenario);
  run_until(sim, INT64_MAX, fct_ns);
  assert_truth(scenario, fct_ns); /* its window never binds */
  free(fct_ns);
  pkt_free(sim);
  sim_scenario_free(scenario);
}

static void test_base_rtt(void **state) {
  (void)state;
  int64_t rtt_ns;
  sim_topology *fabric = training_fabric();
  assert_int_equal(pkt_base_rtt_ns(fabric, &rtt_ns, NULL), M4_OK);
  assert_int_equal(rtt_ns, 12000);
  sim_topology_free(fabric);
  const int32_t switches[] = {3};
  const sim_cable cables[] = {{0, 3, GBPS(10), 70}, {1, 3, GBPS(10), 900}, {2, 3, GBPS(10), 800}};
  assert_int_equal(sim_topology_create(&fabric, 4, switches, 1, cables, 3, NULL), M4_OK);
  assert_int_equal(pkt_base_rtt_ns(fabric, &rtt_ns, NULL), M4_OK);
  assert_int_equal(rtt_ns, 2 * (900 + 800));
  sim_topology_free(fabric);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_settings_that_cannot_be_simulated),
      cmocka_unit_test(test_flows_that_are_refused),
      cmocka_unit_test(test_dead_flows_end_the_run),
      cmocka_unit_test(test_buffer_too_small_for_a_packet),
      cmocka_unit_test(test_stop_time),
      cmocka_unit_test(test_no_path),
      cmocka_unit_test(test_window_of_the_network),
      cmocka_unit_test(test_no_window),
      cmocka_unit_test(test_base_rtt),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
