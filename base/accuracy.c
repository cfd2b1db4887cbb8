/* Error statistics; see accuracy.h. Knows status only. */
#include "base/accuracy.h"

#include <math.h>
#include <stdlib.h>

int64_t m4_bucket_limit_bytes(int bucket) {
  static const int64_t limits[M4_N_SIZE_BUCKETS] = {1000, 200000, 1000000, INT64_MAX};
  return limits[bucket];
}

const char *m4_bucket_name(int bucket) {
  static const char *const names[M4_N_SIZE_BUCKETS] = {"<=1KB", "1KB-200KB", "200KB-1MB", ">1MB"};
  return names[bucket];
}

double m4_percentile(const double *sorted, int64_t n, double q) {
  double place = q * (double)(n - 1);
  int64_t below = (int64_t)place;
  if (below >= n - 1) return sorted[n - 1];
  double step = sorted[below + 1] - sorted[below], part = place - (double)below;
  return part < 0.5 ? sorted[below] + step * part : sorted[below + 1] - step * (1 - part);
}

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static void sort(double *values, int64_t n) {
  qsort(values, (size_t)n, sizeof *values, compare_doubles);
}

/* Flows with size in (above, limit]; scratch [n]. */
static m4_error_stats stats_of(const m4_outcome *outcomes, int64_t n, int64_t above, int64_t limit,
                               double *scratch) {
  m4_error_stats stats = {0, NAN, NAN, NAN, NAN, NAN};
  double sum = 0, signed_sum = 0;
  for (int64_t i = 0; i < n; i++) {
    if (outcomes[i].size_bytes <= above || outcomes[i].size_bytes > limit) continue;
    double error = (outcomes[i].predicted_fct_ns - outcomes[i].true_fct_ns) / outcomes[i].true_fct_ns;
    signed_sum += error;
    sum += fabs(error);
    scratch[stats.n_flows++] = fabs(error);
  }
  if (stats.n_flows == 0) return stats;
  sort(scratch, stats.n_flows);
  stats.mean = sum / (double)stats.n_flows;
  stats.signed_mean = signed_sum / (double)stats.n_flows;
  stats.p50 = m4_percentile(scratch, stats.n_flows, 0.5);
  stats.p90 = m4_percentile(scratch, stats.n_flows, 0.9);
  stats.p99 = m4_percentile(scratch, stats.n_flows, 0.99);
  return stats;
}

static double tail_error(const m4_outcome *outcomes, int64_t n, double *scratch) {
  if (n == 0) return NAN;
  for (int64_t i = 0; i < n; i++) scratch[i] = outcomes[i].predicted_fct_ns / outcomes[i].ideal_fct_ns;
  sort(scratch, n);
  double predicted = m4_percentile(scratch, n, 0.99);
  for (int64_t i = 0; i < n; i++) scratch[i] = outcomes[i].true_fct_ns / outcomes[i].ideal_fct_ns;
  sort(scratch, n);
  double actual = m4_percentile(scratch, n, 0.99);
  return fabs(predicted - actual) / actual;
}

m4_status m4_accuracy_of(const m4_outcome *outcomes, int64_t n, m4_accuracy *accuracy, m4_error *err) {
  double *scratch = calloc((size_t)n + 1, sizeof *scratch);
  if (!scratch) return m4_fail(err, M4_MEMORY, NULL, "no memory to compare %lld flows", (long long)n);
  int64_t above = 0;
  accuracy->all = stats_of(outcomes, n, 0, INT64_MAX, scratch);
  accuracy->p99_tail = tail_error(outcomes, n, scratch);
  for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; above = m4_bucket_limit_bytes(bucket++))
    accuracy->by_size[bucket] = stats_of(outcomes, n, above, m4_bucket_limit_bytes(bucket), scratch);
  free(scratch);
  return M4_OK;
}
