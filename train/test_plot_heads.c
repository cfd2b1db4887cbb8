/* Figures of the auxiliary heads: errors, predicted against true, one flow and one link over time. In all of
 * them `which` is 0 for remaining sizes, 1 for queues. */
#include "train/test_figure.h"

#include <math.h>

static const tr_head_quality *head_of(const tr_test_result *result, int which) {
  return which == 0 ? &result->size : &result->queue;
}

static m4_status fill_head_errors(tr_figure *f, const tr_drawing *d, int which, m4_error *err) {
  for (int k = 0; k < d->n_results; ++k) {
    const tr_pairs *pairs = &head_of(&d->results[k], which)->pairs;
    double *x, *y;
    M4_TRY(tr_add_curve(f, d->results[k].label, M4_CURVE_STEPS, (size_t)pairs->n, &x, &y, err));
    for (int64_t i = 0; i < pairs->n; ++i) x[i] = fabs((double)pairs->predicted[i] - (double)pairs->truth[i]);
    tr_make_cdf(f, (size_t)pairs->n, x, y);
  }
  return M4_OK;
}

static m4_status fill_head_scatter(tr_figure *f, const tr_drawing *d, int which, m4_error *err) {
  double most = 0;
  for (int k = 0; k < d->n_results; ++k) {
    const tr_pairs *pairs = &head_of(&d->results[k], which)->pairs;
    double *x, *y;
    M4_TRY(tr_add_curve(f, d->results[k].label, M4_CURVE_POINTS, (size_t)pairs->n, &x, &y, err));
    for (int64_t i = 0; i < pairs->n; ++i) {
      x[i] = (double)pairs->truth[i];
      y[i] = (double)pairs->predicted[i];
      most = fmax(most, x[i]);
    }
  }
  return tr_add_diagonal(f, 0, most, err);
}

static const tr_example *example_of(const tr_test_result *result, int which) {
  return which == 0 ? &result->size_example : &result->queue_example;
}

/* The truth is the same for all that have one: the first model's with this head. */
static m4_status fill_examples(tr_figure *f, const tr_drawing *d, int which, m4_error *err) {
  bool has_truth = false;
  for (int k = 0; k < d->n_results; ++k) {
    const tr_example *example = example_of(&d->results[k], which);
    size_t n = (size_t)example->n;
    double *x, *y;
    M4_TRY(tr_add_curve(f, d->results[k].label, M4_CURVE_LINE, n, &x, &y, err));
    for (size_t i = 0; i < n; ++i) {
      x[i] = example->time_us[i] / 1e3;
      y[i] = example->predicted[i] / 1e3;
    }
    if (has_truth || n == 0) continue;
    M4_TRY(tr_add_curve(f, "truth", M4_CURVE_REFERENCE, n, &x, &y, err));
    for (size_t i = 0; i < n; ++i) {
      x[i] = example->time_us[i] / 1e3;
      y[i] = example->truth[i] / 1e3;
    }
    has_truth = true;
  }
  return M4_OK;
}

static m4_status plot_example(tr_drawing *d, int which, m4_error *err) {
  static const char *const titles[] = {"Remaining size of one flow", "Queue met on one link"};
  static const char *const names[] = {"size_example", "queue_example"};
  m4_plot plot = {.title = titles[which],
                  .x_label = "time since the busy period began (ms)",
                  .y_label = which == 0 ? "bytes to come (KB)" : "bytes queued (KB)"};
  return tr_draw(d, plot, (size_t)d->n_results + 1, fill_examples, which, names[which], err);
}

m4_status tr_plot_heads(tr_drawing *d, m4_error *err) {
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
    M4_TRY(tr_draw(d, cdf, n, fill_head_errors, which, errors[which], err));
    m4_plot scatter = {.title = titles[which], .x_label = "true", .y_label = "predicted"};
    M4_TRY(tr_draw(d, scatter, n + 1, fill_head_scatter, which, scatters[which], err));
    M4_TRY(plot_example(d, which, err));
  }
  return M4_OK;
}
