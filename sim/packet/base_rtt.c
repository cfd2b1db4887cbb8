/* See base_rtt.h: one breadth-first search per host that can be an end of the longest path. */
#include "sim/packet/base_rtt.h"

#include <stdlib.h>
#include <string.h>

typedef struct search {
  int32_t *queue, *hops; /* [n_nodes] */
  int64_t *delay_ns;     /* [n_nodes] from the start */
} search;

static int32_t n_ports(const sim_topology *topology, int32_t node) {
  return topology->port_begin[node + 1] - topology->port_begin[node];
}

static const sim_link *first_link(const sim_topology *topology, int32_t host) {
  return &topology->links[topology->port_link[topology->port_begin[host]]];
}

/* Largest one-way delay from `start` to any host. */
static int64_t farthest_host(const sim_topology *topology, int32_t start, search *s) {
  int64_t farthest = 0;
  int32_t count = 1;
  memset(s->hops, -1, (size_t)topology->n_nodes * sizeof *s->hops);
  s->queue[0] = start;
  s->hops[start] = 0;
  s->delay_ns[start] = 0;
  for (int32_t i = 0; i < count; i++) {
    int32_t now = s->queue[i];
    for (int32_t port = topology->port_begin[now]; port < topology->port_begin[now + 1]; port++) {
      const sim_link *link = &topology->links[topology->port_link[port]];
      if (s->hops[link->to] >= 0) continue;
      s->hops[link->to] = s->hops[now] + 1;
      s->delay_ns[link->to] = s->delay_ns[now] + link->delay_ns;
      if (topology->is_switch[link->to])
        s->queue[count++] = link->to;
      else if (s->delay_ns[link->to] > farthest)
        farthest = s->delay_ns[link->to];
    }
  }
  return farthest;
}

/* Of the hosts with one cable to the same switch only the one with the longest cable matters:
 * representative[switch]. */
static void find_representatives(const sim_topology *topology, int32_t *representative) {
  memset(representative, -1, (size_t)topology->n_nodes * sizeof *representative);
  for (int32_t node = 0; node < topology->n_nodes; node++) {
    if (topology->is_switch[node] || n_ports(topology, node) != 1) continue;
    const sim_link *link = first_link(topology, node);
    int32_t *best = &representative[link->to];
    if (*best < 0 || link->delay_ns > first_link(topology, *best)->delay_ns) *best = node;
  }
}

m4_status pkt_base_rtt_ns(const sim_topology *topology, int64_t *rtt_ns, m4_error *err) {
  size_t n = (size_t)topology->n_nodes;
  search s = {malloc(n * sizeof *s.queue), malloc(n * sizeof *s.hops), malloc(n * sizeof *s.delay_ns)};
  int32_t *representative = malloc(n * sizeof *representative);
  m4_status status = M4_OK;
  int64_t farthest = 0;
  if (!s.queue || !s.hops || !s.delay_ns || !representative) {
    status = m4_fail(err, M4_MEMORY, NULL, "no memory for %zu nodes", n);
  } else {
    find_representatives(topology, representative);
    for (int32_t node = 0; node < topology->n_nodes; node++) {
      if (topology->is_switch[node]) continue;
      if (n_ports(topology, node) == 1 && representative[first_link(topology, node)->to] != node) continue;
      int64_t delay = farthest_host(topology, node, &s);
      if (delay > farthest) farthest = delay;
    }
  }
  free(s.queue);
  free(s.hops);
  free(s.delay_ns);
  free(representative);
  *rtt_ns = 2 * farthest;
  return status;
}
