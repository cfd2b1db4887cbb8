/* One flow's remaining size and one link's queue over time, predicted and true. Source: figures.md 3. */
#include "train/test_parts.h"

#include <stdlib.h>

void tr_example_free(tr_example *example) {
  free(example->time_us);
  free(example->truth);
  free(example->predicted);
  *example = (tr_example){0};
}

static m4_status begin(tr_example *example, const ds_item *item, int64_t capacity, m4_error *err) {
  tr_example_free(example);
  size_t bytes = ((size_t)capacity + 1) * sizeof(double);
  example->time_us = malloc(bytes);
  example->truth = malloc(bytes);
  example->predicted = malloc(bytes);
  example->period = item->period;
  example->period_flows = item->facts.n_flows;
  if (example->time_us && example->truth && example->predicted) return M4_OK;
  return m4_fail(err, M4_MEMORY, NULL, "no memory for an example");
}

static void add(tr_example *example, double time_us, double truth, double predicted) {
  example->time_us[example->n] = time_us;
  example->truth[example->n] = truth;
  example->predicted[example->n++] = predicted;
}

static int32_t most_labelled(const int64_t *counts, int32_t n) {
  int32_t best = 0;
  for (int32_t i = 1; i < n; ++i)
    if (counts[i] > counts[best]) best = i;
  return best;
}

/* counts [n] is zero. */
static m4_status take_size(tr_example *example, const ds_item *item, const tr_prediction *guess,
                           int64_t *counts, m4_error *err) {
  const m4_sample *sample = item->sample;
  for (int32_t e = 0; e < sample->n_events; ++e)
    for (int32_t i = 0; i < sample->events[e].n_size_labels; ++i) counts[sample->events[e].flow_rows[i]]++;
  int32_t flow = most_labelled(counts, sample->n_flows);
  double time_us = 0, size = (double)item->facts.size_bytes[flow];
  M4_TRY(begin(example, item, counts[flow], err));
  for (int32_t e = 0; e < sample->n_events; ++e) {
    const m4_event_data *event = &sample->events[e];
    time_us += sample->dt_us[e];
    for (int32_t i = 0; i < event->n_size_labels; ++i)
      if (event->flow_rows[i] == flow)
        add(example, time_us, size * event->size_labels[i], size * guess->size[sample->size_offset[e] + i]);
  }
  return M4_OK;
}

static double cube(double value) {
  return value * value * value;
}

static m4_status take_queue(tr_example *example, const ds_item *item, const tr_prediction *guess,
                            int64_t *counts, m4_error *err) {
  const m4_sample *sample = item->sample;
  for (int32_t e = 0; e < sample->n_events; ++e)
    for (int32_t i = 0; i < sample->events[e].n_queue_labels; ++i)
      counts[sample->events[e].queue_rows[i]] +=
          sample->events[e].queue_labels[i] > 1; /* a queue that is not empty */
  int32_t link = most_labelled(counts, sample->n_links);
  double time_us = 0;
  M4_TRY(begin(example, item, sample->queue_offset ? sample->queue_offset[sample->n_events] : 0, err));
  for (int32_t e = 0; e < sample->n_events; ++e) {
    const m4_event_data *event = &sample->events[e];
    time_us += sample->dt_us[e];
    for (int32_t i = 0; i < event->n_queue_labels; ++i)
      if (event->queue_rows[i] == link)
        add(example, time_us, cube(event->queue_labels[i]), cube(guess->queue[sample->queue_offset[e] + i]));
  }
  return M4_OK;
}

typedef m4_status take_function(tr_example *example, const ds_item *item, const tr_prediction *guess,
                                int64_t *counts, m4_error *err);

static m4_status take(tr_example *example, take_function *function, int32_t n, const ds_item *item,
                      const tr_prediction *guess, m4_error *err) {
  if (item->facts.n_flows <= example->period_flows) return M4_OK;
  int64_t *counts = calloc((size_t)n + 1, sizeof *counts);
  if (!counts) return m4_fail(err, M4_MEMORY, NULL, "no memory for an example");
  m4_status status = function(example, item, guess, counts, err);
  free(counts);
  return status;
}

m4_status tr_take_example(tr_test_result *result, const tr_test_job *job, const ds_item *item,
                          const tr_prediction *guess, m4_error *err) {
  const m4_widths *widths = &job->model->widths;
  const m4_sample *sample = item->sample;
  if (widths->has_size_head)
    M4_TRY(take(&result->size_example, take_size, sample->n_flows, item, guess, err));
  if (widths->has_queue_head)
    M4_TRY(take(&result->queue_example, take_queue, sample->n_links, item, guess, err));
  return M4_OK;
}
