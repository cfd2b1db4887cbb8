/* Readings of the heads. Knows samples and the loss; not how a pass runs. */
#include "nn/m4_readings.h"

#include "autograd/memory.h"

#include <string.h>

static size_t element_bytes(const nn_readings *r) {
  return r->model->params[0]->dtype == AG_F64 ? sizeof(double) : sizeof(float);
}

/* ---- life ---- */

typedef struct sizes {
  int64_t values;
  size_t active; /* most flows of an event */
} sizes;

static sizes measure(const m4_sample *sample) {
  sizes most = {0};
  for (int32_t j = 0; j < sample->n_events; j++) {
    const m4_event_data *event = &sample->events[j];
    most.values += 1 + (int64_t)event->n_flows + event->n_size_labels + event->n_queue_labels;
    if ((size_t)event->n_flows > most.active) most.active = (size_t)event->n_flows;
  }
  return most;
}

enum { KINDS = 4 };

double nn_readings_most_bytes(const m4_model *model, const m4_sample *sample) {
  double element = model->params[0]->dtype == AG_F64 ? sizeof(double) : sizeof(float), alignments = 8 * 64;
  sizes most = measure(sample);
  return (double)most.values * element + (double)most.active * (sizeof(double) + 2 * sizeof(float)) +
         (double)sample->n_events * KINDS * sizeof(nn_reading) + alignments;
}

m4_status nn_readings_create(nn_readings *r, const m4_model *model, const m4_sample *sample,
                             const m4_loss_options *options, double scale, ag_tape *tape, m4_error *err) {
  m4_arena *arena = ag_tape_arena(tape);
  *r = (nn_readings){.model = model, .sample = sample, .scale = scale};
  M4_TRY(nn_predictions_create(&r->predictions, model, sample, arena, err));
  M4_TRY(nn_loss_plan_create(&r->loss, sample, options, arena, err));
  sizes most = measure(sample);
  r->items = m4_arena_alloc(arena, KINDS * (size_t)sample->n_events, sizeof *r->items);
  r->heads = m4_arena_alloc(arena, most.active, sizeof *r->heads);
  r->targets = m4_arena_alloc(arena, most.active, sizeof *r->targets);
  r->slopes = m4_arena_alloc(arena, most.active, sizeof *r->slopes);
  r->there = ag_tape_take(tape, (size_t)most.values * element_bytes(r));
  r->here = r->there;
  if (!ag_on_host(model->backend)) r->here = m4_arena_alloc(arena, (size_t)most.values, element_bytes(r));
  if (r->items && r->heads && r->targets && r->slopes && r->there && r->here) return M4_OK;
  return m4_fail(err, M4_MEMORY, NULL, "no memory for what the heads say at %d events",
                 (int)sample->n_events);
}

/* ---- noting ---- */

void nn_readings_note(nn_readings *r, nn_reading_kind kind, int32_t event, ag_tensor *head) {
  if (!head) return;
  size_t element = element_bytes(r);
  r->items[r->count++] =
      (nn_reading){.kind = kind, .event = event, .head = head, .first = r->n_values, .n = head->rows};
  if (r->here != r->there)
    ag_copy(r->model->backend, r->there + (size_t)r->n_values * element, head->data,
            (size_t)head->rows * element);
  r->n_values += head->rows;
}

/* ---- judging ---- */

static const void *said(const nn_readings *r, const nn_reading *reading) {
  return r->here == r->there ? reading->head->data : r->here + (size_t)reading->first * element_bytes(r);
}

static void take(const nn_readings *r, const nn_reading *reading, double *values) {
  const void *found = said(r, reading);
  bool is_double = element_bytes(r) == sizeof(double);
  for (int32_t i = 0; i < reading->n; i++)
    values[i] = is_double ? ((const double *)found)[i] : (double)((const float *)found)[i];
}

/* The gradient of a reading is that of factor * |said - target| * weight, summed. */
typedef struct aim {
  const float *target, *weight; /* weight NULL = 1 */
  double factor;
} aim;

/* The tape's type does the arithmetic. */
static void put_gradients(const nn_readings *r, const nn_reading *reading, const aim *to) {
  bool is_double = element_bytes(r) == sizeof(double);
  const void *found = said(r, reading);
  void *gradients = r->here + (size_t)reading->first * element_bytes(r);
  double factor = to->factor * r->scale;
  for (int32_t i = 0; i < reading->n; i++) {
    double x = is_double ? ((const double *)found)[i] : (double)((const float *)found)[i];
    double difference = x - (double)to->target[i], weight = to->weight ? (double)to->weight[i] : 1;
    double sign = (difference > 0) - (difference < 0);
    if (is_double)
      ((double *)gradients)[i] = factor * sign * weight;
    else
      ((float *)gradients)[i] = (float)factor * (float)sign * (float)weight;
  }
}

static aim judge_departing(nn_readings *r, const nn_reading *reading) {
  int32_t flow = r->sample->event_flow[reading->event];
  const float *fluid = m4_sample_last_fluid(r->sample, flow);
  double *predicted = &r->predictions.slowdown[flow];
  take(r, reading, predicted);
  *predicted = m4_slowdown(r->model, *predicted, fluid);
  nn_loss_aim(&r->loss, r->model, r->sample, flow, *predicted, fluid);
  return (aim){&r->loss.head_target[flow], &r->loss.head_slope[flow], r->loss.fct_factor};
}

/* What a simulation would predict now. */
static aim judge_active(nn_readings *r, const nn_reading *reading) {
  take(r, reading, r->heads);
  nn_loss_aim_event(&r->loss, r->model, r->sample, reading->event, r->heads, r->targets, r->slopes);
  return (aim){r->targets, r->slopes, r->loss.every_factor};
}

static aim judge_labels(nn_readings *r, const nn_reading *reading) {
  bool of_sizes = reading->kind == NN_SIZES;
  const m4_event_data *event = &r->sample->events[reading->event];
  int64_t k = (of_sizes ? r->sample->size_offset : r->sample->queue_offset)[reading->event];
  const float *weight = of_sizes ? r->loss.size_weight : r->loss.queue_weight;
  take(r, reading, (of_sizes ? r->predictions.size : r->predictions.queue) + k);
  return (aim){of_sizes ? event->size_labels : event->queue_labels, weight ? weight + k : NULL,
               of_sizes ? r->loss.size_factor : r->loss.queue_factor};
}

static aim judge(nn_readings *r, const nn_reading *reading) {
  if (reading->kind == NN_DEPARTING_FLOW) return judge_departing(r, reading);
  return reading->kind == NN_ACTIVE_FLOWS ? judge_active(r, reading) : judge_labels(r, reading);
}

static void seed(const nn_readings *r, ag_tape *tape) {
  size_t element = element_bytes(r), bytes = (size_t)r->n_values * element;
  if (r->here != r->there) ag_upload(r->model->backend, r->there, r->here, bytes);
  for (int64_t i = 0; i < r->count; i++)
    ag_seed_values(tape, r->items[i].head, r->there + (size_t)r->items[i].first * element);
}

void nn_readings_judge(nn_readings *r, ag_tape *tape) {
  size_t bytes = (size_t)r->n_values * element_bytes(r);
  if (r->here != r->there && bytes > 0) ag_download(r->model->backend, r->here, r->there, bytes);
  for (int64_t i = 0; i < r->count; i++) {
    aim to = judge(r, &r->items[i]);
    if (ag_tape_recording(tape)) put_gradients(r, &r->items[i], &to);
  }
  if (ag_tape_recording(tape)) seed(r, tape);
  r->count = 0;
  r->n_values = 0;
}
