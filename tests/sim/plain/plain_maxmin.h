/* Max-min fair rates by water filling from scratch: the oracle and the baseline of sim/flowsim. Knows
 * topology and paths only. Source: simulation.md 6.1. */
#ifndef PLAIN_MAXMIN_H
#define PLAIN_MAXMIN_H

#include "sim/scenario.h"

typedef struct plain_maxmin plain_maxmin;

/* Nobody is active at first. flows [n_flows] with their links must outlive the object. */
m4_status plain_maxmin_create(plain_maxmin **fair, const sim_topology *topology, const sim_flow *flows,
                              int64_t n_flows, m4_error *err);
void plain_maxmin_free(plain_maxmin *fair); /* NULL accepted */

/* Flow index joins (it must not be active) or leaves (it must be). Rates change at the next fill only. */
void plain_maxmin_add(plain_maxmin *fair, int64_t flow);
void plain_maxmin_remove(plain_maxmin *fair, int64_t flow);
/* Capacity of a directed link in bytes/ns; 0 = down. */
void plain_maxmin_set_capacity(plain_maxmin *fair, int32_t link, double bytes_per_ns);

/* Gives every active flow its rate: O((edges + rounds) log links). */
void plain_maxmin_fill(plain_maxmin *fair);
/* Rate of an active flow after the last fill, bytes/ns. */
double plain_maxmin_rate(const plain_maxmin *fair, int64_t flow);

#endif
