/* A busy period through the model, event by event. Gradients by segments: forward once saving the rows at
 * every border, then the segments in reverse: restore, record, backward. Knows samples, losses and segments;
 * not how busy periods are stored or chosen. */
#include "nn/m4_pass.h"

#include "nn/m4_loss.h"
#include "nn/m4_segments.h"

#include <stdlib.h>
#include <string.h>

struct m4_workspace {
  size_t budget_bytes, peak_bytes;
  int32_t n_segments;
  nn_tape_cost cost;
  m4_arena arena;
  ag_tape *tape;
  m4_team *team;
  m4_pool *pool;       /* whose idle threads help; NULL = nobody */
  ag_profile *profile; /* NULL: off */
};

/* ---- workspace ---- */

m4_status m4_workspace_create(m4_workspace **result, const m4_model *model, size_t budget_bytes,
                              m4_error *err) {
  *result = NULL;
  m4_workspace *workspace = calloc(1, sizeof *workspace);
  if (!workspace) return m4_fail(err, M4_MEMORY, NULL, "no memory for a workspace");
  workspace->budget_bytes = budget_bytes;
  m4_status status = nn_tape_cost_measure(&workspace->cost, model, err);
  if (status == M4_OK) status = ag_tape_create(&workspace->tape, model->backend, &workspace->arena, err);
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
  if (workspace->tape) ag_tape_free(workspace->tape);
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
  ag_tape_check_finite(workspace->tape, on);
}

size_t m4_workspace_peak_bytes(const m4_workspace *workspace) {
  size_t now = workspace->arena.peak_bytes;
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
  return tables + lists + nn_segments_most_bytes(sample, model) + 1.25 * (tape + largest_event) + (1 << 20);
}

static m4_status reserve(m4_workspace *workspace, const m4_model *model, const m4_sample *sample,
                         m4_error *err) {
  m4_arena_release(&workspace->arena, 0);
  double bytes = most_bytes(workspace, model, sample);
  if (bytes <= (double)workspace->arena.reserved_bytes) return M4_OK;
  if (bytes > (double)(SIZE_MAX / 4))
    return m4_fail(err, M4_MEMORY, NULL, "a busy period needs %.3g bytes", bytes);
  workspace->peak_bytes = m4_workspace_peak_bytes(workspace);
  m4_arena_free(&workspace->arena);
  M4_TRY(m4_arena_init(&workspace->arena, (size_t)bytes, err));
  m4_arena_use_large_pages(&workspace->arena);
  return M4_OK;
}

/* ---- a pass ---- */

typedef struct pass {
  const m4_model *model;
  const m4_sample *sample;
  m4_workspace *workspace;
  ag_tape *tape;
  m4_arena *arena;
  m4_state state;
  nn_predictions predictions;
  nn_loss_plan loss;
  double dropout, scale;
  ag_rng_state rng;
  uint64_t *random_offset; /* [n_events] random numbers used before each event; NULL without dropout */
} pass;

static m4_status init_state(pass *p, m4_error *err) {
  const m4_sample *sample = p->sample;
  M4_TRY(m4_state_create(&p->state, p->model, p->arena, sample->n_flows, sample->n_links, err));
  for (int32_t i = 0; i < sample->n_flows; i++)
    m4_state_init_flow(&p->state, p->model, i, sample->size_feature[i], (int32_t)sample->flow_n_links[i],
                       sample->params + (size_t)i * M4_N_PARAMS);
  for (int32_t i = 0; i < sample->n_links; i++) m4_state_init_link(&p->state, p->model, i);
  return M4_OK;
}

static m4_status begin(pass *p, m4_workspace *workspace, const m4_model *model, const m4_sample *sample,
                       const m4_loss_options *options, m4_error *err) {
  *p = (pass){.model = model,
              .sample = sample,
              .workspace = workspace,
              .tape = workspace->tape,
              .arena = &workspace->arena};
  if (model->widths.n_fluid > 0 && !sample->fluid)
    return m4_fail(err, M4_DATA, NULL, "the model needs line rates, and the busy period has none");
  M4_TRY(reserve(workspace, model, sample, err));
  ag_tape_record(p->tape, false);
  ag_tape_clear(p->tape);
  ag_tape_reset_status(p->tape);
  M4_TRY(nn_predictions_create(&p->predictions, model, sample, p->arena, err));
  M4_TRY(nn_loss_plan_create(&p->loss, sample, options, p->arena, err));
  return init_state(p, err);
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
    if (p->loss.every_factor > 0) used += (uint64_t)event->n_flows * (uint64_t)w->head_hidden;
    if (w->has_size_head) used += (uint64_t)event->n_size_labels * (uint64_t)w->aux_hidden;
    if (w->has_queue_head) used += (uint64_t)event->n_queue_labels * (uint64_t)w->aux_hidden;
  }
  return M4_OK;
}

static void keep(const pass *p, const ag_tensor *tensor, double *values) {
  if (!tensor) return;
  bool is_double = p->model->params[0]->dtype == AG_F64;
  for (int32_t i = 0; i < tensor->rows; i++)
    values[i] = is_double ? ((const double *)tensor->data)[i] : (double)((const float *)tensor->data)[i];
}

/* Gradient of factor * sum |x - target| * weight into x. */
static void seed_errors(const pass *p, ag_tensor *x, const float *target, const float *weight,
                        double factor) {
  if (x && ag_tape_recording(p->tape)) ag_seed(p->tape, ag_l1(p->tape, x, target, weight), factor * p->scale);
}

/* A flow that departs is read out: no later event touches its row. */
static void read_departing_flow(pass *p, int32_t j) {
  const int32_t *flow = &p->sample->event_flow[j];
  if (p->sample->departure_event[*flow] != j) return;
  const float *fluid = m4_sample_last_fluid(p->sample, *flow);
  ag_tensor *slowdown = m4_readout(p->model, p->tape, &p->state, flow, 1, fluid, p->dropout);
  double *predicted = &p->predictions.slowdown[*flow];
  keep(p, slowdown, predicted);
  *predicted = m4_slowdown(p->model, *predicted, fluid);
  nn_loss_aim(&p->loss, p->model, p->sample, *flow, *predicted, fluid);
  seed_errors(p, slowdown, &p->loss.head_target[*flow], &p->loss.head_slope[*flow], p->loss.fct_factor);
}

/* What a simulation would predict now for every active flow. */
static void read_active_flows(pass *p, int32_t j) {
  const m4_event_data *event = &p->sample->events[j];
  size_t n = (size_t)event->n_flows;
  double *heads = m4_arena_alloc(p->arena, n, sizeof *heads);
  float *targets = m4_arena_alloc(p->arena, n, sizeof *targets),
        *slopes = m4_arena_alloc(p->arena, n, sizeof *slopes);
  ag_tensor *head =
      m4_readout(p->model, p->tape, &p->state, event->flow_rows, event->n_flows, event->fluid, p->dropout);
  if (!head || !heads || !targets || !slopes) return; /* a full arena has made the tape fail */
  keep(p, head, heads);
  nn_loss_aim_event(&p->loss, p->model, p->sample, j, heads, targets, slopes);
  seed_errors(p, head, targets, slopes, p->loss.every_factor);
}

/* One event with every readout and, when recording, the seeds of its gradients. */
static void observe_event(pass *p, int32_t j) {
  const m4_sample *sample = p->sample;
  const m4_event_data *event = &sample->events[j];
  if (p->random_offset) {
    ag_rng_state rng = p->rng;
    rng.next_index += p->random_offset[j];
    ag_tape_set_rng(p->tape, rng);
  }
  read_departing_flow(p, j);
  m4_event_aux aux;
  m4_event(p->model, p->tape, &p->state, event, p->dropout, &aux);
  if (aux.size_prediction) {
    int64_t k = sample->size_offset[j];
    keep(p, aux.size_prediction, p->predictions.size + k);
    seed_errors(p, aux.size_prediction, event->size_labels,
                p->loss.size_weight ? p->loss.size_weight + k : NULL, p->loss.size_factor);
  }
  if (aux.queue_prediction) {
    int64_t k = sample->queue_offset[j];
    keep(p, aux.queue_prediction, p->predictions.queue + k);
    seed_errors(p, aux.queue_prediction, event->queue_labels,
                p->loss.queue_weight ? p->loss.queue_weight + k : NULL, p->loss.queue_factor);
  }
  if (p->loss.every_factor > 0 && event->n_flows > 0) read_active_flows(p, j);
}

/* Runs events without recording; `observing` with readouts, otherwise states only. */
static m4_status run_events(pass *p, int32_t first, int32_t end, bool observing, m4_error *err) {
  size_t mark = m4_arena_mark(p->arena);
  for (int32_t j = first; j < end; j++) {
    if (observing)
      observe_event(p, j);
    else
      m4_event(p->model, p->tape, &p->state, &p->sample->events[j], 0.0, NULL);
    M4_TRY(ag_tape_status(p->tape, err));
    m4_arena_release(p->arena, mark);
  }
  return M4_OK;
}

static void copy_floats(float *to, const double *from, int64_t count) {
  if (to)
    for (int64_t i = 0; i < count; i++) to[i] = from ? (float)from[i] : 0.0f;
}

static m4_status finish(const pass *p, m4_losses *losses, m4_pass_output *output, m4_error *err) {
  const m4_sample *sample = p->sample;
  if (output) {
    copy_floats(output->slowdown, p->predictions.slowdown, sample->n_flows);
    copy_floats(output->size_prediction, p->predictions.size,
                sample->size_offset ? sample->size_offset[sample->n_events] : 0);
    copy_floats(output->queue_prediction, p->predictions.queue,
                sample->queue_offset ? sample->queue_offset[sample->n_events] : 0);
  }
  return nn_loss_evaluate(&p->predictions, &p->loss, sample, losses, output, err);
}

/* ---- gradients ---- */

/* Forward to the border of the last segment; every segment before it keeps the rows it starts from. */
static m4_status run_to_last_segment(pass *p, nn_segments *segments, m4_error *err) {
  for (int32_t s = 0; s < segments->count - 1; s++) {
    nn_segment_save(&segments->items[s], p->tape, &p->state);
    M4_TRY(run_events(p, segments->items[s].first, segments->items[s].end, false, err));
  }
  return M4_OK;
}

static m4_status record_segment(pass *p, const nn_segment *segment, ag_grads *grads, m4_error *err) {
  size_t mark = m4_arena_mark(p->arena);
  ag_tape_record(p->tape, true);
  for (int32_t j = segment->first; j < segment->end; j++) observe_event(p, j);
  m4_status status = ag_backward(p->tape, grads, err);
  ag_tape_record(p->tape, false);
  ag_tape_clear(p->tape);
  m4_arena_release(p->arena, mark);
  return status;
}

static m4_status compute_gradients(pass *p, ag_grads *grads, m4_error *err) {
  nn_segments segments;
  M4_TRY(ag_table_grad(p->tape, &p->state.flows, err));
  M4_TRY(ag_table_grad(p->tape, &p->state.links, err));
  M4_TRY(
      nn_segments_cut(&segments, p->sample, &p->workspace->cost, p->workspace->budget_bytes, p->arena, err));
  p->workspace->n_segments = segments.count;
  M4_TRY(run_to_last_segment(p, &segments, err));
  for (int32_t s = segments.count - 1; s >= 0; s--) {
    if (s < segments.count - 1) nn_segment_restore(&segments.items[s], p->tape, &p->state);
    M4_TRY(record_segment(p, &segments.items[s], grads, err));
  }
  ag_grads_finish(grads);
  return M4_OK;
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
  M4_TRY(begin(&p, workspace, model, sample, options, err));
  M4_TRY(run(&p, NULL, err));
  return finish(&p, losses, output, err);
}

m4_status m4_pass_gradients(m4_workspace *workspace, const m4_model *model, const m4_sample *sample,
                            const m4_loss_options *options, double scale, ag_rng_state rng, ag_grads *grads,
                            m4_losses *losses, m4_pass_output *output, m4_error *err) {
  pass p;
  M4_TRY(begin(&p, workspace, model, sample, options, err));
  M4_TRY(plan_dropout(&p, options->dropout, rng, err));
  p.scale = scale;
  M4_TRY(run(&p, grads, err));
  return finish(&p, losses, output, err);
}
