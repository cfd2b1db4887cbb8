/* Draws a comparison; see figures.h. */
#include "sim/figures.h"

#include "base/file.h"
#include "base/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH_BYTES = 4096, MAX_CURVES = SIM_MAX_CONTENDERS + 1, N_INSTANTS = 400 };
static const double NS_TO_US = 1e-3, NS_TO_MS = 1e-6;

/* What all figures share: the curves under construction, one a contender. */
typedef struct easel {
  const sim_comparison *comparison;
  const sim_utilisation *loads;
  const char *dir;
  sim_figures *figures;
  double *x[SIM_MAX_CONTENDERS], *y[SIM_MAX_CONTENDERS]; /* [n_flows + N_INSTANTS + 1] */
  m4_curve curves[MAX_CURVES];
} easel;

/* ---- curves ---- */

/* Every contender has its curve, empty until filled, so that colours stay. */
static void clear(easel *self, m4_curve_style style) {
  for (int i = 0; i < self->comparison->n; i++)
    self->curves[i] = (m4_curve){.style = style, .x = self->x[i], .y = self->y[i]};
}

static void show(easel *self, int contender, size_t n) {
  self->curves[contender].label = self->comparison->list[contender].name;
  self->curves[contender].n = n;
}

static m4_status draw(easel *self, m4_plot plot, const char *name, const char *caption, m4_error *err) {
  char stem[MAX_PATH_BYTES];
  size_t points = 0;
  plot.curves = self->curves;
  if (plot.n_curves == 0) plot.n_curves = (size_t)self->comparison->n;
  while (plot.n_curves > 1 && self->curves[plot.n_curves - 1].n == 0) plot.n_curves--;
  for (size_t i = 0; i < plot.n_curves; i++) points += self->curves[i].n;
  if (points == 0) return M4_OK;
  M4_TRY(m4_path_join(stem, sizeof stem, self->dir, name, err));
  M4_TRY(m4_plot_write(&plot, stem, &self->figures->drawn, err));
  self->figures->list[self->figures->n++] = (sim_figure){name, caption};
  return M4_OK;
}

/* ---- slowdowns ---- */

/* Of the finished flows with size in (above, limit]. */
static void slowdown_curves(easel *self, int64_t above, int64_t limit) {
  const sim_scenario *scenario = self->comparison->scenario;
  clear(self, M4_CURVE_LINE);
  for (int i = 0; i < self->comparison->n; i++) {
    const sim_result *result = &self->comparison->list[i].result;
    size_t n = 0;
    for (int64_t flow = 0; flow < result->n_flows; flow++) {
      int64_t size = scenario->flows[flow].size_bytes;
      if (size > above && size <= limit && !isnan(result->fct_ns[flow]))
        self->x[i][n++] = sim_slowdown(scenario, result, flow);
    }
    if (n > 0) show(self, i, m4_plot_cdf(self->x[i], n, self->x[i], self->y[i]));
  }
}

static m4_status draw_slowdowns(easel *self, m4_error *err) {
  static const char *const names[M4_N_SIZE_BUCKETS] = {"slowdown_cdf_to_1KB", "slowdown_cdf_1KB_to_200KB",
                                                       "slowdown_cdf_200KB_to_1MB", "slowdown_cdf_from_1MB"};
  static const char *const captions[M4_N_SIZE_BUCKETS] = {
      "Slowdown of flows up to 1 KB", "Slowdown of flows of 1 to 200 KB",
      "Slowdown of flows of 200 KB to 1 MB", "Slowdown of flows above 1 MB"};
  m4_plot plot = {.x_label = "slowdown (FCT / ideal FCT)", .y_label = "flows (%)", .x_log = true};
  slowdown_curves(self, 0, INT64_MAX);
  M4_TRY(draw(self, plot, "slowdown_cdf", "Slowdown of all flows", err));
  int64_t above = 0;
  for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; above = m4_bucket_limit_bytes(bucket++)) {
    slowdown_curves(self, above, m4_bucket_limit_bytes(bucket));
    M4_TRY(draw(self, plot, names[bucket], captions[bucket], err));
  }
  return M4_OK;
}

static m4_status draw_tail(easel *self, m4_error *err) {
  const char *names[M4_N_SIZE_BUCKETS];
  clear(self, M4_CURVE_BARS);
  for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; bucket++) names[bucket] = m4_bucket_name(bucket);
  for (int i = 0; i < self->comparison->n; i++) {
    for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; bucket++) {
      self->x[i][bucket] = bucket;
      self->y[i][bucket] = self->comparison->list[i].by_size[bucket].p99;
    }
    show(self, i, M4_N_SIZE_BUCKETS);
  }
  return draw(self,
              (m4_plot){.x_label = "flow size",
                        .y_label = "99th percentile of slowdown",
                        .x_names = names,
                        .n_x_names = M4_N_SIZE_BUCKETS},
              "slowdown_p99", "Tail slowdown by flow size", err);
}

/* ---- errors ---- */

/* Calls for every flow that finished both in run i and in the truth; returns how many. */
static size_t pairs(easel *self, int i,
                    void (*add)(easel *self, int i, size_t n, double ns, double true_ns)) {
  const sim_result *result = &self->comparison->list[i].result;
  const sim_result *truth = &self->comparison->list[self->comparison->truth].result;
  size_t n = 0;
  for (int64_t flow = 0; flow < result->n_flows; flow++)
    if (!isnan(result->fct_ns[flow]) && !isnan(truth->fct_ns[flow]))
      add(self, i, n++, (double)sim_reported_fct_ns(result, flow), (double)sim_reported_fct_ns(truth, flow));
  return n;
}

static void add_error(easel *self, int i, size_t n, double ns, double true_ns) {
  self->x[i][n] = 100 * fabs(ns - true_ns) / true_ns;
}

static void add_fct(easel *self, int i, size_t n, double ns, double true_ns) {
  self->x[i][n] = true_ns * NS_TO_US;
  self->y[i][n] = ns * NS_TO_US;
}

static m4_status draw_error_cdf(easel *self, m4_error *err) {
  clear(self, M4_CURVE_LINE);
  for (int i = 0; i < self->comparison->n; i++)
    if (self->comparison->list[i].compared)
      show(self, i, m4_plot_cdf(self->x[i], pairs(self, i, add_error), self->x[i], self->y[i]));
  return draw(self,
              (m4_plot){.x_label = "|FCT error| (%)",
                        .y_label = "flows (%)",
                        .x_log = true,
                        .x_range = {0.01, 1000},
                        .y_range = {0, 100}},
              "error_cdf", "Error of each flow against the truth", err);
}

static m4_status draw_error_by_size(easel *self, m4_error *err) {
  const char *names[M4_N_SIZE_BUCKETS];
  clear(self, M4_CURVE_BARS);
  for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; bucket++) names[bucket] = m4_bucket_name(bucket);
  for (int i = 0; i < self->comparison->n; i++) {
    if (!self->comparison->list[i].compared) continue;
    for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; bucket++) {
      self->x[i][bucket] = bucket;
      self->y[i][bucket] = 100 * self->comparison->list[i].errors.by_size[bucket].mean;
    }
    show(self, i, M4_N_SIZE_BUCKETS);
  }
  return draw(self,
              (m4_plot){.x_label = "flow size",
                        .y_label = "mean |FCT error| (%)",
                        .x_names = names,
                        .n_x_names = M4_N_SIZE_BUCKETS},
              "error_by_size", "Mean error by flow size", err);
}

static m4_status draw_scatter(easel *self, m4_error *err) {
  clear(self, M4_CURVE_POINTS);
  double low = INFINITY, high = 0;
  for (int i = 0; i < self->comparison->n; i++) {
    if (!self->comparison->list[i].compared) continue;
    size_t n = pairs(self, i, add_fct);
    show(self, i, n);
    for (size_t k = 0; k < n; k++) {
      low = fmin(low, self->x[i][k]);
      high = fmax(high, self->x[i][k]);
    }
  }
  const double ends[] = {low, high};
  self->curves[self->comparison->n] = (m4_curve){.style = M4_CURVE_REFERENCE, .x = ends, .y = ends, .n = 2};
  return draw(self,
              (m4_plot){.x_label = "true FCT (us)",
                        .y_label = "predicted FCT (us)",
                        .x_log = true,
                        .y_log = true,
                        .n_curves = (size_t)self->comparison->n + (high > 0)},
              "fct_scatter", "Predicted against true completion times", err);
}

/* ---- over time ---- */

static double span_ns(const easel *self) {
  double first = INFINITY, last = 0;
  for (int i = 0; i < self->comparison->n; i++) {
    const sim_utilisation *load = &self->loads[i];
    if (load->n_links == 0) continue;
    first = fmin(first, load->start_ns);
    last = fmax(last, load->start_ns + load->bin_ns * load->n_bins);
  }
  return last > first ? last - first : 0;
}

static double origin_ns(const easel *self) {
  return self->comparison->scenario->n_flows > 0 ? (double)self->comparison->scenario->flows[0].start_ns : 0;
}

/* Flows in the network at N_INSTANTS equal steps: arrivals and departures are counted at the first instant
 * not before them, and summed. */
static void count_active(const easel *self, const sim_result *result, double step_ns, double *count) {
  memset(count, 0, (N_INSTANTS + 1) * sizeof *count);
  for (int64_t flow = 0; flow < result->n_flows; flow++) {
    if (isnan(result->fct_ns[flow])) continue;
    double start_ns = result->release_ns[flow] - origin_ns(self), end_ns = start_ns + result->fct_ns[flow];
    count[(int)fmin(ceil(start_ns / step_ns), N_INSTANTS)]++;
    count[(int)fmin(ceil(end_ns / step_ns), N_INSTANTS)]--;
  }
  for (int i = 1; i < N_INSTANTS; i++) count[i] += count[i - 1];
}

static m4_status draw_active(easel *self, m4_error *err) {
  double step_ns = span_ns(self) / (N_INSTANTS - 1);
  clear(self, M4_CURVE_STEPS);
  for (int i = 0; i < self->comparison->n && step_ns > 0; i++) {
    count_active(self, &self->comparison->list[i].result, step_ns, self->y[i]);
    for (int k = 0; k < N_INSTANTS; k++) self->x[i][k] = k * step_ns * NS_TO_MS;
    show(self, i, N_INSTANTS);
  }
  return draw(self, (m4_plot){.x_label = "simulated time (ms)", .y_label = "active flows"}, "active_flows",
              "Flows in the network", err);
}

static void load_curve(easel *self, int i, const double *share) {
  const sim_utilisation *load = &self->loads[i];
  for (int32_t bin = 0; bin < load->n_bins; bin++) {
    double middle_ns = load->start_ns + (bin + 0.5) * load->bin_ns;
    self->x[i][bin] = (middle_ns - origin_ns(self)) * NS_TO_MS;
    self->y[i][bin] = 100 * share[bin];
  }
  show(self, i, (size_t)load->n_bins);
}

static m4_status draw_loads(easel *self, m4_error *err) {
  const m4_plot plot = {.x_label = "simulated time (ms)", .y_label = "link utilisation (%)"};
  clear(self, M4_CURVE_LINE);
  for (int i = 0; i < self->comparison->n; i++)
    if (self->loads[i].n_links > 0) load_curve(self, i, self->loads[i].mean);
  M4_TRY(draw(self, plot, "utilisation_mean", "Mean utilisation of the links in use", err));
  clear(self, M4_CURVE_LINE);
  for (int i = 0; i < self->comparison->n; i++)
    if (self->loads[i].n_links > 0) load_curve(self, i, self->loads[i].share);
  return draw(self, plot, "utilisation_busiest", "Utilisation of the link that carried most", err);
}

/* One curve: a bar for each back end. */
static m4_status draw_seconds(easel *self, m4_error *err) {
  const char *names[SIM_MAX_CONTENDERS];
  size_t n = 0;
  clear(self, M4_CURVE_BARS);
  for (int i = 0; i < self->comparison->n; i++) {
    const sim_contender *contender = &self->comparison->list[i];
    if (contender->from_file) continue;
    self->x[0][n] = (double)n;
    self->y[0][n] = contender->result.wall_seconds;
    names[n++] = contender->name;
  }
  self->curves[0].n = n;
  return draw(
      self,
      (m4_plot){.y_label = "run time (s)", .y_log = true, .x_names = names, .n_x_names = n, .n_curves = 1},
      "run_time", "Wall-clock time of the simulations", err);
}

/* ---- all of them ---- */

static m4_status draw_all(easel *self, m4_error *err) {
  M4_TRY(draw_slowdowns(self, err));
  M4_TRY(draw_tail(self, err));
  if (self->comparison->truth >= 0) {
    M4_TRY(draw_error_cdf(self, err));
    M4_TRY(draw_error_by_size(self, err));
    M4_TRY(draw_scatter(self, err));
  }
  M4_TRY(draw_active(self, err));
  M4_TRY(draw_loads(self, err));
  return draw_seconds(self, err);
}

m4_status sim_figures_write(sim_figures *figures, const char *dir, const sim_comparison *comparison,
                            const sim_utilisation *loads, m4_error *err) {
  *figures = (sim_figures){0};
  easel self = {.comparison = comparison, .loads = loads, .dir = dir, .figures = figures};
  size_t points = (size_t)comparison->scenario->n_flows + N_INSTANTS + 1;
  bool room = true;
  for (int i = 0; i < comparison->n; i++) {
    self.x[i] = malloc(points * sizeof *self.x[i]);
    self.y[i] = malloc(points * sizeof *self.y[i]);
    room = room && self.x[i] && self.y[i];
  }
  m4_status status = room ? draw_all(&self, err)
                          : m4_fail(err, M4_MEMORY, comparison->scenario->name, "no memory for figures");
  for (int i = 0; i < comparison->n; i++) {
    free(self.x[i]);
    free(self.y[i]);
  }
  return status;
}
