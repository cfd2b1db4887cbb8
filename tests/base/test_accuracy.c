/* Error statistics against values worked out by hand and numpy's percentiles. */
#include "base/accuracy.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_near(double value, double expected) {
  if (!(fabs(value - expected) <= 1e-12 * fmax(1, fabs(expected))))
    print_error("%.17g, not %.17g\n", value, expected);
  assert_true(fabs(value - expected) <= 1e-12 * fmax(1, fabs(expected)));
}

static void percentiles_are_numpys(void **state) {
  (void)state;
  const double values[] = {1, 2, 4, 8};
  assert_near(m4_percentile(values, 4, 0), 1);
  assert_near(m4_percentile(values, 4, 1), 8);
  assert_near(m4_percentile(values, 4, 0.5), 3);
  assert_near(m4_percentile(values, 4, 0.9), 6.8);
  assert_near(m4_percentile(values, 1, 0.3), 1);
}

static void four_flows(void **state) {
  (void)state;
  /* size, predicted, true, ideal: errors +10 %, -20 %, 0 %, +50 % */
  const m4_outcome outcomes[] = {
      {1000, 110, 100, 50}, {1001, 160, 200, 100}, {200001, 300, 300, 300}, {2000000, 600, 400, 100}};
  m4_accuracy accuracy;
  assert_int_equal(m4_accuracy_of(outcomes, 4, &accuracy, NULL), M4_OK);
  assert_int_equal(accuracy.all.n_flows, 4);
  assert_near(accuracy.all.mean, 0.2);
  assert_near(accuracy.all.signed_mean, 0.1);
  assert_near(accuracy.all.p50, 0.15);
  assert_near(accuracy.all.p90, 0.41);
  /* slowdowns predicted 2.2 1.6 1 6, true 2 2 1 4: p99 5.886 and 3.94 */
  assert_near(accuracy.p99_tail, 5.886 / 3.94 - 1);
  for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; ++bucket)
    assert_int_equal(accuracy.by_size[bucket].n_flows, 1);
  assert_near(accuracy.by_size[1].mean, 0.2);
  assert_near(accuracy.by_size[3].signed_mean, 0.5);
}

static void no_flows_no_numbers(void **state) {
  (void)state;
  m4_accuracy accuracy;
  assert_int_equal(m4_accuracy_of(NULL, 0, &accuracy, NULL), M4_OK);
  assert_true(isnan(accuracy.all.mean) && isnan(accuracy.p99_tail));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(percentiles_are_numpys), cmocka_unit_test(four_flows),
                                     cmocka_unit_test(no_flows_no_numbers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
