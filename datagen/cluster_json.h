/* The reference's cluster files: a Clos fabric listed node by node and link by link. Knows sim's topology.
 * Source: workloads.md 1.2. */
#ifndef DATAGEN_CLUSTER_JSON_H
#define DATAGEN_CLUSTER_JSON_H

#include "sim/topology.h"

/* The shape behind a cluster file, rates and delay included. M4_DATA naming the key: not JSON; pods, racks or
 * planes of different sizes; links of one tier with different rates; more than one delay. Ids are not read: a
 * fabric is numbered as workloads.md 1.2 says. */
m4_status dg_cluster_read(sim_clos *shape, const char *path, m4_error *err);

#endif
