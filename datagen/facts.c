/* Copies a scenario into the dataset's flat arrays. */
#include "datagen/facts.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FLOWS = 1 << 30, BYTES_PER_FLOW = 4096, SPARE_BYTES = 1 << 24 };

size_t dg_facts_bytes(int64_t n_flows) {
  size_t n = (size_t)n_flows;
  return 2 * n * n * sizeof(int64_t) + n * BYTES_PER_FLOW + SPARE_BYTES;
}

static void copy_network(ds_scenario *facts, const sim_topology *topology, dg_memory *memory) {
  uint8_t *is_switch = dg_take(memory, topology->n_nodes, sizeof *is_switch);
  int32_t *from = dg_take(memory, topology->n_links, sizeof *from);
  int32_t *to = dg_take(memory, topology->n_links, sizeof *to);
  int64_t *rate_bps = dg_take(memory, topology->n_links, sizeof *rate_bps);
  int64_t *delay_ns = dg_take(memory, topology->n_links, sizeof *delay_ns);
  if (memory->failed) return;
  for (int32_t node = 0; node < topology->n_nodes; ++node) is_switch[node] = topology->is_switch[node];
  for (int32_t i = 0; i < topology->n_links; ++i) {
    const sim_link *link = &topology->links[i];
    from[i] = link->from;
    to[i] = link->to;
    rate_bps[i] = link->rate_bps;
    delay_ns[i] = link->delay_ns;
  }
  facts->n_nodes = topology->n_nodes;
  facts->n_links = topology->n_links;
  facts->node_is_switch = is_switch;
  facts->link_from = from;
  facts->link_to = to;
  facts->link_rate_bps = rate_bps;
  facts->link_delay_ns = delay_ns;
}

typedef struct id_and_index {
  int64_t id;
  int32_t index;
} id_and_index;

static int compare_ids(const void *a, const void *b) {
  int64_t x = ((const id_and_index *)a)->id, y = ((const id_and_index *)b)->id;
  return (x > y) - (x < y);
}

/* order[p].index = the scenario's index of the flow at position p. */
static id_and_index *sort_by_id(const sim_scenario *scenario, dg_memory *memory) {
  id_and_index *order = dg_take(memory, scenario->n_flows, sizeof *order);
  if (memory->failed) return NULL;
  for (int64_t i = 0; i < scenario->n_flows; ++i)
    order[i] = (id_and_index){scenario->flows[i].id, (int32_t)i};
  if (scenario->n_flows > 0) qsort(order, (size_t)scenario->n_flows, sizeof *order, compare_ids);
  return order;
}

static void copy_flows(ds_scenario *facts, int32_t *position, const sim_scenario *scenario,
                       dg_memory *memory) {
  int64_t n_flows = scenario->n_flows;
  const id_and_index *order = sort_by_id(scenario, memory);
  int64_t *id = dg_take(memory, n_flows, sizeof *id), *size = dg_take(memory, n_flows, sizeof *size);
  int64_t *start = dg_take(memory, n_flows, sizeof *start), *ideal = dg_take(memory, n_flows, sizeof *ideal);
  int32_t *src = dg_take(memory, n_flows, sizeof *src), *dst = dg_take(memory, n_flows, sizeof *dst);
  if (memory->failed) return;
  for (int64_t p = 0; p < n_flows; ++p) {
    const sim_flow *flow = &scenario->flows[order[p].index];
    position[order[p].index] = (int32_t)p;
    id[p] = flow->id;
    size[p] = flow->size_bytes;
    start[p] = flow->start_ns;
    ideal[p] = flow->ideal_fct_ns;
    src[p] = flow->src;
    dst[p] = flow->dst;
  }
  facts->n_flows = n_flows;
  facts->flow_id = id;
  facts->size_bytes = size;
  facts->start_ns = start;
  facts->ideal_fct_ns = ideal;
  facts->src = src;
  facts->dst = dst;
}

static void copy_paths(ds_scenario *facts, const int32_t *position, const sim_scenario *scenario,
                       dg_memory *memory) {
  int64_t *offset = dg_take(memory, scenario->n_flows + 1, sizeof *offset);
  if (memory->failed) return;
  for (int64_t i = 0; i < scenario->n_flows; ++i) offset[position[i] + 1] = scenario->flows[i].n_links;
  for (int64_t p = 0; p < scenario->n_flows; ++p) offset[p + 1] += offset[p];
  int32_t *path = dg_take(memory, offset[scenario->n_flows], sizeof *path);
  if (memory->failed) return;
  for (int64_t i = 0; i < scenario->n_flows; ++i) {
    const sim_flow *flow = &scenario->flows[i];
    memcpy(path + offset[position[i]], flow->links, (size_t)flow->n_links * sizeof *path);
  }
  facts->path_offset = offset;
  facts->path_link = path;
}

m4_status dg_facts_of_scenario(ds_scenario *facts, int32_t **position, const sim_scenario *scenario,
                               m4_arena *arena, m4_error *err) {
  *facts = (ds_scenario){0};
  if (scenario->n_flows > MAX_FLOWS)
    return m4_fail(err, M4_DATA, scenario->name, "%lld flows are too many", (long long)scenario->n_flows);
  dg_memory memory = {.arena = arena};
  facts->name = m4_arena_strdup(arena, scenario->name);
  memcpy(facts->params, scenario->params, sizeof facts->params);
  *position = dg_take(&memory, scenario->n_flows, sizeof **position);
  copy_network(facts, scenario->topology, &memory);
  if (!memory.failed) copy_flows(facts, *position, scenario, &memory);
  if (!memory.failed) copy_paths(facts, *position, scenario, &memory);
  if (memory.failed || !facts->name)
    return m4_fail(err, M4_MEMORY, scenario->name, "no memory for the facts of %lld flows",
                   (long long)scenario->n_flows);
  return M4_OK;
}
