/* Errors by kinds of flows. */
#include "train/test_buckets.h"

#include "base/file.h"
#include "data/survey.h"

#include <math.h>
#include <stdlib.h>

/* Index of the first limit that is not below the value; n when there is none. */
static int place(double value, const double *limits, int n) {
  int bucket = 0;
  while (bucket < n && value > limits[bucket]) ++bucket;
  return bucket;
}

static int by_size(const tr_flow_row *row) {
  int bucket = 0;
  while (row->size_bytes > m4_bucket_limit_bytes(bucket)) ++bucket;
  return bucket;
}

static int by_period(const tr_flow_row *row) {
  static const double limits[] = {1, 10, 100, 1000};
  return place(row->period_flows, limits, 4);
}

static int by_active(const tr_flow_row *row) {
  static const double limits[] = {1, 5, 20, 50, 150};
  return place(row->active, limits, 5);
}

static int by_load(const tr_flow_row *row) {
  static const double limits[] = {0.3, 0.4, 0.5, 0.6, 0.7, 0.8};
  return isnan(row->load) ? -1 : place(row->load, limits, 6);
}

static int by_cc(const tr_flow_row *row) {
  return row->cc;
}

const tr_dimension tr_dimensions[TR_N_DIMENSIONS] = {
    {"size", "flow size", M4_N_SIZE_BUCKETS, {"<=1KB", "1KB-200KB", "200KB-1MB", ">1MB"}, by_size},
    {"period", "flows in the busy period", 5, {"1", "2-10", "11-100", "101-1000", ">1000"}, by_period},
    {"active", "flows active at the arrival", 6, {"1", "2-5", "6-20", "21-50", "51-150", ">150"}, by_active},
    {"load",
     "load of the busiest link (%)",
     7,
     {"<=30", "30-40", "40-50", "50-60", "60-70", "70-80", ">80"},
     by_load},
    {"cc", "congestion control", DS_N_CC + 1, {"DCTCP", "DCQCN", "HPCC", "TIMELY", "none"}, by_cc}};

static m4_status error_of(tr_bucket_error *error, const tr_test_result *result, bool is_flowsim,
                          const tr_dimension *dimension, int bucket, m4_outcome *outcomes, m4_error *err) {
  int64_t n = 0;
  m4_accuracy accuracy;
  for (int64_t i = 0; i < result->n_flows; ++i) {
    const tr_flow_row *row = &result->rows[i];
    if (dimension->bucket_of(row) != bucket || (is_flowsim && isnan(row->flowsim_slowdown))) continue;
    outcomes[n++] = is_flowsim ? tr_flowsim_outcome(row) : tr_m4_outcome(row);
  }
  M4_TRY(m4_accuracy_of(outcomes, n, &accuracy, err));
  *error = (tr_bucket_error){accuracy.all, accuracy.p99_tail};
  return M4_OK;
}

m4_status tr_bucket_errors(tr_bucket_error *errors, const tr_test_result *results, int n_results,
                           const tr_dimension *dimension, int bucket, m4_error *err) {
  m4_outcome *outcomes = malloc(((size_t)results[0].n_flows + 1) * sizeof *outcomes);
  if (!outcomes) return m4_fail(err, M4_MEMORY, NULL, "no memory to compare flows");
  m4_status status = error_of(&errors[0], &results[0], true, dimension, bucket, outcomes, err);
  for (int k = 0; k < n_results && status == M4_OK; ++k)
    status = error_of(&errors[1 + k], &results[k], false, dimension, bucket, outcomes, err);
  free(outcomes);
  return status;
}

/* ---- tables as files ---- */

/* Five columns in percent, empty when unknown. */
static void put_errors(FILE *out, const m4_error_stats *stats, double p99_tail) {
  const double values[] = {stats->mean, stats->p50, stats->p90, stats->p99, stats->signed_mean, p99_tail};
  fprintf(out, "%lld", (long long)stats->n_flows);
  for (size_t i = 0; i < sizeof values / sizeof values[0]; ++i)
    isnan(values[i]) ? fputc(',', out) : fprintf(out, ",%.6g", 100 * values[i]);
}

static m4_status put_bucket(FILE *out, const tr_test_result *results, int n_results,
                            const tr_dimension *dimension, int bucket, tr_bucket_error *errors,
                            m4_error *err) {
  M4_TRY(tr_bucket_errors(errors, results, n_results, dimension, bucket, err));
  for (int k = 0; k <= n_results; ++k) {
    fprintf(out, "%s,%s,\"%s\",", dimension->name, dimension->buckets[bucket],
            k == 0 ? "flowSim" : results[k - 1].label);
    put_errors(out, &errors[k].stats, errors[k].p99_tail);
    fputc('\n', out);
  }
  return M4_OK;
}

m4_status tr_write_buckets(const tr_test_result *results, int n_results, const char *dir, m4_error *err) {
  char path[4096];
  m4_outfile file = {0};
  M4_TRY(m4_path_join(path, sizeof path, dir, "buckets.csv", err));
  M4_TRY(m4_outfile_open(&file, path, err));
  tr_bucket_error *errors = malloc(((size_t)n_results + 1) * sizeof *errors);
  m4_status status = errors ? M4_OK : m4_fail(err, M4_MEMORY, path, "no memory for a table");
  fputs("by,bucket,model,flows,mean_percent,p50_percent,p90_percent,p99_percent,signed_mean_percent,"
        "p99_tail_percent\n",
        file.stream);
  for (int d = 0; d < TR_N_DIMENSIONS && status == M4_OK; ++d)
    for (int b = 0; b < tr_dimensions[d].n_buckets && status == M4_OK; ++b)
      status = put_bucket(file.stream, results, n_results, &tr_dimensions[d], b, errors, err);
  free(errors);
  if (status == M4_OK) return m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return status;
}

static void put_value(FILE *out, double value) {
  isnan(value) ? fputc(',', out) : fprintf(out, ",%.6g", value);
}

m4_status tr_write_models(const tr_test_result *results, int n_results, const char *const *checkpoints,
                          const char *dir, m4_error *err) {
  char path[4096];
  m4_outfile file = {0};
  M4_TRY(m4_path_join(path, sizeof path, dir, "models.csv", err));
  M4_TRY(m4_outfile_open(&file, path, err));
  FILE *out = file.stream;
  fputs("model,checkpoint,flows,mean_percent,p50_percent,p90_percent,p99_percent,signed_mean_percent,"
        "p99_tail_percent,test_loss,test_size_loss,test_queue_loss,size_mean,size_p90,size_mean_bytes,queue_"
        "mean,"
        "queue_p90,queue_mean_bytes\n",
        out);
  fputs("\"flowSim\",,", out);
  put_errors(out, &results[0].flowsim.all, results[0].flowsim.p99_tail);
  fputs(",,,,,,,,,\n", out);
  for (int k = 0; k < n_results; ++k) {
    const tr_test_result *r = &results[k];
    const double values[] = {r->losses.fct, r->losses.size, r->losses.queue,
                             r->size.mean,  r->size.p90,    r->size.mean_bytes,
                             r->queue.mean, r->queue.p90,   r->queue.mean_bytes};
    fprintf(out, "\"%s\",\"%s\",", r->label, checkpoints[k]);
    put_errors(out, &r->m4.all, r->m4.p99_tail);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; ++i) put_value(out, values[i]);
    fputc('\n', out);
  }
  return m4_outfile_commit(&file, err);
}
