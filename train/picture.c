/* Pictures of an example: lines are the truth, points the model's word. Knows the run. */
#include "train/picture.h"

#include "train/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEWEST_FLOWS = 10, MOST_FLOWS = 200, N_CURVES = 5 };

/* The example: the first validation sample of a size that a picture can show, else the first. */
static int64_t choose_period(const tr_run *run) {
  for (int64_t i = 0; i < run->split.n_val; ++i) {
    ds_period_info info = ds_period(run->dataset, run->split.val[i]);
    if (info.n_flows >= FEWEST_FLOWS && info.n_flows <= MOST_FLOWS) return run->split.val[i];
  }
  return run->split.val[0];
}

typedef struct example {
  const m4_sample *sample;
  double *time_ms;     /* [n_events] */
  float *size, *queue; /* predictions, as sample->size_labels and queue_labels; NULL without labels */
} example;

static int64_t n_labels(const int64_t *offset, const m4_sample *sample) {
  return offset ? offset[sample->n_events] : 0;
}

static m4_status predict(const tr_run *run, example *e, m4_error *err) {
  const m4_sample *sample = e->sample;
  m4_workspace *workspace;
  m4_pass_output output = {.size_prediction = e->size, .queue_prediction = e->queue};
  m4_loss_options options = tr_loss_options(run->values, false);
  m4_losses losses;
  for (int32_t j = 0; j < sample->n_events; ++j)
    e->time_ms[j] = (j > 0 ? e->time_ms[j - 1] : 0) + (double)sample->dt_us[j] / 1000;
  M4_TRY(m4_workspace_create(&workspace, run->model, 0, err));
  m4_status status = m4_pass_forward(workspace, run->model, sample, &options, &losses, &output, err);
  m4_workspace_free(workspace);
  return status;
}

/* ---- remaining sizes ---- */

/* The flow, beside those chosen already, that is there for most events; -1: none. */
static int32_t choose_flow(const m4_sample *sample, const int32_t *chosen, int n_chosen) {
  int32_t best = -1, longest = 0;
  for (int32_t flow = 0; flow < sample->n_flows; ++flow) {
    int32_t length = sample->departure_event[flow] - sample->arrival_event[flow];
    bool taken = false;
    for (int i = 0; i < n_chosen; ++i) taken |= chosen[i] == flow;
    if (taken || length <= longest) continue;
    longest = length;
    best = flow;
  }
  return best;
}

static void draw_flow(tr_chart *chart, const example *e, int32_t flow, tr_color color) {
  const m4_sample *sample = e->sample;
  double last_x = -1, last_y = 0;
  for (int32_t j = 0; j < sample->n_events; ++j) {
    const m4_event_data *event = &sample->events[j];
    for (int32_t i = 0; i < event->n_size_labels; ++i) {
      if (event->flow_rows[i] != flow) continue;
      int64_t k = sample->size_offset[j] + i;
      double x = e->time_ms[j], y = (double)sample->size_labels[k];
      if (last_x >= 0) tr_chart_line(chart, last_x, last_y, x, y, color);
      tr_chart_point(chart, x, (double)e->size[k], color);
      last_x = x;
      last_y = y;
    }
  }
}

static void draw_sizes(tr_chart *chart, const example *e) {
  int32_t chosen[N_CURVES];
  tr_chart_open(chart, "remaining size: true (line), predicted (points)", "time, ms", "",
                e->time_ms[e->sample->n_events - 1], 1.2);
  for (int i = 0; i < N_CURVES; ++i) {
    chosen[i] = choose_flow(e->sample, chosen, i);
    if (chosen[i] < 0) return;
    draw_flow(chart, e, chosen[i], tr_chart_color(i));
  }
}

/* ---- queue ---- */

/* The link with most labels that say anything. */
static int32_t choose_link(const m4_sample *sample) {
  int32_t best = 0;
  int64_t most = -1;
  for (int32_t link = 0; link < sample->n_links; ++link) {
    int64_t count = 0;
    for (int64_t k = 0; k < n_labels(sample->queue_offset, sample); ++k)
      count += sample->queue_rows[k] == link ? 1 + (sample->queue_labels[k] > 1 ? 1000 : 0) : 0;
    if (count <= most) continue;
    most = count;
    best = link;
  }
  return best;
}

static double kilobytes(float cube_root) {
  return pow(fmax((double)cube_root, 0), 3) / 1000;
}

static void draw_queue(tr_chart *chart, const example *e) {
  const m4_sample *sample = e->sample;
  int32_t link = choose_link(sample);
  double largest = 0, last_x = -1, last_y = 0;
  for (int64_t k = 0; k < n_labels(sample->queue_offset, sample); ++k)
    if (sample->queue_rows[k] == link) largest = fmax(largest, kilobytes(sample->queue_labels[k]));
  tr_chart_open(chart, "queue of a link at arrivals: true (line), predicted (points)", "time, ms", "KB",
                e->time_ms[sample->n_events - 1], 1.2 * largest);
  for (int32_t j = 0; j < sample->n_events; ++j)
    for (int64_t k = sample->queue_offset[j]; k < sample->queue_offset[j + 1]; ++k) {
      if (sample->queue_rows[k] != link) continue;
      double x = e->time_ms[j], y = kilobytes(sample->queue_labels[k]);
      if (last_x >= 0) tr_chart_line(chart, last_x, last_y, x, y, tr_chart_color(0));
      tr_chart_point(chart, x, kilobytes(e->queue[k]), tr_chart_color(1));
      last_x = x;
      last_y = y;
    }
}

/* ---- both ---- */

static m4_status draw(const tr_run *run, const example *e, tr_chart *chart, m4_error *err) {
  if (e->size) {
    draw_sizes(chart, e);
    M4_TRY(tr_journal_chart(run->journal, "example/remaining_size", run->state.step, chart, err));
  }
  if (!e->queue) return M4_OK;
  draw_queue(chart, e);
  return tr_journal_chart(run->journal, "example/queue", run->state.step, chart, err);
}

static m4_status draw_sample(const tr_run *run, const m4_sample *sample, m4_error *err) {
  int64_t n_sizes = run->model->widths.has_size_head ? n_labels(sample->size_offset, sample) : 0;
  int64_t n_queues = run->model->widths.has_queue_head ? n_labels(sample->queue_offset, sample) : 0;
  if (n_sizes + n_queues == 0) return M4_OK;
  example e = {.sample = sample,
               .time_ms = calloc((size_t)sample->n_events, sizeof *e.time_ms),
               .size = n_sizes > 0 ? calloc((size_t)n_sizes, sizeof *e.size) : NULL,
               .queue = n_queues > 0 ? calloc((size_t)n_queues, sizeof *e.queue) : NULL};
  tr_chart *chart = malloc(sizeof *chart);
  bool complete = e.time_ms && (e.size || n_sizes == 0) && (e.queue || n_queues == 0) && chart;
  m4_status status =
      complete ? predict(run, &e, err) : m4_fail(err, M4_MEMORY, NULL, "no memory for a picture");
  if (status == M4_OK)
    status = draw(run, &e, chart, err);
  else if (status == M4_NUMERIC)
    status = M4_OK; /* nothing to show; whether training goes on is not decided here */
  free(e.time_ms);
  free(e.size);
  free(e.queue);
  free(chart);
  return status;
}

m4_status tr_draw_example(tr_run *run, m4_error *err) {
  if (run->split.n_val == 0) return M4_OK;
  int64_t period = choose_period(run);
  ds_prefetch *prefetch;
  ds_item *item = NULL;
  M4_TRY(ds_prefetch_create(&prefetch, run->dataset, &period, 1, run->model->size_feature, 1, 1, err));
  m4_status status = ds_prefetch_next(prefetch, &item, err);
  if (status == M4_OK && item) {
    status = draw_sample(run, item->sample, err);
    ds_prefetch_return(prefetch, item);
  }
  ds_prefetch_free(prefetch);
  return status;
}
