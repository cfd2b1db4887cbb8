/* Several runs side by side: slowdowns by size, errors against a run or a file, the same numbers in CSV and
 * JSON. */
#include "sim/comparison.h"

#include "tests/sim/test_sim.h"

#include <jansson.h>
#include <math.h>

enum { N = 4 };

static sim_scenario *four_flows(void) {
  static const sim_flow flows[N] = {{.src = 0, .dst = 1, .size_bytes = 500},
                                    {.src = 1, .dst = 2, .size_bytes = 1000},
                                    {.src = 2, .dst = 3, .size_bytes = 5000},
                                    {.src = 3, .dst = 4, .size_bytes = 2000000}};
  return scenario_of(training_fabric(), flows, N);
}

/* FCTs as multiples of the ideal ones; negative: never finished. */
static sim_result result_of(const sim_scenario *scenario, const double slowdowns[N]) {
  sim_result result = {.n_flows = N, .events = 100, .wall_seconds = 0.5};
  result.fct_ns = calloc(N, sizeof *result.fct_ns);
  result.release_ns = calloc(N, sizeof *result.release_ns);
  result.order = calloc(N, sizeof *result.order);
  for (int i = 0; i < N; i++) {
    bool finished = slowdowns[i] > 0;
    result.fct_ns[i] = finished ? slowdowns[i] * (double)scenario->flows[i].ideal_fct_ns : NAN;
    if (finished) result.order[result.n_finished++] = i;
  }
  return result;
}

static void add(sim_comparison *comparison, const char *name, const double slowdowns[N]) {
  sim_result result = result_of(comparison->scenario, slowdowns);
  sim_comparison_add(comparison, name, &result);
  assert_null(result.fct_ns);
}

static void packet_is_the_truth(void **state) {
  (void)state;
  sim_scenario *scenario = four_flows();
  sim_comparison comparison = {.scenario = scenario};
  add(&comparison, "flowsim", (const double[N]){1, 2, 3, -1});
  add(&comparison, "packet", (const double[N]){2, 2, 2, 4});
  assert_int_equal(sim_comparison_finish(&comparison, false, NULL), M4_OK);
  assert_int_equal(comparison.truth, 1);
  const sim_contender *fluid = &comparison.list[0];
  assert_true(fluid->compared && !comparison.list[1].compared);
  assert_int_equal(fluid->all.n_flows, 3);
  assert_true(fabs(fluid->all.mean - 2) < 1e-9 && fabs(fluid->all.p50 - 2) < 1e-9 && fluid->all.max == 3);
  assert_int_equal(fluid->by_size[0].n_flows, 2);
  assert_true(fabs(fluid->by_size[0].p50 - 1.5) < 1e-9 && fluid->by_size[1].p99 == 3);
  assert_true(fluid->by_size[3].n_flows == 0 && isnan(fluid->by_size[3].mean));
  assert_int_equal(fluid->errors.all.n_flows, 3);
  assert_true(fabs(fluid->errors.all.mean - 1.0 / 3) < 1e-9); /* 1/2, 0, 1/2 */
  assert_true(fabs(fluid->errors.all.signed_mean) < 1e-9);
  char line[256];
  int lines = 0;
  while (sim_comparison_line(&comparison, lines, line, sizeof line)) lines++;
  assert_int_equal(lines, 3);
  sim_comparison_free(&comparison);
  sim_scenario_free(scenario);
}

static void a_file_is_the_truth(void **state) {
  (void)state;
  sim_scenario *scenario = four_flows();
  scenario->truth_fct_ns = calloc(N, sizeof *scenario->truth_fct_ns);
  for (int i = 0; i < N; i++) scenario->truth_fct_ns[i] = i == 1 ? -1 : 2 * scenario->flows[i].ideal_fct_ns;
  sim_comparison comparison = {.scenario = scenario};
  add(&comparison, "packet", (const double[N]){2, 2, 2, 2});
  add(&comparison, "m4", (const double[N]){3, 3, 3, 3});
  assert_int_equal(sim_comparison_finish(&comparison, true, NULL), M4_OK);
  assert_string_equal(comparison.list[comparison.truth].name, "fct.txt");
  assert_int_equal(comparison.list[comparison.truth].result.n_finished, 3);
  assert_true(comparison.list[0].errors.all.mean == 0 && comparison.list[0].errors.all.n_flows == 3);
  assert_true(fabs(comparison.list[1].errors.all.mean - 0.5) < 1e-9);
  assert_true(fabs(comparison.list[1].errors.p99_tail - 0.5) < 1e-9);
  sim_comparison_free(&comparison);
  sim_scenario_free(scenario);
}

static void no_truth_no_errors(void **state) {
  (void)state;
  sim_scenario *scenario = four_flows();
  sim_comparison comparison = {.scenario = scenario};
  add(&comparison, "flowsim", (const double[N]){1, 1, 1, 1});
  add(&comparison, "m4", (const double[N]){1, 1, 1, 1});
  assert_int_equal(sim_comparison_finish(&comparison, false, NULL), M4_OK);
  assert_int_equal(comparison.truth, -1);
  char *text;
  size_t length;
  FILE *out = open_memstream(&text, &length);
  assert_int_equal(sim_comparison_json(out, &comparison, NULL), M4_OK);
  fclose(out);
  json_t *root = json_loads(text, 0, NULL);
  assert_true(json_is_null(json_object_get(root, "truth")));
  const json_t *all =
      json_array_get(json_object_get(json_array_get(json_object_get(root, "backends"), 1), "sizes"), 0);
  assert_int_equal(json_integer_value(json_object_get(all, "flows")), N);
  assert_true(json_real_value(json_object_get(json_object_get(all, "slowdown"), "p99")) == 1);
  assert_null(json_object_get(all, "error_percent"));
  json_decref(root);
  free(text);
  out = open_memstream(&text, &length);
  sim_comparison_csv_header(out);
  sim_comparison_csv(out, &comparison);
  fclose(out);
  int rows = 0, commas = 0;
  for (const char *c = text; *c; c++) {
    commas += *c == ',';
    if (*c != '\n') continue;
    assert_int_equal(commas, 17);
    commas = 0;
    rows++;
  }
  assert_int_equal(rows, 1 + 2 * 5);
  free(text);
  sim_comparison_free(&comparison);
  sim_scenario_free(scenario);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(packet_is_the_truth),
                                     cmocka_unit_test(a_file_is_the_truth),
                                     cmocka_unit_test(no_truth_no_errors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
