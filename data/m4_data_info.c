/* m4-data info: a dataset on one screen. */
#include "base/accuracy.h"
#include "base/program.h"
#include "data/m4_data.h"
#include "data/survey.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct info_options {
  const char *dataset;
} info_options;

static const m4_option option_table[] = {
    {"--dataset", M4_OPTION_TEXT, offsetof(info_options, dataset), "PATH", "dataset shard or folder", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {"m4-data info",
                                   "tells what is in a dataset, on one screen",
                                   "m4-data info --dataset PATH",
                                   "m4-data info --dataset datasets/train\n"
                                   "m4-data info --dataset datasets/train/shard-00000.h5",
                                   option_table,
                                   NULL};

static int compare_values(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print_columns(void) {
  printf("\n%-34s %10s %10s %10s %10s %10s %10s\n", "", "mean", "min", "p50", "p90", "p99", "max");
}

/* Sorts the series; NANs are left out. */
static void print_series(const char *name, ds_series *series) {
  double *v = series->values, sum = 0;
  int64_t n = 0;
  for (size_t i = 0; i < series->n; ++i)
    if (!isnan(v[i])) v[n++] = v[i];
  if (n == 0) {
    printf("%-34s %10s\n", name, "unknown");
    return;
  }
  qsort(v, (size_t)n, sizeof *v, compare_values);
  for (int64_t i = 0; i < n; ++i) sum += v[i];
  printf("%-34s %10.4g %10.4g %10.4g %10.4g %10.4g %10.4g\n", name, sum / (double)n, v[0],
         m4_percentile(v, n, 0.5), m4_percentile(v, n, 0.9), m4_percentile(v, n, 0.99), v[n - 1]);
}

static void print_range(const char *name, int64_t min, int64_t max, const char *unit) {
  if (min == max)
    printf("%-16s%lld%s\n", name, (long long)max, unit);
  else
    printf("%-16s%lld to %lld%s\n", name, (long long)min, (long long)max, unit);
}

static void print_counts(const char *path, const ds_dataset *dataset, const ds_survey *s) {
  printf("%-16s%s\n%-16s%s\n", "dataset", path, "hash", ds_hash(dataset));
  printf("%-16s%d\n%-16s%lld", "shards", ds_n_shards(dataset), "scenarios", (long long)s->n_scenarios);
  for (int cc = 0; cc < DS_N_CC; ++cc)
    if (s->cc_scenarios[cc] > 0) printf(", %lld %s", (long long)s->cc_scenarios[cc], ds_cc_name(cc));
  printf("\n");
  print_range("hosts", s->min_hosts, s->max_hosts, "");
  print_range("line rates", s->min_rate_bps / 1000000, s->max_rate_bps / 1000000, " Mbit/s");
  printf("%-16s%lld, %.3g GB of payload\n", "flows", (long long)s->n_flows, s->bytes / 1e9);
  printf("%-16s%lld flows in %lld scenarios, which training leaves out\n", "  unfinished",
         (long long)s->n_unfinished, (long long)s->n_unusable);
  print_range("  per scenario", s->min_flows, s->max_flows, "");
  printf("%-16s%lld, %.4g per scenario\n", "busy periods", (long long)s->n_periods,
         (double)s->n_periods / (double)s->n_scenarios);
  printf("%-16s%lld, received bytes recorded at %.1f %% (none when nobody is active)\n", "events",
         (long long)s->n_rows, 100 * (double)s->n_rows_recorded / (double)s->n_rows);
}

static void print_queues(const ds_survey *s) {
  int64_t n_known = 0, n_empty = 0, n_unknown = 0;
  for (int cc = 0; cc <= DS_N_CC; ++cc) {
    n_known += s->queues[cc].n_known;
    n_empty += s->queues[cc].n_empty;
    n_unknown += s->queues[cc].n_unknown;
  }
  printf("%-16s%lld hops, %.1f %% found the queue empty, %.1f %% unknown\n", "queues met",
         (long long)(n_known + n_unknown), n_known > 0 ? 100 * (double)n_empty / (double)n_known : 0,
         n_known + n_unknown > 0 ? 100 * (double)n_unknown / (double)(n_known + n_unknown) : 0);
}

/* |flowSim - truth| / truth of every flow, in percent, into the place of the slowdowns flowSim gives. */
static void make_errors(ds_survey *s) {
  for (size_t i = 0; i < s->slowdown.n; ++i)
    s->flowsim_slowdown.values[i] =
        100 * fabs(s->flowsim_slowdown.values[i] - s->slowdown.values[i]) / s->slowdown.values[i];
}

static void print_survey(const char *path, const ds_dataset *dataset, ds_survey *s) {
  print_counts(path, dataset, s);
  print_queues(s);
  make_errors(s);
  print_columns();
  print_series("flow size (bytes)", &s->size_bytes);
  print_series("slowdown", &s->slowdown);
  print_series("flowSim's error (%)", &s->flowsim_slowdown);
  print_series("load of the busiest link", &s->load);
  print_series("flows per busy period", &s->period_flows);
  print_series("most active flows per busy period", &s->period_active);
  print_series("length of a busy period (us)", &s->period_us);
}

static m4_status run(void *target, const m4_common *common, m4_error *err) {
  const info_options *options = target;
  if (!options->dataset)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--dataset", "no dataset is given"), "--dataset PATH");
  m4_log *log = NULL;
  ds_dataset *dataset = NULL;
  ds_survey survey = {0};
  M4_TRY(m4_log_create(&log, common->quiet, NULL, err));
  m4_status status = ds_open(&dataset, options->dataset, err);
  if (status == M4_OK) status = ds_survey_make(&survey, dataset, log, err);
  if (status == M4_OK) print_survey(options->dataset, dataset, &survey);
  ds_survey_free(&survey);
  ds_close(dataset);
  m4_log_free(log);
  return status;
}

int m4_data_info(int argc, char **argv) {
  info_options options = {0};
  return m4_main(&program, run, &options, argc, argv);
}
