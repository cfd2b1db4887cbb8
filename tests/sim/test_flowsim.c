/* flowSim: the oracle's completion times, limits that do not matter, simple cases by hand, header bytes, link
 * failure. */
#include "tests/sim/test_sim.h"

#include "base/file.h"
#include "sim/engine.h"

#include <math.h>

static sim_result run_flowsim(const sim_scenario *scenario, int64_t header_bytes) {
  sim_backend *backend;
  sim_result result;
  const sim_flowsim_options options = {.header_bytes = header_bytes};
  assert_int_equal(sim_flowsim_backend(&backend, scenario, &options, NULL), M4_OK);
  assert_int_equal(sim_run(scenario, backend, NULL, NULL, &result, NULL), M4_OK);
  sim_backend_free(backend);
  return result;
}

/* flow_id,truth,ideal,flowsim,m4: an independent implementation, printed to 0.001 ns. Not rounded here: all
 * flows must agree. */
static void oracle_times_are_met(void **state) {
  (void)state;
  static const char *const folders[] = {"0", "1", "5"};
  for (int i = 0; i < 3; i++) {
    char path[512];
    char *text;
    size_t length;
    sim_scenario *scenario;
    snprintf(path, sizeof path, "%s/%s", NS3_DATA, folders[i]);
    assert_int_equal(sim_scenario_read(&scenario, path, NULL), M4_OK);
    snprintf(path, sizeof path, "%s/%s/oracle.csv", NS3_DATA, folders[i]);
    assert_int_equal(m4_file_read(path, 1 << 26, &text, &length, NULL), M4_OK);
    sim_result result = run_flowsim(scenario, 0);
    int64_t checked = 0;
    for (char *line = strtok(strchr(text, '\n'), "\n"); line; line = strtok(NULL, "\n"), checked++) {
      long long id, truth, ideal;
      double expected;
      assert_int_equal(sscanf(line, "%lld,%lld,%lld,%lf", &id, &truth, &ideal, &expected), 4);
      assert_int_equal(ideal, scenario->flows[id].ideal_fct_ns);
      if (!(fabs(result.fct_ns[id] - expected) <= 1e-6 * expected))
        fail_msg("scenario %s flow %lld: %.3f ns, expected %.3f ns", folders[i], id, result.fct_ns[id],
                 expected);
    }
    assert_int_equal(checked, scenario->n_flows);
    assert_int_equal(result.n_finished, scenario->n_flows);
    assert_int_equal(result.events, 2 * scenario->n_flows);
    sim_result_free(&result);
    sim_scenario_free(scenario);
    free(text);
  }
}

/* Stopping every few microseconds, and being told of flows only when they arrive, must not change a bit. */
static void limits_do_not_change_results(void **state) {
  (void)state;
  sim_scenario *scenario;
  assert_int_equal(sim_scenario_read(&scenario, NS3_DATA "/5", NULL), M4_OK);
  sim_result whole = run_flowsim(scenario, 0);
  sim_backend *backend;
  assert_int_equal(sim_flowsim_backend(&backend, scenario, NULL, NULL), M4_OK);
  const double step_ns = 7777.7;
  int64_t finished = 0, cursor = 0;
  for (double limit = (double)scenario->flows[0].start_ns; finished < scenario->n_flows; limit += step_ns) {
    for (; cursor < scenario->n_flows && (double)scenario->flows[cursor].start_ns <= limit + step_ns / 2;
         cursor++) {
      double time_ns = (double)scenario->flows[cursor].start_ns; /* due now, or within half a step */
      assert_int_equal(backend->ops->submit(backend, &cursor, &time_ns, 1, NULL), M4_OK);
    }
    bool found = true;
    sim_completion done;
    while (found) {
      assert_int_equal(backend->ops->advance(backend, limit, &found, &done, NULL), M4_OK);
      if (!found) break;
      assert_true(done.time_ns <= limit);
      assert_true(done.fct_ns == whole.fct_ns[done.flow]);
      assert_int_equal(done.flow, whole.order[finished]);
      finished++;
    }
  }
  sim_backend_free(backend);
  sim_result_free(&whole);
  sim_scenario_free(scenario);
}

/* Two equal flows into one host, one 40 us later. 10 Gbps = 1.25 B/ns. */
static void sharing_by_hand(void **state) {
  (void)state;
  const sim_flow flows[] = {{.src = 0, .dst = 3, .size_bytes = 100000},
                            {.src = 1, .dst = 3, .size_bytes = 100000, .start_ns = 40000}};
  sim_scenario *scenario = scenario_of(training_fabric(), flows, 2);
  sim_result result = run_flowsim(scenario, 0);
  const double base = 2000 + 1048 * 0.8;
  /* 50000 B are left when the second starts; both run at half rate until the first is done, at 120 us. */
  assert_true(fabs(result.fct_ns[0] - (120000 + base)) < 1e-6);
  assert_true(fabs(result.fct_ns[1] - (120000 + base)) < 1e-6); /* done at 160 us */
  sim_result_free(&result);

  result = run_flowsim(scenario, 48); /* sizes grow by 100 x 48 B */
  assert_true(fabs(result.fct_ns[0] - ((104800 + 104800 - 50000) / 1.25 + base)) < 1e-6);
  sim_result_free(&result);
  sim_scenario_free(scenario);
}

static void a_failed_link_stops_its_flows(void **state) {
  (void)state;
  const sim_flow flows[] = {{.src = 0, .dst = 3, .size_bytes = 100000},
                            {.src = 1, .dst = 2, .size_bytes = 100000}};
  sim_scenario *scenario = scenario_of(training_fabric(), flows, 2);
  sim_backend *backend;
  assert_int_equal(sim_flowsim_backend(&backend, scenario, NULL, NULL), M4_OK);
  const int64_t ids[] = {0, 1};
  const double times[] = {0, 0};
  bool found;
  sim_completion done;
  assert_int_equal(backend->ops->submit(backend, ids, times, 2, NULL), M4_OK);
  assert_int_equal(backend->ops->advance(backend, 40000, &found, &done, NULL), M4_OK);
  assert_false(found);
  assert_int_equal(backend->ops->change_link(backend, scenario->flows[0].links[0], 0, 40000, NULL), M4_OK);
  assert_int_equal(backend->ops->advance(backend, INFINITY, &found, &done, NULL), M4_OK);
  assert_true(found && done.flow == 1 && done.time_ns == 80000);
  assert_int_equal(backend->ops->advance(backend, INFINITY, &found, &done, NULL), M4_OK);
  assert_false(found);
  assert_int_equal(backend->ops->advance(backend, 100000, &found, &done, NULL), M4_OK);
  assert_int_equal(backend->ops->change_link(backend, scenario->flows[0].links[0], GBPS(10), 100000, NULL),
                   M4_OK);
  assert_int_equal(backend->ops->advance(backend, INFINITY, &found, &done, NULL), M4_OK);
  assert_true(found && done.flow == 0 && done.time_ns == 140000);
  assert_int_equal(backend->ops->change_link(backend, -1, 0, 140000, NULL), M4_USAGE);
  assert_int_equal(backend->ops->submit(backend, ids, times, 1, NULL), M4_USAGE); /* the past */
  sim_backend_free(backend);
  sim_scenario_free(scenario);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(oracle_times_are_met), cmocka_unit_test(limits_do_not_change_results),
      cmocka_unit_test(sharing_by_hand), cmocka_unit_test(a_failed_link_stops_its_flows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
