/* The network's arrays: built from cables, checked once. Does not know files (topology_file.c) or paths
 * (routing.c). */
#include "sim/topology.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 1 << 24 }; /* what the address scheme of packet-simulator.md 5 can name */

static m4_status bad(m4_error *err, const char *fmt, int64_t a, int64_t b) {
  char what[160];
  snprintf(what, sizeof what, fmt, (long long)a, (long long)b);
  return m4_fail(err, M4_DATA, "topology", "%s", what);
}

static m4_status mark_switches(sim_topology *topology, const int32_t *switches, m4_error *err) {
  for (int32_t i = 0; i < topology->n_switches; i++) {
    int32_t node = switches[i];
    if (node < 0 || node >= topology->n_nodes)
      return bad(err, "switch id %lld is not below the number of nodes, %lld", node, topology->n_nodes);
    if (topology->is_switch[node]) return bad(err, "switch %lld is listed twice (entry %lld)", node, i);
    topology->is_switch[node] = true;
    topology->switch_order[i] = node;
  }
  return M4_OK;
}

static m4_status check_cable(const sim_topology *topology, const sim_cable *cable, int64_t index,
                             m4_error *err) {
  const int32_t ends[] = {cable->a, cable->b};
  for (int i = 0; i < 2; i++)
    if (ends[i] < 0 || ends[i] >= topology->n_nodes)
      return bad(err, "cable %lld ends at node %lld, which does not exist", index, ends[i]);
  if (cable->a == cable->b) return bad(err, "cable %lld joins node %lld to itself", index, cable->a);
  if (cable->rate_bps < 1)
    return bad(err, "cable %lld has rate %lld bit/s, must be positive", index, cable->rate_bps);
  if (cable->delay_ns < 1)
    return bad(err, "cable %lld has delay %lld ns, must be positive", index, cable->delay_ns);
  return M4_OK;
}

static m4_status make_links(sim_topology *topology, const sim_cable *cables, m4_error *err) {
  for (int32_t i = 0; i < topology->n_links / 2; i++) {
    const sim_cable *cable = &cables[i];
    M4_TRY(check_cable(topology, cable, i, err));
    topology->links[2 * i] = (sim_link){
        .from = cable->a, .to = cable->b, .rate_bps = cable->rate_bps, .delay_ns = cable->delay_ns};
    topology->links[2 * i + 1] = (sim_link){
        .from = cable->b, .to = cable->a, .rate_bps = cable->rate_bps, .delay_ns = cable->delay_ns};
  }
  return M4_OK;
}

/* Ports of a node are numbered from 1 in cable order. */
static void number_ports(sim_topology *topology) {
  int32_t *begin = topology->port_begin;
  for (int32_t link = 0; link < topology->n_links; link++) begin[topology->links[link].from + 1]++;
  for (int32_t node = 0; node < topology->n_nodes; node++) begin[node + 1] += begin[node];
  for (int32_t link = 0; link < topology->n_links;
       link++) { /* begin[] walks to the end of each node's slots ... */
    int32_t slot = begin[topology->links[link].from]++;
    topology->port_link[slot] = link;
  }
  for (int32_t node = topology->n_nodes; node > 0; node--)
    begin[node] = begin[node - 1]; /* ... and is put back */
  begin[0] = 0;
  for (int32_t node = 0; node < topology->n_nodes; node++)
    for (int32_t slot = begin[node]; slot < begin[node + 1]; slot++) {
      int32_t link = topology->port_link[slot], port = slot - begin[node] + 1;
      topology->links[link].from_port = port;
      topology->links[link ^ 1].to_port = port;
    }
}

static m4_status allocate(sim_topology *topology, m4_error *err) {
  size_t nodes = (size_t)topology->n_nodes, links = (size_t)topology->n_links;
  topology->is_switch = calloc(nodes + 1, sizeof *topology->is_switch);
  topology->switch_order = calloc((size_t)topology->n_switches + 1, sizeof *topology->switch_order);
  topology->links = calloc(links + 1, sizeof *topology->links);
  topology->port_begin = calloc(nodes + 1, sizeof *topology->port_begin);
  topology->port_link = calloc(links + 1, sizeof *topology->port_link);
  if (!topology->is_switch || !topology->switch_order || !topology->links || !topology->port_begin ||
      !topology->port_link)
    return m4_fail(err, M4_MEMORY, "topology", "no memory for %zu nodes and %zu links", nodes, links);
  return M4_OK;
}

m4_status sim_topology_create(sim_topology **out, int32_t n_nodes, const int32_t *switches,
                              int32_t n_switches, const sim_cable *cables, int32_t n_cables, m4_error *err) {
  *out = NULL;
  if (n_nodes < 1 || n_nodes > MAX_NODES)
    return bad(err, "%lld nodes, must be between 1 and %lld", n_nodes, MAX_NODES);
  if (n_switches < 0 || n_switches > n_nodes)
    return bad(err, "%lld switches among %lld nodes", n_switches, n_nodes);
  if (n_cables < 0 || n_cables > INT32_MAX / 2 - 1)
    return bad(err, "%lld cables, must be between 0 and %lld", n_cables, INT32_MAX / 2 - 1);
  sim_topology *topology = calloc(1, sizeof *topology);
  if (!topology) return m4_fail(err, M4_MEMORY, "topology", "no memory");
  topology->n_nodes = n_nodes;
  topology->n_switches = n_switches;
  topology->n_hosts = n_nodes - n_switches;
  topology->n_links = 2 * n_cables;
  m4_status status = allocate(topology, err);
  if (status == M4_OK) status = mark_switches(topology, switches, err);
  if (status == M4_OK) status = make_links(topology, cables, err);
  if (status != M4_OK) {
    sim_topology_free(topology);
    return status;
  }
  number_ports(topology);
  *out = topology;
  return M4_OK;
}

void sim_topology_free(sim_topology *topology) {
  if (!topology) return;
  free(topology->is_switch);
  free(topology->switch_order);
  free(topology->links);
  free(topology->port_begin);
  free(topology->port_link);
  free(topology);
}
