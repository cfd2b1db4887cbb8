/* paths.txt of an ns-3 folder. */
#include "datagen/import/paths.h"

#include "base/file.h"
#include "sim/map.h"
#include "sim/scenario_parts.h"
#include "sim/text.h"

#include <string.h>

enum { PATH_BYTES = 4096 };

int32_t dg_link_between(const sim_topology *topology, int32_t from, int32_t to) {
  for (int32_t port = topology->port_begin[from]; port < topology->port_begin[from + 1]; ++port)
    if (topology->links[topology->port_link[port]].to == to) return topology->port_link[port];
  return -1;
}

/* The nodes after the source, one word each, then the destination. */
static m4_status read_links(sim_text *text, const sim_topology *topology, const sim_flow *flow,
                            int32_t *links, int32_t *n_links, m4_error *err) {
  int32_t from = flow->src;
  for (*n_links = 0; from != flow->dst; ++*n_links) {
    int64_t to = flow->dst;
    if (*n_links == SIM_MAX_PATH)
      return sim_text_fail(text, err, "a path of more than %d links", SIM_MAX_PATH);
    if (*text->word) M4_TRY(sim_text_int(text, "node", 0, topology->n_nodes - 1, &to, err));
    links[*n_links] = dg_link_between(topology, from, (int32_t)to);
    if (links[*n_links] < 0)
      return sim_text_fail(text, err, "nodes %d and %lld have no link", from, (long long)to);
    from = (int32_t)to;
  }
  return sim_text_end_of_line(text, err);
}

m4_status dg_set_path(const sim_scenario *scenario, sim_flow *flow, const int32_t *links, int32_t n_links,
                      m4_arena *arena, m4_error *err) {
  if (n_links == flow->n_links && memcmp(links, flow->links, (size_t)n_links * sizeof *links) == 0)
    return M4_OK;
  int64_t ideal_ns = sim_ideal_fct_ns(scenario->topology, links, n_links, flow->size_bytes, 0);
  if (ideal_ns > SIM_MAX_TIME_NS)
    return m4_fail(err, M4_DATA, scenario->name, "flow %lld has a path that takes more than 2^53 ns",
                   (long long)flow->id);
  int32_t *kept = m4_arena_alloc(arena, (size_t)n_links, sizeof *kept);
  if (!kept) return m4_fail(err, M4_MEMORY, scenario->name, "no memory for paths");
  memcpy(kept, links, (size_t)n_links * sizeof *kept);
  flow->links = kept;
  flow->n_links = n_links;
  flow->ideal_fct_ns = ideal_ns;
  return M4_OK;
}

static m4_status read_path(sim_text *text, sim_scenario *scenario, const sim_map *index_of, m4_arena *arena,
                           m4_error *err) {
  int64_t id;
  int32_t links[SIM_MAX_PATH], n_links;
  M4_TRY(sim_text_int(text, "flow id", 0, INT64_MAX, &id, err));
  const int64_t *index = sim_map_get(index_of, (uint64_t)id);
  if (!index) return sim_text_fail(text, err, "flow %lld is not in flows.txt", (long long)id);
  sim_flow *flow = &scenario->flows[*index];
  M4_TRY(read_links(text, scenario->topology, flow, links, &n_links, err));
  return dg_set_path(scenario, flow, links, n_links, arena, err);
}

static m4_status read_all(sim_text *text, sim_scenario *scenario, m4_arena *arena, m4_error *err) {
  sim_map index_of = {0};
  M4_TRY(sim_map_init(&index_of, scenario->n_flows, err));
  for (int64_t i = 0; i < scenario->n_flows; ++i)
    *sim_map_put(&index_of, (uint64_t)scenario->flows[i].id, NULL) = i;
  m4_status status = M4_OK;
  while (status == M4_OK && sim_text_line(text)) status = read_path(text, scenario, &index_of, arena, err);
  sim_map_free(&index_of);
  return status;
}

m4_status dg_read_paths(sim_scenario *scenario, const char *dir, m4_arena *arena, m4_error *err) {
  char path[PATH_BYTES];
  sim_text text;
  M4_TRY(m4_path_join(path, sizeof path, dir, "paths.txt", err));
  if (!m4_file_exists(path)) return M4_OK;
  M4_TRY(sim_text_open(&text, path, err));
  m4_status status = read_all(&text, scenario, arena, err);
  sim_text_close(&text);
  return status;
}
