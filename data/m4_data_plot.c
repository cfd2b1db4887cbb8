/* m4-data plot: what a dataset holds, as figures. Source: figures.md 7. */
#include "base/accuracy.h"
#include "base/file.h"
#include "base/plot.h"
#include "base/program.h"
#include "data/m4_data.h"
#include "data/survey.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct plot_options {
  const char *dataset, *out;
} plot_options;

static const m4_option option_table[] = {
    {"--dataset", M4_OPTION_TEXT, offsetof(plot_options, dataset), "PATH", "dataset shard or folder", NULL},
    {"--out", M4_OPTION_TEXT, offsetof(plot_options, out), "DIR",
     "folder of the figures: sizes, loads, slowdowns, slowdowns_by_cc, flowsim_errors, period_flows, "
     "period_lengths, "
     "queues as .svg .png .csv",
     NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {
    "m4-data plot",
    "draws the distributions of a dataset as SVG and PNG, with their data as CSV",
    "m4-data plot --dataset PATH --out DIR",
    "m4-data plot --dataset datasets/train --out figures",
    option_table,
    NULL};

typedef struct figures {
  const char *dir;
  const ds_survey *survey;
  bool drawn;
} figures;

static m4_status write_figure(figures *f, const m4_plot *plot, const char *name, m4_error *err) {
  char stem[4096];
  M4_TRY(m4_path_join(stem, sizeof stem, f->dir, name, err));
  return m4_plot_write(plot, stem, &f->drawn, err);
}

/* ---- cumulative distributions of parts of a series ---- */

enum { MAX_PARTS = 8 };

typedef struct parts {
  m4_curve curves[MAX_PARTS];
  double *x[MAX_PARTS], *y[MAX_PARTS];
  size_t n;
} parts;

static void free_parts(parts *p) {
  for (size_t i = 0; i < p->n; ++i) {
    free(p->x[i]);
    free(p->y[i]);
  }
  p->n = 0;
}

/* Of millions of points so many that no reader misses one; first and last stay. */
static size_t keep_quantiles(double *x, double *y, size_t n) {
  enum { MOST = 10000 };
  if (n <= MOST) return n;
  for (size_t i = 0; i < MOST; ++i) {
    size_t from = (size_t)((double)i / (MOST - 1) * (double)(n - 1) + 0.5);
    x[i] = x[from];
    y[i] = y[from];
  }
  return MOST;
}

/* Adds the curve of the values for which `part_of` gives `part`; all when part_of is NULL. Empty parts are
 * left out. */
static m4_status add_part(parts *to, const char *label, const ds_series *series, const ds_series *part_series,
                          int (*part_of)(double value), int part, m4_error *err) {
  double *x = malloc((series->n + 1) * sizeof *x), *y = malloc((series->n + 1) * sizeof *y);
  if (!x || !y) {
    free(x);
    free(y);
    return m4_fail(err, M4_MEMORY, NULL, "no memory for a figure");
  }
  size_t n = 0;
  for (size_t i = 0; i < series->n; ++i)
    if (!part_of || part_of(part_series->values[i]) == part) x[n++] = series->values[i];
  n = keep_quantiles(x, y, m4_plot_cdf(x, n, x, y));
  to->x[to->n] = x;
  to->y[to->n] = y;
  to->curves[to->n] = (m4_curve){label, M4_CURVE_STEPS, x, y, n};
  to->n++;
  if (n == 0) to->n--, free(x), free(y);
  return M4_OK;
}

static m4_plot axes(const char *title, const char *x_label, const char *of_what, bool x_log) {
  return (m4_plot){
      .title = title, .x_label = x_label, .y_label = of_what, .x_log = x_log, .y_range = {0, 100}};
}

static m4_status write_parts(figures *f, const parts *p, m4_plot plot, const char *name, m4_error *err) {
  plot.curves = p->curves;
  plot.n_curves = p->n;
  return write_figure(f, &plot, name, err);
}

/* One series as it is, or two. */
static m4_status plot_series(figures *f, m4_plot plot, const char *name, const ds_series *series,
                             const char *label, const ds_series *second, const char *second_label,
                             m4_error *err) {
  parts p = {.n = 0};
  m4_status status = add_part(&p, label, series, NULL, NULL, 0, err);
  if (status == M4_OK && second) status = add_part(&p, second_label, second, NULL, NULL, 0, err);
  if (status == M4_OK) status = write_parts(f, &p, plot, name, err);
  free_parts(&p);
  return status;
}

static int bucket_of(double size_bytes) {
  int bucket = 0;
  while (bucket + 1 < M4_N_SIZE_BUCKETS && size_bytes > (double)m4_bucket_limit_bytes(bucket)) ++bucket;
  return bucket;
}

static int cc_of(double cc) {
  return isnan(cc) ? DS_N_CC : (int)cc;
}

static m4_status plot_slowdowns(figures *f, m4_error *err) {
  const ds_survey *s = f->survey;
  parts p = {.n = 0};
  m4_status status = M4_OK;
  for (int b = 0; b < M4_N_SIZE_BUCKETS && status == M4_OK; ++b)
    status = add_part(&p, m4_bucket_name(b), &s->slowdown, &s->size_bytes, bucket_of, b, err);
  if (status == M4_OK)
    status =
        write_parts(f, &p, axes("Slowdown by flow size", "slowdown", "flows (%)", true), "slowdowns", err);
  free_parts(&p);
  return status;
}

static m4_status plot_slowdowns_by_cc(figures *f, m4_error *err) {
  const ds_survey *s = f->survey;
  parts p = {.n = 0};
  m4_status status = M4_OK;
  for (int cc = 0; cc < DS_N_CC && status == M4_OK; ++cc)
    status = add_part(&p, ds_cc_name(cc), &s->slowdown, &s->cc, cc_of, cc, err);
  if (status == M4_OK)
    status = write_parts(f, &p, axes("Slowdown by congestion control", "slowdown", "flows (%)", true),
                         "slowdowns_by_cc", err);
  free_parts(&p);
  return status;
}

static m4_status plot_flowsim(figures *f, m4_error *err) {
  const ds_survey *s = f->survey;
  ds_series errors = {malloc((s->slowdown.n + 1) * sizeof(double)), s->slowdown.n, 0};
  if (!errors.values) return m4_fail(err, M4_MEMORY, NULL, "no memory for a figure");
  for (size_t i = 0; i < errors.n; ++i)
    errors.values[i] =
        100 * fabs(s->flowsim_slowdown.values[i] - s->slowdown.values[i]) / s->slowdown.values[i];
  m4_plot plot = axes("Error of flowSim's FCT by flow size", "absolute error (%)", "flows (%)", true);
  plot.x_range[0] = 0.01; /* less is no error worth a decade of paper */
  plot.x_range[1] = 1000;
  parts p = {.n = 0};
  m4_status status = M4_OK;
  for (int b = 0; b < M4_N_SIZE_BUCKETS && status == M4_OK; ++b)
    status = add_part(&p, m4_bucket_name(b), &errors, &s->size_bytes, bucket_of, b, err);
  if (status == M4_OK) status = write_parts(f, &p, plot, "flowsim_errors", err);
  free_parts(&p);
  free(errors.values);
  return status;
}

/* ---- queues: counted in bins ---- */

static m4_status plot_queues(figures *f, m4_error *err) {
  double x[DS_N_QUEUE_BINS], y[DS_N_CC + 1][DS_N_QUEUE_BINS];
  m4_curve curves[DS_N_CC + 1];
  size_t n_curves = 0;
  for (int b = 0; b < DS_N_QUEUE_BINS; ++b) x[b] = pow(10, (double)b / DS_QUEUE_BINS_PER_DECADE);
  for (int cc = 0; cc <= DS_N_CC; ++cc) {
    const ds_queue_counts *counts = &f->survey->queues[cc];
    int64_t sum = counts->n_empty;
    size_t n = 0;
    if (counts->n_known == 0) continue;
    for (; n < DS_N_QUEUE_BINS && (n == 0 || sum < counts->n_known); ++n) {
      sum += counts->bins[n];
      y[cc][n] = 100 * (double)sum / (double)counts->n_known;
    }
    curves[n_curves++] = (m4_curve){ds_cc_name(cc), M4_CURVE_STEPS, x, y[cc], n};
  }
  m4_plot plot = {.title = "Queue met by the first data packet of a flow",
                  .x_label = "bytes ahead of it",
                  .y_label = "hops (%)",
                  .x_log = true,
                  .curves = curves,
                  .n_curves = n_curves};
  return write_figure(f, &plot, "queues", err);
}

static m4_status plot_all(figures *f, m4_error *err) {
  const ds_survey *s = f->survey;
  M4_TRY(plot_series(f, axes("Flow sizes", "flow size (bytes)", "flows (%)", true), "sizes", &s->size_bytes,
                     NULL, NULL, NULL, err));
  M4_TRY(plot_series(f, axes("Load of the busiest link", "payload over line rate", "scenarios (%)", false),
                     "loads", &s->load, NULL, NULL, NULL, err));
  M4_TRY(plot_slowdowns(f, err));
  M4_TRY(plot_slowdowns_by_cc(f, err));
  M4_TRY(plot_flowsim(f, err));
  M4_TRY(plot_series(f, axes("Flows of a busy period", "flows", "busy periods (%)", true), "period_flows",
                     &s->period_flows, "all", &s->period_active, "active at one time, at most", err));
  M4_TRY(plot_series(f, axes("Length of a busy period", "length (us)", "busy periods (%)", true),
                     "period_lengths", &s->period_us, NULL, NULL, NULL, err));
  return plot_queues(f, err);
}

static m4_status run(void *target, const m4_common *common, m4_error *err) {
  const plot_options *options = target;
  if (!options->dataset)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--dataset", "is not given"), "--dataset PATH");
  if (!options->out) return m4_hint(err, m4_fail(err, M4_USAGE, "--out", "is not given"), "--out DIR");
  m4_log *log = NULL;
  ds_dataset *dataset = NULL;
  ds_survey survey = {0};
  figures f = {options->out, &survey, true};
  M4_TRY(m4_log_create(&log, common->quiet, NULL, err));
  m4_status status = ds_open(&dataset, options->dataset, err);
  if (status == M4_OK) status = m4_dir_make(options->out, err);
  if (status == M4_OK) status = ds_survey_make(&survey, dataset, log, err);
  if (status == M4_OK) status = plot_all(&f, err);
  if (status == M4_OK && !f.drawn) m4_warn(log, "%s", m4_plot_missing());
  ds_survey_free(&survey);
  ds_close(dataset);
  m4_log_free(log);
  return status;
}

int m4_data_plot(int argc, char **argv) {
  plot_options options = {0};
  return m4_main(&program, run, &options, argc, argv);
}
