/* The tables of m4-test on standard output. */
#include "train/m4_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int name_width(const tr_test_result *results, int n_results) {
  size_t width = strlen("flowSim");
  for (int k = 0; k < n_results; ++k)
    if (strlen(results[k].label) > width) width = strlen(results[k].label);
  return (int)width;
}

/* NaN: nothing of that kind. */
static void print_value(double value, const char *format) {
  if (isnan(value))
    printf(" %10s", "-");
  else
    printf(format, value);
}

static void print_row(const char *name, int width, const m4_accuracy *accuracy) {
  printf("%-*s %9.2f %9.2f %9.2f %9.2f %9.2f", width, name, 100 * accuracy->all.mean, 100 * accuracy->all.p50,
         100 * accuracy->all.p90, 100 * accuracy->all.p99, 100 * accuracy->p99_tail);
  for (int b = 0; b < M4_N_SIZE_BUCKETS; ++b) print_value(100 * accuracy->by_size[b].mean, " %10.2f");
  printf("\n");
}

static void print_models(const tr_test_result *results, int n_results, int width) {
  printf("%lld busy periods, %lld flows; per-flow error of the FCT in percent (teacher-forced)\n",
         (long long)results[0].n_periods, (long long)results[0].n_flows);
  printf("%-*s %9s %9s %9s %9s %9s", width, "", "mean", "p50", "p90", "p99", "p99 tail");
  for (int b = 0; b < M4_N_SIZE_BUCKETS; ++b) printf(" %10s", m4_bucket_name(b));
  printf("\n");
  print_row("flowSim", width, &results[0].flowsim);
  for (int k = 0; k < n_results; ++k) print_row(results[k].label, width, &results[k].m4);
}

static void print_heads(const tr_test_result *results, int n_results, int width) {
  static const char *const columns[] = {"test_loss", "size_loss",  "queue_loss", "size mean", "size p90",
                                        "bytes",     "queue mean", "queue p90",  "bytes"};
  printf("\nlosses; errors of the auxiliary heads: share of the flow still to come, cube root of queued "
         "bytes\n");
  printf("%-*s", width, "");
  for (size_t i = 0; i < sizeof columns / sizeof columns[0]; ++i) printf(" %10s", columns[i]);
  printf("\n");
  for (int k = 0; k < n_results; ++k) {
    const tr_test_result *r = &results[k];
    const tr_head_quality *heads[] = {&r->size, &r->queue};
    printf("%-*s %10.6f", width, r->label, r->losses.fct);
    print_value(heads[0]->n_labels ? r->losses.size : NAN, " %10.6f");
    print_value(heads[1]->n_labels ? r->losses.queue : NAN, " %10.6f");
    for (int h = 0; h < 2; ++h) {
      print_value(heads[h]->mean, " %10.4f");
      print_value(heads[h]->p90, " %10.4f");
      print_value(heads[h]->mean_bytes, " %10.0f");
    }
    printf("\n");
  }
}

static m4_status print_dimension(const tr_test_result *results, int n_results, const tr_dimension *dimension,
                                 tr_bucket_error *errors, m4_error *err) {
  printf("\n%-30s %9s %18s", dimension->title, "flows", "flowSim");
  for (int k = 0; k < n_results; ++k) printf(" %18.18s", results[k].label);
  printf("\n");
  for (int b = 0; b < dimension->n_buckets; ++b) {
    M4_TRY(tr_bucket_errors(errors, results, n_results, dimension, b, err));
    if (n_results > 0 && errors[1].stats.n_flows == 0) continue;
    printf("%30s %9lld", dimension->buckets[b], (long long)errors[1].stats.n_flows);
    for (int k = 0; k <= n_results; ++k) {
      print_value(100 * errors[k].stats.mean, " %9.2f");
      print_value(100 * errors[k].stats.p90, " /%7.2f");
    }
    printf("\n");
  }
  return M4_OK;
}

m4_status test_print(const tr_test_result *results, int n_results, m4_error *err) {
  int width = name_width(results, n_results);
  tr_bucket_error *errors = malloc(((size_t)n_results + 1) * sizeof *errors);
  if (!errors) return m4_fail(err, M4_MEMORY, NULL, "no memory for a table");
  print_models(results, n_results, width);
  print_heads(results, n_results, width);
  printf("\nFCT error in percent, mean / p90, by\n");
  m4_status status = M4_OK;
  for (int d = 0; d < TR_N_DIMENSIONS && status == M4_OK; ++d)
    status = print_dimension(results, n_results, &tr_dimensions[d], errors, err);
  free(errors);
  return status;
}
