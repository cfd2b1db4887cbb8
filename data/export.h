/* Part of a dataset as files that other programs read: a whole scenario, or one of its busy periods. Knows
 * dataset.h and the event order. */
#ifndef DATA_EXPORT_H
#define DATA_EXPORT_H

#include "data/events.h"

/* What is exported. All arrays belong to the caller's arena. */
typedef struct ds_selection {
  const ds_scenario *scenario;
  const ds_events *events;
  int64_t period; /* number within the scenario; -1: everything */
  int64_t n_flows, n_events;
  const int32_t *flow;  /* [n_flows] ascending */
  const int64_t *event; /* [n_events] ascending; 2 per flow */
  const bool *chosen;   /* [all flows of the scenario] */
} ds_selection;

/* M4_USAGE: there is no such period. */
m4_status ds_select(ds_selection *selection, const ds_scenario *scenario, const ds_events *events,
                    int64_t period, m4_arena *arena, m4_error *err);

/* Time and kind of an event; an unfinished flow departs at -1. */
int64_t ds_event_time_ns(const ds_selection *selection, int64_t event);

/* Calls `value` for every received-bytes value of the selected flows at one event, flows ascending. */
typedef struct ds_received_walk {
  const ds_selection *selection;
  int32_t *active; /* [scenario's flows] all that are active, ascending */
  int64_t n_active, next_event;
} ds_received_walk;
m4_status ds_received_begin(ds_received_walk *walk, const ds_selection *selection, m4_arena *arena,
                            m4_error *err);
/* Goes on to `event`; events ascend from call to call. flows and values [n] are those selected, room for all
 * active. Returns n; 0 when the row was not recorded. */
int64_t ds_received_at(ds_received_walk *walk, int64_t event, int32_t *flows, int64_t *values);

/* flows.csv, events.csv, received.csv, links.csv in folder `dir`. */
m4_status ds_export_csv(const ds_selection *selection, const char *dir, m4_arena *arena, m4_error *err);
/* scenario.json in folder `dir`, everything that csv tells. */
m4_status ds_export_json(const ds_selection *selection, const char *dir, m4_arena *arena, m4_error *err);
/* topology.txt, flows.txt and params.txt as m4-sim and ns-3 read them. Ports are not stored in a dataset:
 * equal-cost paths may be chosen differently. */
m4_status ds_export_ns3(const ds_selection *selection, const char *dir, m4_arena *arena, m4_error *err);

#endif
