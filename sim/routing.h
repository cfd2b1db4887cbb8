/* Shortest paths and ECMP exactly as the packet simulator chooses them: one function for every back end and
 * the path file. Knows topology. Source: packet-simulator.md 5 (routing), workloads.md 1.3. */
#ifndef SIM_ROUTING_H
#define SIM_ROUTING_H

#include "sim/topology.h"

typedef struct sim_routing sim_routing;

/* Tables are made on demand per destination (destinations behind one switch share them), so large fabrics
 * start at once. Not thread-safe: one sim_routing per scenario. The topology must outlive it. */
m4_status sim_routing_create(sim_routing **routing, const sim_topology *topology, m4_error *err);
void sim_routing_free(sim_routing *routing);

/* Address of a node and the murmur3-32 hash of a header at a switch (check values: workloads.md 1.3). */
uint32_t sim_node_address(int32_t node);
uint32_t sim_ecmp_hash(uint32_t source_address, uint32_t destination_address, uint16_t source_port,
                       uint16_t destination_port, uint32_t switch_id);

/* Outgoing link that `node` uses for a header on its way to host `destination`; -1 when there is no path. */
int32_t sim_next_link(sim_routing *routing, int32_t node, int32_t source, int32_t destination,
                      uint16_t source_port, uint16_t destination_port, m4_error *err);

/* The whole path of a flow: directed link ids in order. M4_DATA: no path, or longer than `capacity`. */
m4_status sim_route(sim_routing *routing, int32_t source, int32_t destination, uint16_t source_port,
                    uint16_t destination_port, int32_t *links, int32_t capacity, int32_t *n_links,
                    m4_error *err);

enum { SIM_MAX_PATH = 64 };

/* From now on no path uses the directed link, or (up) paths may use it again: shortest paths and ECMP choices
 * are those of the network that is left. Of parallel cables still only the last carries traffic. M4_MEMORY.
 */
m4_status sim_routing_set_link(sim_routing *routing, int32_t link, bool up, m4_error *err);

#endif
