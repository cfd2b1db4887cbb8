/* The packet simulator against runs of the original: every flow completion time must be equal to the
 * nanosecond, -1 (never finished) included. */
#include "sim/engine.h"
#include "tests/sim/packet/test_packet.h"

static const char *const folders[] = {
    "single/dctcp",
    "single/hpcc",
    "two_share/dctcp",
    "incast8/dctcp_pfc0_buf160",
    "incast8/dcqcn_pfc0_buf160",
    "incast8/timely_pfc0_buf160",
    "incast8/hpcc_pfc0_buf160",
    "incast8/dctcp_pfc1_buf160",
    "incast8/dcqcn_pfc1_buf160",
    "incast8_sync/dctcp",
    "incast8_sync/dcqcn",
    "incast8_sync/timely",
    "incast8_sync/hpcc",
    "parkinglot5/dctcp",
    "parkinglot5/hpcc",
    "parkinglot5_mix/dcqcn",
    "ft32_poisson/dctcp",
    "ft32_40g/hpcc",
    "closed_loop/0_n5",
    "closed_loop/1_n9",
    "trace_two/timely",
    "trace_incast_pfc/timely",
};

static void test_every_fct_is_equal(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    sim_scenario *scenario = read_ns3(folders[i]);
    int64_t *fct_ns = no_fcts(scenario->n_flows);
    pkt_sim *sim = make_sim(scenario, NULL);
    submit_all(sim, scenario);
    run_until(sim, INT64_MAX, fct_ns);
    assert_truth(scenario, fct_ns);
    pkt_free(sim);
    free(fct_ns);
    sim_scenario_free(scenario);
  }
}

/* incast8/dctcp_pfc1_buf160/stats.txt and incast8/dctcp_pfc0_buf160/stats.txt of the original */
static void test_counters(void **state) {
  (void)state;
  const struct {
    const char *folder;
    uint64_t wire, data, drops, marks, pauses;
  } cases[] = {{"incast8/dctcp_pfc1_buf160", 8628, 2000, 0, 485, 314},
               {"incast8/dctcp_pfc0_buf160", 8395, 2045, 25, 648, 160}};
  for (int i = 0; i < 2; i++) {
    sim_scenario *scenario = read_ns3(cases[i].folder);
    int64_t *fct_ns = no_fcts(scenario->n_flows);
    pkt_sim *sim = make_sim(scenario, NULL);
    submit_all(sim, scenario);
    run_until(sim, INT64_MAX, fct_ns);
    pkt_counters counters = pkt_count(sim);
    assert_int_equal(counters.wire_packets, cases[i].wire);
    assert_int_equal(counters.data_packets, cases[i].data);
    assert_int_equal(counters.drops, cases[i].drops);
    assert_int_equal(counters.ecn_marks, cases[i].marks);
    assert_int_equal(counters.pauses, cases[i].pauses);
    pkt_free(sim);
    free(fct_ns);
    sim_scenario_free(scenario);
  }
}

/* Small steps of the clock and flows submitted shortly before their start change nothing. */
static void test_steps_and_late_submission(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("incast8/dctcp_pfc1_buf160");
  int64_t *fct_ns = no_fcts(scenario->n_flows), n_completed = 0;
  pkt_sim *sim = make_sim(scenario, NULL);
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    const pkt_flow flow = sim_packet_flow(scenario, i);
    n_completed += run_until(sim, flow.start_ns - 500, fct_ns);
    assert_int_equal(pkt_now_ns(sim), flow.start_ns - 500);
    assert_int_equal(pkt_submit(sim, &flow, 1, NULL), M4_OK);
  }
  for (int64_t start_ns = scenario->flows[0].start_ns, limit = start_ns; limit < start_ns + 2000000;
       limit += 137) {
    if (limit < pkt_now_ns(sim)) continue;
    n_completed += run_until(sim, limit, fct_ns);
    assert_int_equal(pkt_now_ns(sim), limit);
  }
  assert_int_equal(n_completed, scenario->n_flows);
  assert_truth(scenario, fct_ns);
  pkt_free(sim);
  free(fct_ns);
  sim_scenario_free(scenario);
}

/* The back end takes a closed loop's limit from the scenario, and reports release = completion - FCT. */
static void test_back_end_in_closed_loop(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("closed_loop/0_n5");
  scenario->packet.flow_limit = 0;
  assert_int_equal(scenario->flow_limit, 5);
  sim_backend *backend = NULL;
  sim_result result;
  assert_int_equal(sim_packet_backend(&backend, scenario, NULL, NULL), M4_OK);
  assert_int_equal(sim_run(scenario, backend, NULL, NULL, &result, NULL), M4_OK);
  assert_int_equal(result.n_finished, scenario->n_flows);
  double latest_ns = 0;
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    assert_true(result.fct_ns[i] == (double)scenario->truth_fct_ns[i]);
    if (result.release_ns[i] > latest_ns) latest_ns = result.release_ns[i];
  }
  assert_true(latest_ns > (double)scenario->flows[0].start_ns);
  sim_result_free(&result);
  sim_backend_free(backend);
  sim_scenario_free(scenario);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_fct_is_equal), cmocka_unit_test(test_counters),
      cmocka_unit_test(test_steps_and_late_submission), cmocka_unit_test(test_back_end_in_closed_loop)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
