/* Event arrays of a component. Knows slots, components, bundles. */
#include "infer/snapshot.h"

#include <stdlib.h>
#include <string.h>

enum { NOBODY = -1 };

m4_status inf_snapshot_init(inf_snapshot *snapshot, int32_t n_links, m4_error *err) {
  memset(snapshot, 0, sizeof *snapshot);
  size_t n_rows = (size_t)n_links + 1;
  snapshot->node = malloc(n_rows * sizeof *snapshot->node);
  snapshot->speaker = malloc(n_rows * sizeof *snapshot->speaker);
  if (!snapshot->node || !snapshot->speaker)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %d links", (int)n_links);
  for (size_t row = 0; row < n_rows; ++row) snapshot->speaker[row] = NOBODY;
  return M4_OK;
}

void inf_snapshot_free(inf_snapshot *snapshot) {
  free(snapshot->members);
  free(snapshot->rows);
  free(snapshot->offset);
  free(snapshot->index);
  free(snapshot->node);
  free(snapshot->speaker);
  memset(snapshot, 0, sizeof *snapshot);
}

static m4_status grow_array(int32_t **array, int64_t count, m4_error *err) {
  int32_t *larger = realloc(*array, (size_t)count * sizeof *larger);
  if (!larger)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for an event of %lld nodes or edges", (long long)count);
  *array = larger;
  return M4_OK;
}

static m4_status reserve(inf_snapshot *snapshot, int64_t n_nodes, int64_t n_index, m4_error *err) {
  if (n_nodes >= INT32_MAX || n_index > INT32_MAX)
    return m4_fail(err, M4_MEMORY, NULL, "a component of %lld nodes and %lld edges is too large",
                   (long long)n_nodes, (long long)n_index);
  if (n_nodes > snapshot->node_capacity) {
    M4_TRY(grow_array(&snapshot->members, 2 * n_nodes, err));
    M4_TRY(grow_array(&snapshot->rows, 2 * n_nodes, err));
    M4_TRY(grow_array(&snapshot->offset, 2 * n_nodes + 1, err));
    snapshot->node_capacity = 2 * n_nodes;
  }
  if (n_index > snapshot->index_capacity) {
    M4_TRY(grow_array(&snapshot->index, 2 * n_index, err));
    snapshot->index_capacity = 2 * n_index;
  }
  return M4_OK;
}

static int64_t count_edges(const inf_slots *slots, const inf_roster *flows) {
  int64_t edges = 0;
  for (int32_t i = 0; i < flows->count; ++i) edges += slots->list[flows->members[i].row].n_path;
  return edges;
}

/* A node for each bundle, in the order of their first links, which speak for them. Returns how many. */
static int32_t number_bundles(inf_snapshot *snapshot, const inf_component *component, const int32_t *row_of) {
  int32_t n_flows = component->flows.count, n_bundles = 0;
  for (int32_t i = 0; i < component->links.count; ++i) {
    int32_t link = component->links.members[i].row, row = row_of[link];
    if (snapshot->speaker[row] != NOBODY) continue;
    snapshot->speaker[row] = link;
    snapshot->node[row] = n_flows + n_bundles;
    snapshot->members[n_flows + n_bundles++] = row;
  }
  return n_bundles;
}

/* Of a flow: the nodes of its links, in path order. */
static void list_flows(inf_snapshot *snapshot, const inf_slots *slots, const inf_roster *flows,
                       const int32_t *row_of) {
  int32_t next = 0;
  for (int32_t i = 0; i < flows->count; ++i) {
    const inf_slot *flow = &slots->list[flows->members[i].row];
    snapshot->members[i] = flows->members[i].row;
    snapshot->offset[i] = next;
    for (int32_t hop = 0; hop < flow->n_path; ++hop)
      snapshot->index[next++] = snapshot->node[row_of[flow->path[hop]]];
  }
  snapshot->offset[flows->count] = next;
}

/* Of a bundle: the flows of its speaker, ascending. Numbers of nodes become places in the list, and speakers
 * fall silent again. */
static void list_bundles(inf_snapshot *snapshot, const inf_slots *slots, int32_t n_flows, int32_t n_bundles,
                         const int32_t *row_of, const int32_t *flow_count) {
  int32_t next = snapshot->offset[n_flows];
  for (int32_t node = n_flows; node < n_flows + n_bundles; ++node) {
    int32_t row = snapshot->members[node];
    snapshot->node[row] = next;
    next += flow_count[snapshot->speaker[row]];
    snapshot->offset[node + 1] = next;
  }
  for (int32_t i = 0; i < n_flows; ++i) {
    const inf_slot *flow = &slots->list[snapshot->members[i]];
    for (int32_t hop = 0; hop < flow->n_path; ++hop) {
      int32_t row = row_of[flow->path[hop]];
      if (snapshot->speaker[row] == flow->path[hop]) snapshot->index[snapshot->node[row]++] = i;
    }
  }
  for (int32_t node = n_flows; node < n_flows + n_bundles; ++node)
    snapshot->speaker[snapshot->members[node]] = NOBODY;
}

static void find_rows(inf_snapshot *snapshot, const inf_slots *slots, int32_t n_flows, int32_t n_bundles,
                      const int32_t *link_row) {
  const int32_t *members = snapshot->members;
  for (int32_t i = 0; i < n_flows; ++i) snapshot->rows[i] = slots->list[members[i]].row;
  for (int32_t i = n_flows; i < n_flows + n_bundles; ++i) snapshot->rows[i] = link_row[members[i]];
}

m4_status inf_snapshot_take(inf_snapshot *snapshot, const inf_slots *slots, const inf_component *component,
                            const int32_t *row_of, const int32_t *flow_count, const int32_t *link_row,
                            m4_event_data *event, m4_error *err) {
  int32_t n_flows = component->flows.count;
  int64_t n_edges = count_edges(slots, &component->flows);
  M4_TRY(reserve(snapshot, (int64_t)n_flows + component->links.count, 2 * n_edges, err));
  int32_t n_bundles = number_bundles(snapshot, component, row_of);
  list_flows(snapshot, slots, &component->flows, row_of);
  list_bundles(snapshot, slots, n_flows, n_bundles, row_of, flow_count);
  find_rows(snapshot, slots, n_flows, n_bundles, link_row);
  *event = (m4_event_data){.n_flows = n_flows,
                           .n_links = n_bundles,
                           .n_edges = (int32_t)n_edges,
                           .flow_rows = snapshot->rows,
                           .link_rows = snapshot->rows + n_flows,
                           .neighbour_offset = snapshot->offset,
                           .neighbour_index = snapshot->index};
  return M4_OK;
}
