/* A simulation of the library at work: flows that are added, timers, runs. Part of the library for other
 * programs; handles and creation are in api.c. */
#include "sim/api_internal.h"

#include "sim/scenario_parts.h"

#include <math.h>

enum { DATA_PRIORITY = 3, DESTINATION_PORT = 100 };

/* ---- what no call takes ---- */

m4_status api_check_result(const void *result, m4_error *err) {
  return result ? M4_OK : m4_fail(err, M4_USAGE, NULL, "the place for the result is NULL");
}

m4_status api_check_time(const api_sim *sim, double time_ns, const char *what, m4_error *err) {
  if (!(time_ns >= sim->now_ns))
    return m4_fail(err, M4_USAGE, NULL, "%s at %.3f ns: the clock is at %.3f ns and does not run back", what,
                   time_ns, sim->now_ns);
  if (time_ns > (double)SIM_MAX_TIME_NS)
    return m4_fail(err, M4_USAGE, NULL, "%s at %g ns: times end at 2^53 ns (104 days)", what, time_ns);
  return M4_OK;
}

/* ---- flows and timers ---- */

/* Fills the next free place; it counts as taken only when the back end has accepted the flow. */
static m4_status place_flow(api_sim *sim, int32_t src, int32_t dst, int64_t size_bytes, m4_error *err) {
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
  uint64_t pair = (uint64_t)src << 32 | (uint32_t)dst;
  const int64_t *of_pair = sim_map_get(&sim->pairs, pair);
  flow->source_port = (uint16_t)(SIM_FIRST_SOURCE_PORT + (of_pair ? *of_pair : 0));
  int32_t *links = scenario->path_links + sim->n_flows * sim->max_path_links;
  M4_TRY(sim_route(scenario->routing, src, dst, flow->source_port, DESTINATION_PORT, links,
                   sim->max_path_links, &flow->n_links, err));
  flow->ideal_fct_ns = sim_ideal_fct_ns(scenario->topology, links, flow->n_links, size_bytes, 0);
  if (flow->ideal_fct_ns > SIM_MAX_TIME_NS)
    return m4_fail(err, M4_DATA, NULL, "a flow of %lld bytes is too large for its links",
                   (long long)size_bytes);
  M4_TRY(sim->backend->ops->submit(sim->backend, &flow->id, &sim->now_ns, 1, err));
  ++*sim_map_put(&sim->pairs, pair, NULL); /* accepted flows only: the table has room for these */
  return M4_OK;
}

static m4_status add_flow(api_sim *sim, int32_t src, int32_t dst, int64_t size_bytes, m4_error *err) {
  M4_TRY(sim->failed);
  if (sim->n_flows == sim->max_flows)
    return m4_fail(err, M4_USAGE, NULL, "more than %lld flows; raise max_flows", (long long)sim->max_flows);
  return place_flow(sim, src, dst, size_bytes, err);
}

int m4_sim_add_flow(m4_sim *handle, int32_t src, int32_t dst, int64_t size_bytes, m4_sim_flow_fn done,
                    void *arg, int64_t *flow) {
  api_sim *sim = api_open(handle);
  if (!sim) return M4_SIM_USAGE;
  m4_status status = add_flow(sim, src, dst, size_bytes, &sim->error);
  if (status != M4_OK) return api_outcome(sim, status);
  sim->callbacks[sim->n_flows] = (api_callback){done, arg};
  if (flow) *flow = sim->n_flows;
  sim->n_flows++;
  return M4_SIM_OK;
}

static m4_status add_timer(api_sim *sim, double delay_ns, m4_sim_timer_fn fn, void *arg, m4_error *err) {
  M4_TRY(sim->failed);
  if (!fn) return m4_fail(err, M4_USAGE, NULL, "a timer needs a function");
  M4_TRY(api_check_time(sim, sim->now_ns + delay_ns, "a timer", err));
  return sim_timers_add(&sim->timers, (sim_timer){.time_ns = sim->now_ns + delay_ns, .fn = fn, .arg = arg},
                        err);
}

int m4_sim_schedule(m4_sim *handle, double delay_ns, m4_sim_timer_fn fn, void *arg, int64_t *timer) {
  api_sim *sim = api_open(handle);
  if (!sim) return M4_SIM_USAGE;
  m4_status status = add_timer(sim, delay_ns, fn, arg, &sim->error);
  if (status == M4_OK && timer) *timer = (int64_t)sim->timers.scheduled - 1;
  return api_outcome(sim, status);
}

int m4_sim_cancel(m4_sim *handle, int64_t timer) {
  api_sim *sim = api_open(handle);
  if (!sim) return M4_SIM_USAGE;
  m4_status status = sim->failed;
  if (status == M4_OK && (timer < 0 || !sim_timers_remove(&sim->timers, (uint64_t)timer)))
    status = m4_fail(&sim->error, M4_USAGE, NULL, "there is no timer %lld to cancel", (long long)timer);
  return api_outcome(sim, status);
}

/* ---- running ---- */

static int64_t in_flight(const api_sim *sim) {
  return sim->n_flows - sim->n_finished;
}

/* A back end that completes a flow twice, or one that never was, is not believed. */
static m4_status deliver(api_sim *sim, const sim_completion *done, m4_error *err) {
  if (done->flow < 0 || done->flow >= sim->n_flows || sim->finished[done->flow])
    return m4_fail(err, M4_INTERNAL, sim->backend->ops->name, "flow %lld is not in flight and completes",
                   (long long)done->flow);
  api_callback called = sim->callbacks[done->flow];
  sim->now_ns = fmax(sim->now_ns, done->time_ns);
  sim->n_finished++;
  sim->finished[done->flow] = true;
  if (called.done) called.done(called.arg, done->flow, done->fct_ns);
  return M4_OK;
}

static void fire(api_sim *sim) {
  sim_timer timer = sim_timers_take(&sim->timers);
  sim->now_ns = timer.time_ns;
  timer.fn(timer.arg);
}

/* Delivers one completion (*found) or calls one timer; *more is false when there is neither up to time_ns.
 * Without flows in flight the back end is not asked: a packet simulation would run on past the last
 * completion, and no flow could be added there. */
static m4_status step(api_sim *sim, double time_ns, bool *found, sim_completion *done, bool *more,
                      m4_error *err) {
  double timer_ns = sim_timers_next_ns(&sim->timers), limit_ns = fmin(time_ns, timer_ns);
  *found = false;
  *more = true;
  if (in_flight(sim) > 0 || limit_ns < INFINITY)
    M4_TRY(sim->backend->ops->advance(sim->backend, limit_ns, found, done, err));
  if (*found)
    M4_TRY(deliver(sim, done, err));
  else if (timer_ns <= time_ns && timer_ns < INFINITY)
    fire(sim);
  else
    *more = false;
  if (err && sim->plan_status != M4_OK) *err = sim->plan_error;
  return sim->plan_status;
}

/* until_completion: stops there, with the flow in done. */
static m4_status run(api_sim *sim, double time_ns, bool until_completion, sim_completion *done,
                     m4_error *err) {
  bool found = false, more = true;
  while (more && !sim->freed && !(found && until_completion))
    M4_TRY(step(sim, time_ns, &found, done, &more, err));
  if (!found) done->flow = -1;
  if (!more && time_ns < INFINITY)
    sim->now_ns = time_ns;
  else if (!more && sim->backend->ops->now)
    sim->now_ns = fmax(sim->now_ns, sim->backend->ops->now(sim->backend));
  return M4_OK;
}

static m4_status may_run(api_sim *sim, double time_ns, m4_error *err) {
  M4_TRY(sim->failed);
  if (sim->running) return m4_fail(err, M4_USAGE, NULL, "a callback cannot run the simulation");
  return time_ns == INFINITY ? M4_OK : api_check_time(sim, time_ns, "a run cannot end", err);
}

/* The handle is not looked at again: a callback may free it, and what it lies in. */
static int run_and_tell(const m4_sim *handle, double time_ns, bool until_completion, sim_completion *done) {
  api_sim *sim = api_open(handle);
  if (!sim) return M4_SIM_USAGE;
  m4_status status = may_run(sim, time_ns, &sim->error);
  if (status != M4_OK) return api_outcome(sim, status);
  m4_error err = {0}; /* callbacks may fail calls of their own meanwhile */
  sim->running = true;
  status = run(sim, time_ns, until_completion, done, &err);
  sim->running = false;
  if (sim->freed) {
    api_close(sim);
    return m4_exit_code(status);
  }
  sim->failed = status;
  if (status != M4_OK) sim->error = err;
  return api_outcome(sim, status);
}

int m4_sim_run_until(m4_sim *handle, double time_ns) {
  sim_completion done;
  return run_and_tell(handle, time_ns, false, &done);
}

int m4_sim_next(m4_sim *handle, double time_ns, int64_t *flow, double *fct_ns) {
  sim_completion done = {.flow = -1, .fct_ns = NAN};
  int outcome = run_and_tell(handle, time_ns, true, &done);
  if (flow) *flow = outcome == M4_SIM_OK ? done.flow : -1;
  if (fct_ns) *fct_ns = outcome == M4_SIM_OK && done.flow >= 0 ? done.fct_ns : NAN;
  return outcome;
}

/* ---- questions ---- */

double m4_sim_now(const m4_sim *handle) {
  const api_sim *sim = api_open(handle);
  return sim ? sim->now_ns : NAN;
}

int64_t m4_sim_in_flight(const m4_sim *handle) {
  const api_sim *sim = api_open(handle);
  return sim ? in_flight(sim) : 0;
}
