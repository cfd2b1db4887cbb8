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

struct m4_sim {
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
  bool running, freed; /* freed: by a callback of the run that is going on */
  m4_status failed;    /* of a run */
  m4_error error;
  char text[sizeof(m4_error)]; /* error in words */
};

#pragma GCC visibility push(hidden) /* libm4sim.so shows m4_sim.h alone */
/* What a call returns to the outside; sim->error holds the reason of a failure. */
int api_outcome(m4_sim *sim, m4_status status);
/* M4_OK when the simulation takes calls; otherwise sim->error says why not. sim is not NULL. */
m4_status api_ready(m4_sim *sim);
/* The first directed link from a node to another that comes after link `after` (-1: of all); -1 when there is
 * none.
 */
int32_t api_next_link(const m4_sim *sim, int32_t from, int32_t to, int32_t after);
void api_link_plans_free(m4_sim *sim);
#pragma GCC visibility pop

#endif
