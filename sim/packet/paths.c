/* Where flows go: the links of their packets and of their acknowledgements, looked up once per flow, and
 * again when links fail or return. A path that cannot be completed ends with the port that leads nowhere.
 * Source: packet-simulator.md 5 (routing). */
#include "sim/packet/state.h"

#include <stdlib.h>

/* One direction of a flow. */
typedef struct header {
  int32_t src, dst;
  uint16_t source_port, destination_port;
} header;

static header header_of(const pkt_flow *flow, bool forward) {
  if (forward) return (header){flow->src, flow->dst, flow->source_port, flow->destination_port};
  return (header){flow->dst, flow->src, flow->destination_port, flow->source_port};
}

static uint32_t nowhere(const pkt_sim *sim) {
  return (uint32_t)sim->topology->n_links;
}

m4_status pkt_reserve_paths(pkt_sim *sim, m4_error *err) {
  const uint32_t room = 2 * (SIM_MAX_PATH + 1);
  if (sim->n_paths + room <= sim->path_capacity) return M4_OK;
  uint64_t capacity = 2 * (uint64_t)sim->path_capacity + 32 * room;
  uint32_t *paths = capacity < UINT32_MAX ? realloc(sim->paths, capacity * sizeof *paths) : NULL;
  if (!paths)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %llu path links", (unsigned long long)capacity);
  sim->paths = paths;
  sim->path_capacity = (uint32_t)capacity;
  return M4_OK;
}

/* The next link in the network that is left, -1 when there is none. */
static int32_t next_link(pkt_sim *sim, sim_routing *routing, int32_t node, const header *h) {
  m4_error err = {0};
  int32_t link = sim_next_link(routing, node, h->src, h->dst, h->source_port, h->destination_port, &err);
  if (link < 0 && err.status == M4_MEMORY && sim->faults->status == M4_OK) {
    sim->faults->status = err.status;
    sim->faults->error = err;
  }
  return link;
}

/* Adds a path from `node` on to `paths`, room is reserved. */
static void walk(pkt_sim *sim, int32_t node, const header *h) {
  for (int i = 0; node != h->dst; i++) {
    int32_t link = i < SIM_MAX_PATH - 1 ? next_link(sim, sim->faults->routing, node, h) : -1;
    if (link < 0) {
      sim->paths[sim->n_paths++] = nowhere(sim);
      return;
    }
    sim->paths[sim->n_paths++] = (uint32_t)link;
    node = sim->topology->links[link].to;
  }
}

/* From a host: its interface is the one that the network chooses, or would choose if it were whole. */
static void walk_from_host(pkt_sim *sim, const header *h) {
  int32_t first = next_link(sim, sim->faults->routing, h->src, h);
  if (first < 0) first = next_link(sim, sim->routing, h->src, h);
  sim->paths[sim->n_paths++] = first < 0 ? nowhere(sim) : (uint32_t)first;
  if (first >= 0) walk(sim, sim->topology->links[first].to, h);
}

static m4_status route(pkt_sim *sim, const header *h, m4_error *err) {
  int32_t links[SIM_MAX_PATH], n_links = 0;
  M4_TRY(sim_route(sim->routing, h->src, h->dst, h->source_port, h->destination_port, links, SIM_MAX_PATH,
                   &n_links, err));
  for (int32_t i = 0; i < n_links; i++) sim->paths[sim->n_paths++] = (uint32_t)links[i];
  return M4_OK;
}

m4_status pkt_find_paths(pkt_sim *sim, uint32_t index, m4_error *err) {
  pkt_queue_pair *pair = &sim->pairs[index];
  M4_TRY(pkt_reserve_paths(sim, err));
  for (int forward = 1; forward >= 0; forward--) {
    header h = header_of(&pair->flow, forward);
    *(forward ? &pair->path : &pair->ack_path) = sim->n_paths;
    if (!sim->faults)
      M4_TRY(route(sim, &h, err));
    else
      walk_from_host(sim, &h);
  }
  if (sim->paths[pair->path] == nowhere(sim))
    return m4_fail(err, M4_DATA, "routing", "there is no path from node %d to host %d", pair->flow.src,
                   pair->flow.dst);
  return M4_OK;
}

/* ---- links that change ---- */

static bool ends_at(const pkt_sim *sim, uint32_t link, int32_t node) {
  return link == nowhere(sim) || sim->topology->links[link].to == node;
}

static bool path_works(const pkt_sim *sim, uint32_t path, int32_t dst) {
  for (;; path++) {
    if (sim->ports[sim->paths[path]].rate_bps == 0) return false;
    if (ends_at(sim, sim->paths[path], dst)) return true;
  }
}

bool pkt_paths_work(const pkt_sim *sim, const pkt_queue_pair *pair) {
  return path_works(sim, pair->path, pair->flow.dst) && path_works(sim, pair->ack_path, pair->flow.src);
}

static bool same_path(const pkt_sim *sim, uint32_t a, uint32_t b, int32_t dst) {
  for (;; a++, b++) {
    if (sim->paths[a] != sim->paths[b]) return false;
    if (ends_at(sim, sim->paths[a], dst)) return true;
  }
}

/* Keeps the path just added at `start` when it differs from *path. */
static bool take_path(pkt_sim *sim, uint32_t start, uint32_t *path, int32_t dst) {
  bool differs = !same_path(sim, start, *path, dst);
  if (differs)
    *path = start;
  else
    sim->n_paths = start;
  return differs;
}

m4_status pkt_reroute(pkt_sim *sim, m4_error *err) {
  for (uint32_t i = 0; i < sim->n_pairs; i++) {
    pkt_queue_pair *pair = &sim->pairs[i];
    if (!pair->live) continue;
    M4_TRY(pkt_reserve_paths(sim, err));
    header forward = header_of(&pair->flow, true), back = header_of(&pair->flow, false);
    uint32_t start = sim->n_paths;
    sim->paths[sim->n_paths++] = (uint32_t)pair->nic_port; /* a queue pair stays with its interface */
    walk(sim, sim->topology->links[pair->nic_port].to, &forward);
    if (take_path(sim, start, &pair->path, pair->flow.dst)) pair->rerouted = true;
    start = sim->n_paths;
    walk_from_host(sim, &back);
    take_path(sim, start, &pair->ack_path, pair->flow.src);
  }
  return M4_OK;
}

bool pkt_detour(pkt_sim *sim, uint32_t packet, int32_t node) {
  pkt_packet *p = &sim->packets[packet];
  header h = header_of(&sim->pairs[p->queue_pair].flow, p->kind == PKT_DATA);
  uint32_t start = sim->n_paths;
  walk(sim, node, &h);
  if (sim->ports[sim->paths[start]].rate_bps > 0) {
    p->path = start;
    return true;
  }
  sim->n_paths = start;
  pkt_lose(sim, packet, &sim->ports[nowhere(sim)]);
  return false;
}
