/* A scenario from the reference's arrays, then its supervision like that of any other. */
#include "datagen/import/npy.h"

#include "base/file.h"
#include "datagen/facts.h"
#include "datagen/import/departures.h"
#include "datagen/import/npy_network.h"
#include "datagen/import/npy_rows.h"
#include "datagen/import/paths.h"
#include "datagen/supervision.h"
#include "datagen/workload/flows.h"
#include "sim/scenario_parts.h"

#include <stdlib.h>

enum { PATH_BYTES = 4096 };

typedef struct import {
  dg_npy_arrays arrays;
  dg_node_paths paths;
  m4_log *log;
} import;

/* ---- flows, in the order of their starts ---- */

static int compare_starts(const void *a, const void *b) {
  const sim_flow *x = a, *y = b;
  if (x->start_ns != y->start_ns) return x->start_ns < y->start_ns ? -1 : 1;
  return (x->id > y->id) - (x->id < y->id);
}

static m4_status read_flow(sim_flow *flow, const import *in, int64_t id, m4_error *err) {
  const int32_t *node = in->paths.node, *last = &node[in->paths.offset[id + 1] - 1];
  *flow = (sim_flow){.id = id,
                     .src = node[in->paths.offset[id]],
                     .dst = *last,
                     .priority = DG_DATA_PRIORITY,
                     .destination_port = DG_DESTINATION_PORT};
  if (!ds_sequence_integer(&flow->size_bytes, &in->arrays.size_bytes.values, id) ||
      !ds_sequence_integer(&flow->start_ns, &in->arrays.start_ns.values, id))
    return m4_fail(err, M4_DATA, in->arrays.dir, "size or start of flow %lld is no integer", (long long)id);
  return M4_OK;
}

static m4_status read_flows(sim_flow **flows, const import *in, m4_error *err) {
  int64_t n_flows = in->arrays.n_flows;
  *flows = calloc((size_t)n_flows + 1, sizeof **flows);
  if (!*flows) return m4_fail(err, M4_MEMORY, in->arrays.dir, "no memory for %lld flows", (long long)n_flows);
  for (int64_t id = 0; id < n_flows; ++id) M4_TRY(read_flow(&(*flows)[id], in, id, err));
  if (n_flows > 0) qsort(*flows, (size_t)n_flows, sizeof **flows, compare_starts);
  return M4_OK;
}

/* ---- the scenario ---- */

static m4_status read_network(sim_topology **topology, const import *in, m4_error *err) {
  char path[PATH_BYTES];
  M4_TRY(m4_path_join(path, sizeof path, in->arrays.dir, "topology.txt", err));
  if (m4_file_exists(path)) return sim_topology_read(topology, path, err);
  return dg_network_of_paths(topology, &in->paths, err);
}

static m4_status make_scenario(sim_scenario **scenario, const import *in, m4_error *err) {
  sim_topology *topology = NULL;
  sim_flow *flows = NULL;
  pkt_settings settings = pkt_settings_default();
  char name[PATH_BYTES];
  m4_path_last(name, sizeof name, in->arrays.dir);
  m4_status status = read_network(&topology, in, err);
  if (status == M4_OK) status = read_flows(&flows, in, err);
  if (status == M4_OK)
    status = sim_scenario_create(scenario, name, topology, flows, in->arrays.n_flows, &settings,
                                 in->arrays.params, err);
  if (status != M4_OK) {
    sim_topology_free(topology);
    free(flows);
  }
  return status;
}

static m4_status take_path(sim_scenario *scenario, sim_flow *flow, const dg_node_paths *paths,
                           m4_arena *arena, m4_error *err) {
  const int32_t *node = paths->node + paths->offset[flow->id];
  int32_t links[SIM_MAX_PATH], n_links = (int32_t)(paths->offset[flow->id + 1] - paths->offset[flow->id]) - 1;
  for (int32_t hop = 0; hop < n_links; ++hop) {
    bool known = node[hop] < scenario->topology->n_nodes;
    links[hop] = known ? dg_link_between(scenario->topology, node[hop], node[hop + 1]) : -1;
    if (links[hop] < 0)
      return m4_fail(err, M4_DATA, scenario->name,
                     "flow %lld takes hop %d-%d, which topology.txt does not have", (long long)flow->id,
                     node[hop], node[hop + 1]);
  }
  return dg_set_path(scenario, flow, links, n_links, arena, err);
}

/* Measured and ideal FCTs by flow id; what is not listed never finished. */
static m4_status read_fcts(sim_scenario *scenario, const dg_npy_arrays *arrays, sim_flow **flow_of_id,
                           m4_error *err) {
  for (int64_t i = 0; i < arrays->n_finished; ++i) {
    int64_t id, fct_ns, ideal_ns;
    if (!ds_sequence_integer(&id, &arrays->id.values, i) || id < 0 || id >= arrays->n_flows)
      return m4_fail(err, M4_DATA, arrays->dir, "element %lld of fid is no flow", (long long)i);
    if (!ds_sequence_integer(&fct_ns, &arrays->fct_ns.values, i) ||
        !ds_sequence_integer(&ideal_ns, &arrays->ideal_fct_ns.values, i) || fct_ns < 1 || ideal_ns < 1 ||
        fct_ns > SIM_MAX_TIME_NS || ideal_ns > SIM_MAX_TIME_NS)
      return m4_fail(err, M4_DATA, arrays->dir, "flow %lld has an impossible FCT", (long long)id);
    int64_t *truth = &scenario->truth_fct_ns[flow_of_id[id] - scenario->flows];
    if (*truth > 0) return m4_fail(err, M4_DATA, arrays->dir, "flow %lld is twice in fid", (long long)id);
    *truth = fct_ns;
    flow_of_id[id]->ideal_fct_ns = ideal_ns;
  }
  return M4_OK;
}

static m4_status complete_scenario(sim_scenario *scenario, const import *in, m4_arena *arena, m4_error *err) {
  size_t n_flows = (size_t)scenario->n_flows;
  scenario->truth_fct_ns = calloc(n_flows + 1, sizeof *scenario->truth_fct_ns);
  sim_flow **flow_of_id = m4_arena_alloc(arena, n_flows, sizeof(sim_flow *));
  if (!scenario->truth_fct_ns || !flow_of_id)
    return m4_fail(err, M4_MEMORY, in->arrays.dir, "no memory for %zu flows", n_flows);
  for (int64_t i = 0; i < scenario->n_flows; ++i) {
    sim_flow *flow = &scenario->flows[i];
    scenario->truth_fct_ns[i] = -1;
    flow_of_id[flow->id] = flow;
    M4_TRY(take_path(scenario, flow, &in->paths, arena, err));
  }
  return read_fcts(scenario, &in->arrays, flow_of_id, err);
}

/* ---- supervision ---- */

/* ctx: the import. */
static m4_status read_packets(void *ctx, const sim_scenario *scenario, dg_recorder *recorder, m4_error *err) {
  const import *in = ctx;
  int64_t n_odd = 0;
  M4_TRY(dg_announce_departures(scenario, recorder, err));
  if (in->arrays.has_queues) M4_TRY(dg_npy_queues(recorder, &in->arrays, err));
  if (in->arrays.has_rows) M4_TRY(dg_npy_rows(recorder, &in->arrays, &n_odd, err));
  if (n_odd > 0)
    m4_warn(in->log, "%s: %lld rows of received bytes have another length than flows are active; left out",
            in->arrays.dir, (long long)n_odd);
  return M4_OK;
}

static m4_status supervise(ds_scenario *facts, m4_arena *arena, import *in, m4_error *err) {
  sim_scenario *scenario = NULL;
  M4_TRY(dg_node_paths_read(&in->paths, &in->arrays.paths.values, err));
  M4_TRY(make_scenario(&scenario, in, err));
  m4_status status = m4_arena_init(arena, dg_facts_bytes(in->arrays.n_flows), err);
  if (status == M4_OK) status = complete_scenario(scenario, in, arena, err);
  if (status == M4_OK) status = dg_supervise_from(facts, scenario, read_packets, in, arena, err);
  sim_scenario_free(scenario);
  if (status != M4_OK) m4_arena_free(arena);
  return status;
}

m4_status dg_import_npy(ds_scenario *facts, m4_arena *arena, const char *dir, m4_log *log, m4_error *err) {
import in = {.log = log };
  *arena = (m4_arena){0};
  M4_TRY(dg_npy_arrays_read(&in.arrays, dir, err));
  m4_status status = supervise(facts, arena, &in, err);
  dg_node_paths_free(&in.paths);
  dg_npy_arrays_free(&in.arrays);
  return status;
}

bool dg_is_npy_folder(const char *dir) {
  char path[PATH_BYTES];
  return m4_path_join(path, sizeof path, dir, "fsize.npy", NULL) == M4_OK && m4_file_exists(path);
}
