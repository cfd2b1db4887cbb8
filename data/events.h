/* The events of a scenario in their one order: time, departures first, flow (training.md 2). Knows dataset.h.
 */
#ifndef DATA_EVENTS_H
#define DATA_EVENTS_H

#include "data/findings.h"

/* Every flow has an arrival and a departure; the departure of an unfinished flow comes after everything else.
 */
typedef struct ds_events {
  int32_t *flow;      /* [2 * n_flows] flow of each event */
  int32_t *arrival;   /* [n_flows] event index */
  int32_t *departure; /* [n_flows] event index */
} ds_events;

/* Sorts into `arena`. Needs n_flows < 2^30 and times below 2^62. */
m4_status ds_order_events(ds_events *events, const ds_scenario *scenario, m4_arena *arena, m4_error *err);

static inline bool ds_is_arrival(const ds_events *events, int64_t event) {
  return events->arrival[events->flow[event]] == event;
}

/* Checks every fact of a scenario: ranges, offsets, paths, rows, periods. Fills `events` in `arena` on the
 * way. received_bytes may be NULL: values not read yet. M4_DATA with the dataset's path as place. */
m4_status ds_check_scenario(const ds_scenario *scenario, ds_events *events, m4_arena *arena, m4_error *err);
/* The same questions with every answer told. *sound: nothing was found that makes arrays unsafe to follow;
 * only then are `events` filled. M4_DATA comes from findings without `tell`. */
m4_status ds_find_problems(const ds_scenario *scenario, ds_findings *findings, bool *sound, ds_events *events,
                           m4_arena *arena, m4_error *err);

#endif
