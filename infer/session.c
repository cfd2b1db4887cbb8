/* The session: arrivals, completions, state updates, predictions. Knows the parts beside it and nn. */
#include "infer/session.h"

#include "infer/session_internal.h"
#include "nn/m4_inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64, UNUSED = -1, NOBODY = -1 };

/* ---- life ---- */

static m4_status grow_slots(inf_session *session, int32_t n_slots, m4_error *err) {
  M4_TRY(m4_heap_reserve(&session->heap, n_slots, err));
  if (inf_model_of(session)->widths.n_fluid > 0) M4_TRY(m4_fluid_grow(&session->fluid, n_slots, err));
  return inf_slots_grow(&session->slots, n_slots, err);
}

/* Only the initial state has a row until flows come. */
static m4_status init_link_rows(inf_session *session, int32_t n_links, m4_error *err) {
  session->link_row = malloc(((size_t)n_links + 1) * sizeof *session->link_row);
  if (!session->link_row) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d links", (int)n_links);
  for (int32_t bundle = 0; bundle <= n_links; ++bundle) session->link_row[bundle] = UNUSED;
  inf_work *work = &session->stack->work;
  M4_TRY(inf_work_take_link(work, &session->link_row[0], err));
  m4_state_init_link(&work->state, work->model, session->link_row[0]);
  return M4_OK;
}

static m4_status init_session(inf_session *session, int32_t n_links, m4_error *err) {
  M4_TRY(inf_bundles_init(&session->bundles, n_links, !session->options.link_reset_off, err));
  M4_TRY(inf_components_init(&session->components, n_links, session->options.global_scope, err));
  M4_TRY(inf_snapshot_init(&session->snapshot, n_links, err));
  if (inf_model_of(session)->widths.n_fluid > 0)
    M4_TRY(m4_fluid_init(&session->fluid, FIRST_SLOTS, n_links, err));
  M4_TRY(init_link_rows(session, n_links, err));
  return grow_slots(session, FIRST_SLOTS, err);
}

m4_status inf_stack_session(inf_session **session, inf_stack *stack, int32_t n_links,
                            const inf_options *options, m4_error *err) {
  *session = NULL;
  if (n_links < 1 || n_links == INT32_MAX)
    return m4_fail(err, M4_USAGE, NULL, "a network of %d links", (int)n_links);
  inf_session *made = calloc(1, sizeof *made);
  if (!made) return m4_fail(err, M4_MEMORY, NULL, "no memory for a session");
  m4_status status = inf_stack_admit(stack, err);
  if (status != M4_OK) {
    free(made);
    return status;
  }
  made->stack = stack;
  if (options) made->options = *options;
  status = init_session(made, n_links, err);
  if (status == M4_OK)
    *session = made;
  else
    inf_session_free(made);
  return status;
}

m4_status inf_session_create(inf_session **session, const m4_model *model, int32_t n_links,
                             const inf_options *options, m4_error *err) {
  inf_stack *stack;
  *session = NULL;
  M4_TRY(inf_stack_create(&stack, model, err));
  m4_status status = inf_stack_session(session, stack, n_links, options, err);
  if (status == M4_OK)
    (*session)->alone = true;
  else
    inf_stack_free(stack);
  return status;
}

/* The rows of its flows and links are the others' again. */
static void give_rows_back(inf_session *session) {
  inf_work *work = &session->stack->work;
  for (int32_t i = 0; i < session->slots.active.count; ++i) {
    int32_t row = session->slots.list[session->slots.active.members[i].row].row;
    if (row != UNUSED) inf_rows_give_back(&work->flow_rows, row);
  }
  for (int32_t bundle = 0; session->link_row && bundle <= session->bundles.n_links; ++bundle)
    if (session->link_row[bundle] != UNUSED) inf_rows_give_back(&work->link_rows, session->link_row[bundle]);
}

void inf_session_free(inf_session *session) {
  if (!session) return;
  give_rows_back(session);
  inf_stack_dismiss(session->stack, session);
  if (session->alone) inf_stack_free(session->stack);
  m4_heap_free(&session->heap);
  inf_snapshot_free(&session->snapshot);
  m4_fluid_free(&session->fluid);
  inf_bundles_free(&session->bundles);
  free(session->link_row);
  free(session->copies);
  inf_components_free(&session->components);
  inf_slots_free(&session->slots);
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

m4_status inf_session_event(inf_session *session, const inf_component *component, double time_ns,
                            m4_event_data *event, m4_error *err) {
  M4_TRY(inf_snapshot_take(&session->snapshot, &session->slots, component, session->bundles.row,
                           session->components.flow_count, session->link_row, event, err));
  event->dt_us = time_step_us(session, &component->flows, time_ns);
  return M4_OK;
}

inf_request *inf_session_request(inf_session *session) {
  return &session->request;
}

void inf_session_take(inf_session *session, const double *heads) {
  const m4_event_data *event = &session->request.event;
  const inf_roster *flows = &session->component->flows;
  session->waits = false;
  session->status = M4_OK;
  count_update(&session->counters, session->component, event->n_links);
  for (int32_t i = 0; i < flows->count && session->status == M4_OK; ++i) {
    const float *fluid = event->fluid ? event->fluid + (size_t)i * M4_N_FLUID : NULL;
    double slowdown = m4_slowdown(inf_model_of(session), heads[i], fluid);
    session->status = predict(session, flows->members[i].row, slowdown, &session->error);
  }
}

/* The request, which says already what comes before the event, goes to the stack; a session on its own has it
 * computed at once. */
static m4_status update(inf_session *session, const inf_component *component, m4_error *err) {
  const inf_roster *flows = &component->flows;
  m4_event_data *event = &session->request.event;
  if (flows->count == 0) return M4_OK;
  M4_TRY(inf_session_event(session, component, session->clock_ns, event, err));
  for (int32_t i = 0; i < flows->count; ++i)
    session->slots.list[flows->members[i].row].last_ns = session->clock_ns;
  if (session->fluid.flows) {
    M4_TRY(m4_fluid_step(&session->fluid, session->snapshot.members, event->n_flows, session->clock_ns, err));
    event->fluid = session->fluid.features;
  }
  const inf_watcher *watcher = &session->watcher;
  if (watcher->see) M4_TRY(watcher->see(watcher->context, component, event->dt_us, event->fluid, err));
  session->component = component;
  session->waits = true;
  inf_stack_enqueue(session->stack, session);
  if (!session->alone) return M4_OK;
  M4_TRY(inf_stack_step(session->stack, err));
  return inf_outcome(session, err);
}

bool inf_waits(const inf_session *session) {
  return session->waits;
}

m4_status inf_outcome(const inf_session *session, m4_error *err) {
  if (session->status != M4_OK && err) *err = session->error;
  return session->status;
}

static m4_status check_idle(const inf_session *session, m4_error *err) {
  return session->waits ? m4_fail(err, M4_USAGE, NULL, "the session waits for a step of its stack") : M4_OK;
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
  inf_bundle_copy *copies = session->copies;
  int32_t n = inf_bundles_join(&session->bundles, flow->links, flow->n_links, copies),
          *rows = session->link_row;
  for (int32_t i = 0; i < n; ++i) {
    M4_TRY(inf_work_take_link(&session->stack->work, &rows[copies[i].to], err));
    copies[i] = (inf_bundle_copy){rows[copies[i].from], rows[copies[i].to]};
  }
  session->request.copies = copies;
  session->request.n_copies = n;
  return M4_OK;
}

/* The flow gets a slot, and a row of the state tables. */
static m4_status take_slot(inf_session *session, double time_ns, const inf_flow *flow, int32_t *slot,
                           m4_error *err) {
  if (session->slots.n_free == 0) {
    if (session->slots.n_slots > INT32_MAX / 2) return m4_fail(err, M4_MEMORY, NULL, "too many active flows");
    M4_TRY(grow_slots(session, 2 * session->slots.n_slots, err));
  }
  M4_TRY(inf_slots_take(&session->slots, time_ns, flow, slot, err));
  session->slots.list[*slot].row = UNUSED;
  return inf_work_take_flow(&session->stack->work, &session->slots.list[*slot].row, err);
}

m4_status inf_arrive(inf_session *session, double time_ns, const inf_flow *flow, m4_error *err) {
  int32_t slot;
  M4_TRY(check_idle(session, err));
  M4_TRY(check_arrival(session, time_ns, flow, err));
  M4_TRY(take_slot(session, time_ns, flow, &slot, err));
  M4_TRY(inf_components_join(&session->components, flow->tag, slot, flow->links, flow->n_links, err));
  session->request = (inf_request){
      .new_row = session->slots.list[slot].row,
      .n_new_links = flow->n_links,
      .size_feature = m4_size_feature_of(flow->size_bytes, inf_model_of(session)->size_feature)};
  memcpy(session->request.params, flow->params, sizeof session->request.params);
  M4_TRY(split_bundles(session, flow, err));
  if (session->fluid.flows)
    m4_fluid_start(&session->fluid, slot, time_ns, (double)flow->size_bytes, flow->ideal_fct_ns,
                   session->slots.list[slot].path, flow->n_links);
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
  for (int32_t hop = 0; hop < flow->n_path; ++hop) {
    if (session->components.flow_count[flow->path[hop]] > 0) continue;
    int32_t bundle = inf_bundles_reset(&session->bundles, flow->path[hop]);
    if (bundle == NOBODY) continue;
    inf_rows_give_back(&session->stack->work.link_rows, session->link_row[bundle]);
    session->link_row[bundle] = UNUSED;
  }
}

m4_status inf_complete(inf_session *session, double time_ns, int64_t tag, m4_error *err) {
  M4_TRY(check_idle(session, err));
  int32_t slot = inf_roster_find(&session->slots.active, tag);
  if (slot < 0) return m4_fail(err, M4_USAGE, NULL, "flow %lld is not active", (long long)tag);
  if (!isfinite(time_ns))
    return m4_fail(err, M4_USAGE, NULL, "flow %lld completes at %g ns", (long long)tag, time_ns);
  const inf_slot *flow = &session->slots.list[slot];
  const inf_component *component = inf_components_leave(&session->components, tag, flow->path, flow->n_path);
  if (!session->options.link_reset_off) reset_idle_links(session, flow);
  m4_heap_remove(&session->heap, slot);
  inf_rows_give_back(&session->stack->work.flow_rows, flow->row);
  inf_slots_give_back(&session->slots, slot);
  session->clock_ns = time_ns;
  ++session->counters.events;
  session->request = (inf_request){.new_row = NOBODY};
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
