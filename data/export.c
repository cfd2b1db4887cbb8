/* What an export covers, and the received bytes of it. */
#include "data/export.h"

#include <string.h>

static m4_status select_all(ds_selection *selection, m4_arena *arena, m4_error *err) {
  const ds_scenario *s = selection->scenario;
  int32_t *flow = m4_arena_alloc(arena, (size_t)s->n_flows, sizeof *flow);
  int64_t *event = m4_arena_alloc(arena, 2 * (size_t)s->n_flows, sizeof *event);
  if (!flow || !event) return m4_fail(err, M4_MEMORY, s->name, "no memory to select flows");
  for (int64_t f = 0; f < s->n_flows; ++f) flow[f] = (int32_t)f;
  for (int64_t e = 0; e < 2 * s->n_flows; ++e) event[e] = e;
  selection->flow = flow;
  selection->event = event;
  selection->n_flows = s->n_flows;
  selection->n_events = 2 * s->n_flows;
  return M4_OK;
}

m4_status ds_select(ds_selection *selection, const ds_scenario *scenario, const ds_events *events,
                    int64_t period, m4_arena *arena, m4_error *err) {
  *selection = (ds_selection){.scenario = scenario, .events = events, .period = period};
  if (period >= scenario->n_periods || period < -1)
    return m4_fail(err, M4_USAGE, scenario->name, "has no busy period %lld, only 0 to %lld",
                   (long long)period, (long long)scenario->n_periods - 1);
  bool *chosen = m4_arena_calloc(arena, (size_t)scenario->n_flows, sizeof *chosen);
  if (!chosen) return m4_fail(err, M4_MEMORY, scenario->name, "no memory to select flows");
  selection->chosen = chosen;
  if (period < 0) {
    M4_TRY(select_all(selection, arena, err));
  } else {
    int64_t first = scenario->period_flow_offset[period];
    selection->n_flows = scenario->period_flow_offset[period + 1] - first;
    selection->n_events = 2 * selection->n_flows;
    selection->flow = scenario->period_flow + first;
    selection->event = scenario->period_event + 2 * first;
  }
  for (int64_t i = 0; i < selection->n_flows; ++i) chosen[selection->flow[i]] = true;
  return M4_OK;
}

int64_t ds_event_time_ns(const ds_selection *selection, int64_t event) {
  const ds_scenario *s = selection->scenario;
  int32_t flow = selection->events->flow[event];
  if (ds_is_arrival(selection->events, event)) return s->start_ns[flow];
  return s->fct_ns[flow] < 0 ? -1 : s->start_ns[flow] + s->fct_ns[flow];
}

m4_status ds_received_begin(ds_received_walk *walk, const ds_selection *selection, m4_arena *arena,
                            m4_error *err) {
  *walk = (ds_received_walk){.selection = selection};
  walk->active = m4_arena_alloc(arena, (size_t)selection->scenario->n_flows, sizeof *walk->active);
  return walk->active ? M4_OK
                      : m4_fail(err, M4_MEMORY, selection->scenario->name, "no memory for active flows");
}

/* Inserts or removes the event's flow; the list stays ascending. */
static void step(ds_received_walk *walk, int64_t event) {
  const ds_events *events = walk->selection->events;
  int32_t flow = events->flow[event];
  int64_t at = walk->n_active;
  if (ds_is_arrival(events, event)) {
    for (; at > 0 && walk->active[at - 1] > flow; --at) walk->active[at] = walk->active[at - 1];
    walk->active[at] = flow;
    walk->n_active++;
    return;
  }
  for (at = 0; walk->active[at] != flow; ++at) {
  }
  walk->n_active--;
  memmove(walk->active + at, walk->active + at + 1, (size_t)(walk->n_active - at) * sizeof *walk->active);
}

int64_t ds_received_at(ds_received_walk *walk, int64_t event, int32_t *flows, int64_t *values) {
  const ds_scenario *s = walk->selection->scenario;
  while (walk->next_event <= event) step(walk, walk->next_event++);
  int64_t first = s->received_offset[event], length = s->received_offset[event + 1] - first, n = 0;
  for (int64_t i = 0; i < walk->n_active && i < length; ++i) {
    if (!walk->selection->chosen[walk->active[i]]) continue;
    flows[n] = walk->active[i];
    values[n++] = s->received_bytes[first + i];
  }
  return n;
}
