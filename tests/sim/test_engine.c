/* The loop: order of results, interruption, and the closed loop's places per rack (simulation.md 7.1). */
#include "tests/sim/test_sim.h"

#include "sim/engine.h"

#include <math.h>

static sim_backend *flowsim_of(const sim_scenario *scenario) {
  sim_backend *backend;
  assert_int_equal(sim_flowsim_backend(&backend, scenario, NULL, NULL), M4_OK);
  return backend;
}

static bool stop_after_two(void *ctx, double now_ns, int64_t finished, int64_t total) {
  assert_int_equal(total, 4);
  assert_true(now_ns >= *(double *)ctx);
  *(double *)ctx = now_ns;
  return finished < 2;
}

static const sim_flow four_flows[] = {{.src = 0, .dst = 4, .size_bytes = 400000},
                                      {.src = 1, .dst = 5, .size_bytes = 1000},
                                      {.src = 2, .dst = 6, .size_bytes = 2000, .start_ns = 10},
                                      {.src = 3, .dst = 7, .size_bytes = 1000, .start_ns = 500000}};

static void completion_order_and_interruption(void **state) {
  (void)state;
  sim_scenario *scenario = scenario_of(training_fabric(), four_flows, 4);
  sim_backend *backend = flowsim_of(scenario);
  sim_result result;
  assert_int_equal(sim_run(scenario, backend, NULL, NULL, &result, NULL), M4_OK);
  const int64_t order[] = {1, 2, 0, 3};
  assert_int_equal(result.n_finished, 4);
  assert_memory_equal(result.order, order, sizeof order);
  for (int i = 0; i < 4; i++) assert_true(result.release_ns[i] == (double)scenario->flows[i].start_ns);
  sim_result_free(&result);
  sim_backend_free(backend);

  double last = 0;
  m4_error err = {0};
  backend = flowsim_of(scenario);
  assert_int_equal(sim_run(scenario, backend, stop_after_two, &last, &result, &err), M4_INTERRUPTED);
  assert_int_equal(result.n_finished, 2);
  assert_false(isnan(result.fct_ns[1]) || isnan(result.fct_ns[2]));
  assert_true(isnan(result.fct_ns[0]) && isnan(result.fct_ns[3]));
  sim_result_free(&result);
  sim_backend_free(backend);
  sim_scenario_free(scenario);
}

/* At no time more than the limit in flight in a rack; a place is taken the instant it is free; FIFO per rack;
 * FCT from release. */
static void check_closed_loop(int64_t limit) {
  enum { N = 200, RACKS = 8 };
  sim_flow flows[N] = {0};
  for (int i = 0; i < N; i++)
    flows[i] = (sim_flow){.src = (i * 7) % 32,
                          .dst = (i * 7 + 5 + i % 3) % 32,
                          .size_bytes = 1000 + 997 * (i % 41),
                          .start_ns = 100 * (i / 3)};
  sim_scenario *scenario = scenario_of(training_fabric(), flows, N);
  assert_int_equal(sim_scenario_limit_flows(scenario, limit, 4, NULL), M4_OK);
  sim_backend *backend = flowsim_of(scenario);
  sim_result result;
  assert_int_equal(sim_run(scenario, backend, NULL, NULL, &result, NULL), M4_OK);
  assert_int_equal(result.n_finished, N);
  double last_release[RACKS] = {0};
  for (int i = 0; i < N; i++) {
    int rack = flows[i].src / 4;
    assert_true(result.release_ns[i] >= (double)flows[i].start_ns);
    assert_true(result.release_ns[i] >= last_release[rack]);
    last_release[rack] = result.release_ns[i];
    int64_t in_flight = 0; /* of this rack, just after this release */
    bool at_a_completion = false;
    for (int j = 0; j < N; j++) {
      if (flows[j].src / 4 != rack) continue;
      double done = result.release_ns[j] + result.fct_ns[j];
      in_flight += result.release_ns[j] <= result.release_ns[i] && done > result.release_ns[i] + 1e-3;
      at_a_completion |= fabs(done - result.release_ns[i]) < 1e-3;
    }
    assert_true(in_flight <= limit);
    assert_true(result.release_ns[i] == (double)flows[i].start_ns || at_a_completion);
  }
  sim_result_free(&result);
  sim_backend_free(backend);
  sim_scenario_free(scenario);
}

static void closed_loop_keeps_its_limit(void **state) {
  (void)state;
  check_closed_loop(1);
  check_closed_loop(3);
}

/* With more places than flows the closed loop is the open loop. */
static void a_wide_closed_loop_changes_nothing(void **state) {
  (void)state;
  sim_scenario *scenario;
  assert_int_equal(sim_scenario_read(&scenario, NS3_DATA "/1", NULL), M4_OK);
  sim_backend *backend = flowsim_of(scenario);
  sim_result open, closed;
  assert_int_equal(sim_run(scenario, backend, NULL, NULL, &open, NULL), M4_OK);
  sim_backend_free(backend);
  assert_int_equal(sim_scenario_limit_flows(scenario, 100000, 16, NULL), M4_OK);
  backend = flowsim_of(scenario);
  assert_int_equal(sim_run(scenario, backend, NULL, NULL, &closed, NULL), M4_OK);
  sim_backend_free(backend);
  assert_memory_equal(open.fct_ns, closed.fct_ns, (size_t)open.n_flows * sizeof(double));
  assert_memory_equal(open.order, closed.order, (size_t)open.n_flows * sizeof(int64_t));
  sim_result_free(&open);
  sim_result_free(&closed);
  assert_int_equal(sim_scenario_limit_flows(scenario, -1, 16, NULL), M4_USAGE);
  assert_int_equal(sim_scenario_limit_flows(scenario, 1, 0, NULL), M4_USAGE);
  sim_scenario_free(scenario);
}

/* ---- a back end that lies ---- */

typedef struct liar {
  sim_backend base;
  int64_t tells[2]; /* the flows that it completes */
  int told;
} liar;

static m4_status take_all(sim_backend *backend, const int64_t *flows, const double *times_ns, int64_t count,
                          m4_error *err) {
  (void)backend, (void)flows, (void)times_ns, (void)count, (void)err;
  return M4_OK;
}

static m4_status lie(sim_backend *backend, double limit_ns, bool *found, sim_completion *completion,
                     m4_error *err) {
  liar *self = (liar *)backend;
  (void)limit_ns, (void)err;
  *found = true;
  *completion = (sim_completion){self->tells[self->told++ % 2], 1000.0 * self->told, 1000};
  return M4_OK;
}

static void count_nothing(const sim_backend *backend, uint64_t *events, uint64_t *clamped) {
  (void)backend;
  *events = *clamped = 0;
}

static void impossible_completions_are_refused(void **state) {
  (void)state;
  static const sim_backend_ops ops = {
      .name = "liar", .submit = take_all, .advance = lie, .count = count_nothing};
  static const int64_t lies[][2] = {{2, 2}, {0, 4}, {-1, 0}, {INT64_MAX, 0}};
  sim_scenario *scenario = scenario_of(training_fabric(), four_flows, 4);
  for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
    liar self = {.base = {&ops, scenario}, .tells = {lies[i][0], lies[i][1]}};
    sim_result result;
    m4_error err = {0};
    assert_int_equal(sim_run(scenario, &self.base, NULL, NULL, &result, &err), M4_INTERNAL);
    assert_non_null(strstr(err.what, "completes"));
  }
  sim_scenario_free(scenario);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(completion_order_and_interruption),
                                     cmocka_unit_test(closed_loop_keeps_its_limit),
                                     cmocka_unit_test(a_wide_closed_loop_changes_nothing),
                                     cmocka_unit_test(impossible_completions_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
