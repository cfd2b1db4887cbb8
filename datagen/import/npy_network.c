/* From hops to nodes, cables and a topology. */
#include "datagen/import/npy_network.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 1 << 20, LINK_DELAY_NS = 1000 };
#define LINK_RATE_BPS ((int64_t)10000000000)

/* ---- paths ---- */

static bool parse_node(const char **at, int32_t *node) {
  int64_t number = 0;
  const char *first = *at;
  for (; **at >= '0' && **at <= '9' && number < MAX_NODES; ++*at) number = 10 * number + (**at - '0');
  *node = (int32_t)number;
  return *at > first && number < MAX_NODES;
}

static bool parse_hop(const char *text, int32_t *from, int32_t *to) {
  return parse_node(&text, from) && *text++ == '-' && parse_node(&text, to) && *text == '\0' && *from != *to;
}

static m4_status bad_flow(m4_error *err, int64_t flow, const char *what) {
  return m4_fail(err, M4_DATA, "flow_to_path", "flow %lld %s", (long long)flow, what);
}

static m4_status count_nodes(dg_node_paths *paths, const ds_sequence *all, m4_error *err) {
  for (int64_t flow = 0; flow < all->count; ++flow) {
    ds_sequence hops;
    if (!ds_sequence_at(&hops, all, flow)) return bad_flow(err, flow, "has no list of hops");
    if (hops.count < 1 || hops.count > SIM_MAX_PATH)
      return bad_flow(err, flow, "has an impossible number of hops");
    paths->offset[flow + 1] = paths->offset[flow] + hops.count + 1;
  }
  return M4_OK;
}

static m4_status read_nodes(int32_t *node, const ds_sequence *all, int64_t flow, m4_error *err) {
  ds_sequence hops;
  ds_sequence_at(&hops, all, flow);
  for (int64_t hop = 0; hop < hops.count; ++hop) {
    const char *text;
    int32_t from, to;
    if (!ds_sequence_text(&text, &hops, hop) || !parse_hop(text, &from, &to))
      return bad_flow(err, flow, "has a hop that is not \"a-b\"");
    if (hop > 0 && node[hop] != from) return bad_flow(err, flow, "has hops that do not join");
    node[hop] = from;
    node[hop + 1] = to;
  }
  return node[0] == node[hops.count] ? bad_flow(err, flow, "returns to its source") : M4_OK;
}

m4_status dg_node_paths_read(dg_node_paths *paths, const ds_sequence *hops, m4_error *err) {
  *paths = (dg_node_paths){.n_flows = hops->count};
  paths->offset = calloc((size_t)hops->count + 1, sizeof *paths->offset);
  if (!paths->offset) return m4_fail(err, M4_MEMORY, "flow_to_path", "no memory for the paths");
  M4_TRY(count_nodes(paths, hops, err));
  paths->node = calloc((size_t)paths->offset[hops->count] + 1, sizeof *paths->node);
  if (!paths->node) return m4_fail(err, M4_MEMORY, "flow_to_path", "no memory for the paths");
  for (int64_t flow = 0; flow < hops->count; ++flow)
    M4_TRY(read_nodes(paths->node + paths->offset[flow], hops, flow, err));
  return M4_OK;
}

void dg_node_paths_free(dg_node_paths *paths) {
  free(paths->offset);
  free(paths->node);
  *paths = (dg_node_paths){0};
}

/* ---- the network ---- */

typedef struct draft {
  sim_cable *cables;
  int32_t *switches;
  bool *is_host; /* [n_nodes] */
  int32_t n_nodes, n_cables, n_switches;
} draft;

static int compare_cables(const void *a, const void *b) {
  const sim_cable *x = a, *y = b;
  if (x->a != y->a) return x->a < y->a ? -1 : 1;
  return (x->b > y->b) - (x->b < y->b);
}

static int32_t count_ids(const dg_node_paths *paths) {
  int32_t highest = 0;
  for (int64_t i = 0; i < paths->offset[paths->n_flows]; ++i)
    if (paths->node[i] > highest) highest = paths->node[i];
  return highest + 1;
}

/* Every hop's cable, lower id first, then each once. */
static void list_cables(draft *d, const dg_node_paths *paths) {
  int32_t count = 0;
  for (int64_t flow = 0; flow < paths->n_flows; ++flow)
    for (int64_t i = paths->offset[flow]; i + 1 < paths->offset[flow + 1]; ++i) {
      int32_t a = paths->node[i], b = paths->node[i + 1];
      d->cables[count++] = (sim_cable){a < b ? a : b, a < b ? b : a, LINK_RATE_BPS, LINK_DELAY_NS};
    }
  if (count > 0) qsort(d->cables, (size_t)count, sizeof *d->cables, compare_cables);
  for (int32_t i = 0; i < count; ++i)
    if (i == 0 || compare_cables(&d->cables[i], &d->cables[i - 1]) != 0)
      d->cables[d->n_cables++] = d->cables[i];
}

static m4_status list_switches(draft *d, const dg_node_paths *paths, m4_error *err) {
  for (int64_t flow = 0; flow < paths->n_flows; ++flow) {
    d->is_host[paths->node[paths->offset[flow]]] = true;
    d->is_host[paths->node[paths->offset[flow + 1] - 1]] = true;
  }
  for (int64_t flow = 0; flow < paths->n_flows; ++flow)
    for (int64_t i = paths->offset[flow] + 1; i + 1 < paths->offset[flow + 1]; ++i)
      if (d->is_host[paths->node[i]]) return bad_flow(err, flow, "leads through the end of another flow");
  for (int32_t node = 0; node < d->n_nodes; ++node)
    if (!d->is_host[node]) d->switches[d->n_switches++] = node;
  return M4_OK;
}

m4_status dg_network_of_paths(sim_topology **topology, const dg_node_paths *paths, m4_error *err) {
  int64_t n_hops = paths->offset[paths->n_flows];
  if (n_hops > INT32_MAX) return m4_fail(err, M4_DATA, "flow_to_path", "%lld hops", (long long)n_hops);
  draft d = {.n_nodes = count_ids(paths)};
  d.cables = calloc((size_t)n_hops + 1, sizeof *d.cables);
  d.switches = calloc((size_t)d.n_nodes, sizeof *d.switches);
  d.is_host = calloc((size_t)d.n_nodes, sizeof *d.is_host);
  m4_status status = d.cables && d.switches && d.is_host
                         ? list_switches(&d, paths, err)
                         : m4_fail(err, M4_MEMORY, "flow_to_path", "no memory for the network");
  if (status == M4_OK) {
    list_cables(&d, paths);
    status = sim_topology_create(topology, d.n_nodes, d.switches, d.n_switches, d.cables, d.n_cables, err);
  }
  free(d.cables);
  free(d.switches);
  free(d.is_host);
  return status;
}
