/* Flows that wait for others: the file and its mistakes, the order of starts under every kind of back end,
 * and together with places per rack. */
#include "tests/sim/random_network.h"

#include "sim/dag.h"
#include "sim/engine.h"

#include <math.h>

enum { N_FLOWS = 6 };

static sim_scenario *six_flows(void) {
  sim_flow flows[N_FLOWS] = {0};
  for (int i = 0; i < N_FLOWS; i++)
    flows[i] = (sim_flow){.src = i, .dst = 8 + i, .size_bytes = 100000, .start_ns = 1000};
  sim_scenario *scenario = scenario_of(training_fabric(), flows, N_FLOWS);
  for (int i = 0; i < N_FLOWS; i++) scenario->flows[i].id = 10 * i; /* ids are not positions */
  assert_int_equal(pkt_settings_for(&scenario->packet, PKT_CC_DCTCP, 160, 18000, 30, 0, NULL), M4_OK);
  return scenario;
}

static m4_status read_dag(sim_scenario *scenario, const char *text, m4_error *err) {
  char path[64];
  write_scratch(path, text);
  m4_status status = sim_dag_read(&scenario->dag, path, scenario, err);
  remove(path);
  return status;
}

static sim_result run_on(sim_scenario *scenario, m4_status (*make)(sim_backend **, const sim_scenario *)) {
  sim_backend *backend;
  sim_result result;
  m4_error err = {0};
  assert_int_equal(make(&backend, scenario), M4_OK);
  if (sim_run(scenario, backend, NULL, NULL, &result, &err) != M4_OK) fail_msg("%s: %s", err.where, err.what);
  sim_backend_free(backend);
  return result;
}

static m4_status make_flowsim(sim_backend **backend, const sim_scenario *scenario) {
  return sim_flowsim_backend(backend, scenario, NULL, NULL);
}

static m4_status make_packet(sim_backend **backend, const sim_scenario *scenario) {
  return sim_packet_backend(backend, scenario, NULL, NULL);
}

static double end_ns(const sim_result *result, int flow) {
  return result->release_ns[flow] + result->fct_ns[flow];
}

/* 0 -> 10, 20 -> 30 (after both), 30 -> 40; 50 alone. */
static void diamond_on(m4_status (*make)(sim_backend **, const sim_scenario *)) {
  sim_scenario *scenario = six_flows();
  assert_int_equal(
      read_dag(scenario, "# a diamond\n\n30 7 10 20 # joins\n10 0 0\n20 2500 0\n40 0 30 0\n", NULL), M4_OK);
  sim_result result = run_on(scenario, make);
  assert_int_equal(result.n_finished, N_FLOWS);
  assert_true(result.release_ns[0] == 1000 && result.release_ns[5] == 1000);
  assert_true(fabs(result.release_ns[1] - end_ns(&result, 0)) < 1e-3);
  assert_true(fabs(result.release_ns[2] - (end_ns(&result, 0) + 2500)) < 1e-3);
  assert_true(fabs(result.release_ns[3] - (fmax(end_ns(&result, 1), end_ns(&result, 2)) + 7)) < 1e-3);
  assert_true(fabs(result.release_ns[4] - end_ns(&result, 3)) < 1e-3);
  sim_result_free(&result);
  sim_scenario_free(scenario);
}

static void a_diamond(void **state) {
  (void)state;
  diamond_on(make_flowsim);
  diamond_on(make_packet);
}

/* The same graph as text and as JSON gives the same runs. */
static void json_says_the_same(void **state) {
  (void)state;
  static const char *const forms[] = {
      "30 7 10 20\n10 0 0\n20 2500 0\n40 0 30 0\n",
      "\n [{\"flow\": 30, \"delay_ns\": 7, \"after\": [10, 20]}, {\"flow\": 10, \"after\": [0]},\n"
      "{\"after\": [0], \"delay_ns\": 2500, \"flow\": 20}, {\"flow\": 40, \"delay_ns\": 0, \"after\": [30, "
      "0]}]\n"};
  sim_result results[2];
  for (int i = 0; i < 2; i++) {
    sim_scenario *scenario = six_flows();
    m4_error err = {0};
    if (read_dag(scenario, forms[i], &err) != M4_OK) fail_msg("%s: %s", err.where, err.what);
    results[i] = run_on(scenario, make_flowsim);
    sim_scenario_free(scenario);
  }
  assert_memory_equal(results[0].fct_ns, results[1].fct_ns, N_FLOWS * sizeof(double));
  assert_memory_equal(results[0].release_ns, results[1].release_ns, N_FLOWS * sizeof(double));
  for (int i = 0; i < 2; i++) sim_result_free(&results[i]);
}

/* A flow does not start before its own start; a chain behind it is as late. */
static void own_start_counts(void **state) {
  (void)state;
  sim_scenario *scenario = six_flows();
  scenario->flows[N_FLOWS - 1].start_ns = 5000000;
  assert_int_equal(read_dag(scenario, "50 10 0\n10 0 50", NULL), M4_OK);
  sim_result result = run_on(scenario, make_flowsim);
  assert_true(result.release_ns[5] == 5000000);
  assert_true(fabs(result.release_ns[1] - end_ns(&result, 5)) < 1e-3);
  sim_result_free(&result);
  sim_scenario_free(scenario);
}

/* Random graphs: causes have smaller indices, so there is no circle; places per rack at the same time. */
static void random_graphs(void **state) {
  (void)state;
  enum { FLOWS = 150, RACK = 4 };
  m4_rng rng = m4_rng_make(10, M4_RNG_TEST, 0);
  for (int round = 0; round < 12; round++) {
    sim_scenario *scenario = random_scenario(&rng, FLOWS, 50000);
    int64_t limit = round % 3, causes[FLOWS][3];
    char *text = calloc(FLOWS, 64), *end = text;
    for (int64_t flow = 1; flow < FLOWS; flow++) {
      for (int i = 0; i < 3; i++) causes[flow][i] = (int64_t)m4_rng_below(&rng, (uint64_t)flow);
      if (flow % 4 != 0)
        end += sprintf(end, "%lld %lld %lld %lld %lld\n", (long long)flow, (long long)flow * 11,
                       (long long)causes[flow][0], (long long)causes[flow][1], (long long)causes[flow][2]);
    }
    assert_int_equal(read_dag(scenario, text, NULL), M4_OK);
    assert_int_equal(sim_scenario_limit_flows(scenario, limit, RACK, NULL), M4_OK);
    sim_result result = run_on(scenario, make_flowsim);
    assert_int_equal(result.n_finished, FLOWS);
    for (int64_t flow = 1; flow < FLOWS; flow++) {
      double ready = (double)scenario->flows[flow].start_ns;
      for (int i = 0; i < 3 && flow % 4 != 0; i++)
        ready = fmax(ready, end_ns(&result, (int)causes[flow][i]) + (double)flow * 11);
      assert_true(result.release_ns[flow] >= ready - 1e-3);
      if (limit == 0) assert_true(result.release_ns[flow] <= ready + 1e-3);
    }
    for (int64_t flow = 0; limit > 0 && flow < FLOWS; flow++) {
      int64_t in_flight = 0; /* of this rack, just after this release */
      for (int64_t other = 0; other < FLOWS; other++)
        in_flight += scenario->flows[other].src / RACK == scenario->flows[flow].src / RACK &&
                     result.release_ns[other] <= result.release_ns[flow] &&
                     end_ns(&result, (int)other) > result.release_ns[flow] + 1e-3;
      assert_true(in_flight <= limit);
    }
    sim_result_free(&result);
    sim_scenario_free(scenario);
    free(text);
  }
}

static void mistakes_are_named(void **state) {
  (void)state;
  static const struct {
    const char *text, *line, *what;
  } cases[] = {
      {"10 0 0\n20 0 11\n", ":2", "cause 11 is not in flows.txt"},
      {"11 0 0\n", ":1", "flow 11 is not in flows.txt"},
      {"10 -5 0\n", ":1", "delay in ns is \"-5\""},
      {"10 1.5 0\n", ":1", "delay in ns is \"1.5\""},
      {"10 nan 0\n", ":1", "delay in ns is \"nan\""},
      {"10 99999999999999999999 0\n", ":1", "delay in ns is"},
      {"10\n", ":1", "the line ends before the delay in ns"},
      {"10 5\n", ":1", "flow 10 waits for nobody"},
      {"10 5 # 0\n", ":1", "flow 10 waits for nobody"},
      {"10 0 10\n", ":1", "flow 10 waits for itself"},
      {"10 0 0\n\n10 0 20\n", ":3", "flow 10 is listed twice, first on line 1"},
      {"40 0 30\n10 0 0\n30 0 20 10\n20 0 30 0\n", "", "in a circle: flow "},
      {"10 0 0x\n", ":1", "cause is \"0x\""},
      {"x 0 0\n", ":1", "flow is \"x\""},
#define ENTRY(flow, rest) "[{\"flow\": 20, \"after\": [0]}, {\"flow\": " flow rest "}]"
      {ENTRY("10", ", \"after\": [11]"), ": entry 2", "cause 11 is not in flows.txt"},
      {ENTRY("11", ", \"after\": [0]"), ": entry 2", "flow 11 is not in flows.txt"},
      {ENTRY("-1", ", \"after\": [0]"), ": entry 2", "flow is -1"},
      {ENTRY("\"10\"", ", \"after\": [0]"), ": entry 2", "flow must be a whole number"},
      {ENTRY("10", ", \"delay_ns\": -5, \"after\": [0]"), ": entry 2", "delay_ns is -5"},
      {ENTRY("10", ", \"delay_ns\": 1.5, \"after\": [0]"), ": entry 2", "delay_ns must be a whole number"},
      {ENTRY("10", ", \"delay_ns\": null, \"after\": [0]"), ": entry 2", "delay_ns must be a whole number"},
      {ENTRY("10", ", \"delay_ns\": 9999999999999999, \"after\": [0]"), ": entry 2",
       "delay_ns is 9999999999999999"},
      {ENTRY("10", ", \"delay_ns\": 99999999999999999999, \"after\": [0]"), ":1:", "not JSON"},
      {ENTRY("10", ", \"delay\": 5, \"after\": [0]"), ": entry 2",
       "\"delay\" is none of flow, delay_ns, after"},
      {ENTRY("10", ""), ": entry 2", "\"after\" must be a list"},
      {ENTRY("10", ", \"after\": 0"), ": entry 2", "\"after\" must be a list"},
      {ENTRY("10", ", \"after\": []"), ": entry 2", "flow 10 waits for nobody"},
      {ENTRY("10", ", \"after\": [10]"), ": entry 2", "flow 10 waits for itself"},
      {ENTRY("10", ", \"after\": [{}]"), ": entry 2", "cause must be a whole number"},
      {ENTRY("20", ", \"after\": [0]"), ": entry 2", "flow 20 is listed twice, first in entry 1"},
      {ENTRY("0", ", \"after\": [20]"), ": entry ", "in a circle: flow "},
      {ENTRY("10", ", \"flow\": 30, \"after\": [0]"), ":1:", "duplicate"},
      {"[{\"flow\": 20, \"after\": [0]}, 7]", ": entry 2", "must be an object"},
      {"{\"flow\": 20, \"after\": [0]}", "", "must be a list"},
      {"[{\"flow\": 20, \"after\": [0]}\n\n", ":3:", "not JSON"},
      {"[NaN]", ":1:", "not JSON"},
#undef ENTRY
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sim_scenario *scenario = six_flows();
    m4_error err = {0};
    assert_int_equal(read_dag(scenario, cases[i].text, &err), M4_DATA);
    assert_null(scenario->dag);
    if (!strstr(err.where, cases[i].line) || !strstr(err.what, cases[i].what))
      fail_msg("case %zu: %s: %s", i, err.where, err.what);
    sim_scenario_free(scenario);
  }
  sim_scenario *scenario = six_flows();
  m4_error err = {0};
  assert_int_equal(sim_dag_read(&scenario->dag, "no_such_file", scenario, &err), M4_IO);
  assert_int_equal(read_dag(scenario, "", &err), M4_OK); /* nobody waits */
  sim_dag_free(scenario->dag);
  assert_int_equal(read_dag(scenario, "[]", &err), M4_OK);
  sim_scenario_free(scenario);
}

/* The flow named lies on the circle, not behind it. */
static void the_circle_is_found(void **state) {
  (void)state;
  sim_scenario *scenario = six_flows();
  m4_error err = {0};
  assert_int_equal(read_dag(scenario, "50 0 40\n40 0 20\n20 0 30\n30 0 20\n", &err), M4_DATA);
  assert_true(strstr(err.what, "flow 20 for flow 30") || strstr(err.what, "flow 30 for flow 20"));
  assert_true(strstr(err.where, ":3") || strstr(err.where, ":4"));
  sim_scenario_free(scenario);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_diamond),          cmocka_unit_test(json_says_the_same),
      cmocka_unit_test(own_start_counts),   cmocka_unit_test(random_graphs),
      cmocka_unit_test(mistakes_are_named), cmocka_unit_test(the_circle_is_found)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
