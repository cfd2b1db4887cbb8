/* Error statistics of one scenario; see metrics.h. */
#include "sim/metrics.h"

#include <math.h>
#include <stdlib.h>

int64_t sim_bucket_limit_bytes(int bucket) {
  static const int64_t limits[SIM_N_SIZE_BUCKETS] = {1000, 200000, 1000000, INT64_MAX};
  return limits[bucket];
}

const char *sim_bucket_name(int bucket) {
  static const char *const names[SIM_N_SIZE_BUCKETS] = {"<=1KB", "1KB-200KB", "200KB-1MB", ">1MB"};
  return names[bucket];
}

int64_t sim_reported_fct_ns(const sim_result *result, int64_t flow) {
  return llround(result->fct_ns[flow]);
}

double sim_percentile(const double *sorted, int64_t n, double q) {
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

/* One flow that finished in both worlds. */
typedef struct pair {
  int64_t size_bytes;
  double predicted_ns, true_ns, ideal_ns;
} pair;

static int64_t collect(const sim_scenario *scenario, const sim_result *result, pair *pairs) {
  int64_t n = 0;
  for (int64_t flow = 0; flow < result->n_flows; flow++) {
    if (isnan(result->fct_ns[flow]) || scenario->truth_fct_ns[flow] < 0) continue;
    pairs[n++] = (pair){scenario->flows[flow].size_bytes, (double)sim_reported_fct_ns(result, flow),
                        (double)scenario->truth_fct_ns[flow], (double)scenario->flows[flow].ideal_fct_ns};
  }
  return n;
}

/* Flows with size in (above, limit]; scratch [n]. */
static sim_error_stats error_stats(const pair *pairs, int64_t n, int64_t above, int64_t limit,
                                   double *scratch) {
  sim_error_stats stats = {0, NAN, NAN, NAN, NAN, NAN};
  double sum = 0, signed_sum = 0;
  for (int64_t i = 0; i < n; i++) {
    if (pairs[i].size_bytes <= above || pairs[i].size_bytes > limit) continue;
    double error = (pairs[i].predicted_ns - pairs[i].true_ns) / pairs[i].true_ns;
    signed_sum += error;
    sum += fabs(error);
    scratch[stats.n_flows++] = fabs(error);
  }
  if (stats.n_flows == 0) return stats;
  sort(scratch, stats.n_flows);
  stats.mean = sum / (double)stats.n_flows;
  stats.signed_mean = signed_sum / (double)stats.n_flows;
  stats.p50 = sim_percentile(scratch, stats.n_flows, 0.5);
  stats.p90 = sim_percentile(scratch, stats.n_flows, 0.9);
  stats.p99 = sim_percentile(scratch, stats.n_flows, 0.99);
  return stats;
}

static double tail_error(const pair *pairs, int64_t n, double *scratch) {
  if (n == 0) return NAN;
  for (int64_t i = 0; i < n; i++) scratch[i] = pairs[i].predicted_ns / pairs[i].ideal_ns;
  sort(scratch, n);
  double predicted = sim_percentile(scratch, n, 0.99);
  for (int64_t i = 0; i < n; i++) scratch[i] = pairs[i].true_ns / pairs[i].ideal_ns;
  sort(scratch, n);
  double actual = sim_percentile(scratch, n, 0.99);
  return fabs(predicted - actual) / actual;
}

m4_status sim_compare(const sim_scenario *scenario, const sim_result *result, sim_errors *errors,
                      m4_error *err) {
  pair *pairs = calloc((size_t)result->n_flows + 1, sizeof *pairs);
  double *scratch = calloc((size_t)result->n_flows + 1, sizeof *scratch);
  m4_status status = M4_OK;
  if (pairs && scratch) {
    int64_t n = collect(scenario, result, pairs), above = 0;
    errors->all = error_stats(pairs, n, 0, INT64_MAX, scratch);
    errors->p99_tail = tail_error(pairs, n, scratch);
    for (int bucket = 0; bucket < SIM_N_SIZE_BUCKETS; above = sim_bucket_limit_bytes(bucket++))
      errors->by_size[bucket] = error_stats(pairs, n, above, sim_bucket_limit_bytes(bucket), scratch);
  } else {
    status = m4_fail(err, M4_MEMORY, scenario->name, "no memory to compare %lld flows",
                     (long long)result->n_flows);
  }
  free(pairs);
  free(scratch);
  return status;
}
