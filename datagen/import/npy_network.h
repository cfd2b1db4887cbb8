/* Paths written as "a-b" per hop, and the network that they run through. Knows sequences of the .npy reader
 * and topologies. Source: training.md 6.1, workloads.md 1. */
#ifndef DATAGEN_IMPORT_NPY_NETWORK_H
#define DATAGEN_IMPORT_NPY_NETWORK_H

#include "data/pickle/numpy.h"
#include "sim/routing.h"

/* The nodes of each path. Zero-initialise; free with dg_node_paths_free. */
typedef struct dg_node_paths {
  int64_t n_flows;
  int64_t *offset; /* [n_flows + 1] */
  int32_t *node;   /* source, switches, destination */
} dg_node_paths;

/* M4_DATA names the flow: not a list of "a-b", hops that do not join, more than SIM_MAX_PATH. */
m4_status dg_node_paths_read(dg_node_paths *paths, const ds_sequence *hops, m4_error *err);
void dg_node_paths_free(dg_node_paths *paths);

/* The smallest network with these paths: every cable that one uses, 10 Gbps and 1000 ns (workloads.md 1.1).
 * Nodes are switches unless a path begins or ends there. M4_DATA: a path leads through the end of another. */
m4_status dg_network_of_paths(sim_topology **topology, const dg_node_paths *paths, m4_error *err);

#endif
