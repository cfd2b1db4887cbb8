/* Max-min fair rates of a changing set of flows, kept up to date by following each change only as far as it
 * reaches. Knows topology and heap; no time, no sizes. Source: simulation.md 6.1.
 *
 * The allocation is the only one in which every flow has a bottleneck: a full link on which nobody is faster.
 * So a flow keeps its rate as long as its bottleneck keeps its level (the rate of the flows it limits), and
 * only the links of flows whose rate did change need another look. propagate.c does that. */
#ifndef SIM_FLOWSIM_MAXMIN_H
#define SIM_FLOWSIM_MAXMIN_H

#include "sim/topology.h"

typedef struct sim_maxmin sim_maxmin;

/* Nobody is active at first. max_path: most links of a flow. */
m4_status sim_maxmin_create(sim_maxmin **fair, const sim_topology *topology, int32_t max_path, m4_error *err);
void sim_maxmin_free(sim_maxmin *fair); /* NULL accepted */

/* Flows are numbered by the caller: 0 .. n_flows-1, numbers of flows that left may be used again. Memory
 * follows this number and the most flows a link ever had. */
m4_status sim_maxmin_reserve(sim_maxmin *fair, int32_t n_flows, m4_error *err);

/* A flow joins (it must not be active; links must stay valid until it leaves) or leaves (it must be active).
 * Rates change at the next update only; a flow that joins has rate 0 until then. */
m4_status sim_maxmin_add(sim_maxmin *fair, int32_t flow, const int32_t *links, int32_t n_links,
                         m4_error *err);
void sim_maxmin_remove(sim_maxmin *fair, int32_t flow);
/* Capacity of a directed link in bytes/ns; 0 = down. */
void sim_maxmin_set_capacity(sim_maxmin *fair, int32_t link, double bytes_per_ns);

/* Makes the rates right again. (*changed)[0 .. return value - 1]: the flows whose rate is another than after
 * the last update, valid until the next call. */
int32_t sim_maxmin_update(sim_maxmin *fair, const int32_t **changed);
/* Rate of an active flow after the last update, bytes/ns. */
double sim_maxmin_rate(const sim_maxmin *fair, int32_t flow);

#endif
