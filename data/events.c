/* Order of a scenario's events. Knows dataset.h. */
#include "data/events.h"

#include <stdlib.h>

typedef struct timed_event {
  int64_t time_ns;
  int32_t flow;
  int32_t is_arrival;
} timed_event;

static int compare_events(const void *left, const void *right) {
  const timed_event *a = left, *b = right;
  if (a->time_ns != b->time_ns) return a->time_ns < b->time_ns ? -1 : 1;
  if (a->is_arrival != b->is_arrival) return a->is_arrival - b->is_arrival;
  return (a->flow > b->flow) - (a->flow < b->flow);
}

m4_status ds_order_events(ds_events *events, const ds_scenario *scenario, m4_arena *arena, m4_error *err) {
  size_t n_flows = (size_t)scenario->n_flows;
  events->flow = m4_arena_alloc(arena, 2 * n_flows, sizeof *events->flow);
  events->arrival = m4_arena_alloc(arena, n_flows, sizeof *events->arrival);
  events->departure = m4_arena_alloc(arena, n_flows, sizeof *events->departure);
  size_t mark = m4_arena_mark(arena);
  timed_event *order = m4_arena_alloc(arena, 2 * n_flows, sizeof *order);
  if (!events->flow || !events->arrival || !events->departure || !order)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for the events of %zu flows", n_flows);
  for (size_t f = 0; f < n_flows; ++f) {
    int64_t fct_ns = scenario->fct_ns[f];
    int64_t end_ns = fct_ns < 0 ? INT64_MAX : scenario->start_ns[f] + fct_ns;
    order[2 * f] = (timed_event){scenario->start_ns[f], (int32_t)f, 1};
    order[2 * f + 1] = (timed_event){end_ns, (int32_t)f, 0};
  }
  qsort(order, 2 * n_flows, sizeof *order, compare_events);
  for (size_t e = 0; e < 2 * n_flows; ++e) {
    events->flow[e] = order[e].flow;
    *(order[e].is_arrival ? &events->arrival[order[e].flow] : &events->departure[order[e].flow]) = (int32_t)e;
  }
  m4_arena_release(arena, mark);
  return M4_OK;
}
