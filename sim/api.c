/* The simulator as a library: handles, creation from a network and one of the back ends, the end. See
 * m4_sim.h; what runs is in api_run.c. Does not know the models. */
#include "sim/api_internal.h"

#include "sim/scenario_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MAX_FLOWS = 100000, DEFAULT_PATH_LINKS = 8 };
#define MAX_FLOWS ((int64_t)1 << 30)

/* ---- handles and errors ---- */

api_sim *api_open(const m4_sim *handle) {
  return handle && handle->state && handle->state->handle == handle ? handle->state : NULL;
}

static void describe(const m4_error *err, char *text, size_t bytes) {
  snprintf(text, bytes, "%s%s%s%s%s%s", err->where, *err->where ? ": " : "", err->what,
           *err->hint ? " (" : "", err->hint, *err->hint ? ")" : "");
}

int api_outcome(api_sim *sim, m4_status status) {
  if (status != M4_OK) describe(&sim->error, sim->text, sizeof sim->text);
  return m4_exit_code(status);
}

const char *m4_sim_error(const m4_sim *handle) {
  const api_sim *sim = api_open(handle);
  if (sim) return sim->text;
  if (!handle) return "there is no simulation: the handle is NULL";
  return handle->state ? "this handle is a copy: use the one that the simulation was created in"
                       : "there is no simulation: it was freed, or never created";
}

/* ---- creation ---- */

static m4_status check_options(const m4_sim_options *options, m4_error *err) {
  if (!options->topology_path) return m4_fail(err, M4_USAGE, "topology_path", "missing");
  if (!options->backend) return m4_fail(err, M4_USAGE, "backend", "missing: flowsim, m4 or packet");
  if (options->max_flows < 0 || options->max_flows > MAX_FLOWS)
    return m4_fail(err, M4_USAGE, "max_flows", "is %lld, must be between 0 and %lld",
                   (long long)options->max_flows, (long long)MAX_FLOWS);
  if (options->max_path_links < 0 || options->max_path_links > SIM_MAX_PATH)
    return m4_fail(err, M4_USAGE, "max_path_links", "is %d, must be between 0 and %d",
                   options->max_path_links, SIM_MAX_PATH);
  for (int i = 0; options->params && i < SIM_N_PARAMS; i++)
    if (!isfinite(options->params[i])) return m4_fail(err, M4_DATA, "params", "number %d is not finite", i);
  return M4_OK;
}

static m4_status read_network(api_sim *sim, const m4_sim_options *options, m4_error *err) {
  pkt_settings settings = pkt_settings_default();
  if (options->config_path) M4_TRY(pkt_settings_read(&settings, options->config_path, NULL, NULL, err));
  settings.flow_limit = 0;
  double params[SIM_N_PARAMS];
  bool missing;
  sim_params_from_settings(&settings, params, &missing);
  if (options->params) memcpy(params, options->params, sizeof params);
  sim_topology *topology = NULL;
  M4_TRY(sim_topology_read(&topology, options->topology_path, err));
  sim_flow *flows = calloc((size_t)sim->max_flows + 1, sizeof *flows);
  m4_status status =
      flows ? sim_scenario_create(&sim->scenario, "api", topology, flows, 0, &settings, params, err)
            : m4_fail(err, M4_MEMORY, NULL, "no memory for %lld flows", (long long)sim->max_flows);
  if (status != M4_OK) {
    free(flows);
    sim_topology_free(topology);
  }
  return status;
}

/* Every flow that may come gets its place, with room for a path of the greatest length: back ends size their
 * tables by it. */
static m4_status reserve(api_sim *sim, m4_error *err) {
  sim_scenario *scenario = sim->scenario;
  size_t n = (size_t)sim->max_flows;
  scenario->path_links = calloc(n * (size_t)sim->max_path_links + 1, sizeof *scenario->path_links);
  sim->callbacks = calloc(n + 1, sizeof *sim->callbacks);
  sim->finished = calloc(n + 1, sizeof *sim->finished);
  sim->rates_bps = calloc((size_t)scenario->topology->n_links + 1, sizeof *sim->rates_bps);
  if (!scenario->path_links || !sim->callbacks || !sim->finished || !sim->rates_bps)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld flows", (long long)sim->max_flows);
  for (size_t i = 0; i < n; i++) {
    scenario->flows[i].links = scenario->path_links + i * (size_t)sim->max_path_links;
    scenario->flows[i].n_links = sim->max_path_links;
  }
  for (int32_t link = 0; link < scenario->topology->n_links; link++)
    sim->rates_bps[link] = scenario->topology->links[link].rate_bps;
  scenario->n_flows = sim->max_flows;
  return sim_map_init(&sim->pairs, sim->max_flows, err);
}

static m4_status make_backend(api_sim *sim, const m4_sim_options *options, m4_error *err) {
  if (strcmp(options->backend, "flowsim") == 0)
    return sim_flowsim_backend(&sim->backend, sim->scenario, NULL, err);
  if (strcmp(options->backend, "packet") == 0)
    return sim_packet_backend(&sim->backend, sim->scenario, NULL, err);
  if (strcmp(options->backend, "m4") != 0)
    return m4_fail(err, M4_USAGE, "backend", "\"%.40s\" is not flowsim, m4 or packet", options->backend);
  if (!options->checkpoint_path)
    return m4_fail(err, M4_USAGE, "checkpoint_path", "missing: m4 needs weights");
  M4_TRY(sim_learned_model_load(&sim->model, options->checkpoint_path, err));
  return sim_learned_backend(&sim->backend, sim->scenario, sim->model, NULL, err);
}

static m4_status build(api_sim *sim, const m4_sim_options *options, m4_error *err) {
  M4_TRY(check_options(options, err));
  sim->max_flows = options->max_flows ? options->max_flows : DEFAULT_MAX_FLOWS;
  sim->max_path_links = options->max_path_links ? options->max_path_links : DEFAULT_PATH_LINKS;
  M4_TRY(read_network(sim, options, err));
  M4_TRY(reserve(sim, err));
  return make_backend(sim, options, err);
}

static void destroy(api_sim *sim) {
  sim_backend_free(sim->backend);
  sim_learned_model_free(sim->model);
  sim_scenario_free(sim->scenario);
  sim_map_free(&sim->pairs);
  sim_timers_free(&sim->timers);
  api_link_plans_free(sim);
  free(sim->callbacks);
  free(sim->finished);
  free(sim->rates_bps);
  free(sim);
}

void api_close(api_sim *sim) {
  if (sim->running)
    sim->freed = true;
  else
    destroy(sim);
}

static m4_status create(m4_sim *handle, const m4_sim_options *options, m4_error *err) {
  if (!handle || !options) return m4_fail(err, M4_USAGE, NULL, "a handle and options are needed, not NULL");
  if (handle->state)
    return m4_fail(err, M4_USAGE, NULL,
                   "the handle is taken: free its simulation first, or zero-initialise it");
  api_sim *sim = calloc(1, sizeof *sim);
  if (!sim) return m4_fail(err, M4_MEMORY, NULL, "no memory");
  m4_status status = build(sim, options, err);
  if (status != M4_OK) {
    destroy(sim);
    return status;
  }
  sim->handle = handle;
  handle->state = sim;
  return M4_OK;
}

int m4_sim_create(m4_sim *handle, const m4_sim_options *options, char *error, size_t error_bytes) {
  m4_error err = {0};
  m4_status status = create(handle, options, &err);
  if (status != M4_OK && error && error_bytes > 0) describe(&err, error, error_bytes);
  return m4_exit_code(status);
}

/* In a callback: the run that called it still needs the simulation. */
void m4_sim_free(m4_sim *handle) {
  api_sim *sim = api_open(handle);
  if (!sim) return;
  handle->state = NULL;
  api_close(sim);
}
