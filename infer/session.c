/* The session: arrivals, completions, state updates, predictions. Knows the parts beside it and nn. */
#include "infer/session.h"

#include "base/heap.h"
#include "infer/bundles.h"
#include "infer/components.h"
#include "infer/slots.h"
#include "infer/snapshot.h"
#include "infer/watch.h"
#include "infer/work.h"
#include "nn/m4_fluid.h"
#include "nn/m4_inputs.h"

#include <math.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 64 };

struct inf_session {
  inf_options options;
  double clock_ns;
  inf_work work;
  inf_slots slots;
  inf_components components;
  inf_bundles bundles;     /* rows of work.state.links */
  inf_bundle_copy *copies; /* [copy_capacity] scratch */
  int32_t copy_capacity;
  inf_snapshot snapshot;
  m4_fluid fluid; /* empty unless the model has fluid features */
  m4_heap heap;
  inf_counters counters;
  inf_watcher watcher; /* see NULL: nobody */
};

/* ---- life ---- */

static m4_status grow_slots(inf_session *session, int32_t n_slots, m4_error *err) {
  if (n_slots > session->work.state.flows.rows) M4_TRY(inf_work_grow(&session->work, n_slots, err));
  M4_TRY(m4_heap_reserve(&session->heap, n_slots, err));
  if (session->work.model->widths.n_fluid > 0) M4_TRY(m4_fluid_grow(&session->fluid, n_slots, err));
  return inf_slots_grow(&session->slots, n_slots, err);
}

static m4_status init_session(inf_session *session, const m4_model *model, int32_t n_links, m4_error *err) {
  M4_TRY(inf_work_init(&session->work, model, FIRST_SLOTS, n_links + 1, err));
  M4_TRY(inf_bundles_init(&session->bundles, n_links, !session->options.link_reset_off, err));
  M4_TRY(inf_components_init(&session->components, n_links, session->options.global_scope, err));
  M4_TRY(inf_snapshot_init(&session->snapshot, n_links, err));
  if (model->widths.n_fluid > 0) M4_TRY(m4_fluid_init(&session->fluid, FIRST_SLOTS, n_links, err));
  return grow_slots(session, FIRST_SLOTS, err);
}

m4_status inf_session_create(inf_session **session, const m4_model *model, int32_t n_links,
                             const inf_options *options, m4_error *err) {
  *session = NULL;
  if (n_links < 1 || n_links == INT32_MAX)
    return m4_fail(err, M4_USAGE, NULL, "a network of %d links", (int)n_links);
  inf_session *made = calloc(1, sizeof *made);
  if (!made) return m4_fail(err, M4_MEMORY, NULL, "no memory for a session");
  if (options) made->options = *options;
  m4_status status = init_session(made, model, n_links, err);
  if (status == M4_OK)
    *session = made;
  else
    inf_session_free(made);
  return status;
}

void inf_session_free(inf_session *session) {
  if (!session) return;
  m4_heap_free(&session->heap);
  inf_snapshot_free(&session->snapshot);
  m4_fluid_free(&session->fluid);
  inf_bundles_free(&session->bundles);
  free(session->copies);
  inf_components_free(&session->components);
  inf_slots_free(&session->slots);
  inf_work_free(&session->work);
  free(session);
}

void inf_set_link_rate(inf_session *session, int32_t link, int64_t rate_bps) {
  if (session->fluid.flows) session->fluid.links[link].capacity = (double)rate_bps / 8e9;
}

void inf_watch(inf_session *session, inf_watcher watcher) {
  session->watcher = watcher;
}

/* ---- the state update (simulation.md 3) ---- */

/* The largest time since the last update of a member, in microseconds: one value for all of them. */
static double time_step_us(const inf_session *session, const inf_roster *flows, double time_ns) {
  double delta_ns = 0.0;
  for (int32_t i = 0; i < flows->count; ++i)
    delta_ns = fmax(delta_ns, time_ns - session->slots.list[flows->members[i].row].last_ns);
  return delta_ns / 1000.0;
}

static void count_update(inf_counters *counters, const inf_component *component, int32_t n_bundles) {
  ++counters->updates;
  counters->updated_flows += (uint64_t)component->flows.count;
  counters->updated_links += (uint64_t)component->links.count;
  counters->updated_bundles += (uint64_t)n_bundles;
  int32_t nodes = component->flows.count + component->links.count;
  if (nodes > counters->largest_component) counters->largest_component = nodes;
}

static m4_status predict(inf_session *session, int32_t row, double slowdown, m4_error *err) {
  inf_slot *flow = &session->slots.list[row];
  flow->slowdown = slowdown > 1.0 ? slowdown : 1.0;
  double finish_ns = inf_slot_finish_ns(flow);
  if (!isfinite(slowdown) || isnan(finish_ns)) {
    m4_fail(err, M4_NUMERIC, NULL, "the predicted slowdown of flow %lld is %g at %.3f ns",
            (long long)flow->tag, slowdown, session->clock_ns);
    return m4_hint(err, M4_NUMERIC, "are the 13 parameters in the units of training?");
  }
  m4_heap_set(&session->heap, row, finish_ns, flow->tag);
  return M4_OK;
}

static m4_status update(inf_session *session, const inf_component *component, m4_error *err) {
  const inf_roster *flows = &component->flows;
  if (flows->count == 0) return M4_OK;
  m4_event_data event;
  M4_TRY(inf_snapshot_take(&session->snapshot, &session->slots, component, session->bundles.row,
                           session->components.flow_count, &event, err));
  event.dt_us = time_step_us(session, flows, session->clock_ns);
  for (int32_t i = 0; i < flows->count; ++i)
    session->slots.list[flows->members[i].row].last_ns = session->clock_ns;
  if (session->fluid.flows) {
    M4_TRY(m4_fluid_step(&session->fluid, event.flow_rows, event.n_flows, session->clock_ns, err));
    event.fluid = session->fluid.features;
  }
  const inf_watcher *watcher = &session->watcher;
  if (watcher->see) M4_TRY(watcher->see(watcher->context, component, event.dt_us, event.fluid, err));
  const ag_tensor *head;
  M4_TRY(inf_work_step(&session->work, &event, &head, err));
  count_update(&session->counters, component, event.n_links);
  for (int32_t i = 0; i < flows->count; ++i) {
    const float *fluid = event.fluid ? event.fluid + (size_t)i * M4_N_FLUID : NULL;
    double slowdown = m4_slowdown(session->work.model, inf_work_value(&session->work, head, i), fluid);
    M4_TRY(predict(session, flows->members[i].row, slowdown, err));
  }
  return M4_OK;
}

/* ---- events ---- */

static m4_status check_arrival(const inf_session *session, double time_ns, const inf_flow *flow,
                               m4_error *err) {
  long long tag = (long long)flow->tag;
  if (!isfinite(time_ns) || time_ns < session->clock_ns)
    return m4_fail(err, M4_USAGE, NULL, "flow %lld arrives at %.3f ns, the clock is at %.3f ns", tag, time_ns,
                   session->clock_ns);
  if (inf_roster_find(&session->slots.active, flow->tag) >= 0)
    return m4_fail(err, M4_USAGE, NULL, "flow %lld is active already", tag);
  if (flow->size_bytes < 1 || !isfinite(flow->ideal_fct_ns) || flow->ideal_fct_ns <= 0.0)
    return m4_fail(err, M4_USAGE, NULL, "flow %lld has %lld bytes and an ideal FCT of %g ns", tag,
                   (long long)flow->size_bytes, flow->ideal_fct_ns);
  if (flow->n_links < 1) return m4_fail(err, M4_USAGE, NULL, "flow %lld has no links", tag);
  for (int32_t hop = 0; hop < flow->n_links; ++hop)
    if (flow->links[hop] < 0 || flow->links[hop] >= session->components.n_links)
      return m4_fail(err, M4_USAGE, NULL, "flow %lld uses link %d of a network of %d links", tag,
                     (int)flow->links[hop], (int)session->components.n_links);
  for (int32_t hop = 0; session->fluid.flows && hop < flow->n_links; ++hop)
    if (session->fluid.links[flow->links[hop]].capacity <= 0.0)
      return m4_fail(err, M4_USAGE, NULL, "flow %lld uses link %d, which has no line rate", tag,
                     (int)flow->links[hop]);
  return M4_OK;
}

/* The new flow's links leave the bundles that they are no longer equal to. */
static m4_status split_bundles(inf_session *session, const inf_flow *flow, m4_error *err) {
  if (flow->n_links > session->copy_capacity) {
    inf_bundle_copy *larger = realloc(session->copies, (size_t)flow->n_links * sizeof *larger);
    if (!larger) return m4_fail(err, M4_MEMORY, NULL, "no memory for a path of %d links", (int)flow->n_links);
    session->copies = larger;
    session->copy_capacity = flow->n_links;
  }
  int32_t n = inf_bundles_join(&session->bundles, flow->links, flow->n_links, session->copies);
  for (int32_t i = 0; i < n; ++i)
    inf_work_copy_link(&session->work, session->copies[i].from, session->copies[i].to);
  return M4_OK;
}

m4_status inf_arrive(inf_session *session, double time_ns, const inf_flow *flow, m4_error *err) {
  M4_TRY(check_arrival(session, time_ns, flow, err));
  if (session->slots.n_free == 0) {
    if (session->slots.n_slots > INT32_MAX / 2) return m4_fail(err, M4_MEMORY, NULL, "too many active flows");
    M4_TRY(grow_slots(session, 2 * session->slots.n_slots, err));
  }
  int32_t row;
  M4_TRY(inf_slots_take(&session->slots, time_ns, flow, &row, err));
  M4_TRY(inf_components_join(&session->components, flow->tag, row, flow->links, flow->n_links, err));
  M4_TRY(split_bundles(session, flow, err));
  const m4_model *model = session->work.model;
  float size_feature = m4_size_feature_of(flow->size_bytes, model->size_feature);
  m4_state_init_flow(&session->work.state, model, row, size_feature, flow->n_links, flow->params);
  if (session->fluid.flows)
    m4_fluid_start(&session->fluid, row, time_ns, (double)flow->size_bytes, flow->ideal_fct_ns,
                   session->slots.list[row].path, flow->n_links);
  session->clock_ns = time_ns;
  ++session->counters.events;
  return update(session, inf_components_of(&session->components, flow->links), err);
}

bool inf_next(const inf_session *session, double *time_ns, int64_t *tag) {
  if (session->heap.count == 0) return false;
  *time_ns = session->heap.entries[0].key;
  *tag = session->heap.entries[0].tie;
  return true;
}

static void reset_idle_links(inf_session *session, const inf_slot *flow) {
  for (int32_t hop = 0; hop < flow->n_path; ++hop)
    if (session->components.flow_count[flow->path[hop]] == 0)
      inf_bundles_reset(&session->bundles, flow->path[hop]);
}

m4_status inf_complete(inf_session *session, double time_ns, int64_t tag, m4_error *err) {
  int32_t row = inf_roster_find(&session->slots.active, tag);
  if (row < 0) return m4_fail(err, M4_USAGE, NULL, "flow %lld is not active", (long long)tag);
  if (!isfinite(time_ns))
    return m4_fail(err, M4_USAGE, NULL, "flow %lld completes at %g ns", (long long)tag, time_ns);
  const inf_slot *flow = &session->slots.list[row];
  const inf_component *component = inf_components_leave(&session->components, tag, flow->path, flow->n_path);
  if (!session->options.link_reset_off) reset_idle_links(session, flow);
  m4_heap_remove(&session->heap, row);
  inf_slots_give_back(&session->slots, row);
  session->clock_ns = time_ns;
  ++session->counters.events;
  return session->options.arrivals_only ? M4_OK : update(session, component, err);
}

/* ---- changes of the network ---- */

m4_status inf_change_ideal(inf_session *session, double time_ns, int64_t tag, double ideal_fct_ns,
                           m4_error *err) {
  int32_t row = inf_roster_find(&session->slots.active, tag);
  if (row < 0 || !(time_ns >= session->clock_ns) || !(ideal_fct_ns > 0))
    return m4_fail(err, M4_USAGE, NULL, "flow %lld cannot have an ideal FCT of %g ns from %.3f ns on",
                   (long long)tag, ideal_fct_ns, time_ns);
  inf_slot *flow = &session->slots.list[row];
  double pace_ns = flow->slowdown * flow->ideal_fct_ns; /* for the whole flow */
  if (isfinite(pace_ns)) flow->left = fmax(flow->left - fmax(time_ns - flow->base_ns, 0) / pace_ns, 0);
  flow->base_ns = time_ns;
  flow->ideal_fct_ns = ideal_fct_ns;
  m4_heap_set(&session->heap, row, inf_slot_finish_ns(flow), tag);
  return M4_OK;
}

/* ---- looking without touching ---- */

/* Takes the event that would be at time_ns in the component of a path. */
static m4_status imagine(inf_session *session, double time_ns, const int32_t *path, m4_event_data *event,
                         m4_error *err) {
  const inf_component *component = inf_components_of(&session->components, path);
  if (!(time_ns >= session->clock_ns) || !isfinite(time_ns))
    return m4_fail(err, M4_USAGE, NULL, "the clock is at %.3f ns and cannot look at %.3f ns",
                   session->clock_ns, time_ns);
  M4_TRY(inf_snapshot_take(&session->snapshot, &session->slots, component, session->bundles.row,
                           session->components.flow_count, event, err));
  event->dt_us = time_step_us(session, &component->flows, time_ns);
  return M4_OK;
}

m4_status inf_remaining(inf_session *session, double time_ns, int64_t tag, double *share, m4_error *err) {
  int32_t row = inf_roster_find(&session->slots.active, tag), node = 0;
  if (row < 0) return m4_fail(err, M4_USAGE, NULL, "flow %lld is not active", (long long)tag);
  if (!session->work.model->widths.has_size_head)
    return m4_fail(err, M4_USAGE, NULL, "the weights have no head for remaining sizes");
  m4_event_data event;
  double head;
  M4_TRY(imagine(session, time_ns, session->slots.list[row].path, &event, err));
  while (event.flow_rows[node] != row) ++node;
  M4_TRY(inf_work_peek_size(&session->work, &event, node, &head, err));
  *share = fmin(fmax(head, 0.0), 1.0);
  return M4_OK;
}

m4_status inf_queue(inf_session *session, double time_ns, int32_t link, double *bytes, m4_error *err) {
  *bytes = 0;
  if (link < 0 || link >= session->components.n_links)
    return m4_fail(err, M4_USAGE, NULL, "link %d of a network of %d links", (int)link,
                   (int)session->components.n_links);
  if (!session->work.model->widths.has_queue_head)
    return m4_fail(err, M4_USAGE, NULL, "the weights have no head for queues");
  if (session->components.flow_count[link] == 0) return M4_OK;
  m4_event_data event;
  double head;
  M4_TRY(imagine(session, time_ns, &link, &event, err));
  M4_TRY(inf_work_peek_queue(&session->work, &event, session->bundles.row[link], &head, err));
  *bytes = head > 0 ? head * head * head : 0; /* the head speaks in cube roots (training.md) */
  return M4_OK;
}

int32_t inf_sharers(const inf_session *session, int64_t tag) {
  int32_t row = inf_roster_find(&session->slots.active, tag);
  if (row < 0) return -1;
  return inf_components_of(&session->components, session->slots.list[row].path)->flows.count - 1;
}

/* ---- questions ---- */

double inf_clock(const inf_session *session) {
  return session->clock_ns;
}

int32_t inf_n_active(const inf_session *session) {
  return session->slots.active.count;
}

int64_t inf_active_tag(const inf_session *session, int32_t i) {
  return session->slots.active.members[i].key;
}

inf_counters inf_count(const inf_session *session) {
  return session->counters;
}

bool inf_prediction(const inf_session *session, int64_t tag, double *slowdown, double *release_ns) {
  int32_t row = inf_roster_find(&session->slots.active, tag);
  if (row < 0) return false;
  *slowdown = session->slots.list[row].slowdown;
  *release_ns = session->slots.list[row].release_ns;
  return true;
}

double inf_finish_ns(const inf_session *session, int64_t tag) {
  int32_t row = inf_roster_find(&session->slots.active, tag);
  return row < 0 ? NAN : inf_slot_finish_ns(&session->slots.list[row]);
}

const m4_model *inf_model(const inf_session *session) {
  return session->work.model;
}
