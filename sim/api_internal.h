/* What the parts of the library for other programs share. */
#ifndef SIM_API_INTERNAL_H
#define SIM_API_INTERNAL_H

#include "sim/learned/learned.h"
#include "sim/m4_sim.h"
#include "sim/map.h"
#include "sim/timers.h"

typedef struct api_callback {
  m4_sim_flow_fn done;
  void *arg;
} api_callback;

typedef struct m4_sim_state {
  const m4_sim *handle;   /* where the caller keeps it: a copy is refused */
  sim_scenario *scenario; /* flows: room for max_flows, the first n_flows are there */
  sim_learned_model *model;
  sim_backend *backend;
  api_callback *callbacks; /* [max_flows] */
  bool *finished;          /* [max_flows] */
  int64_t *rates_bps;      /* [n_links] in force */
  int64_t n_flows, max_flows, n_finished;
  int32_t max_path_links;
  sim_map pairs; /* flows of each (source, destination) pair: they number the source ports */
  sim_timers timers;
  double now_ns;
  struct link_plan *link_plans; /* changes of links to come */
  m4_status plan_status;        /* of the last one that was due */
  m4_error plan_error;
  bool running, freed; /* freed: by a callback of the run that is going on, which destroys it at its end */
  m4_status failed;    /* of a run */
  m4_error error;
  char text[sizeof(m4_error)]; /* error in words */
} api_sim;

#pragma GCC visibility push(hidden) /* libm4sim.so shows m4_sim.h alone */
/* The simulation behind a caller's handle; NULL when there is none (freed, never created, a copy). */
api_sim *api_open(const m4_sim *handle);
/* What a call returns to the outside; sim->error holds the reason of a failure. */
int api_outcome(api_sim *sim, m4_status status);
/* Destroys the simulation, or leaves that to its run. Nobody holds a handle any more. */
void api_close(api_sim *sim);
/* NULL pointers and times that no call takes. */
m4_status api_check_result(const void *result, m4_error *err);
m4_status api_check_time(const api_sim *sim, double time_ns, const char *what, m4_error *err);
/* The first directed link from a node to another that comes after link `after` (-1: of all); -1 when there is
 * none.
 */
int32_t api_next_link(const api_sim *sim, int32_t from, int32_t to, int32_t after);
void api_link_plans_free(api_sim *sim);
#pragma GCC visibility pop

#endif
