/* Reads a scenario folder: flows, settings, parameters, truth. Every mistake carries file:line. Source:
 * contracts (m4-sim, DIR), packet-simulator.md 8. */
#include "sim/scenario.h"

#include "base/file.h"
#include "sim/map.h"
#include "sim/scenario_parts.h"
#include "sim/text.h"

#include <stdlib.h>
#include <string.h>

enum {
  MAX_PATH_BYTES = SIM_MAX_PATH_BYTES,
  MIN_FLOW_BYTES = 14,
  NS_PER_SECOND_POWER = 9
}; /* "0 0 1 3 100 1 0" and a newline */

/* ---- flows.txt ---- */

m4_status sim_read_flow_line(sim_text *text, const sim_topology *topology, int64_t previous_start_ns,
                             sim_flow *flow, m4_error *err) {
  int64_t src, dst, priority, port, last_node = topology->n_nodes - 1;
  M4_TRY(sim_text_int(text, "flow id", 0, INT64_MAX, &flow->id, err));
  M4_TRY(sim_text_int(text, "source host", 0, last_node, &src, err));
  M4_TRY(sim_text_int(text, "destination host", 0, last_node, &dst, err));
  M4_TRY(sim_text_int(text, "priority", 0, 7, &priority, err));
  M4_TRY(sim_text_int(text, "destination port", 0, UINT16_MAX, &port, err));
  M4_TRY(sim_text_int(text, "size", 1, SIM_MAX_SIZE_BYTES, &flow->size_bytes, err));
  M4_TRY(sim_text_decimal(text, "start time", NS_PER_SECOND_POWER, 0, SIM_MAX_TIME_NS, &flow->start_ns, err));
  M4_TRY(sim_text_end_of_line(text, err));
  flow->src = (int32_t)src;
  flow->dst = (int32_t)dst;
  flow->priority = (int32_t)priority;
  flow->destination_port = (uint16_t)port;
  char what[160];
  return sim_flow_problem(topology, flow, previous_start_ns, what) ? sim_text_fail(text, err, "%s", what)
                                                                   : M4_OK;
}

static m4_status read_flow_lines(sim_text *text, const sim_topology *topology, sim_flow *flows,
                                 int64_t n_flows, sim_map *index_of, m4_error *err) {
  for (int64_t i = 0; i < n_flows; i++) {
    if (!sim_text_line(text))
      return sim_text_fail(text, err, "the file ends after %lld of %lld flows", (long long)i,
                           (long long)n_flows);
    M4_TRY(sim_read_flow_line(text, topology, i ? flows[i - 1].start_ns : 0, &flows[i], err));
    bool added;
    int64_t *index = sim_map_put(index_of, (uint64_t)flows[i].id, &added);
    if (!added) return sim_text_fail(text, err, "flow id %lld appears twice", (long long)flows[i].id);
    *index = i;
  }
  return sim_text_end_of_file(text, "line 1 must hold the number of flows", err);
}

/* Fills *flows (the caller frees it, also after an error) and the index of each flow id. */
static m4_status read_flows(const char *path, const sim_topology *topology, sim_flow **flows,
                            int64_t *n_flows, sim_map *index_of, m4_error *err) {
  sim_text text;
  M4_TRY(sim_text_open(&text, path, err));
  int64_t most = (int64_t)text.length / MIN_FLOW_BYTES + 1;
  m4_status status = M4_OK;
  if (!sim_text_line(&text)) status = sim_text_fail(&text, err, "the file is empty");
  if (status == M4_OK) status = sim_text_int(&text, "number of flows", 0, most, n_flows, err);
  if (status == M4_OK) status = sim_text_end_of_line(&text, err);
  if (status == M4_OK) status = sim_map_init(index_of, *n_flows, err);
  if (status == M4_OK) {
    *flows = calloc((size_t)*n_flows + 1, sizeof **flows);
    if (!*flows) status = m4_fail(err, M4_MEMORY, path, "no memory for %lld flows", (long long)*n_flows);
  }
  if (status == M4_OK) status = read_flow_lines(&text, topology, *flows, *n_flows, index_of, err);
  sim_text_close(&text);
  return status;
}

/* ---- params.txt ---- */

static m4_status read_params(const char *path, double params[SIM_N_PARAMS], m4_error *err) {
  sim_text text;
  M4_TRY(sim_text_open(&text, path, err));
  m4_status status = M4_OK;
  int count = 0;
  while (status == M4_OK && sim_text_line(&text))
    while (status == M4_OK && *text.word) {
      if (count == SIM_N_PARAMS)
        status = sim_text_fail(&text, err, "more than %d numbers", SIM_N_PARAMS);
      else
        status = sim_text_real(&text, "parameter", &params[count++], err);
    }
  if (status == M4_OK && count < SIM_N_PARAMS)
    status = sim_text_fail(&text, err, "%d numbers, must be %d (model parameters)", count, SIM_N_PARAMS);
  sim_text_close(&text);
  return status;
}

/* ---- fct.txt ---- */

static m4_status skip_words(sim_text *text, int count, m4_error *err) {
  for (int i = 0; i < count; i++)
    if (!sim_text_word(text)) return sim_text_fail(text, err, "fewer than 9 columns");
  return M4_OK;
}

/* One completed flow. Of a flow listed twice the first line counts (packet-simulator.md 7). */
static m4_status read_truth_line(sim_text *text, sim_scenario *scenario, const sim_map *index_of,
                                 m4_error *err) {
  int64_t id, size, start, fct, standalone;
  M4_TRY(sim_text_int(text, "flow id", 0, INT64_MAX, &id, err));
  M4_TRY(skip_words(text, 4, err)); /* addresses and ports */
  M4_TRY(sim_text_int(text, "size", 0, INT64_MAX, &size, err));
  M4_TRY(sim_text_int(text, "start", 0, SIM_MAX_TIME_NS, &start, err));
  M4_TRY(sim_text_int(text, "FCT", 1, SIM_MAX_TIME_NS, &fct, err));
  M4_TRY(sim_text_int(text, "standalone FCT", 0, SIM_MAX_TIME_NS, &standalone, err));
  M4_TRY(sim_text_end_of_line(text, err));
  const int64_t *index = sim_map_get(index_of, (uint64_t)id);
  if (!index) return sim_text_fail(text, err, "flow %lld is not in flows.txt", (long long)id);
  if (scenario->flows[*index].size_bytes != size)
    return sim_text_fail(text, err, "flow %lld has %lld bytes here and %lld in flows.txt", (long long)id,
                         (long long)size, (long long)scenario->flows[*index].size_bytes);
  if (scenario->truth_fct_ns[*index] >= 0) return M4_OK;
  scenario->truth_fct_ns[*index] = fct;
  if (start + fct > scenario->truth_end_ns) scenario->truth_end_ns = start + fct;
  return M4_OK;
}

static m4_status read_truth(sim_scenario *scenario, const char *path, const sim_map *index_of,
                            m4_error *err) {
  sim_text text;
  M4_TRY(sim_text_open(&text, path, err));
  m4_status status = M4_OK;
  scenario->truth_fct_ns = calloc((size_t)scenario->n_flows + 1, sizeof *scenario->truth_fct_ns);
  if (!scenario->truth_fct_ns) status = m4_fail(err, M4_MEMORY, path, "no memory for the FCTs");
  for (int64_t i = 0; status == M4_OK && i < scenario->n_flows; i++) scenario->truth_fct_ns[i] = -1;
  while (status == M4_OK && sim_text_line(&text)) status = read_truth_line(&text, scenario, index_of, err);
  for (int64_t i = 0; status == M4_OK && i < scenario->n_flows; i++)
    if (scenario->truth_fct_ns[i] < 0) scenario->truth_end_ns = -1;
  sim_text_close(&text);
  return status;
}

/* ---- the folder ---- */

typedef struct folder {
  char topology[MAX_PATH_BYTES], flows[MAX_PATH_BYTES], config[MAX_PATH_BYTES], params[MAX_PATH_BYTES],
      fct[MAX_PATH_BYTES], changes[MAX_PATH_BYTES];
  char name[MAX_PATH_BYTES];
} folder;

/* dir/STEM.txt, or dir/STEM_topology_flows.txt when only that is there (workloads.md 7.2). */
static m4_status name_file(char path[MAX_PATH_BYTES], const char *dir, const char *stem, m4_error *err) {
  char name[64], other[MAX_PATH_BYTES];
  snprintf(name, sizeof name, "%s_topology_flows.txt", stem);
  M4_TRY(m4_path_join(other, sizeof other, dir, name, err));
  snprintf(name, sizeof name, "%s.txt", stem);
  M4_TRY(m4_path_join(path, MAX_PATH_BYTES, dir, name, err));
  if (!m4_file_exists(path) && m4_file_exists(other)) memcpy(path, other, sizeof other);
  return M4_OK;
}

static m4_status name_files(const char *dir, folder *paths, m4_error *err) {
  M4_TRY(name_file(paths->topology, dir, "topology", err));
  M4_TRY(name_file(paths->flows, dir, "flows", err));
  M4_TRY(name_file(paths->config, dir, "config", err));
  M4_TRY(name_file(paths->params, dir, "params", err));
  M4_TRY(name_file(paths->fct, dir, "fct", err));
  M4_TRY(name_file(paths->changes, dir, "link_changes", err));
  m4_path_last(paths->name, sizeof paths->name, dir);
  if (strcmp(paths->name, ".") == 0 ||
      strcmp(paths->name, "..") == 0) { /* a name for "." needs the real path */
    char *real = realpath(dir, NULL);
    if (real) m4_path_last(paths->name, sizeof paths->name, real);
    free(real);
  }
  return M4_OK;
}

/* Warnings of config.txt arrive before the scenario exists: they wait in a scenario that holds nothing else.
 */
typedef struct warnings {
  sim_scenario *holder;
  m4_status status;
  m4_error *err;
} warnings;

static void keep_warning(void *ctx, const char *text) {
  warnings *w = ctx;
  if (w->status == M4_OK) w->status = sim_scenario_warn(w->holder, w->err, "%s", text);
}

static m4_status read_settings(const folder *paths, pkt_settings *settings, double params[SIM_N_PARAMS],
                               sim_scenario *holder, m4_error *err) {
  warnings w = {.holder = holder, .err = err};
  M4_TRY(pkt_settings_read(settings, paths->config, keep_warning, &w, err));
  M4_TRY(w.status);
  if (m4_file_exists(paths->params)) return read_params(paths->params, params, err);
  bool missing;
  sim_params_from_settings(settings, params, &missing);
  if (missing)
    M4_TRY(sim_scenario_warn(holder, err,
                             "%s: no KMIN_MAP entry for 10 Gbps; the ECN thresholds given to the model are 0",
                             paths->config));
  return sim_scenario_warn(
      holder, err,
      "%s: not found; the model parameters are derived from config.txt, whose thresholds are rounded",
      paths->params);
}

/* with_flows false: none is read. */
static m4_status read_parts(sim_scenario **scenario, const folder *paths, bool with_flows,
                            sim_scenario *holder, sim_topology **topology, sim_flow **flows,
                            sim_map *index_of, m4_error *err) {
  pkt_settings settings;
  double params[SIM_N_PARAMS];
  int64_t n_flows = 0;
  M4_TRY(sim_topology_read(topology, paths->topology, err));
  if (with_flows) M4_TRY(read_flows(paths->flows, *topology, flows, &n_flows, index_of, err));
  M4_TRY(read_settings(paths, &settings, params, holder, err));
  m4_status status =
      sim_scenario_create(scenario, paths->name, *topology, *flows, n_flows, &settings, params, err);
  if (status != M4_OK) return m4_within(err, status, paths->flows);
  *topology = NULL;
  *flows = NULL;
  (*scenario)->warnings = holder->warnings;
  holder->warnings = NULL;
  if (m4_file_exists(paths->changes))
    M4_TRY(sim_link_changes_read(&(*scenario)->changes, (*scenario)->topology, paths->changes, err));
  bool with_truth = with_flows && m4_file_exists(paths->fct);
  return with_truth ? read_truth(*scenario, paths->fct, index_of, err) : M4_OK;
}

static m4_status read_folder(sim_scenario **scenario, const char *dir, bool with_flows, m4_error *err) {
  *scenario = NULL;
  folder *paths = calloc(1, sizeof *paths);
  sim_scenario *holder = calloc(1, sizeof *holder);
  sim_topology *topology = NULL;
  sim_flow *flows = NULL;
  sim_map index_of = {0};
  m4_status status = paths && holder ? name_files(dir, paths, err)
                                     : m4_fail(err, M4_MEMORY, dir, "no memory for a scenario");
  if (status == M4_OK)
    status = read_parts(scenario, paths, with_flows, holder, &topology, &flows, &index_of, err);
  if (status != M4_OK) {
    sim_scenario_free(*scenario);
    *scenario = NULL;
  }
  sim_map_free(&index_of);
  sim_topology_free(topology);
  free(flows);
  sim_scenario_free(holder);
  free(paths);
  return status;
}

m4_status sim_scenario_read(sim_scenario **scenario, const char *dir, m4_error *err) {
  return read_folder(scenario, dir, true, err);
}

m4_status sim_scenario_read_network(sim_scenario **scenario, const char *dir, m4_error *err) {
  return read_folder(scenario, dir, false, err);
}

m4_status sim_scenario_flows_path(char path[SIM_MAX_PATH_BYTES], const char *dir, m4_error *err) {
  return name_file(path, dir, "flows", err);
}
