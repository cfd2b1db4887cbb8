/* A busy period through the model, event by event. Gradients by segments: forward once saving the rows at
 * every border, then the segments in reverse: restore, record, backward. Knows samples, losses and segments;
 * not how busy periods are stored or chosen. */
#include "nn/m4_pass.h"

#include "autograd/memory.h"
#include "nn/m4_readings.h"
#include "nn/m4_resident.h"

#include <stdlib.h>
#include <string.h>

struct m4_workspace {
  size_t budget_bytes, peak_bytes;
  int32_t n_segments;
  nn_tape_cost cost;
  m4_arena arena;
  ag_tape *tape;  /* NULL before the first pass */
  ag_block block; /* on a device: the sample */
  m4_team *team;
  m4_pool *pool;       /* whose idle threads help; NULL = nobody */
  ag_profile *profile; /* NULL: off */
  bool check_finite;
};

/* ---- workspace ---- */

m4_status m4_workspace_create(m4_workspace **result, const m4_model *model, size_t budget_bytes,
                              m4_error *err) {
  *result = NULL;
  m4_workspace *workspace = calloc(1, sizeof *workspace);
  if (!workspace) return m4_fail(err, M4_MEMORY, NULL, "no memory for a workspace");
  workspace->budget_bytes = budget_bytes;
  m4_status status = nn_tape_cost_measure(&workspace->cost, model, err);
  if (status == M4_OK) status = m4_team_create(&workspace->team, err);
  if (status != M4_OK) {
    m4_workspace_free(workspace);
    return status;
  }
  *result = workspace;
  return M4_OK;
}

void m4_workspace_free(m4_workspace *workspace) {
  if (!workspace) return;
  ag_tape_free(workspace->tape);
  ag_block_free(&workspace->block);
  m4_team_free(workspace->team);
  m4_arena_free(&workspace->arena);
  free(workspace);
}

void m4_workspace_share(m4_workspace *workspace, m4_pool *pool) {
  workspace->pool = pool;
}

void m4_workspace_profile(m4_workspace *workspace, ag_profile *profile) {
  workspace->profile = profile;
}

void m4_workspace_check_finite(m4_workspace *workspace, bool on) {
  workspace->check_finite = on;
}

size_t m4_workspace_peak_bytes(const m4_workspace *workspace) {
  size_t now = workspace->arena.peak_bytes, elements = 0;
  if (workspace->tape) elements = ag_tape_peak_bytes(workspace->tape); /* on a device: its memory */
  if (elements > now) now = elements;
  return now > workspace->peak_bytes ? now : workspace->peak_bytes;
}

int32_t m4_workspace_segments(const m4_workspace *workspace) {
  return workspace->n_segments;
}

/* Address space a pass over the sample may need; generous, because only what is touched costs memory. */
static double most_bytes(const m4_workspace *workspace, const m4_model *model, const m4_sample *sample) {
  double element = sizeof(double), align = 64;
  double tables = 2 * ((double)sample->n_flows + (double)sample->n_links) *
                  (model->widths.hidden + 2.0 * M4_N_FACTS) * element;
  double labels = (sample->size_offset ? (double)sample->size_offset[sample->n_events] : 0) +
                  (sample->queue_offset ? (double)sample->queue_offset[sample->n_events] : 0);
  double lists = labels * 2 * element + (double)(sample->n_flows + sample->n_links) * 6 * element +
                 (double)sample->n_events * 2 * element + 64 * align;
  double largest_event = workspace->cost.event_bytes + workspace->cost.node_bytes * sample->max_nodes +
                         nn_tape_cost_of_gradients(&workspace->cost, sample->max_nodes);
  double whole_tape = nn_tape_cost_of_sample(&workspace->cost, sample), tape = whole_tape;
  if (workspace->budget_bytes > 0 && tape > (double)workspace->budget_bytes)
    tape = (double)workspace->budget_bytes;
  return tables + lists + nn_readings_most_bytes(model, sample) + nn_segments_most_bytes(sample, model) +
         1.25 * (tape + largest_event) + (1 << 20);
}

/* The tape goes with its arena: on a device it has memory of the same size there. */
static m4_status enlarge(m4_workspace *workspace, const m4_model *model, size_t bytes, m4_error *err) {
  workspace->peak_bytes = m4_workspace_peak_bytes(workspace);
  ag_tape_free(workspace->tape);
  workspace->tape = NULL;
  m4_arena_free(&workspace->arena);
  M4_TRY(m4_arena_init(&workspace->arena, bytes, err));
  m4_arena_use_large_pages(&workspace->arena);
  return ag_tape_create(&workspace->tape, model->backend, &workspace->arena, err);
}

static m4_status reserve(m4_workspace *workspace, const m4_model *model, const m4_sample *sample,
                         m4_error *err) {
  double bytes = most_bytes(workspace, model, sample);
  if (bytes > (double)(SIZE_MAX / 4))
    return m4_fail(err, M4_MEMORY, NULL, "a busy period needs %.3g bytes", bytes);
  if (!workspace->tape || bytes > (double)workspace->arena.reserved_bytes)
    M4_TRY(enlarge(workspace, model, (size_t)bytes, err));
  ag_tape_release(workspace->tape, (ag_mark){0});
  ag_tape_record(workspace->tape, false);
  ag_tape_reset_status(workspace->tape);
  ag_tape_check_finite(workspace->tape, workspace->check_finite);
  return M4_OK;
}

/* ---- a pass ---- */

typedef struct pass {
  const m4_model *model;
  const m4_sample *sample;
  m4_workspace *workspace;
  ag_tape *tape;
  m4_arena *arena;
  nn_segments segments; /* none: forward only */
  nn_resident at;
  nn_readings readings;
  double dropout;
  ag_rng_state rng;
  uint64_t *random_offset; /* [n_events] random numbers used before each event; NULL without dropout */
} pass;

static m4_status cut(pass *p, m4_error *err) {
  m4_workspace *workspace = p->workspace;
  M4_TRY(nn_segments_cut(&p->segments, p->sample, &workspace->cost, workspace->budget_bytes, p->arena, err));
  workspace->n_segments = p->segments.count;
  return M4_OK;
}

static m4_status begin(pass *p, m4_workspace *workspace, const m4_model *model, const m4_sample *sample,
                       const m4_loss_options *options, double scale, bool learning, m4_error *err) {
  *p = (pass){.model = model, .sample = sample, .workspace = workspace, .arena = &workspace->arena};
  if (model->widths.n_fluid > 0 && !sample->fluid)
    return m4_fail(err, M4_DATA, NULL, "the model needs line rates, and the busy period has none");
  M4_TRY(reserve(workspace, model, sample, err));
  p->tape = workspace->tape;
  M4_TRY(nn_readings_create(&p->readings, model, sample, options, scale, p->tape, err));
  if (learning) M4_TRY(cut(p, err));
  return nn_resident_create(&p->at, model, sample, learning ? &p->segments : NULL, &workspace->block,
                            p->arena, err);
}

/* Every event gets random numbers of its own, so that any event can be computed again by itself. */
static m4_status plan_dropout(pass *p, double dropout, ag_rng_state rng, m4_error *err) {
  p->dropout = dropout;
  p->rng = rng;
  if (dropout <= 0) return M4_OK;
  const m4_widths *w = &p->model->widths;
  p->random_offset = m4_arena_alloc(p->arena, (size_t)p->sample->n_events, sizeof *p->random_offset);
  if (!p->random_offset) return m4_fail(err, M4_MEMORY, NULL, "no memory for dropout");
  uint64_t used = 0;
  for (int32_t j = 0; j < p->sample->n_events; j++) {
    const m4_event_data *event = &p->sample->events[j];
    p->random_offset[j] = used;
    used += (uint64_t)w->head_hidden;
    if (p->readings.loss.every_factor > 0) used += (uint64_t)event->n_flows * (uint64_t)w->head_hidden;
    if (w->has_size_head) used += (uint64_t)event->n_size_labels * (uint64_t)w->aux_hidden;
    if (w->has_queue_head) used += (uint64_t)event->n_queue_labels * (uint64_t)w->aux_hidden;
  }
  return M4_OK;
}

/* A flow that departs is read out: no later event touches its row. */
static ag_tensor *read_departing_flow(pass *p, int32_t j) {
  int32_t flow = p->sample->event_flow[j];
  if (p->sample->departure_event[flow] != j) return NULL;
  return m4_readout(p->model, p->tape, &p->at.state, &p->at.event_flow[j], 1,
                    nn_resident_last_fluid(&p->at, flow), p->dropout);
}

static ag_tensor *read_active_flows(pass *p, int32_t j) {
  const m4_event_data *event = &p->at.events[j];
  if (p->readings.loss.every_factor <= 0 || event->n_flows == 0) return NULL;
  return m4_readout(p->model, p->tape, &p->at.state, event->flow_rows, event->n_flows, event->fluid,
                    p->dropout);
}

/* One event with every readout. */
static void observe_event(pass *p, int32_t j) {
  if (p->random_offset) {
    ag_rng_state rng = p->rng;
    rng.next_index += p->random_offset[j];
    ag_tape_set_rng(p->tape, rng);
  }
  nn_readings_note(&p->readings, NN_DEPARTING_FLOW, j, read_departing_flow(p, j));
  m4_event_aux aux;
  m4_event(p->model, p->tape, &p->at.state, &p->at.events[j], p->dropout, &aux);
  nn_readings_note(&p->readings, NN_SIZES, j, aux.size_prediction);
  nn_readings_note(&p->readings, NN_QUEUES, j, aux.queue_prediction);
  nn_readings_note(&p->readings, NN_ACTIVE_FLOWS, j, read_active_flows(p, j));
}

/* Runs events without recording; `observing` with readouts, otherwise states only. On the host tensors are
 * judged before their memory is used again. */
static m4_status run_events(pass *p, int32_t first, int32_t end, bool observing, m4_error *err) {
  ag_mark mark = ag_tape_mark(p->tape);
  bool at_once = ag_on_host(p->model->backend);
  for (int32_t j = first; j < end; j++) {
    if (observing)
      observe_event(p, j);
    else
      m4_event(p->model, p->tape, &p->at.state, &p->at.events[j], 0.0, NULL);
    M4_TRY(ag_tape_status(p->tape, err));
    if (observing && at_once) nn_readings_judge(&p->readings, p->tape);
    ag_tape_release(p->tape, mark);
  }
  if (observing) nn_readings_judge(&p->readings, p->tape);
  return ag_tape_status(p->tape, err);
}

static void copy_floats(float *to, const double *from, int64_t count) {
  if (to)
    for (int64_t i = 0; i < count; i++) to[i] = from ? (float)from[i] : 0.0f;
}

static m4_status finish(const pass *p, m4_losses *losses, m4_pass_output *output, m4_error *err) {
  const m4_sample *sample = p->sample;
  if (output) {
    copy_floats(output->slowdown, p->readings.predictions.slowdown, sample->n_flows);
    copy_floats(output->size_prediction, p->readings.predictions.size,
                sample->size_offset ? sample->size_offset[sample->n_events] : 0);
    copy_floats(output->queue_prediction, p->readings.predictions.queue,
                sample->queue_offset ? sample->queue_offset[sample->n_events] : 0);
  }
  return nn_loss_evaluate(&p->readings.predictions, &p->readings.loss, sample, losses, output, err);
}

/* ---- gradients ---- */

/* Forward to the border of the last segment; every segment before it keeps the rows it starts from. */
static m4_status run_to_last_segment(pass *p, m4_error *err) {
  for (int32_t s = 0; s < p->segments.count - 1; s++) {
    nn_segment *segment = &p->segments.items[s];
    nn_segment_save(segment, p->tape, &p->at.state);
    M4_TRY(run_events(p, segment->first, segment->end, false, err));
  }
  return M4_OK;
}

static m4_status record_segment(pass *p, const nn_segment *segment, ag_grads *grads, m4_error *err) {
  ag_mark mark = ag_tape_mark(p->tape);
  ag_tape_record(p->tape, true);
  for (int32_t j = segment->first; j < segment->end; j++) observe_event(p, j);
  m4_status status = ag_tape_status(p->tape, err);
  if (status == M4_OK) {
    nn_readings_judge(&p->readings, p->tape);
    status = ag_backward(p->tape, grads, err);
  }
  ag_tape_record(p->tape, false);
  ag_tape_release(p->tape, mark);
  return status;
}

static m4_status compute_gradients(pass *p, ag_grads *grads, m4_error *err) {
  M4_TRY(ag_table_grad(p->tape, &p->at.state.flows, err));
  M4_TRY(ag_table_grad(p->tape, &p->at.state.links, err));
  M4_TRY(run_to_last_segment(p, err));
  for (int32_t s = p->segments.count - 1; s >= 0; s--) {
    if (s < p->segments.count - 1) nn_segment_restore(&p->segments.items[s], p->tape, &p->at.state);
    M4_TRY(record_segment(p, &p->segments.items[s], grads, err));
  }
  ag_grads_finish(grads);
  return ag_backend_status(p->model->backend, err);
}

/* ---- the two passes, with whoever helps ---- */

typedef struct led_pass {
  pass *pass;
  ag_grads *grads; /* NULL: forward only */
  m4_status status;
  m4_error *err;
} led_pass;

static void attach(const led_pass *led, m4_team *team, ag_profile *profile) {
  ag_tape_share(led->pass->tape, team);
  ag_tape_profile(led->pass->tape, profile);
  if (!led->grads) return;
  ag_grads_share(led->grads, team);
  ag_grads_profile(led->grads, profile);
}

static void lead(void *arg) {
  led_pass *led = arg;
  pass *p = led->pass;
  ag_profile *profile = p->workspace->profile;
  int64_t begin_ns = profile ? ag_profile_now_ns() : 0;
  attach(led, p->workspace->team, profile);
  if (led->grads)
    led->status = compute_gradients(p, led->grads, led->err);
  else
    led->status = run_events(p, 0, p->sample->n_events, true, led->err);
  attach(led, NULL, NULL);
  if (profile) ag_profile_span(profile, "busy period", begin_ns, ag_profile_now_ns());
}

static m4_status run(pass *p, ag_grads *grads, m4_error *err) {
  led_pass led = {.pass = p, .grads = grads, .err = err};
  m4_team_lead(p->workspace->team, p->workspace->pool, lead, &led);
  return led.status;
}

m4_status m4_pass_forward(m4_workspace *workspace, const m4_model *model, const m4_sample *sample,
                          const m4_loss_options *options, m4_losses *losses, m4_pass_output *output,
                          m4_error *err) {
  pass p;
  M4_TRY(begin(&p, workspace, model, sample, options, 1.0, false, err));
  M4_TRY(run(&p, NULL, err));
  return finish(&p, losses, output, err);
}

m4_status m4_pass_gradients(m4_workspace *workspace, const m4_model *model, const m4_sample *sample,
                            const m4_loss_options *options, double scale, ag_rng_state rng, ag_grads *grads,
                            m4_losses *losses, m4_pass_output *output, m4_error *err) {
  pass p;
  M4_TRY(begin(&p, workspace, model, sample, options, scale, true, err));
  M4_TRY(plan_dropout(&p, options->dropout, rng, err));
  M4_TRY(run(&p, grads, err));
  return finish(&p, losses, output, err);
}
