/* The loss of one busy period: slowdown error of every flow, remaining-size errors per flow, queue errors per
 * link (training.md 8). Knows samples and predictions; not how predictions are made. */
#include "nn/m4_loss.h"

#include <math.h>
#include <string.h>

m4_loss_options m4_default_loss(void) {
  return (m4_loss_options){
      .averaged = false, .weight_size = 0.005, .weight_queue = 0.005, .link_slots = 96, .dropout = 0.2};
}

static int64_t count_of(const int64_t *offset, int32_t n_events) {
  return offset ? offset[n_events] : 0;
}

/* Zeroed doubles; NULL and M4_OK when there is nothing to hold. */
static m4_status doubles(double **array, int64_t count, m4_arena *arena, m4_error *err) {
  *array = NULL;
  if (count == 0) return M4_OK;
  *array = m4_arena_calloc(arena, (size_t)count, sizeof **array);
  return *array ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for %lld predictions", (long long)count);
}

m4_status nn_predictions_create(nn_predictions *predictions, const m4_model *model, const m4_sample *sample,
                                m4_arena *arena, m4_error *err) {
  int64_t n_sizes = model->widths.has_size_head ? count_of(sample->size_offset, sample->n_events) : 0;
  int64_t n_queues = model->widths.has_queue_head ? count_of(sample->queue_offset, sample->n_events) : 0;
  M4_TRY(doubles(&predictions->slowdown, sample->n_flows, arena, err));
  M4_TRY(doubles(&predictions->size, n_sizes, arena, err));
  return doubles(&predictions->queue, n_queues, arena, err);
}

/* weight[k] = 1 / (number of labels of the same row + 1), for the labels k of all events. */
typedef struct label_walk {
  const m4_sample *sample;
  bool queues;
} label_walk;

static void labels_of_event(const label_walk *walk, int32_t j, const int32_t **rows, int32_t *count,
                            int64_t *first) {
  const m4_event_data *event = &walk->sample->events[j];
  *rows = walk->queues ? event->queue_rows : event->flow_rows;
  *count = walk->queues ? event->n_queue_labels : event->n_size_labels;
  *first = *count == 0 ? 0 : walk->queues ? walk->sample->queue_offset[j] : walk->sample->size_offset[j];
}

static m4_status average_weights(float **weights, const m4_sample *sample, bool queues, m4_arena *arena,
                                 m4_error *err) {
  const label_walk walk = {.sample = sample, .queues = queues};
  int64_t n_labels = count_of(queues ? sample->queue_offset : sample->size_offset, sample->n_events);
  size_t n_rows = (size_t)(queues ? sample->n_links : sample->n_flows);
  *weights = m4_arena_calloc(arena, (size_t)n_labels, sizeof **weights);
  int32_t *labels_of_row = m4_arena_calloc(arena, n_rows, sizeof *labels_of_row);
  if (!*weights || !labels_of_row)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for the weights of labels");
  const int32_t *rows;
  int32_t count;
  int64_t first;
  for (int32_t j = 0; j < sample->n_events; j++) {
    labels_of_event(&walk, j, &rows, &count, &first);
    for (int32_t i = 0; i < count; i++) labels_of_row[rows[i]]++;
  }
  for (int32_t j = 0; j < sample->n_events; j++) {
    labels_of_event(&walk, j, &rows, &count, &first);
    for (int32_t i = 0; i < count; i++) (*weights)[first + i] = 1.0f / (float)(labels_of_row[rows[i]] + 1);
  }
  return M4_OK;
}

m4_status nn_loss_plan_create(nn_loss_plan *plan, const m4_sample *sample, const m4_loss_options *options,
                              m4_arena *arena, m4_error *err) {
  memset(plan, 0, sizeof *plan);
  if (options->link_slots < 1)
    return m4_fail(err, M4_USAGE, NULL, "link_slots is %d, must be at least 1", (int)options->link_slots);
  plan->fct_factor = 1.0 / sample->n_flows;
  plan->size_factor = options->weight_size / sample->n_flows;
  plan->queue_factor = options->weight_queue / options->link_slots;
  plan->inverse_target = m4_arena_alloc(arena, (size_t)sample->n_flows, sizeof(float));
  if (!plan->inverse_target) return m4_fail(err, M4_MEMORY, NULL, "no memory for the targets");
  for (int32_t i = 0; i < sample->n_flows; i++) plan->inverse_target[i] = 1.0f / sample->target_slowdown[i];
  if (!options->averaged) return M4_OK;
  M4_TRY(average_weights(&plan->size_weight, sample, false, arena, err));
  return average_weights(&plan->queue_weight, sample, true, arena, err);
}

static double weighted(double error, const float *weight, int64_t k) {
  return weight ? error * (double)weight[k] : error;
}

static double size_errors(const nn_predictions *predictions, const nn_loss_plan *plan,
                          const m4_sample *sample, double *sums) {
  double total = 0;
  if (sums) memset(sums, 0, (size_t)sample->n_flows * sizeof *sums);
  for (int32_t j = 0; predictions->size && j < sample->n_events; j++) {
    const m4_event_data *event = &sample->events[j];
    for (int32_t i = 0; i < event->n_size_labels; i++) {
      int64_t k = sample->size_offset[j] + i;
      double error = fabs(predictions->size[k] - (double)sample->size_labels[k]);
      if (sums) sums[event->flow_rows[i]] += error;
      total += weighted(error, plan->size_weight, k);
    }
  }
  return total;
}

static double queue_errors(const nn_predictions *predictions, const nn_loss_plan *plan,
                           const m4_sample *sample, double *sums) {
  double total = 0;
  if (sums) memset(sums, 0, (size_t)sample->n_links * sizeof *sums);
  for (int32_t j = 0; predictions->queue && j < sample->n_events; j++) {
    const m4_event_data *event = &sample->events[j];
    for (int32_t i = 0; i < event->n_queue_labels; i++) {
      int64_t k = sample->queue_offset[j] + i;
      double error = fabs(predictions->queue[k] - (double)sample->queue_labels[k]);
      if (sums) sums[event->queue_rows[i]] += error;
      total += weighted(error, plan->queue_weight, k);
    }
  }
  return total;
}

m4_status nn_loss_evaluate(const nn_predictions *predictions, const nn_loss_plan *plan,
                           const m4_sample *sample, m4_losses *losses, m4_pass_output *output,
                           m4_error *err) {
  m4_losses sums = {0};
  for (int32_t i = 0; i < sample->n_flows; i++)
    sums.fct +=
        fabs(predictions->slowdown[i] - (double)sample->target_slowdown[i]) * (double)plan->inverse_target[i];
  sums.fct *= plan->fct_factor;
  sums.size =
      plan->size_factor * size_errors(predictions, plan, sample, output ? output->size_error_sum : NULL);
  sums.queue =
      plan->queue_factor * queue_errors(predictions, plan, sample, output ? output->queue_error_sum : NULL);
  sums.total = sums.fct + sums.size + sums.queue;
  if (losses) *losses = sums;
  if (isfinite(sums.total)) return M4_OK;
  return m4_fail(err, M4_NUMERIC, NULL, "the loss is not finite: FCT part %g, size part %g, queue part %g",
                 sums.fct, sums.size, sums.queue);
}
