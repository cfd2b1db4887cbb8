/* The loss of one busy period: slowdown error of every flow, remaining-size errors per flow, queue errors per
 * link (training.md 8). Knows samples and predictions; not how predictions are made. */
#include "nn/m4_loss.h"

#include <math.h>
#include <string.h>

m4_loss_options m4_default_loss(void) {
  return (m4_loss_options){.averaged = false,
                           .weight_size = 0.005,
                           .weight_queue = 0.005,
                           .link_slots = 96,
                           .dropout = 0.2,
                           .fct_form = M4_FCT_RELATIVE,
                           .tail_weight = 0};
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

/* Flows whose departure the sample holds: all of them, unless it was cut short. */
static bool departs(const m4_sample *sample, int32_t flow) {
  return sample->departure_event[flow] < sample->n_events;
}

static int32_t count_departures(const m4_sample *sample) {
  int32_t count = 0;
  for (int32_t i = 0; i < sample->n_flows; i++) count += departs(sample, i);
  return count > 0 ? count : 1;
}

/* flow_weight[i] = slowdown^a over its mean; powers of the slowdown's share of the largest cannot overflow.
 */
static m4_status weigh_flows(nn_loss_plan *plan, const m4_sample *sample, double exponent, m4_arena *arena,
                             m4_error *err) {
  M4_TRY(doubles(&plan->flow_weight, sample->n_flows, arena, err));
  double largest = 0, sum = 0;
  for (int32_t i = 0; i < sample->n_flows; i++) largest = fmax(largest, (double)sample->target_slowdown[i]);
  for (int32_t i = 0; i < sample->n_flows; i++) {
    plan->flow_weight[i] = pow((double)sample->target_slowdown[i] / largest, exponent);
    if (departs(sample, i)) sum += plan->flow_weight[i];
  }
  for (int32_t i = 0; sum > 0 && i < sample->n_flows; i++) plan->flow_weight[i] *= plan->n_departures / sum;
  return M4_OK;
}

static m4_status plan_flows(nn_loss_plan *plan, const m4_sample *sample, const m4_loss_options *options,
                            m4_arena *arena, m4_error *err) {
  plan->fct_form = options->fct_form;
  plan->fct_factor = options->auxiliary_only ? 0.0 : 1.0 / plan->n_departures;
  plan->head_target = m4_arena_calloc(arena, (size_t)sample->n_flows, sizeof *plan->head_target);
  plan->head_slope = m4_arena_calloc(arena, (size_t)sample->n_flows, sizeof *plan->head_slope);
  if (!plan->head_target || !plan->head_slope)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for the targets");
  if (options->tail_weight > 0) M4_TRY(weigh_flows(plan, sample, options->tail_weight, arena, err));
  return M4_OK;
}

/* How often each flow is read, and room for the errors. */
static m4_status plan_every(nn_loss_plan *plan, const m4_sample *sample, double weight, m4_arena *arena,
                            m4_error *err) {
  if (weight <= 0) return M4_OK;
  int32_t n_arrivals = 0;
  plan->n_readouts = m4_arena_calloc(arena, (size_t)sample->n_flows, sizeof *plan->n_readouts);
  if (!plan->n_readouts) return m4_fail(err, M4_MEMORY, NULL, "no memory for the counts of readouts");
  M4_TRY(doubles(&plan->event_error, sample->n_events, arena, err));
  for (int32_t j = 0; j < sample->n_events; j++) {
    const m4_event_data *event = &sample->events[j];
    for (int32_t i = 0; i < event->n_flows; i++) n_arrivals += plan->n_readouts[event->flow_rows[i]]++ == 0;
  }
  plan->every_factor = weight / (n_arrivals > 0 ? n_arrivals : 1);
  return M4_OK;
}

m4_status nn_loss_plan_create(nn_loss_plan *plan, const m4_sample *sample, const m4_loss_options *options,
                              m4_arena *arena, m4_error *err) {
  memset(plan, 0, sizeof *plan);
  plan->n_departures = count_departures(sample);
  if (options->link_slots < 1)
    return m4_fail(err, M4_USAGE, NULL, "link_slots is %d, must be at least 1", (int)options->link_slots);
  if (!(options->tail_weight >= 0))
    return m4_fail(err, M4_USAGE, NULL, "tail_weight is %g, must not be negative", options->tail_weight);
  plan->size_factor = options->weight_size / plan->n_departures;
  plan->queue_factor = options->weight_queue / options->link_slots;
  plan->size_log_factor = options->averaged ? 1.0 / plan->n_departures : plan->size_factor;
  plan->queue_log_factor = options->averaged ? 1.0 / options->link_slots : plan->queue_factor;
  M4_TRY(plan_flows(plan, sample, options, arena, err));
  M4_TRY(plan_every(plan, sample, options->auxiliary_only ? 0.0 : options->weight_every, arena, err));
  if (!options->averaged) return M4_OK;
  M4_TRY(average_weights(&plan->size_weight, sample, false, arena, err));
  return average_weights(&plan->queue_weight, sample, true, arena, err);
}

/* Logarithm of a slowdown, continued by its tangent below the floor. */
static double log_slowdown(double slowdown) {
  if (slowdown >= M4_LOG_FLOOR) return log(slowdown);
  return log(M4_LOG_FLOOR) + (slowdown - M4_LOG_FLOOR) / M4_LOG_FLOOR;
}

static double weight_of(const nn_loss_plan *plan, int32_t flow) {
  return plan->flow_weight ? plan->flow_weight[flow] : 1.0;
}

void nn_loss_aim(nn_loss_plan *plan, const m4_model *model, const m4_sample *sample, int32_t flow,
                 double predicted, const float *fluid) {
  double target = (double)sample->target_slowdown[flow];
  double scale = plan->fct_form == M4_FCT_LOG ? fmax(predicted, M4_LOG_FLOOR) : target;
  double at_zero = m4_slowdown(model, 0.0, fluid), unit = m4_slowdown(model, 1.0, fluid) - at_zero;
  plan->head_target[flow] = (float)((target - at_zero) / unit);
  plan->head_slope[flow] = (float)(weight_of(plan, flow) * unit / scale);
}

static double flow_error(const nn_loss_plan *plan, const m4_sample *sample, int32_t flow, double predicted) {
  double target = (double)sample->target_slowdown[flow];
  double error = plan->fct_form == M4_FCT_RELATIVE ? fabs(predicted - target) / target
                                                   : fabs(log_slowdown(predicted) - log_slowdown(target));
  return error * weight_of(plan, flow);
}

void nn_loss_aim_event(nn_loss_plan *plan, const m4_model *model, const m4_sample *sample, int32_t j,
                       double *head, float *targets, float *slopes) {
  const m4_event_data *event = &sample->events[j];
  plan->event_error[j] = 0;
  for (int32_t i = 0; i < event->n_flows; i++) {
    int32_t flow = event->flow_rows[i];
    const float *fluid = event->fluid ? event->fluid + (size_t)i * M4_N_FLUID : NULL;
    double predicted = m4_slowdown(model, head[i], fluid), share = 1.0 / plan->n_readouts[flow];
    nn_loss_aim(plan, model, sample, flow, predicted, fluid);
    targets[i] = plan->head_target[flow];
    slopes[i] = (float)((double)plan->head_slope[flow] * share);
    plan->event_error[j] += flow_error(plan, sample, flow, predicted) * share;
  }
}

/* Weighted errors of all flows. */
static double flow_errors(const nn_predictions *predictions, const nn_loss_plan *plan,
                          const m4_sample *sample) {
  double sum = 0;
  for (int32_t i = 0; i < sample->n_flows; i++) {
    if (departs(sample, i)) sum += flow_error(plan, sample, i, predictions->slowdown[i]);
  }
  return sum;
}

static double relative_error(const nn_predictions *predictions, const nn_loss_plan *plan,
                             const m4_sample *sample) {
  double sum = 0;
  for (int32_t i = 0; i < sample->n_flows; i++)
    if (departs(sample, i)) sum += fabs(predictions->slowdown[i] / (double)sample->target_slowdown[i] - 1.0);
  return sum / plan->n_departures;
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
  double sizes = size_errors(predictions, plan, sample, output ? output->size_error_sum : NULL);
  double queues = queue_errors(predictions, plan, sample, output ? output->queue_error_sum : NULL);
  m4_losses sums = {.fct = plan->fct_factor * flow_errors(predictions, plan, sample),
                    .size = plan->size_log_factor * sizes,
                    .queue = plan->queue_log_factor * queues,
                    .error = relative_error(predictions, plan, sample)};
  for (int32_t j = 0; plan->every_factor > 0 && j < sample->n_events; j++)
    sums.every += plan->every_factor * plan->event_error[j];
  sums.total = sums.every + sums.fct + plan->size_factor * sizes + plan->queue_factor * queues;
  if (losses) *losses = sums;
  if (isfinite(sums.total)) return M4_OK;
  return m4_fail(err, M4_NUMERIC, NULL, "the loss is not finite: FCT part %g, size part %g, queue part %g",
                 sums.fct, sums.size, sums.queue);
}
