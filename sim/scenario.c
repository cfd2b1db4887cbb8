/* A scenario in memory: checks, ports, paths and ideal FCTs. Does not know files (scenario_read.c,
 * scenario_write.c). */
#include "sim/scenario.h"

#include "sim/dag.h"
#include "sim/map.h"
#include "sim/scenario_parts.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PRIORITY = 7 };
#define STANDALONE_CAP_BPS ((int64_t)10000000000)

static bool is_host(const sim_topology *topology, int32_t node) {
  return node >= 0 && node < topology->n_nodes && !topology->is_switch[node];
}

bool sim_flow_problem(const sim_topology *topology, const sim_flow *flow, int64_t previous_start_ns,
                      char what[160]) {
  long long id = flow->id;
  what[0] = '\0';
  if (!is_host(topology, flow->src))
    snprintf(what, 160, "flow %lld starts at node %d, which is not a host", id, flow->src);
  else if (!is_host(topology, flow->dst))
    snprintf(what, 160, "flow %lld goes to node %d, which is not a host", id, flow->dst);
  else if (flow->src == flow->dst)
    snprintf(what, 160, "flow %lld goes from host %d to itself", id, flow->src);
  else if (flow->priority < 1 || flow->priority > MAX_PRIORITY)
    snprintf(what, 160, "flow %lld has priority %d, must be between 1 and %d", id, flow->priority,
             MAX_PRIORITY);
  else if (flow->size_bytes < 1 || flow->size_bytes > SIM_MAX_SIZE_BYTES)
    snprintf(what, 160, "flow %lld has %lld bytes, must be between 1 and 2^48", id,
             (long long)flow->size_bytes);
  else if (flow->start_ns < 0 || flow->start_ns > SIM_MAX_TIME_NS)
    snprintf(what, 160, "flow %lld starts at %lld ns, must be between 0 and 2^53", id,
             (long long)flow->start_ns);
  else if (flow->start_ns < previous_start_ns)
    snprintf(what, 160, "flow %lld starts before the flow listed ahead of it; sort the flows by start time",
             id);
  return what[0] != '\0';
}

static m4_status check_flows(const sim_scenario *scenario, m4_error *err) {
  sim_map seen;
  M4_TRY(sim_map_init(&seen, scenario->n_flows, err));
  m4_status status = M4_OK;
  int64_t previous_start_ns = 0;
  for (int64_t i = 0; i < scenario->n_flows && status == M4_OK; i++) {
    char what[160];
    bool added;
    const sim_flow *flow = &scenario->flows[i];
    sim_map_put(&seen, (uint64_t)flow->id, &added);
    if (!added)
      status = m4_fail(err, M4_DATA, "flows", "flow id %lld appears twice", (long long)flow->id);
    else if (sim_flow_problem(scenario->topology, flow, previous_start_ns, what))
      status = m4_fail(err, M4_DATA, "flows", "%s", what);
    previous_start_ns = flow->start_ns;
  }
  sim_map_free(&seen);
  return status;
}

/* Source ports count the flows of each (source, destination) pair, in file order. */
static m4_status number_source_ports(sim_scenario *scenario, m4_error *err) {
  sim_map counts;
  M4_TRY(sim_map_init(&counts, scenario->n_flows, err));
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    sim_flow *flow = &scenario->flows[i];
    int64_t *count = sim_map_put(&counts, (uint64_t)flow->src << 32 | (uint32_t)flow->dst, NULL);
    flow->source_port = (uint16_t)(SIM_FIRST_SOURCE_PORT + (*count)++);
  }
  sim_map_free(&counts);
  return M4_OK;
}

/* Appends one path to the scenario's block of links, which doubles when it is full. */
static m4_status append_path(sim_scenario *scenario, const int32_t *links, int32_t n_links, size_t *used,
                             size_t *capacity, m4_error *err) {
  if (*used + (size_t)n_links > *capacity) {
    *capacity = 2 * *capacity + SIM_MAX_PATH;
    int32_t *larger = realloc(scenario->path_links, *capacity * sizeof *larger);
    if (!larger) return m4_fail(err, M4_MEMORY, "paths", "no memory for %zu links", *capacity);
    scenario->path_links = larger;
  }
  memcpy(scenario->path_links + *used, links, (size_t)n_links * sizeof *links);
  *used += (size_t)n_links;
  return M4_OK;
}

m4_status sim_flow_within(m4_error *err, m4_status status, const sim_flow *flow) {
  char name[40];
  if (status == M4_OK) return M4_OK;
  snprintf(name, sizeof name, "flow %lld", (long long)flow->id);
  return m4_within(err, status, name);
}

static m4_status route_flows(sim_scenario *scenario, m4_error *err) {
  size_t used = 0, capacity = 0;
  int32_t links[SIM_MAX_PATH];
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    sim_flow *flow = &scenario->flows[i];
    m4_status status = sim_route(scenario->routing, flow->src, flow->dst, flow->source_port,
                                 flow->destination_port, links, SIM_MAX_PATH, &flow->n_links, err);
    M4_TRY(sim_flow_within(err, status, flow));
    M4_TRY(append_path(scenario, links, flow->n_links, &used, &capacity, err));
  }
  const int32_t *next = scenario->path_links; /* the block does not move any more */
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    scenario->flows[i].links = next;
    next += scenario->flows[i].n_links;
  }
  return M4_OK;
}

m4_status sim_fill_ideals(const sim_topology *topology, sim_flow *flow, m4_error *err) {
  flow->ideal_fct_ns = sim_ideal_fct_ns(topology, flow->links, flow->n_links, flow->size_bytes, 0);
  flow->standalone_ns =
      sim_ideal_fct_ns(topology, flow->links, flow->n_links, flow->size_bytes, STANDALONE_CAP_BPS);
  if (flow->standalone_ns > SIM_MAX_TIME_NS)
    return m4_fail(err, M4_DATA, "flows", "flow %lld needs more than 2^53 ns: too large for its links",
                   (long long)flow->id);
  return M4_OK;
}

static m4_status complete(sim_scenario *scenario, m4_error *err) {
  M4_TRY(check_flows(scenario, err));
  M4_TRY(number_source_ports(scenario, err));
  M4_TRY(sim_routing_create(&scenario->routing, scenario->topology, err));
  M4_TRY(route_flows(scenario, err));
  for (int64_t i = 0; i < scenario->n_flows; i++)
    M4_TRY(sim_fill_ideals(scenario->topology, &scenario->flows[i], err));
  return M4_OK;
}

m4_status sim_scenario_create(sim_scenario **out, const char *name, sim_topology *topology, sim_flow *flows,
                              int64_t n_flows, const pkt_settings *packet, const double params[SIM_N_PARAMS],
                              m4_error *err) {
  *out = NULL;
  sim_scenario *scenario = calloc(1, sizeof *scenario);
  if (!scenario || !(scenario->name = strdup(name))) {
    free(scenario);
    return m4_fail(err, M4_MEMORY, name, "no memory for a scenario");
  }
  scenario->topology = topology;
  scenario->flows = flows;
  scenario->n_flows = n_flows;
  scenario->truth_end_ns = -1;
  scenario->packet = *packet;
  scenario->flow_limit = packet->flow_limit;
  scenario->hosts_per_group = packet->hosts_per_group;
  memcpy(scenario->params, params, sizeof scenario->params);
  m4_status status = complete(scenario, err);
  if (status != M4_OK) { /* the parts stay the caller's */
    scenario->topology = NULL;
    scenario->flows = NULL;
    sim_scenario_free(scenario);
    return status;
  }
  *out = scenario;
  return M4_OK;
}

void sim_scenario_free(sim_scenario *scenario) {
  if (!scenario) return;
  sim_routing_free(scenario->routing);
  sim_topology_free(scenario->topology);
  for (char **warning = scenario->warnings; warning && *warning; warning++) free(*warning);
  free(scenario->warnings);
  free(scenario->name);
  sim_dag_free(scenario->dag);
  free(scenario->flows);
  free(scenario->path_links);
  free(scenario->truth_fct_ns);
  sim_link_changes_free(&scenario->changes);
  free(scenario);
}

m4_status sim_scenario_limit_flows(sim_scenario *scenario, int64_t limit, int64_t hosts_per_group,
                                   m4_error *err) {
  if (limit < 0 || (limit > 0 && hosts_per_group < 1))
    return m4_fail(err, M4_USAGE, scenario->name, "a limit of %lld flows for each %lld hosts makes no sense",
                   (long long)limit, (long long)hosts_per_group);
  scenario->flow_limit = scenario->packet.flow_limit = limit;
  scenario->hosts_per_group = scenario->packet.hosts_per_group = hosts_per_group;
  return M4_OK;
}

m4_status sim_scenario_warn(sim_scenario *scenario, m4_error *err, const char *fmt, ...) {
  char text[400];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  size_t count = 0;
  while (scenario->warnings && scenario->warnings[count]) count++;
  char **longer = realloc(scenario->warnings, (count + 2) * sizeof *longer);
  if (!longer) return m4_fail(err, M4_MEMORY, scenario->name, "no memory for a warning");
  scenario->warnings = longer;
  longer[count] = strdup(text);
  longer[count + 1] = NULL;
  return longer[count] ? M4_OK : m4_fail(err, M4_MEMORY, scenario->name, "no memory for a warning");
}
