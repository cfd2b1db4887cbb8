/* Max-min fair rates of a changing set of flows: water filling. Knows topology and paths only.
 * Source: simulation.md 6.1. */
#ifndef SIM_FLOWSIM_MAXMIN_H
#define SIM_FLOWSIM_MAXMIN_H

#include "sim/scenario.h"

typedef struct sim_maxmin sim_maxmin;

/* Nobody is active at first. flows [n_flows] with their links must outlive the object. */
m4_status sim_maxmin_create(sim_maxmin **fair, const sim_topology *topology, const sim_flow *flows,
                            int64_t n_flows, m4_error *err);
void sim_maxmin_free(sim_maxmin *fair); /* NULL accepted */

/* Flow index joins (it must not be active) or leaves (it must be). Rates change at the next fill only. */
void sim_maxmin_add(sim_maxmin *fair, int64_t flow);
void sim_maxmin_remove(sim_maxmin *fair, int64_t flow);
/* Capacity of a directed link in bytes/ns; 0 = down. */
void sim_maxmin_set_capacity(sim_maxmin *fair, int32_t link, double bytes_per_ns);

/* Gives every active flow its rate: O((edges + rounds) log links). */
void sim_maxmin_fill(sim_maxmin *fair);
/* Rate of an active flow after the last fill, bytes/ns. */
double sim_maxmin_rate(const sim_maxmin *fair, int64_t flow);

#endif
