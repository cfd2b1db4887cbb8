/* Link loads: bytes of the links in use, their spread over time, never more than a link's rate. */
#include "sim/utilisation.h"

#include "tests/sim/test_sim.h"

#include <math.h>

enum { BINS = 10, N = 2 };

/* Two flows of 10,000 bytes (10,480 on the wire, 8384 ns of a 10 Gbit/s link) over the same two links; times
 * are made up. */
static sim_utilisation loads_of(double fct_ns, double second_release_ns, double *capacity_ns) {
  const sim_flow flows[N] = {{.src = 0, .dst = 1, .size_bytes = 10000},
                             {.src = 0, .dst = 1, .size_bytes = 10000}};
  sim_scenario *scenario = scenario_of(training_fabric(), flows, N);
  double fcts_ns[N] = {fct_ns, fct_ns}, releases_ns[N] = {0, second_release_ns};
  int64_t order[N] = {0, 1};
  const sim_result result = {
      .n_flows = N, .n_finished = N, .fct_ns = fcts_ns, .release_ns = releases_ns, .order = order};
  sim_utilisation loads;
  assert_int_equal(sim_utilisation_of(&loads, scenario, &result, BINS, NULL), M4_OK);
  assert_int_equal(loads.n_links, scenario->flows[0].n_links);
  for (int32_t i = 0; i < loads.n_links; i++) {
    assert_int_equal(loads.links[i].flows, N);
    assert_true(loads.links[i].wire_bytes == N * 10480);
  }
  *capacity_ns = N * 8384;
  sim_scenario_free(scenario);
  return loads;
}

static void expect_sum(const sim_utilisation *loads, double busy_ns) {
  for (int32_t link = 0; link < loads->n_links; link++) {
    double sum = 0;
    for (int bin = 0; bin < BINS; bin++) sum += loads->share[link * BINS + bin];
    assert_true(fabs(sum * loads->bin_ns - busy_ns) < 1e-6 * busy_ns);
    assert_true(fabs(loads->links[link].mean * BINS - sum) < 1e-9);
  }
}

static void even_spread(void **state) {
  (void)state;
  double busy_ns;
  sim_utilisation loads = loads_of(16768, 16768, &busy_ns);
  assert_true(loads.start_ns == 0 && fabs(loads.bin_ns - 2 * 1676.8) < 1e-9);
  expect_sum(&loads, busy_ns);
  for (int bin = 0; bin < BINS; bin++) assert_true(fabs(loads.share[bin] - 0.5) < 1e-9);
  assert_true(fabs(loads.links[0].peak - 0.5) < 1e-9 && fabs(loads.mean[3] - 0.5) < 1e-9);
  sim_utilisation_free(&loads);
}

/* Both at once for the first half, a gap, nothing at the end: the surplus moves on; together they need the
 * link for longer than one of them lasts. */
static void no_link_is_overloaded(void **state) {
  (void)state;
  double busy_ns;
  sim_utilisation loads = loads_of(10000, 2000, &busy_ns); /* 12,000 ns for 16,768 */
  expect_sum(&loads, busy_ns);
  assert_true(loads.links[0].peak > 1); /* bytes that do not fit must show */
  sim_utilisation_free(&loads);
  loads = loads_of(10000, 9000, &busy_ns); /* 19,000 ns for 16,768: fits */
  expect_sum(&loads, busy_ns);
  assert_true(loads.links[0].peak <= 1 + 1e-12 && loads.links[0].peak > 0.99);
  sim_utilisation_free(&loads);
}

static void nothing_finished(void **state) {
  (void)state;
  const sim_flow flow = {.src = 0, .dst = 1, .size_bytes = 10};
  sim_scenario *scenario = scenario_of(training_fabric(), &flow, 1);
  const sim_result result = {.n_flows = 1};
  sim_utilisation loads;
  assert_int_equal(sim_utilisation_of(&loads, scenario, &result, BINS, NULL), M4_OK);
  assert_int_equal(loads.n_links, 0);
  assert_true(loads.mean[0] == 0);
  sim_utilisation_free(&loads);
  sim_scenario_free(scenario);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(even_spread), cmocka_unit_test(no_link_is_overloaded),
                                     cmocka_unit_test(nothing_finished)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
