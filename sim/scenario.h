/* A scenario: network, flows, simulator settings and the 13 model parameters; read from and written to ns-3
 * style folders. Knows topology, routing, packet settings. Source: contracts (m4-sim DIR),
 * packet-simulator.md 8, workloads.md 7. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "sim/link_changes.h"
#include "sim/packet/settings.h"
#include "sim/routing.h"

enum { SIM_N_PARAMS = 13 };

typedef struct sim_flow {
  int64_t id;
  int32_t src, dst;                       /* host node ids */
  int32_t priority;                       /* priority group, 3 for data */
  uint16_t source_port, destination_port; /* source_port: 10000 + running count of the (src, dst) pair */
  int64_t size_bytes;
  int64_t start_ns;
  int64_t ideal_fct_ns;  /* integer formula of training.md 3 */
  int64_t standalone_ns; /* the packet simulator's own column: like ideal, but rate capped at 10 Gbps
                            (packet-simulator.md 7) */
  const int32_t *links;  /* directed link ids of the path, owned by the scenario */
  int32_t n_links;
} sim_flow;

typedef struct sim_scenario {
  char *name; /* last component of the folder */
  sim_topology *topology;
  sim_routing *routing;
  sim_flow *flows; /* [n_flows] in file order = (start, file position) order */
  int64_t n_flows;
  pkt_settings packet;
  double params[SIM_N_PARAMS]; /* model.md 8 */
  int64_t
      *truth_fct_ns; /* [n_flows] by flow index, -1 = did not finish; NULL when the folder has no fct.txt */
  int64_t truth_end_ns;     /* when fct.txt's last flow ended; -1 when a flow did not finish, or no fct.txt */
  sim_link_changes changes; /* link_changes.txt; of every run of this scenario */
  int64_t flow_limit, hosts_per_group; /* closed loop (simulation.md 7.1); flow_limit 0 = open loop */
  struct sim_dag *dag;                 /* which flows wait for others (dag.h); NULL = none does */
  char **warnings;     /* things to tell the user (derived params, unknown config words), NULL-terminated */
  int32_t *path_links; /* what the flows' links point into */
} sim_scenario;

/* Reads DIR (topology.txt flows.txt config.txt, each plain or .gz; optional params.txt, fct.txt,
 * link_changes.txt; a NAME.txt
 * may be called NAME_topology_flows.txt, as the reference does). Flow ids must be unique, hosts must exist,
 * starts must not decrease, sizes must be sane: errors carry file:line. Fills paths, ports and ideal FCTs. */
m4_status sim_scenario_read(sim_scenario **scenario, const char *dir, m4_error *err);
/* From parts (datagen): takes ownership of topology and of the flows array on success (paths are filled in).
 */
m4_status sim_scenario_create(sim_scenario **scenario, const char *name, sim_topology *topology,
                              sim_flow *flows, int64_t n_flows, const pkt_settings *packet,
                              const double params[SIM_N_PARAMS], m4_error *err);
void sim_scenario_free(sim_scenario *scenario);
/* Writes topology.txt, flows.txt, config.txt, params.txt, with changes also link_changes.txt, into an
 * existing folder, readable by ns-3 and by sim_scenario_read. */
m4_status sim_scenario_write(const sim_scenario *scenario, const char *dir, m4_error *err);

/* Puts at most `limit` flows per group of hosts_per_group hosts in flight (0 = open loop), for every back
 * end. */
m4_status sim_scenario_limit_flows(sim_scenario *scenario, int64_t limit, int64_t hosts_per_group,
                                   m4_error *err);

/* Ideal FCT in ns; rate_cap_bps 0 = none (training.md 3), 10e9 = the packet simulator's standalone column.
 * INT64_MAX when it does not fit. */
int64_t sim_ideal_fct_ns(const sim_topology *topology, const int32_t *links, int32_t n_links,
                         int64_t size_bytes, int64_t rate_cap_bps);

#endif
