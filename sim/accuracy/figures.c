/* Draws a study; see figures.h. */
#include "sim/accuracy/figures.h"

#include "base/file.h"
#include "base/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH_BYTES = 4096, MAX_CURVES = ACC_MAX_CONTENDERS + 1, MAX_POINTS = 200 };

/* What all figures share. One curve a contender, then that of the truth or a limit. */
typedef struct easel {
  const acc_study *study;
  const char *dir;
  bool drawn;
  double *x[MAX_CURVES], *y[MAX_CURVES]; /* [flows of all runs + 1], at least [MAX_POINTS] */
  m4_curve curves[MAX_CURVES];
  int n_curves;
} easel;

static void clear(easel *self, m4_curve_style style) {
  self->n_curves = self->study->n_contenders;
  for (int c = 0; c < self->n_curves; c++)
    self->curves[c] = (m4_curve){
        .label = self->study->contenders[c].label, .style = style, .x = self->x[c], .y = self->y[c]};
}

/* The curve after the contenders'. */
static int add_curve(easel *self, const char *label, m4_curve_style style) {
  int c = self->n_curves++;
  self->curves[c] = (m4_curve){.label = label, .style = style, .x = self->x[c], .y = self->y[c]};
  return c;
}

static m4_status draw(easel *self, m4_plot plot, const char *name, m4_error *err) {
  char stem[MAX_PATH_BYTES];
  size_t points = 0;
  plot.curves = self->curves;
  plot.n_curves = (size_t)self->n_curves;
  for (int c = 0; c < self->n_curves; c++) points += self->curves[c].n;
  if (points == 0) return M4_OK;
  M4_TRY(m4_path_join(stem, sizeof stem, self->dir, name, err));
  return m4_plot_write(&plot, stem, &self->drawn, err);
}

/* ---- distributions ---- */

/* Turns the n values in x into their distribution, of as many points as a reader can tell apart. */
static void make_cdf(easel *self, int c, size_t n) {
  double *x = self->x[c], *y = self->y[c];
  size_t points = n > 0 ? m4_plot_cdf(x, n, x, y) : 0;
  if (points > MAX_POINTS) {
    for (size_t i = 0; i < MAX_POINTS; i++) {
      size_t from = (size_t)((double)i / (MAX_POINTS - 1) * (double)(points - 1) + 0.5);
      x[i] = x[from];
      y[i] = y[from];
    }
    points = MAX_POINTS;
  }
  self->curves[c].n = points;
}

static m4_status draw_error_cdf(easel *self, m4_error *err) {
  clear(self, M4_CURVE_LINE);
  for (int c = 0; c < self->study->n_contenders; c++) {
    size_t n = 0;
    for (size_t i = 0; i < self->study->n_runs; i++) {
      const acc_run *run = &self->study->runs[i];
      for (int64_t flow = 0; flow < run->scenario->n_flows; flow++) {
        double true_ns = (double)run->scenario->truth_fct_ns[flow], ns = run->cells[c].fct_ns[flow];
        if (!isnan(ns)) self->x[c][n++] = 100 * fabs(ns - true_ns) / true_ns;
      }
    }
    make_cdf(self, c, n);
  }
  return draw(self,
              (m4_plot){.title = "Error of each flow, all runs",
                        .x_label = "|FCT error| (%)",
                        .y_label = "flows (%)",
                        .x_log = true,
                        .x_range = {0.1, 1000},
                        .y_range = {0, 100}},
              "error_cdf", err);
}

static double mean_of(const m4_accuracy *errors) {
  return errors->all.mean;
}
static double p90_of(const m4_accuracy *errors) {
  return errors->all.p90;
}
static double tail_of(const m4_accuracy *errors) {
  return errors->p99_tail;
}

/* Steps rise from the axis. */
static void start_at_zero(easel *self, int c) {
  size_t n = self->curves[c].n;
  if (n == 0) return;
  memmove(self->x[c] + 1, self->x[c], n * sizeof *self->x[c]);
  memmove(self->y[c] + 1, self->y[c], n * sizeof *self->y[c]);
  self->y[c][0] = 0;
  self->curves[c].n = n + 1;
}

/* How many of the runs have at most this error. */
static m4_status draw_runs_cdf(easel *self, const char *name, const char *x_label,
                               double (*statistic)(const m4_accuracy *errors), m4_error *err) {
  clear(self, M4_CURVE_STEPS);
  for (int c = 0; c < self->study->n_contenders; c++) {
    for (size_t i = 0; i < self->study->n_runs; i++)
      self->x[c][i] = 100 * statistic(&self->study->runs[i].cells[c].errors);
    make_cdf(self, c, self->study->n_runs);
    start_at_zero(self, c);
  }
  return draw(self, (m4_plot){.x_label = x_label, .y_label = "runs (%)", .y_range = {0, 100}}, name, err);
}

/* ---- slowdowns ---- */

/* Of the flows with size in (above, limit] that a contender, or with c < 0 the truth, has finished. */
static size_t slowdowns(const easel *self, int c, int64_t above, int64_t limit, double *out) {
  size_t n = 0;
  for (size_t i = 0; i < self->study->n_runs; i++) {
    const acc_run *run = &self->study->runs[i];
    for (int64_t k = 0; k < run->scenario->n_flows; k++) {
      const sim_flow *flow = &run->scenario->flows[k];
      double ns = c < 0 ? (double)run->scenario->truth_fct_ns[k] : run->cells[c].fct_ns[k];
      if (flow->size_bytes > above && flow->size_bytes <= limit && ns >= 0)
        out[n++] = ns / (double)flow->ideal_fct_ns;
    }
  }
  return n;
}

static m4_status draw_slowdown_cdf(easel *self, const char *name, const char *title, int64_t above,
                                   int64_t limit, m4_error *err) {
  clear(self, M4_CURVE_LINE);
  int truth = add_curve(self, "truth", M4_CURVE_REFERENCE);
  for (int c = 0; c < self->n_curves; c++)
    make_cdf(self, c, slowdowns(self, c == truth ? -1 : c, above, limit, self->x[c]));
  return draw(self,
              (m4_plot){.title = title,
                        .x_label = "slowdown (FCT / ideal FCT)",
                        .y_label = "flows (%)",
                        .x_log = true,
                        .y_range = {0, 100}},
              name, err);
}

/* The share of flows with a larger slowdown, down to the last flow. Of many points those stay whose shares
 * differ by a fiftieth. */
static m4_status draw_tail(easel *self, m4_error *err) {
  clear(self, M4_CURVE_LINE);
  int truth = add_curve(self, "truth", M4_CURVE_REFERENCE);
  for (int c = 0; c < self->n_curves; c++) {
    double *x = self->x[c], *y = self->y[c], last = 200;
    size_t n = slowdowns(self, c == truth ? -1 : c, 0, INT64_MAX, x), kept = 0;
    size_t points = n > 0 ? m4_plot_cdf(x, n, x, y) : 0;
    for (size_t i = 0; i + 1 < points; i++) {
      double share = 100 - y[i];
      if (share > 0.98 * last) continue;
      x[kept] = x[i];
      y[kept++] = last = share;
    }
    self->curves[c].n = kept;
  }
  return draw(self,
              (m4_plot){.title = "Tail of the slowdowns of all flows",
                        .x_label = "slowdown (FCT / ideal FCT)",
                        .y_label = "flows with a larger slowdown (%)",
                        .x_log = true,
                        .y_log = true},
              "slowdown_tail", err);
}

static m4_status draw_slowdowns(easel *self, m4_error *err) {
  static const char *const names[M4_N_SIZE_BUCKETS] = {"slowdown_cdf_to_1KB", "slowdown_cdf_1KB_to_200KB",
                                                       "slowdown_cdf_200KB_to_1MB", "slowdown_cdf_from_1MB"};
  static const char *const titles[M4_N_SIZE_BUCKETS] = {
      "Slowdown of flows up to 1 KB", "Slowdown of flows of 1 to 200 KB",
      "Slowdown of flows of 200 KB to 1 MB", "Slowdown of flows above 1 MB"};
  M4_TRY(draw_slowdown_cdf(self, "slowdown_cdf", "Slowdown of all flows", 0, INT64_MAX, err));
  M4_TRY(draw_tail(self, err));
  int64_t above = 0;
  for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; above = m4_bucket_limit_bytes(bucket++))
    M4_TRY(draw_slowdown_cdf(self, names[bucket], titles[bucket], above, m4_bucket_limit_bytes(bucket), err));
  return M4_OK;
}

/* ---- bars ---- */

static m4_status draw_bars(easel *self, const char *name, const char *x_label, const char *y_label,
                           const char *const *bars, size_t n_bars, m4_error *err) {
  return draw(self, (m4_plot){.x_label = x_label, .y_label = y_label, .x_names = bars, .n_x_names = n_bars},
              name, err);
}

static m4_status draw_error_by_size(easel *self, m4_error *err) {
  const char *bars[M4_N_SIZE_BUCKETS];
  clear(self, M4_CURVE_BARS);
  for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; bucket++) bars[bucket] = m4_bucket_name(bucket);
  for (int c = 0; c < self->n_curves; c++) {
    for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; bucket++) {
      self->x[c][bucket] = bucket;
      self->y[c][bucket] = 100 * self->study->pooled[c].by_size[bucket].mean;
    }
    self->curves[c].n = M4_N_SIZE_BUCKETS;
  }
  return draw_bars(self, "error_by_size", "flow size", "mean |FCT error| (%)", bars, M4_N_SIZE_BUCKETS, err);
}

static m4_status draw_axis(easel *self, const acc_axis *axis, m4_error *err) {
  char names[ACC_MAX_BINS][80], file[64];
  const char *bars[ACC_MAX_BINS];
  clear(self, M4_CURVE_BARS);
  for (int bin = 0; bin < axis->n_bins; bin++) {
    size_t n = axis->bins[bin].n_runs;
    snprintf(names[bin], sizeof names[bin], "%s (%zu run%s)", axis->bins[bin].name, n, n == 1 ? "" : "s");
    bars[bin] = names[bin];
    for (int c = 0; c < self->n_curves; c++) {
      self->x[c][bin] = bin;
      self->y[c][bin] = acc_means_of(self->study, c, axis, bin).mean;
      self->curves[c].n = (size_t)axis->n_bins;
    }
  }
  snprintf(file, sizeof file, "error_by_%s", axis->name);
  return draw_bars(self, file, axis->label, "mean |FCT error| (%)", bars, (size_t)axis->n_bins, err);
}

static m4_status draw_axes(easel *self, m4_error *err) {
  for (int number = 0; number < ACC_N_AXES; number++) {
    acc_axis axis;
    m4_status status = acc_axis_make(&axis, number, self->study, err);
    if (status == M4_OK && acc_axis_tells(&axis)) status = draw_axis(self, &axis, err);
    acc_axis_free(&axis);
    M4_TRY(status);
  }
  return M4_OK;
}

/* Application completion times of the first closed loops, bars in the order of the runs. */
static m4_status draw_completion(easel *self, m4_error *err) {
  enum { MAX_BARS = 12 };
  char names[MAX_BARS][80];
  const char *bars[MAX_BARS];
  size_t n = 0;
  clear(self, M4_CURVE_BARS);
  int truth = add_curve(self, "truth", M4_CURVE_BARS);
  for (size_t i = 0; i < self->study->n_runs && n < MAX_BARS; i++) {
    const acc_run *run = &self->study->runs[i];
    double true_ns = acc_true_completion_ns(run->scenario);
    if (run->scenario->flow_limit == 0 || isnan(true_ns)) continue;
    snprintf(names[n], sizeof names[n], "%.30s %s, N = %lld", run->name, acc_cc_name(run->facts.cc),
             (long long)run->scenario->flow_limit);
    bars[n] = names[n];
    for (int c = 0; c < self->n_curves; c++) {
      self->x[c][n] = (double)n;
      self->y[c][n] = 1e-6 * (c == truth ? true_ns : run->cells[c].completion_ns);
      self->curves[c].n = n + 1;
    }
    n++;
  }
  if (n == 0) return M4_OK;
  return draw_bars(self, "completion", NULL, "application completion time (ms)", bars, n, err);
}

/* ---- cost ---- */

/* A point for each checkpoint; flowSim, which multiplies nothing, is a line. */
static m4_status draw_cost(easel *self, m4_error *err) {
  double low = INFINITY, high = 0, most = 0;
  clear(self, M4_CURVE_POINTS);
  for (int c = 0; c < self->n_curves; c++) {
    const acc_contender *contender = &self->study->contenders[c];
    double cost = contender->cost.per_flow + contender->cost.per_link;
    self->x[c][0] = cost;
    self->y[c][0] = acc_means_of(self->study, c, NULL, 0).mean;
    most = fmax(most, self->y[c][0]);
    if (!contender->model) continue;
    self->curves[c].n = 1;
    low = fmin(low, cost);
    high = fmax(high, cost);
  }
  if (high <= 0) return M4_OK;
  const double x_range[2] = {low / 3, high * 3};
  int line = add_curve(self, self->study->contenders[0].label, M4_CURVE_REFERENCE);
  self->curves[line].n = 2;
  for (int end = 0; end < 2; end++) {
    self->x[line][end] = x_range[end];
    self->y[line][end] = self->y[0][0];
  }
  return draw(self,
              (m4_plot){.x_label = "multiply-accumulates of an event, one flow and one link",
                        .y_label = "mean |FCT error| (%), mean over runs",
                        .x_log = true,
                        .x_range = {x_range[0], x_range[1]},
                        .y_range = {0, 1.1 * most}},
              "error_by_cost", err);
}

/* ---- all of them ---- */

static m4_status draw_all(easel *self, m4_error *err) {
  M4_TRY(draw_error_cdf(self, err));
  M4_TRY(draw_runs_cdf(self, "runs_cdf_mean", "mean |FCT error| of a run (%)", mean_of, err));
  M4_TRY(draw_runs_cdf(self, "runs_cdf_p90", "90th percentile of |FCT error| of a run (%)", p90_of, err));
  M4_TRY(
      draw_runs_cdf(self, "runs_cdf_tail", "error of a run's 99th percentile of slowdown (%)", tail_of, err));
  M4_TRY(draw_slowdowns(self, err));
  M4_TRY(draw_error_by_size(self, err));
  M4_TRY(draw_axes(self, err));
  M4_TRY(draw_completion(self, err));
  return draw_cost(self, err);
}

m4_status acc_figures_write(const acc_study *study, const char *dir, bool *drawn, m4_error *err) {
  easel self = {.study = study, .dir = dir};
  size_t points = MAX_POINTS + study->n_runs;
  bool room = true;
  for (size_t i = 0; i < study->n_runs; i++) points += (size_t)study->runs[i].scenario->n_flows;
  for (int c = 0; c < study->n_contenders + 1; c++) {
    self.x[c] = malloc(points * sizeof *self.x[c]);
    self.y[c] = malloc(points * sizeof *self.y[c]);
    room = room && self.x[c] && self.y[c];
  }
  m4_status status = room ? draw_all(&self, err) : m4_fail(err, M4_MEMORY, dir, "no memory for figures");
  for (int c = 0; c < study->n_contenders + 1; c++) {
    free(self.x[c]);
    free(self.y[c]);
  }
  *drawn = self.drawn;
  return status;
}
