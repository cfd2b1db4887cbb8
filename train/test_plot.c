/* Figures of a test: distributions of errors and slowdowns, predicted against true, errors by kinds of flows.
 */
#include "train/test_plot.h"

#include "base/file.h"
#include "base/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A figure that grows curve by curve; owns the numbers of its curves. */
typedef struct figure {
  m4_plot plot;
  m4_curve *curves;
  double **numbers; /* x, then y, of each curve */
  size_t n_curves, capacity;
} figure;

typedef struct drawing {
  const tr_test_result *results;
  int n_results;
  const char *dir;
  bool drawn;
} drawing;

static m4_status no_memory(m4_error *err) {
  return m4_fail(err, M4_MEMORY, NULL, "no memory for a figure");
}

static m4_status figure_init(figure *f, m4_plot plot, size_t capacity, m4_error *err) {
  *f = (figure){.plot = plot, .capacity = capacity};
  f->curves = calloc(capacity, sizeof *f->curves);
  f->numbers = calloc(2 * capacity, sizeof *f->numbers);
  return f->curves && f->numbers ? M4_OK : no_memory(err);
}

static void figure_free(figure *f) {
  for (size_t i = 0; f->numbers && i < 2 * f->n_curves; ++i) free(f->numbers[i]);
  free(f->numbers);
  free(f->curves);
}

/* Room for n points: *x and *y [n + 1]. */
static m4_status add_curve(figure *f, const char *label, m4_curve_style style, size_t n, double **x,
                           double **y, m4_error *err) {
  *x = calloc(n + 1, sizeof **x);
  *y = calloc(n + 1, sizeof **y);
  f->numbers[2 * f->n_curves] = *x;
  f->numbers[2 * f->n_curves + 1] = *y;
  f->curves[f->n_curves++] = (m4_curve){label, style, *x, *y, n};
  return *x && *y ? M4_OK : no_memory(err);
}

/* Turns the values in x of the curve added last into its distribution. */
static void make_cdf(figure *f, size_t n, double *x, double *y) {
  f->curves[f->n_curves - 1].n = m4_plot_cdf(x, n, x, y);
}

static m4_status figure_write(figure *f, drawing *d, const char *name, m4_error *err) {
  char stem[4096];
  f->plot.curves = f->curves;
  f->plot.n_curves = f->n_curves;
  M4_TRY(m4_path_join(stem, sizeof stem, d->dir, name, err));
  return m4_plot_write(&f->plot, stem, &d->drawn, err);
}

/* Draws with `fill` and cleans up. */
typedef m4_status fill_figure(figure *f, const drawing *d, int which, m4_error *err);

static m4_status draw(drawing *d, m4_plot plot, size_t n_curves, fill_figure *fill, int which,
                      const char *name, m4_error *err) {
  figure f;
  m4_status status = figure_init(&f, plot, n_curves, err);
  if (status == M4_OK) status = fill(&f, d, which, err);
  if (status == M4_OK) status = figure_write(&f, d, name, err);
  figure_free(&f);
  return status;
}

/* ---- errors of all flows ---- */

static double error_percent(m4_outcome outcome) {
  return 100 * fabs(outcome.predicted_fct_ns - outcome.true_fct_ns) / outcome.true_fct_ns;
}

static m4_status fill_errors(figure *f, const drawing *d, int which, m4_error *err) {
  (void)which;
  for (int k = 0; k <= d->n_results; ++k) {
    const tr_test_result *result = &d->results[k < d->n_results ? k : 0];
    bool is_flowsim = k == d->n_results;
    size_t n = (size_t)result->n_flows;
    double *x, *y;
    M4_TRY(add_curve(f, is_flowsim ? "flowSim" : result->label, M4_CURVE_STEPS, n, &x, &y, err));
    for (size_t i = 0; i < n; ++i)
      x[i] =
          error_percent(is_flowsim ? tr_flowsim_outcome(&result->rows[i]) : tr_m4_outcome(&result->rows[i]));
    make_cdf(f, n, x, y);
  }
  return M4_OK;
}

/* ---- slowdowns of the flows of one size bucket ---- */

static double true_slowdown(const tr_flow_row *row) {
  return (double)row->fct_ns / (double)row->ideal_fct_ns;
}

/* k counts the models, then flowSim, then the truth. */
static double slowdown_of(const tr_flow_row *row, int k, int n_results) {
  if (k < n_results) return fmax(1, row->predicted_slowdown);
  return k == n_results ? row->flowsim_slowdown : true_slowdown(row);
}

static m4_status fill_slowdowns(figure *f, const drawing *d, int bucket, m4_error *err) {
  const tr_dimension *size = &tr_dimensions[0];
  for (int k = 0; k < d->n_results + 2; ++k) {
    const tr_test_result *result = &d->results[k < d->n_results ? k : 0];
    const char *label = k < d->n_results ? result->label : k == d->n_results ? "flowSim" : "truth";
    size_t n = 0;
    double *x, *y;
    m4_curve_style style = k == d->n_results + 1 ? M4_CURVE_REFERENCE : M4_CURVE_STEPS;
    M4_TRY(add_curve(f, label, style, (size_t)result->n_flows, &x, &y, err));
    for (int64_t i = 0; i < result->n_flows; ++i)
      if (size->bucket_of(&result->rows[i]) == bucket)
        x[n++] = slowdown_of(&result->rows[i], k, d->n_results);
    make_cdf(f, n, x, y);
  }
  return M4_OK;
}

static m4_status plot_slowdowns(drawing *d, m4_error *err) {
  static const char *const names[M4_N_SIZE_BUCKETS] = {"slowdown_up_to_1KB", "slowdown_1KB_200KB",
                                                       "slowdown_200KB_1MB", "slowdown_above_1MB"};
  for (int b = 0; b < M4_N_SIZE_BUCKETS; ++b) {
    char title[128];
    snprintf(title, sizeof title, "Slowdown of flows of %s", m4_bucket_name(b));
    m4_plot plot = {
        .title = title, .x_label = "slowdown", .y_label = "flows (%)", .x_log = true, .y_range = {0, 100}};
    M4_TRY(draw(d, plot, (size_t)d->n_results + 2, fill_slowdowns, b, names[b], err));
  }
  return M4_OK;
}

/* ---- predicted against true ---- */

static m4_status add_diagonal(figure *f, double least, double most, m4_error *err) {
  double *x, *y;
  M4_TRY(add_curve(f, "predicted = true", M4_CURVE_REFERENCE, 2, &x, &y, err));
  x[0] = y[0] = least;
  x[1] = y[1] = most;
  return M4_OK;
}

static m4_status fill_scatter(figure *f, const drawing *d, int which, m4_error *err) {
  (void)which;
  double most = 1;
  for (int k = 0; k < d->n_results; ++k) {
    const tr_test_result *result = &d->results[k];
    double *x, *y;
    M4_TRY(add_curve(f, result->label, M4_CURVE_POINTS, (size_t)result->n_flows, &x, &y, err));
    for (int64_t i = 0; i < result->n_flows; ++i) {
      x[i] = true_slowdown(&result->rows[i]);
      y[i] = result->rows[i].predicted_slowdown;
      most = fmax(most, x[i]);
    }
  }
  return add_diagonal(f, 1, most, err);
}

/* ---- bars by kinds of flows ---- */

/* which: number of the dimension, plus TR_N_DIMENSIONS for p90 instead of the mean. */
static m4_status fill_bars(figure *f, const drawing *d, int which, m4_error *err) {
  const tr_dimension *dimension = &tr_dimensions[which % TR_N_DIMENSIONS];
  size_t n_models = (size_t)d->n_results + 1;
  tr_bucket_error *errors = calloc(n_models, sizeof *errors);
  double **y = calloc(n_models, sizeof *y);
  m4_status status = errors && y ? M4_OK : no_memory(err);
  for (size_t k = 0; k < n_models && status == M4_OK;
       ++k) { /* models first: one colour each in all figures */
    double *x;
    const char *label = k + 1 < n_models ? d->results[k].label : "flowSim";
    status = add_curve(f, label, M4_CURVE_BARS, (size_t)dimension->n_buckets, &x, &y[k], err);
    for (int b = 0; b < dimension->n_buckets && status == M4_OK; ++b) x[b] = b;
  }
  for (int b = 0; b < dimension->n_buckets && status == M4_OK; ++b) {
    status = tr_bucket_errors(errors, d->results, d->n_results, dimension, b, err);
    for (size_t k = 0; k < n_models && status == M4_OK; ++k) {
      const m4_error_stats *stats = &errors[(k + 1) % n_models].stats;
      y[k][b] = 100 * (which < TR_N_DIMENSIONS ? stats->mean : stats->p90);
    }
  }
  free(y);
  free(errors);
  return status;
}

static m4_status plot_bars(drawing *d, m4_error *err) {
  for (int which = 0; which < 2 * TR_N_DIMENSIONS; ++which) {
    const tr_dimension *dimension = &tr_dimensions[which % TR_N_DIMENSIONS];
    const char *statistic = which < TR_N_DIMENSIONS ? "mean" : "p90";
    char title[128], name[64];
    snprintf(title, sizeof title, "FCT error by %s", dimension->title);
    snprintf(name, sizeof name, "%s_by_%s", statistic, dimension->name);
    m4_plot plot = {.title = title,
                    .x_label = dimension->title,
                    .y_label =
                        which < TR_N_DIMENSIONS ? "mean absolute error (%)" : "p90 of the absolute error (%)",
                    .x_names = dimension->buckets,
                    .n_x_names = (size_t)dimension->n_buckets};
    M4_TRY(draw(d, plot, (size_t)d->n_results + 1, fill_bars, which, name, err));
  }
  return M4_OK;
}

/* ---- auxiliary heads: which 0 size, 1 queue ---- */

static const tr_head_quality *head_of(const tr_test_result *result, int which) {
  return which == 0 ? &result->size : &result->queue;
}

static m4_status fill_head_errors(figure *f, const drawing *d, int which, m4_error *err) {
  for (int k = 0; k < d->n_results; ++k) {
    const tr_pairs *pairs = &head_of(&d->results[k], which)->pairs;
    double *x, *y;
    M4_TRY(add_curve(f, d->results[k].label, M4_CURVE_STEPS, (size_t)pairs->n, &x, &y, err));
    for (int64_t i = 0; i < pairs->n; ++i) x[i] = fabs((double)pairs->predicted[i] - (double)pairs->truth[i]);
    make_cdf(f, (size_t)pairs->n, x, y);
  }
  return M4_OK;
}

static m4_status fill_head_scatter(figure *f, const drawing *d, int which, m4_error *err) {
  double most = 0;
  for (int k = 0; k < d->n_results; ++k) {
    const tr_pairs *pairs = &head_of(&d->results[k], which)->pairs;
    double *x, *y;
    M4_TRY(add_curve(f, d->results[k].label, M4_CURVE_POINTS, (size_t)pairs->n, &x, &y, err));
    for (int64_t i = 0; i < pairs->n; ++i) {
      x[i] = (double)pairs->truth[i];
      y[i] = (double)pairs->predicted[i];
      most = fmax(most, x[i]);
    }
  }
  return add_diagonal(f, 0, most, err);
}

static m4_status plot_heads(drawing *d, m4_error *err) {
  static const char *const titles[] = {"Remaining size: share of the flow",
                                       "Queue length: cube root of bytes"};
  static const char *const errors[] = {"size_error", "queue_error"}, *const scatters[] = {"size_vs_true",
                                                                                          "queue_vs_true"};
  for (int which = 0; which < 2; ++which) {
    int64_t n_labels = 0;
    for (int k = 0; k < d->n_results; ++k) n_labels += head_of(&d->results[k], which)->n_labels;
    if (n_labels == 0) continue;
    size_t n = (size_t)d->n_results;
    m4_plot cdf = {
        .title = titles[which], .x_label = "absolute error", .y_label = "labels (%)", .y_range = {0, 100}};
    M4_TRY(draw(d, cdf, n, fill_head_errors, which, errors[which], err));
    m4_plot scatter = {.title = titles[which], .x_label = "true", .y_label = "predicted"};
    M4_TRY(draw(d, scatter, n + 1, fill_head_scatter, which, scatters[which], err));
  }
  return M4_OK;
}

m4_status tr_plot_test(const tr_test_result *results, int n_results, const char *dir, bool *drawn,
                       m4_error *err) {
  drawing d = {results, n_results, dir, true};
  m4_plot errors = {.title = "Error of the FCT, flow by flow",
                    .x_label = "absolute error (%)",
                    .y_label = "flows (%)",
                    .x_log = true,
                    .x_range = {0.1, 1000},
                    .y_range = {0, 100}};
  m4_plot scatter = {.title = "Slowdown, predicted and true",
                     .x_label = "true slowdown",
                     .y_label = "predicted slowdown",
                     .x_log = true,
                     .y_log = true};
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(draw(&d, errors, (size_t)n_results + 1, fill_errors, 0, "error_cdf", err));
  M4_TRY(draw(&d, scatter, (size_t)n_results + 1, fill_scatter, 0, "predicted_vs_true", err));
  M4_TRY(plot_slowdowns(&d, err));
  M4_TRY(plot_bars(&d, err));
  M4_TRY(plot_heads(&d, err));
  *drawn = d.drawn;
  return M4_OK;
}
