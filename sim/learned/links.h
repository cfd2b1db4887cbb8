/* Links that change during a simulation of the learned back end: announced changes in time order, the rates
 * in force, and the ideal FCT of a flow under them. Knows scenario. */
#ifndef SIM_LEARNED_LINKS_H
#define SIM_LEARNED_LINKS_H

#include "sim/scenario.h"

typedef struct sim_link_change {
  double time_ns;
  int32_t link;
  int64_t rate_bps; /* 0 = failed */
} sim_link_change;

/* Zero-initialise, then set scenario. */
typedef struct sim_changing_links {
  const sim_scenario *scenario;
  sim_topology network;     /* the scenario's with rates of its own, once something has changed */
  sim_link_change *changes; /* [first .. count-1] are still to come, times ascending */
  int64_t first, count, capacity;
} sim_changing_links;

void sim_changing_links_free(sim_changing_links *links);
/* M4_USAGE: no such link, a negative rate, a time before now_ns or before the last one announced. */
m4_status sim_changing_links_add(sim_changing_links *links, sim_link_change change, double now_ns,
                                 m4_error *err);
/* NULL when no change is to come. */
const sim_link_change *sim_changing_links_next(const sim_changing_links *links);
/* The next change is in force now. */
void sim_changing_links_apply(sim_changing_links *links);
/* Ideal FCT under the rates in force; INFINITY when a link of the path has failed. */
double sim_changing_links_ideal_ns(const sim_changing_links *links, const sim_flow *flow);

#endif
