/* The simulator as a library: a scenario whose flows are filled in while it runs, one of the back ends, and
 * timers. See m4_sim.h; does not know the models. */
#include "sim/api_internal.h"

#include "sim/scenario_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  DEFAULT_MAX_FLOWS = 100000,
  DEFAULT_PATH_LINKS = 8,
  DATA_PRIORITY = 3,
  DESTINATION_PORT = 100,
  FIRST_SOURCE_PORT = 10000
};
#define MAX_FLOWS ((int64_t)1 << 30)

/* ---- errors ---- */

static void describe(const m4_error *err, char *text, size_t bytes) {
  snprintf(text, bytes, "%s%s%s%s%s%s", err->where, *err->where ? ": " : "", err->what,
           *err->hint ? " (" : "", err->hint, *err->hint ? ")" : "");
}

int api_outcome(m4_sim *sim, m4_status status) {
  if (status != M4_OK) describe(&sim->error, sim->text, sizeof sim->text);
  return m4_exit_code(status);
}

/* Of a run that failed the error is still there. */
m4_status api_ready(m4_sim *sim) {
  return sim->freed ? m4_fail(&sim->error, M4_USAGE, NULL, "the simulation has been freed") : sim->failed;
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

static m4_status read_network(m4_sim *sim, const m4_sim_options *options, m4_error *err) {
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
static m4_status reserve(m4_sim *sim, m4_error *err) {
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

static m4_status make_backend(m4_sim *sim, const m4_sim_options *options, m4_error *err) {
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

static m4_status build(m4_sim *sim, const m4_sim_options *options, m4_error *err) {
  M4_TRY(check_options(options, err));
  sim->max_flows = options->max_flows ? options->max_flows : DEFAULT_MAX_FLOWS;
  sim->max_path_links = options->max_path_links ? options->max_path_links : DEFAULT_PATH_LINKS;
  M4_TRY(read_network(sim, options, err));
  M4_TRY(reserve(sim, err));
  return make_backend(sim, options, err);
}

int m4_sim_create(m4_sim **out, const m4_sim_options *options, char *error, size_t error_bytes) {
  *out = NULL;
  m4_error err = {0};
  m4_sim *sim = calloc(1, sizeof *sim);
  m4_status status = sim ? build(sim, options, &err) : m4_fail(&err, M4_MEMORY, NULL, "no memory");
  if (status == M4_OK) {
    *out = sim;
  } else {
    if (error && error_bytes > 0) describe(&err, error, error_bytes);
    m4_sim_free(sim);
  }
  return m4_exit_code(status);
}

static void destroy(m4_sim *sim) {
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

/* In a callback: the run that called it still needs the simulation, and destroys it at its end. */
void m4_sim_free(m4_sim *sim) {
  if (sim && sim->running)
    sim->freed = true;
  else if (sim)
    destroy(sim);
}

/* ---- flows and timers ---- */

/* Fills the next free place; it counts as taken only when the back end has accepted the flow. */
static m4_status place_flow(m4_sim *sim, int32_t src, int32_t dst, int64_t size_bytes, m4_error *err) {
  sim_scenario *scenario = sim->scenario;
  sim_flow *flow = &scenario->flows[sim->n_flows];
  char what[160];
  flow->id = sim->n_flows;
  flow->src = src;
  flow->dst = dst;
  flow->priority = DATA_PRIORITY;
  flow->destination_port = DESTINATION_PORT;
  flow->size_bytes = size_bytes;
  flow->start_ns = sim->now_ns < (double)SIM_MAX_TIME_NS ? (int64_t)sim->now_ns : INT64_MAX;
  if (sim_flow_problem(scenario->topology, flow, 0, what)) return m4_fail(err, M4_DATA, NULL, "%s", what);
  int64_t *of_pair = sim_map_put(&sim->pairs, (uint64_t)src << 32 | (uint32_t)dst, NULL);
  flow->source_port = (uint16_t)(FIRST_SOURCE_PORT + *of_pair);
  int32_t *links = scenario->path_links + sim->n_flows * sim->max_path_links;
  M4_TRY(sim_route(scenario->routing, src, dst, flow->source_port, DESTINATION_PORT, links,
                   sim->max_path_links, &flow->n_links, err));
  flow->ideal_fct_ns = sim_ideal_fct_ns(scenario->topology, links, flow->n_links, size_bytes, 0);
  if (flow->ideal_fct_ns > SIM_MAX_TIME_NS)
    return m4_fail(err, M4_DATA, NULL, "a flow of %lld bytes is too large for its links",
                   (long long)size_bytes);
  M4_TRY(sim->backend->ops->submit(sim->backend, &flow->id, &sim->now_ns, 1, err));
  ++*of_pair;
  return M4_OK;
}

static m4_status add_flow(m4_sim *sim, int32_t src, int32_t dst, int64_t size_bytes, m4_error *err) {
  M4_TRY(api_ready(sim));
  if (sim->n_flows == sim->max_flows)
    return m4_fail(err, M4_USAGE, NULL, "more than %lld flows; raise max_flows", (long long)sim->max_flows);
  return place_flow(sim, src, dst, size_bytes, err);
}

int m4_sim_add_flow(m4_sim *sim, int32_t src, int32_t dst, int64_t size_bytes, m4_sim_flow_fn done, void *arg,
                    int64_t *flow) {
  if (!sim) return M4_SIM_USAGE;
  m4_status status = add_flow(sim, src, dst, size_bytes, &sim->error);
  if (status != M4_OK) return api_outcome(sim, status);
  sim->callbacks[sim->n_flows] = (api_callback){done, arg};
  if (flow) *flow = sim->n_flows;
  sim->n_flows++;
  return M4_SIM_OK;
}

static m4_status add_timer(m4_sim *sim, double delay_ns, m4_sim_timer_fn fn, void *arg, m4_error *err) {
  M4_TRY(api_ready(sim));
  if (!fn || !(delay_ns >= 0) || !isfinite(sim->now_ns + delay_ns))
    return m4_fail(err, M4_USAGE, NULL, "a timer needs a function and a delay >= 0, not %g ns", delay_ns);
  return sim_timers_add(&sim->timers, (sim_timer){.time_ns = sim->now_ns + delay_ns, .fn = fn, .arg = arg},
                        err);
}

int m4_sim_schedule(m4_sim *sim, double delay_ns, m4_sim_timer_fn fn, void *arg, int64_t *timer) {
  if (!sim) return M4_SIM_USAGE;
  m4_status status = add_timer(sim, delay_ns, fn, arg, &sim->error);
  if (status == M4_OK && timer) *timer = (int64_t)sim->timers.scheduled - 1;
  return api_outcome(sim, status);
}

int m4_sim_cancel(m4_sim *sim, int64_t timer) {
  if (!sim) return M4_SIM_USAGE;
  m4_status status = api_ready(sim);
  if (status == M4_OK && (timer < 0 || !sim_timers_remove(&sim->timers, (uint64_t)timer)))
    status = m4_fail(&sim->error, M4_USAGE, NULL, "there is no timer %lld to cancel", (long long)timer);
  return api_outcome(sim, status);
}

/* ---- running ---- */

static void deliver(m4_sim *sim, const sim_completion *done) {
  api_callback called = sim->callbacks[done->flow];
  sim->now_ns = fmax(sim->now_ns, done->time_ns);
  sim->n_finished++;
  sim->finished[done->flow] = true;
  if (called.done) called.done(called.arg, done->flow, done->fct_ns);
}

static void fire(m4_sim *sim) {
  sim_timer timer = sim_timers_take(&sim->timers);
  sim->now_ns = timer.time_ns;
  timer.fn(timer.arg);
}

/* Delivers one completion (*found) or calls one timer; *more is false when there is neither up to time_ns.
 * Without flows in flight the back end is not asked: a packet simulation would run on past the last
 * completion, and no flow could be added there. */
static m4_status step(m4_sim *sim, double time_ns, bool *found, sim_completion *done, bool *more,
                      m4_error *err) {
  double timer_ns = sim_timers_next_ns(&sim->timers), limit_ns = fmin(time_ns, timer_ns);
  *found = false;
  *more = true;
  if (m4_sim_in_flight(sim) > 0 || limit_ns < INFINITY)
    M4_TRY(sim->backend->ops->advance(sim->backend, limit_ns, found, done, err));
  if (*found)
    deliver(sim, done);
  else if (timer_ns <= time_ns && timer_ns < INFINITY)
    fire(sim);
  else
    *more = false;
  if (err && sim->plan_status != M4_OK) *err = sim->plan_error;
  return sim->plan_status;
}

/* until_completion: stops there, with the flow in done. */
static m4_status run(m4_sim *sim, double time_ns, bool until_completion, sim_completion *done,
                     m4_error *err) {
  bool found = false, more = true;
  while (more && !sim->freed && !(found && until_completion))
    M4_TRY(step(sim, time_ns, &found, done, &more, err));
  if (!found) done->flow = -1;
  if (!more && time_ns < INFINITY) sim->now_ns = time_ns;
  return M4_OK;
}

static m4_status may_run(m4_sim *sim, double time_ns, m4_error *err) {
  M4_TRY(api_ready(sim));
  if (sim->running) return m4_fail(err, M4_USAGE, NULL, "a callback cannot run the simulation");
  if (!(time_ns >= sim->now_ns))
    return m4_fail(err, M4_USAGE, NULL, "time cannot run back from %.3f to %.3f ns", sim->now_ns, time_ns);
  return M4_OK;
}

static int run_and_tell(m4_sim *sim, double time_ns, bool until_completion, sim_completion *done) {
  if (!sim) return M4_SIM_USAGE;
  m4_status status = may_run(sim, time_ns, &sim->error);
  if (status != M4_OK) return api_outcome(sim, status);
  m4_error err = {0}; /* callbacks may fail calls of their own meanwhile */
  sim->running = true;
  status = run(sim, time_ns, until_completion, done, &err);
  sim->running = false;
  if (sim->freed) {
    destroy(sim);
    return m4_exit_code(status);
  }
  sim->failed = status;
  if (status != M4_OK) sim->error = err;
  return api_outcome(sim, status);
}

int m4_sim_run_until(m4_sim *sim, double time_ns) {
  sim_completion done;
  return run_and_tell(sim, time_ns, false, &done);
}

int m4_sim_next(m4_sim *sim, double time_ns, int64_t *flow, double *fct_ns) {
  sim_completion done = {.flow = -1, .fct_ns = NAN};
  int outcome = run_and_tell(sim, time_ns, true, &done);
  if (flow) *flow = outcome == M4_SIM_OK ? done.flow : -1;
  if (fct_ns) *fct_ns = outcome == M4_SIM_OK && done.flow >= 0 ? done.fct_ns : NAN;
  return outcome;
}

/* ---- questions ---- */

double m4_sim_now(const m4_sim *sim) {
  return sim ? sim->now_ns : NAN;
}

int64_t m4_sim_in_flight(const m4_sim *sim) {
  return sim ? sim->n_flows - sim->n_finished : 0;
}

const char *m4_sim_error(const m4_sim *sim) {
  return sim ? sim->text : "there is no simulation: it is NULL";
}
