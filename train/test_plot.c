/* Figures of a test: distributions of errors and slowdowns, predicted against true, errors by kinds of flows.
 */
#include "train/test_plot.h"

#include "base/file.h"
#include "train/test_figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- errors of all flows ---- */

static double error_percent(m4_outcome outcome) {
  return 100 * fabs(outcome.predicted_fct_ns - outcome.true_fct_ns) / outcome.true_fct_ns;
}

static m4_status fill_errors(tr_figure *f, const tr_drawing *d, int which, m4_error *err) {
  (void)which;
  for (int k = 0; k <= d->n_results; ++k) {
    const tr_test_result *result = &d->results[k < d->n_results ? k : 0];
    bool is_flowsim = k == d->n_results;
    size_t n = (size_t)result->n_flows;
    double *x, *y;
    M4_TRY(tr_add_curve(f, is_flowsim ? "flowSim" : result->label, M4_CURVE_STEPS, n, &x, &y, err));
    for (size_t i = 0; i < n; ++i)
      x[i] =
          error_percent(is_flowsim ? tr_flowsim_outcome(&result->rows[i]) : tr_m4_outcome(&result->rows[i]));
    tr_make_cdf(f, n, x, y);
  }
  return M4_OK;
}

/* ---- mean errors of the scenarios ---- */

/* Rows come in the order of busy periods, and so by scenario. */
static size_t mean_errors(double *means, const tr_test_result *result, bool is_flowsim) {
  size_t n = 0;
  for (int64_t i = 0, end; i < result->n_flows; i = end) {
    double sum = 0;
    for (end = i; end < result->n_flows && result->rows[end].scenario == result->rows[i].scenario; ++end)
      sum += error_percent(is_flowsim ? tr_flowsim_outcome(&result->rows[end])
                                      : tr_m4_outcome(&result->rows[end]));
    means[n++] = sum / (double)(end - i);
  }
  return n;
}

static m4_status fill_scenarios(tr_figure *f, const tr_drawing *d, int which, m4_error *err) {
  (void)which;
  for (int k = 0; k <= d->n_results; ++k) {
    const tr_test_result *result = &d->results[k < d->n_results ? k : 0];
    bool is_flowsim = k == d->n_results;
    double *x, *y;
    M4_TRY(tr_add_curve(f, is_flowsim ? "flowSim" : result->label, M4_CURVE_STEPS, (size_t)result->n_flows,
                        &x, &y, err));
    tr_make_cdf(f, mean_errors(x, result, is_flowsim), x, y);
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

static m4_status fill_slowdowns(tr_figure *f, const tr_drawing *d, int bucket, m4_error *err) {
  const tr_dimension *size = &tr_dimensions[0];
  for (int k = 0; k < d->n_results + 2; ++k) {
    const tr_test_result *result = &d->results[k < d->n_results ? k : 0];
    const char *label = k < d->n_results ? result->label : k == d->n_results ? "flowSim" : "truth";
    size_t n = 0;
    double *x, *y;
    m4_curve_style style = k == d->n_results + 1 ? M4_CURVE_REFERENCE : M4_CURVE_STEPS;
    M4_TRY(tr_add_curve(f, label, style, (size_t)result->n_flows, &x, &y, err));
    for (int64_t i = 0; i < result->n_flows; ++i)
      if (size->bucket_of(&result->rows[i]) == bucket)
        x[n++] = slowdown_of(&result->rows[i], k, d->n_results);
    tr_make_cdf(f, n, x, y);
  }
  return M4_OK;
}

static m4_status plot_slowdowns(tr_drawing *d, m4_error *err) {
  static const char *const names[M4_N_SIZE_BUCKETS] = {"slowdown_up_to_1KB", "slowdown_1KB_200KB",
                                                       "slowdown_200KB_1MB", "slowdown_above_1MB"};
  for (int b = 0; b < M4_N_SIZE_BUCKETS; ++b) {
    char title[128];
    snprintf(title, sizeof title, "Slowdown of flows of %s", m4_bucket_name(b));
    m4_plot plot = {
        .title = title, .x_label = "slowdown", .y_label = "flows (%)", .x_log = true, .y_range = {0, 100}};
    M4_TRY(tr_draw(d, plot, (size_t)d->n_results + 2, fill_slowdowns, b, names[b], err));
  }
  return M4_OK;
}

/* ---- predicted against true ---- */

static m4_status fill_scatter(tr_figure *f, const tr_drawing *d, int which, m4_error *err) {
  (void)which;
  double most = 1;
  for (int k = 0; k < d->n_results; ++k) {
    const tr_test_result *result = &d->results[k];
    double *x, *y;
    M4_TRY(tr_add_curve(f, result->label, M4_CURVE_POINTS, (size_t)result->n_flows, &x, &y, err));
    for (int64_t i = 0; i < result->n_flows; ++i) {
      x[i] = true_slowdown(&result->rows[i]);
      y[i] = result->rows[i].predicted_slowdown;
      most = fmax(most, x[i]);
    }
  }
  return tr_add_diagonal(f, 1, most, err);
}

/* ---- bars by kinds of flows ---- */

/* which: number of the dimension, plus TR_N_DIMENSIONS for p90 instead of the mean. */
static m4_status fill_bars(tr_figure *f, const tr_drawing *d, int which, m4_error *err) {
  const tr_dimension *dimension = &tr_dimensions[which % TR_N_DIMENSIONS];
  size_t n_models = (size_t)d->n_results + 1;
  tr_bucket_error *errors = calloc(n_models, sizeof *errors);
  double **y = calloc(n_models, sizeof *y);
  m4_status status = errors && y ? M4_OK : tr_no_memory(err);
  for (size_t k = 0; k < n_models && status == M4_OK;
       ++k) { /* models first: one colour each in all figures */
    double *x;
    const char *label = k + 1 < n_models ? d->results[k].label : "flowSim";
    status = tr_add_curve(f, label, M4_CURVE_BARS, (size_t)dimension->n_buckets, &x, &y[k], err);
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

static m4_status plot_bars(tr_drawing *d, m4_error *err) {
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
    M4_TRY(tr_draw(d, plot, (size_t)d->n_results + 1, fill_bars, which, name, err));
  }
  return M4_OK;
}

m4_status tr_plot_test(const tr_test_result *results, int n_results, const char *dir, bool *drawn,
                       m4_error *err) {
  tr_drawing d = {results, n_results, dir, true};
  m4_plot errors = {.title = "Error of the FCT, flow by flow",
                    .x_label = "absolute error (%)",
                    .y_label = "flows (%)",
                    .x_log = true,
                    .x_range = {0.1, 1000},
                    .y_range = {0, 100}};
  m4_plot scenarios = {.title = "Mean error of a scenario",
                       .x_label = "mean absolute error of the FCT (%)",
                       .y_label = "scenarios (%)",
                       .y_range = {0, 100}};
  m4_plot scatter = {.title = "Slowdown, predicted and true",
                     .x_label = "true slowdown",
                     .y_label = "predicted slowdown",
                     .x_log = true,
                     .y_log = true};
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(tr_draw(&d, errors, (size_t)n_results + 1, fill_errors, 0, "error_cdf", err));
  M4_TRY(tr_draw(&d, scenarios, (size_t)n_results + 1, fill_scenarios, 0, "scenario_error_cdf", err));
  M4_TRY(tr_draw(&d, scatter, (size_t)n_results + 1, fill_scatter, 0, "predicted_vs_true", err));
  M4_TRY(plot_slowdowns(&d, err));
  M4_TRY(plot_bars(&d, err));
  M4_TRY(tr_plot_heads(&d, err));
  *drawn = d.drawn;
  return M4_OK;
}
