/* A network: nodes, duplex cables, the two directed links of each cable, ports. Reads and writes ns-3
 * topology files and makes Clos fabrics. Knows base only. Source: specs packet-simulator.md 8,
 * workloads.md 1. */
#ifndef SIM_TOPOLOGY_H
#define SIM_TOPOLOGY_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A directed link. Cable i (file order) gives link 2i (a to b) and link 2i+1 (b to a): link ^ 1 is the
 * reverse. */
typedef struct sim_link {
  int32_t from, to;  /* node ids */
  int32_t from_port; /* port number at `from`, 1-based, in cable order per node */
  int32_t to_port;   /* port number at `to` */
  int64_t rate_bps;
  int64_t delay_ns; /* one way */
} sim_link;

typedef struct sim_topology {
  int32_t n_nodes, n_hosts, n_switches, n_links; /* n_links = 2 * cables */
  bool *is_switch;                               /* [n_nodes] */
  int32_t *switch_order; /* [n_switches] ids as listed in the file (kept for writing) */
  sim_link *links;       /* [n_links] */
  int32_t *port_begin;   /* [n_nodes+1] ports of node v: entries port_begin[v] .. port_begin[v+1]-1 */
  int32_t *port_link;    /* [n_links] outgoing link of each port, port 1 first */
} sim_topology;

typedef struct sim_cable {
  int32_t a, b;
  int64_t rate_bps, delay_ns;
} sim_cable;

/* Builds from cables; everything is copied. M4_DATA: ids out of range, self loop, host without or with
 * several cables to switches is fine, rate or delay not positive. Free with sim_topology_free. */
m4_status sim_topology_create(sim_topology **topology, int32_t n_nodes, const int32_t *switches,
                              int32_t n_switches, const sim_cable *cables, int32_t n_cables, m4_error *err);
void sim_topology_free(sim_topology *topology); /* NULL accepted */

/* ns-3 form: "nodes switches cables", switch ids, then "a b rate delay error" lines ("10Gbps",
 * "10000000000bps", "1000ns", "1us"). Errors carry file:line. A non-zero error rate is refused. */
m4_status sim_topology_read(sim_topology **topology, const char *path, m4_error *err);
m4_status sim_topology_write(const sim_topology *topology, FILE *out, m4_error *err);

/* Three-tier Clos (workloads.md 1.1, 1.2: ids, cable order, switch order). All counts >= 1. */
typedef struct sim_clos {
  int32_t pods, fabrics_per_pod, racks_per_pod, hosts_per_rack, spines_per_plane;
  int64_t host_rate_bps, fabric_rate_bps, spine_rate_bps; /* host-ToR, ToR-fabric, fabric-spine */
  int64_t delay_ns;
} sim_clos;
m4_status sim_topology_clos(sim_topology **topology, const sim_clos *shape, m4_error *err);

#endif
