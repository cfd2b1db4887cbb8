/* The learned back end: which event comes next (simulation.md 4), times relative to the first arrival,
 * clamping. Knows infer/session.h; no model inside. */
#include "sim/learned/learned.h"

#include "autograd/memory.h"
#include "nn/weights.h"
#include "sim/learned/links.h"
#include "sim/learned/pending.h"
#include "sim/learned/ranges.h"

#include <math.h>
#include <stdlib.h>

_Static_assert((int)SIM_N_PARAMS == (int)M4_N_PARAMS, "one configuration vector");

/* ---- the shared model ---- */

struct sim_learned_model {
  m4_model *weights;
  sim_ranges ranges;
};

static m4_status load(sim_learned_model *model, const ag_backend *backend, const char *path,
                      m4_metadata *metadata, m4_error *err) {
  M4_TRY(m4_weights_load(&model->weights, backend, path, metadata, err));
  m4_status status = sim_ranges_parse(&model->ranges, m4_metadata_get(metadata, "input_ranges"), err);
  return status == M4_OK ? M4_OK : m4_within(err, status, path);
}

m4_status sim_learned_model_load(sim_learned_model **model, const char *checkpoint_path, m4_error *err) {
  return sim_learned_model_load_on(model, ag_cpu_backend(AG_F32), checkpoint_path, err);
}

m4_status sim_learned_model_load_on(sim_learned_model **model, const ag_backend *backend,
                                    const char *checkpoint_path, m4_error *err) {
  *model = NULL;
  sim_learned_model *made = calloc(1, sizeof *made);
  if (!made) return m4_fail(err, M4_MEMORY, NULL, "no memory for a model");
  m4_metadata metadata = {0};
  m4_status status = load(made, backend, checkpoint_path, &metadata, err);
  m4_metadata_free(&metadata);
  if (status == M4_OK)
    *model = made;
  else
    sim_learned_model_free(made);
  return status;
}

void sim_learned_model_free(sim_learned_model *model) {
  if (!model) return;
  m4_model_free(model->weights);
  free(model);
}

m4_status sim_learned_stack(inf_stack **stack, const sim_learned_model *model, m4_error *err) {
  return inf_stack_create(stack, model->weights, err);
}

bool sim_learned_on_device(const sim_learned_model *model) {
  return !ag_on_host(model->weights->backend);
}

m4_cost sim_learned_model_cost(const sim_learned_model *model) {
  return m4_cost_of(model->weights);
}

bool sim_learned_stacks_exactly(const sim_learned_model *model) {
  return ag_row_bits(model->weights->backend);
}

m4_status sim_learned_warn(const sim_learned_model *model, sim_scenario *scenario, m4_error *err) {
  return sim_ranges_warn(&model->ranges, model->weights->size_feature, scenario, err);
}

/* ---- the back end ---- */

typedef struct learned {
  sim_backend base;
  inf_session *session;
  sim_pending pending; /* times as in the scenario */
  sim_changing_links links;
  double origin_ns; /* first arrival; the session's time 0 */
  double now_ns;    /* how far advance has come, as in the scenario */
  bool started, clamp_off;
  uint64_t clamped;
  float params[M4_N_PARAMS];
} learned;

/* An instant as the engine is told it. Adding the origin may round; comparing sums made the same way is
 * exact. */
static double engine_time(const learned *self, double session_ns) {
  return self->origin_ns + session_ns;
}

static m4_status submit(sim_backend *backend, const int64_t *flows, const double *times_ns, int64_t count,
                        m4_error *err) {
  learned *self = (learned *)backend;
  for (int64_t i = 0; i < count; ++i) {
    if (!self->started && isfinite(times_ns[i])) self->origin_ns = times_ns[i];
    self->started = true;
    bool in_time = isfinite(times_ns[i]) && times_ns[i] >= engine_time(self, inf_clock(self->session));
    if (flows[i] < 0 || flows[i] >= backend->scenario->n_flows || !in_time)
      return m4_fail(err, M4_USAGE, NULL, "flow %lld submitted for %.3f ns", (long long)flows[i],
                     times_ns[i]);
    M4_TRY(sim_pending_add(&self->pending, (sim_arrival){times_ns[i], flows[i]}, err));
  }
  return M4_OK;
}

static m4_status arrive(learned *self, m4_error *err) {
  sim_arrival arrival = *sim_pending_next(&self->pending);
  sim_pending_drop(&self->pending);
  const sim_flow *flow = &self->base.scenario->flows[arrival.flow];
  inf_flow facts = {.tag = arrival.flow,
                    .size_bytes = flow->size_bytes,
                    .ideal_fct_ns = (double)flow->ideal_fct_ns,
                    .links = flow->links,
                    .n_links = flow->n_links,
                    .params = self->params};
  /* A flow released by a completion must not fall before it by rounding. */
  double time_ns = fmax(arrival.time_ns - self->origin_ns, inf_clock(self->session));
  self->now_ns = fmax(self->now_ns, arrival.time_ns);
  M4_TRY(inf_arrive(self->session, time_ns, &facts, err));
  double ideal_ns = sim_changing_links_ideal_ns(&self->links, flow);
  return ideal_ns == facts.ideal_fct_ns
             ? M4_OK
             : inf_change_ideal(self->session, time_ns, arrival.flow, ideal_ns, err);
}

/* ---- changing links ---- */

static m4_status change_link(sim_backend *backend, int32_t link, int64_t rate_bps, double time_ns,
                             m4_error *err) {
  learned *self = (learned *)backend;
  return sim_changing_links_add(&self->links, (sim_link_change){time_ns, link, rate_bps}, self->now_ns, err);
}

/* Flows in flight keep their paths; what is left of those that use the link goes at the new pace. */
static m4_status change_now(learned *self, m4_error *err) {
  const sim_link_change change = *sim_changing_links_next(&self->links);
  double time_ns = fmax(change.time_ns - self->origin_ns, inf_clock(self->session));
  sim_changing_links_apply(&self->links);
  self->now_ns = fmax(self->now_ns, change.time_ns);
  inf_set_link_rate(self->session, change.link, change.rate_bps > 0 ? change.rate_bps : 1);
  for (int32_t i = 0; i < inf_n_active(self->session); ++i) {
    const sim_flow *flow = &self->base.scenario->flows[inf_active_tag(self->session, i)];
    bool uses = false;
    for (int32_t hop = 0; hop < flow->n_links; ++hop) uses = uses || flow->links[hop] == change.link;
    if (uses)
      M4_TRY(inf_change_ideal(self->session, time_ns, flow - self->base.scenario->flows,
                              sim_changing_links_ideal_ns(&self->links, flow), err));
  }
  return M4_OK;
}

/* ---- events ---- */

static m4_status complete(learned *self, int64_t flow, double finish_ns, sim_completion *completion,
                          m4_error *err) {
  double slowdown, release_ns;
  inf_prediction(self->session, flow, &slowdown, &release_ns);
  *completion = (sim_completion){
      .flow = flow, .time_ns = engine_time(self, finish_ns), .fct_ns = finish_ns - release_ns};
  self->now_ns = fmax(self->now_ns, completion->time_ns);
  return inf_complete(self->session, finish_ns, flow, err);
}

/* Nothing more happens up to the limit. */
static m4_status stop_at(learned *self, double limit_ns) {
  if (isfinite(limit_ns)) self->now_ns = fmax(self->now_ns, limit_ns);
  return M4_OK;
}

static bool waits(const sim_backend *backend) {
  return inf_waits(((const learned *)backend)->session);
}

/* Whatever is earlier is next; at equal times a change of a link goes first, then a completion. */
static m4_status advance(sim_backend *backend, double limit_ns, bool *found, sim_completion *completion,
                         m4_error *err) {
  learned *self = (learned *)backend;
  double limit = limit_ns - self->origin_ns;
  *found = false;
  M4_TRY(inf_outcome(self->session, err));
  while (!waits(backend)) {
    const sim_link_change *change = sim_changing_links_next(&self->links);
    const sim_arrival *next = sim_pending_next(&self->pending);
    double arrival = next ? next->time_ns - self->origin_ns : INFINITY, finish = INFINITY;
    int64_t flow = -1;
    bool active = inf_next(self->session, &finish, &flow);
    if (change && change->time_ns - self->origin_ns <= fmin(arrival, finish)) {
      if (change->time_ns > limit_ns) return stop_at(self, limit_ns);
      M4_TRY(change_now(self, err));
      continue;
    }
    if (arrival < finish) {
      if (arrival > limit) return stop_at(self, limit_ns);
      M4_TRY(arrive(self, err));
      continue;
    }
    bool late = !self->clamp_off && finish < inf_clock(self->session);
    if (late) finish = inf_clock(self->session);
    if (!active || finish > limit || isinf(finish)) return stop_at(self, limit_ns);
    self->clamped += late;
    *found = true;
    return complete(self, flow, finish, completion, err);
  }
  return M4_OK;
}

/* ---- looking ---- */

static double session_now(const learned *self) {
  return fmax(self->now_ns - self->origin_ns, inf_clock(self->session));
}

static m4_status view_flow(sim_backend *backend, int64_t flow, sim_flow_view *view, m4_error *err) {
  learned *self = (learned *)backend;
  double release_ns, share;
  *view = (sim_flow_view){NAN, NAN, NAN, NAN, inf_sharers(self->session, flow)};
  if (!inf_prediction(self->session, flow, &view->slowdown, &release_ns))
    return m4_fail(err, M4_USAGE, NULL, "flow %lld is not active", (long long)flow);
  view->finish_ns = engine_time(self, inf_finish_ns(self->session, flow));
  if (!inf_model(self->session)->widths.has_size_head) return M4_OK;
  M4_TRY(inf_remaining(self->session, session_now(self), flow, &share, err));
  view->remaining_bytes = share * (double)backend->scenario->flows[flow].size_bytes;
  return M4_OK;
}

static m4_status view_queue(sim_backend *backend, int32_t link, double *queue_bytes, m4_error *err) {
  learned *self = (learned *)backend;
  return inf_queue(self->session, session_now(self), link, queue_bytes, err);
}

static void count(const sim_backend *backend, uint64_t *events, uint64_t *clamped) {
  const learned *self = (const learned *)backend;
  *events = inf_count(self->session).events;
  *clamped = self->clamped;
}

static void destroy(sim_backend *backend) {
  learned *self = (learned *)backend;
  inf_session_free(self->session);
  sim_pending_free(&self->pending);
  sim_changing_links_free(&self->links);
  free(self);
}

static const sim_backend_ops OPS = {.name = "m4",
                                    .submit = submit,
                                    .advance = advance,
                                    .waits = waits,
                                    .change_link = change_link,
                                    .view_flow = view_flow,
                                    .view_queue = view_queue,
                                    .count = count,
                                    .destroy = destroy};

m4_status sim_learned_backend(sim_backend **backend, const sim_scenario *scenario,
                              const sim_learned_model *model, const sim_learned_options *options,
                              m4_error *err) {
  *backend = NULL;
  learned *self = calloc(1, sizeof *self);
  if (!self) return m4_fail(err, M4_MEMORY, NULL, "no memory for the learned back end");
  self->base = (sim_backend){&OPS, scenario};
  self->links.scenario = scenario;
  for (int i = 0; i < M4_N_PARAMS; ++i) self->params[i] = (float)scenario->params[i];
  inf_options session_options = {0};
  inf_stack *stack = options ? options->stack : NULL;
  if (options) {
    self->clamp_off = options->clamp_off;
    session_options = (inf_options){.global_scope = options->global_scope,
                                    .link_reset_off = options->link_reset_off,
                                    .arrivals_only = options->arrivals_only};
  }
  int32_t n_links = scenario->topology->n_links;
  m4_status status = stack
                         ? inf_stack_session(&self->session, stack, n_links, &session_options, err)
                         : inf_session_create(&self->session, model->weights, n_links, &session_options, err);
  for (int32_t link = 0; status == M4_OK && link < n_links; ++link)
    inf_set_link_rate(self->session, link, scenario->topology->links[link].rate_bps);
  if (status == M4_OK)
    *backend = &self->base;
  else
    destroy(&self->base);
  return status;
}
