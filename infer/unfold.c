/* Runs a session over a busy period and writes down what it saw. Knows the session, its watcher and how
 * events are laid out. */
#include "infer/unfold.h"

#include "infer/watch.h"
#include "nn/m4_events.h"

#include <math.h>
#include <string.h>

enum { IDLE = -1 };

typedef struct unfolding {
  const m4_period *facts;
  const m4_sample *forced;
  m4_sample *sample;
  m4_arena *arena;
  inf_session *session;
  nn_active_set active; /* of the component at hand; link_uses: of all components */
  int32_t *row;         /* [forced->n_links] the link's row while it is in use */
  float *fluid;         /* where the next event's features go */
} unfolding;

static m4_status no_memory(m4_error *err) {
  return m4_fail(err, M4_MEMORY, NULL, "no memory to unfold a busy period");
}

static size_t most_active(const m4_sample *forced) {
  return (size_t)(forced->n_events < forced->n_flows ? forced->n_events : forced->n_flows);
}

/* Hops of the flows that can arrive within the events there are. */
static size_t most_hops(const m4_sample *forced) {
  size_t hops = 0, longest = 0;
  for (int32_t i = 0; i < forced->n_flows; i++) {
    size_t length = (size_t)(forced->path_offset[i + 1] - forced->path_offset[i]);
    if (length > longest) longest = length;
    hops += length;
  }
  size_t within_events = longest * (size_t)forced->n_events;
  return hops < within_events ? hops : within_events;
}

size_t inf_unfold_most_bytes(const m4_sample *forced) {
  size_t n_events = (size_t)forced->n_events, hops = most_hops(forced), align = 64;
  size_t n_flows = most_active(forced);
  size_t graph = (2 * (n_flows + hops) + 1 + 2 * hops) * sizeof(int32_t);
  size_t fluid = n_flows * M4_N_FLUID * sizeof(float);
  size_t of_event = sizeof(m4_event_data) + sizeof(int32_t) + sizeof(float) + graph + fluid + 2 * align;
  size_t of_flow = 3 * sizeof(int32_t), of_hop = 4 * sizeof(int32_t);
  return sizeof(m4_sample) + n_events * of_event + (size_t)forced->n_flows * of_flow +
         (size_t)forced->path_offset[forced->n_flows] * of_hop + (size_t)forced->n_links * sizeof(int32_t) +
         16 * align;
}

/* What does not depend on who leaves when is shared with `forced`. */
static m4_status create_sample(unfolding *u, m4_error *err) {
  const m4_sample *forced = u->forced;
  size_t n_flows = (size_t)forced->n_flows, n_events = (size_t)forced->n_events;
  size_t n_hops = (size_t)forced->path_offset[n_flows];
  m4_sample *sample = u->sample = m4_arena_alloc(u->arena, 1, sizeof *sample);
  if (!sample) return no_memory(err);
  *sample = (m4_sample){.n_flows = forced->n_flows,
                        .size_feature = forced->size_feature,
                        .flow_n_links = forced->flow_n_links,
                        .params = forced->params,
                        .target_slowdown = forced->target_slowdown,
                        .path_offset = forced->path_offset};
  sample->path_link = m4_arena_calloc(u->arena, n_hops, sizeof(int32_t));
  sample->arrival_event = m4_arena_alloc(u->arena, n_flows, sizeof(int32_t));
  sample->departure_event = m4_arena_alloc(u->arena, n_flows, sizeof(int32_t));
  sample->event_flow = m4_arena_alloc(u->arena, n_events, sizeof(int32_t));
  sample->dt_us = m4_arena_calloc(u->arena, n_events, sizeof(float));
  sample->events = m4_arena_calloc(u->arena, n_events, sizeof *sample->events);
  bool complete = sample->path_link && sample->arrival_event && sample->departure_event &&
                  sample->event_flow && sample->dt_us && sample->events;
  if (!complete) return no_memory(err);
  for (size_t i = 0; i < n_flows; i++) sample->arrival_event[i] = sample->departure_event[i] = INT32_MAX;
  return M4_OK;
}

static m4_status create_active_set(unfolding *u, m4_error *err) {
  size_t n_flows = (size_t)u->forced->n_flows, n_hops = (size_t)u->forced->path_offset[n_flows];
  size_t n_links = (size_t)u->forced->n_links;
  u->active.flows.items = m4_arena_alloc(u->arena, n_flows, sizeof(int32_t));
  u->active.links.items = m4_arena_alloc(u->arena, n_hops, sizeof(int32_t));
  u->active.link_uses = m4_arena_calloc(u->arena, n_hops, sizeof(int32_t));
  u->active.link_next = m4_arena_alloc(u->arena, n_hops, sizeof(int32_t));
  u->row = m4_arena_alloc(u->arena, n_links, sizeof(int32_t));
  if (!u->active.flows.items || !u->active.links.items || !u->active.link_uses || !u->active.link_next ||
      !u->row)
    return no_memory(err);
  for (size_t link = 0; link < n_links; link++) u->row[link] = IDLE;
  return M4_OK;
}

static m4_status create_fluid(unfolding *u, m4_error *err) {
  size_t most_rows = (size_t)u->forced->n_events * most_active(u->forced);
  u->fluid = u->sample->fluid = m4_arena_alloc(u->arena, most_rows * M4_N_FLUID, sizeof *u->fluid);
  return u->fluid ? M4_OK : no_memory(err);
}

/* ---- one event ---- */

static void take_component(unfolding *u, const inf_component *component) {
  nn_active_set *active = &u->active;
  active->n_edges = 0;
  active->flows.count = component->flows.count;
  for (int32_t i = 0; i < component->flows.count; i++) {
    int32_t flow = (int32_t)component->flows.members[i].key;
    active->flows.items[i] = flow;
    active->n_edges += u->sample->path_offset[flow + 1] - u->sample->path_offset[flow];
  }
  active->links.count = 0;
  for (int32_t i = 0; i < component->links.count; i++)
    m4_ascending_insert(&active->links, u->row[component->links.members[i].row]);
}

/* inf_watcher: fills the event that is going on. */
static m4_status write_down(void *context, const inf_component *component, double dt_us, const float *fluid,
                            m4_error *err) {
  unfolding *u = context;
  m4_sample *sample = u->sample;
  m4_event_data *event = &sample->events[sample->n_events - 1];
  take_component(u, component);
  M4_TRY(nn_event_graph(event, &u->active, sample, u->arena, err));
  event->dt_us = dt_us;
  sample->dt_us[sample->n_events - 1] = (float)dt_us;
  int32_t n_nodes = event->n_flows + event->n_links;
  if (n_nodes > sample->max_nodes) sample->max_nodes = n_nodes;
  sample->node_events += n_nodes;
  if (!fluid) return M4_OK;
  size_t count = (size_t)event->n_flows * M4_N_FLUID;
  memcpy(u->fluid, fluid, count * sizeof *fluid);
  event->fluid = u->fluid;
  u->fluid += count;
  return M4_OK;
}

static m4_status arrive(unfolding *u, int32_t flow, double time_ns, m4_error *err) {
  m4_sample *sample = u->sample;
  int32_t first = sample->path_offset[flow], end = sample->path_offset[flow + 1];
  sample->arrival_event[flow] = sample->n_events;
  sample->event_flow[sample->n_events++] = flow;
  for (int32_t k = first; k < end; k++) {
    int32_t link = u->forced->path_link[k];
    if (u->row[link] == IDLE) u->row[link] = sample->n_links++;
    sample->path_link[k] = u->row[link];
    u->active.link_uses[u->row[link]]++;
  }
  const inf_flow arriving = {.tag = flow,
                             .size_bytes = u->facts->size_bytes[flow],
                             .ideal_fct_ns = (double)u->facts->ideal_fct_ns[flow],
                             .links = u->forced->path_link + first,
                             .n_links = end - first,
                             .params = u->facts->params + (size_t)flow * M4_N_PARAMS};
  return inf_arrive(u->session, time_ns, &arriving, err);
}

static m4_status depart(unfolding *u, int32_t flow, double time_ns, m4_error *err) {
  m4_sample *sample = u->sample;
  sample->departure_event[flow] = sample->n_events;
  sample->event_flow[sample->n_events++] = flow;
  for (int32_t k = sample->path_offset[flow]; k < sample->path_offset[flow + 1]; k++)
    if (--u->active.link_uses[sample->path_link[k]] == 0) u->row[u->forced->path_link[k]] = IDLE;
  return inf_complete(u->session, time_ns, flow, err);
}

/* ---- the period ---- */

/* The next flow to arrive, in the order of the true events. */
static int32_t next_arrival(const m4_sample *forced, int32_t *event) {
  for (; *event < 2 * forced->n_flows; ++*event) {
    int32_t flow = forced->event_flow[*event];
    if (forced->arrival_event[flow] == *event) return flow;
  }
  return IDLE;
}

static m4_status live(unfolding *u, m4_error *err) {
  const int64_t *start_ns = u->facts->start_ns;
  int32_t event = 0, flow = next_arrival(u->forced, &event);
  int64_t first_ns = start_ns[flow], tag;
  while (u->sample->n_events < u->forced->n_events) {
    double finish_ns, arrival_ns = flow == IDLE ? INFINITY : (double)(start_ns[flow] - first_ns);
    if (inf_next(u->session, &finish_ns, &tag) && finish_ns <= arrival_ns) {
      M4_TRY(depart(u, (int32_t)tag, fmax(finish_ns, inf_clock(u->session)), err));
    } else {
      M4_TRY(arrive(u, flow, arrival_ns, err));
      ++event;
      flow = next_arrival(u->forced, &event);
    }
  }
  return M4_OK;
}

m4_status inf_unfold(m4_sample **result, const m4_model *model, const m4_period *facts,
                     const m4_sample *forced, m4_arena *arena, m4_error *err) {
  *result = NULL;
  unfolding u = {.facts = facts, .forced = forced, .arena = arena};
  if (model->widths.n_fluid > 0 && !facts->path_rate_bps)
    return m4_fail(err, M4_DATA, NULL, "the model needs line rates, and the busy period has none");
  M4_TRY(create_sample(&u, err));
  M4_TRY(create_active_set(&u, err));
  if (model->widths.n_fluid > 0) M4_TRY(create_fluid(&u, err));
  M4_TRY(inf_session_create(&u.session, model, forced->n_links, NULL, err));
  for (int32_t k = 0; facts->path_rate_bps && k < forced->path_offset[forced->n_flows]; k++)
    inf_set_link_rate(u.session, forced->path_link[k], facts->path_rate_bps[k]);
  inf_watch(u.session, (inf_watcher){write_down, &u});
  m4_status status = live(&u, err);
  inf_session_free(u.session);
  if (status == M4_OK) *result = u.sample;
  return status;
}
