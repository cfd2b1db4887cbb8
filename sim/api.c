/* The simulator as a library: a scenario whose flows are filled in while it runs, one of the back ends, and
 * timers. See m4_sim.h; does not know the models. */
#include "sim/m4_sim.h"

#include "sim/learned/learned.h"
#include "sim/map.h"
#include "sim/scenario_parts.h"
#include "sim/timers.h"

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

typedef struct callback {
  m4_sim_flow_fn done;
  void *arg;
} callback;

struct m4_sim {
  sim_scenario *scenario; /* flows: room for max_flows, the first n_flows are there */
  sim_learned_model *model;
  sim_backend *backend;
  callback *callbacks; /* [max_flows] */
  int64_t n_flows, max_flows, n_finished;
  int32_t max_path_links;
  sim_map pairs; /* flows of each (source, destination) pair: they number the source ports */
  sim_timers timers;
  double now_ns;
  bool running;
  m4_status failed; /* of a run */
  m4_error error;
  char text[sizeof(m4_error)]; /* error in words */
};

/* ---- errors ---- */

static void describe(const m4_error *err, char *text, size_t bytes) {
  snprintf(text, bytes, "%s%s%s%s%s%s", err->where, *err->where ? ": " : "", err->what,
           *err->hint ? " (" : "", err->hint, *err->hint ? ")" : "");
}

/* What a call returns to the outside. */
static int outcome(m4_sim *sim, m4_status status) {
  if (status != M4_OK) describe(&sim->error, sim->text, sizeof sim->text);
  return m4_exit_code(status);
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
  if (!scenario->path_links || !sim->callbacks)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld flows", (long long)sim->max_flows);
  for (size_t i = 0; i < n; i++) {
    scenario->flows[i].links = scenario->path_links + i * (size_t)sim->max_path_links;
    scenario->flows[i].n_links = sim->max_path_links;
  }
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

void m4_sim_free(m4_sim *sim) {
  if (!sim) return;
  sim_backend_free(sim->backend);
  sim_learned_model_free(sim->model);
  sim_scenario_free(sim->scenario);
  sim_map_free(&sim->pairs);
  sim_timers_free(&sim->timers);
  free(sim->callbacks);
  free(sim);
}

/* ---- flows, timers, links ---- */

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

int m4_sim_add_flow(m4_sim *sim, int32_t src, int32_t dst, int64_t size_bytes, m4_sim_flow_fn done, void *arg,
                    int64_t *flow) {
  if (sim->failed != M4_OK) return outcome(sim, sim->failed);
  m4_status status = sim->n_flows < sim->max_flows
                         ? place_flow(sim, src, dst, size_bytes, &sim->error)
                         : m4_fail(&sim->error, M4_USAGE, NULL, "more than %lld flows; raise max_flows",
                                   (long long)sim->max_flows);
  if (status != M4_OK) return outcome(sim, status);
  sim->callbacks[sim->n_flows] = (callback){done, arg};
  if (flow) *flow = sim->n_flows;
  sim->n_flows++;
  return M4_SIM_OK;
}

int m4_sim_schedule(m4_sim *sim, double delay_ns, m4_sim_timer_fn fn, void *arg) {
  if (sim->failed != M4_OK) return outcome(sim, sim->failed);
  m4_status status =
      fn && delay_ns >= 0 && isfinite(sim->now_ns + delay_ns)
          ? sim_timers_add(&sim->timers, (sim_timer){.time_ns = sim->now_ns + delay_ns, .fn = fn, .arg = arg},
                           &sim->error)
          : m4_fail(&sim->error, M4_USAGE, NULL, "a timer needs a function and a delay >= 0, not %g ns",
                    delay_ns);
  return outcome(sim, status);
}

static m4_status set_link_rate(m4_sim *sim, int32_t from, int32_t to, int64_t rate_bps, m4_error *err) {
  const sim_topology *topology = sim->scenario->topology;
  if (!sim->backend->ops->change_link)
    return m4_fail(err, M4_USAGE, NULL, "the back end %s cannot change links", sim->backend->ops->name);
  bool found = false;
  for (int32_t link = 0; link < topology->n_links; link++) {
    if (topology->links[link].from != from || topology->links[link].to != to) continue;
    M4_TRY(sim->backend->ops->change_link(sim->backend, link, rate_bps, sim->now_ns, err));
    found = true;
  }
  return found ? M4_OK : m4_fail(err, M4_USAGE, NULL, "there is no link from node %d to node %d", from, to);
}

int m4_sim_set_link_rate(m4_sim *sim, int32_t from, int32_t to, int64_t rate_bps) {
  if (sim->failed != M4_OK) return outcome(sim, sim->failed);
  return outcome(sim, set_link_rate(sim, from, to, rate_bps, &sim->error));
}

/* ---- running ---- */

static void deliver(m4_sim *sim, const sim_completion *done) {
  callback called = sim->callbacks[done->flow];
  sim->now_ns = fmax(sim->now_ns, done->time_ns);
  sim->n_finished++;
  if (called.done) called.done(called.arg, done->flow, done->fct_ns);
}

static void fire(m4_sim *sim) {
  sim_timer timer = sim_timers_take(&sim->timers);
  sim->now_ns = timer.time_ns;
  timer.fn(timer.arg);
}

/* Without flows in flight the back end is not asked: a packet simulation would run on past the last
 * completion, and no flow could be added there. */
static m4_status run(m4_sim *sim, double time_ns, m4_error *err) {
  for (;;) {
    double timer_ns = sim_timers_next_ns(&sim->timers), limit_ns = fmin(time_ns, timer_ns);
    sim_completion done;
    bool found = false;
    if (m4_sim_in_flight(sim) > 0 || limit_ns < INFINITY)
      M4_TRY(sim->backend->ops->advance(sim->backend, limit_ns, &found, &done, err));
    if (found)
      deliver(sim, &done);
    else if (timer_ns <= time_ns && timer_ns < INFINITY)
      fire(sim);
    else
      break;
  }
  if (time_ns < INFINITY) sim->now_ns = time_ns;
  return M4_OK;
}

int m4_sim_run_until(m4_sim *sim, double time_ns) {
  if (sim->failed != M4_OK) return outcome(sim, sim->failed);
  if (sim->running)
    return outcome(sim, m4_fail(&sim->error, M4_USAGE, NULL, "a callback cannot run the simulation"));
  if (!(time_ns >= sim->now_ns))
    return outcome(sim, m4_fail(&sim->error, M4_USAGE, NULL, "time cannot run back from %.3f to %.3f ns",
                                sim->now_ns, time_ns));
  sim->running = true;
  m4_error err = {0}; /* callbacks may fail calls of their own meanwhile */
  m4_status status = run(sim, time_ns, &err);
  sim->running = false;
  sim->failed = status;
  if (status != M4_OK) sim->error = err;
  return outcome(sim, status);
}

/* ---- questions ---- */

double m4_sim_now(const m4_sim *sim) {
  return sim->now_ns;
}

int64_t m4_sim_in_flight(const m4_sim *sim) {
  return sim->n_flows - sim->n_finished;
}

const char *m4_sim_error(const m4_sim *sim) {
  return sim->text;
}
