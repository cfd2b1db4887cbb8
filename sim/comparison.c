/* Works out a comparison; see comparison.h. Writing is in comparison_write.c. */
#include "sim/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void sim_comparison_add(sim_comparison *comparison, const char *name, sim_result *result) {
  comparison->list[comparison->n++] = (sim_contender){.name = name, .result = *result};
  *result = (sim_result){0};
}

/* ---- slowdowns ---- */

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

/* Of the finished flows with size in (above, limit]; scratch [n_flows]. */
static sim_slowdowns slowdowns_of(const sim_scenario *scenario, const sim_result *result, int64_t above,
                                  int64_t limit, double *scratch) {
  sim_slowdowns stats = {0, NAN, NAN, NAN, NAN, NAN};
  double sum = 0;
  for (int64_t i = 0; i < result->n_flows; i++) {
    int64_t size = scenario->flows[i].size_bytes;
    if (size <= above || size > limit || isnan(result->fct_ns[i])) continue;
    sum += scratch[stats.n_flows++] = sim_slowdown(scenario, result, i);
  }
  if (stats.n_flows == 0) return stats;
  qsort(scratch, (size_t)stats.n_flows, sizeof *scratch, compare_doubles);
  stats.mean = sum / (double)stats.n_flows;
  stats.p50 = m4_percentile(scratch, stats.n_flows, 0.5);
  stats.p90 = m4_percentile(scratch, stats.n_flows, 0.9);
  stats.p99 = m4_percentile(scratch, stats.n_flows, 0.99);
  stats.max = scratch[stats.n_flows - 1];
  return stats;
}

static void measure(const sim_scenario *scenario, sim_contender *contender, double *scratch) {
  int64_t above = 0;
  contender->all = slowdowns_of(scenario, &contender->result, 0, INT64_MAX, scratch);
  for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; above = m4_bucket_limit_bytes(bucket++))
    contender->by_size[bucket] =
        slowdowns_of(scenario, &contender->result, above, m4_bucket_limit_bytes(bucket), scratch);
}

/* ---- the truth ---- */

/* The scenario's fct.txt as if it were a run. */
static m4_status add_file(sim_comparison *comparison, m4_error *err) {
  const sim_scenario *scenario = comparison->scenario;
  size_t n = (size_t)scenario->n_flows;
  sim_contender *added = &comparison->list[comparison->n++];
  *added = (sim_contender){.name = "fct.txt", .from_file = true};
  sim_result *result = &added->result;
  result->fct_ns = calloc(n + 1, sizeof *result->fct_ns);
  result->release_ns = calloc(n + 1, sizeof *result->release_ns);
  if (!result->fct_ns || !result->release_ns)
    return m4_fail(err, M4_MEMORY, scenario->name, "no memory to compare %zu flows", n);
  result->n_flows = scenario->n_flows;
  for (size_t i = 0; i < n; i++) {
    bool finished = scenario->truth_fct_ns[i] >= 0;
    result->fct_ns[i] = finished ? (double)scenario->truth_fct_ns[i] : NAN;
    result->release_ns[i] = (double)scenario->flows[i].start_ns;
    result->n_finished += finished;
  }
  return M4_OK;
}

static int find(const sim_comparison *comparison, const char *name) {
  for (int i = 0; i < comparison->n; i++)
    if (strcmp(comparison->list[i].name, name) == 0) return i;
  return -1;
}

m4_status sim_comparison_finish(sim_comparison *comparison, bool use_file, m4_error *err) {
  const sim_scenario *scenario = comparison->scenario;
  if (use_file) M4_TRY(add_file(comparison, err));
  comparison->truth = find(comparison, use_file ? "fct.txt" : "packet");
  double *scratch = calloc((size_t)scenario->n_flows + 1, sizeof *scratch);
  if (!scratch)
    return m4_fail(err, M4_MEMORY, scenario->name, "no memory to compare %lld flows",
                   (long long)scenario->n_flows);
  m4_status status = M4_OK;
  for (int i = 0; i < comparison->n && status == M4_OK; i++) {
    sim_contender *contender = &comparison->list[i];
    measure(scenario, contender, scratch);
    contender->compared = comparison->truth >= 0 && i != comparison->truth;
    if (contender->compared)
      status = sim_compare_results(scenario, &contender->result, &comparison->list[comparison->truth].result,
                                   &contender->errors, err);
  }
  free(scratch);
  return status;
}

void sim_comparison_free(sim_comparison *comparison) {
  for (int i = 0; i < comparison->n; i++) sim_result_free(&comparison->list[i].result);
  comparison->n = 0;
}
