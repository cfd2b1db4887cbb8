/* flowSim without any cleverness; see plain_flowsim.h.
 *
 * Remaining sizes and event times are double and never rounded. Sizes are brought up to date at events only,
 * so where a caller puts its limits does not change a result. */
#include "tests/sim/plain/plain_flowsim.h"

#include "tests/sim/plain/plain_maxmin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAYLOAD_BYTES = 1000, HEADER_BYTES = 48 };
#define SHORTEST_STEP_NS 1.0

typedef struct arrival {
  int64_t flow;
  double time_ns;
} arrival;

typedef struct flowsim {
  sim_backend base;
  plain_maxmin *fair;
  int64_t header_bytes;
  double *remaining_bytes, *release_ns; /* [n_flows] */
  int64_t *active, *place;              /* active flows in no order, and the place of each among them */
  int64_t n_active;
  arrival *waiting; /* submitted, not yet released: waiting[first_waiting .. n_waiting-1] */
  int64_t first_waiting, n_waiting, waiting_capacity;
  double clock_ns; /* what the caller has been told */
  double event_ns; /* when remaining sizes were brought up to date */
  bool rates_stale;
  uint64_t events;
} flowsim;

/* Room for count more arrivals: what was released makes place first. */
static m4_status make_room(flowsim *sim, int64_t count, m4_error *err) {
  int64_t waiting = sim->n_waiting - sim->first_waiting;
  if (sim->first_waiting > 0)
    memmove(sim->waiting, sim->waiting + sim->first_waiting, (size_t)waiting * sizeof *sim->waiting);
  sim->n_waiting = waiting;
  sim->first_waiting = 0;
  if (waiting + count <= sim->waiting_capacity) return M4_OK;
  int64_t capacity = 2 * (waiting + count);
  arrival *larger = realloc(sim->waiting, (size_t)capacity * sizeof *larger);
  if (!larger) return m4_fail(err, M4_MEMORY, "flowsim", "no memory for %lld arrivals", (long long)capacity);
  sim->waiting = larger;
  sim->waiting_capacity = capacity;
  return M4_OK;
}

static m4_status submit(sim_backend *backend, const int64_t *flows, const double *times_ns, int64_t count,
                        m4_error *err) {
  flowsim *sim = (flowsim *)backend;
  if (sim->n_waiting + count > sim->waiting_capacity) M4_TRY(make_room(sim, count, err));
  double earliest =
      sim->n_waiting > sim->first_waiting ? sim->waiting[sim->n_waiting - 1].time_ns : sim->clock_ns;
  for (int64_t i = 0; i < count; i++) {
    if (!(times_ns[i] >= earliest))
      return m4_fail(err, M4_USAGE, "flowsim", "flow %lld arrives at %.3f ns, after %.3f ns has passed",
                     (long long)backend->scenario->flows[flows[i]].id, times_ns[i], earliest);
    earliest = times_ns[i];
    sim->waiting[sim->n_waiting++] = (arrival){flows[i], times_ns[i]};
  }
  return M4_OK;
}

/* Brings remaining sizes up to the instant of an event. */
static void drain(flowsim *sim, double time_ns) {
  double elapsed = time_ns - sim->event_ns;
  for (int64_t i = 0; elapsed > 0 && i < sim->n_active; i++) {
    double *remaining = &sim->remaining_bytes[sim->active[i]];
    *remaining = fmax(0, *remaining - elapsed * plain_maxmin_rate(sim->fair, sim->active[i]));
  }
  sim->event_ns = sim->clock_ns = time_ns;
}

static void release(flowsim *sim, arrival next) {
  int64_t size = sim->base.scenario->flows[next.flow].size_bytes;
  int64_t packets = (size + PAYLOAD_BYTES - 1) / PAYLOAD_BYTES;
  drain(sim, next.time_ns);
  sim->remaining_bytes[next.flow] = (double)size + (double)packets * (double)sim->header_bytes;
  sim->release_ns[next.flow] = next.time_ns;
  sim->place[next.flow] = sim->n_active;
  sim->active[sim->n_active++] = next.flow;
  plain_maxmin_add(sim->fair, next.flow);
  sim->rates_stale = true;
  sim->events++;
}

/* What the fluid model leaves out: propagation everywhere, and one packet's transmission on all links but the
 * slowest. */
static double base_delay_ns(const sim_topology *topology, const sim_flow *flow) {
  double packet =
      (double)(flow->size_bytes < PAYLOAD_BYTES ? flow->size_bytes : PAYLOAD_BYTES) + HEADER_BYTES;
  double delay = 0, slowest = 0;
  for (int32_t i = 0; i < flow->n_links; i++) {
    const sim_link *link = &topology->links[flow->links[i]];
    double transmission = packet * 8e9 / (double)link->rate_bps;
    delay += (double)link->delay_ns + transmission;
    slowest = fmax(slowest, transmission);
  }
  return delay - slowest;
}

static void finish(flowsim *sim, int64_t flow, double time_ns, sim_completion *completion) {
  const sim_scenario *scenario = sim->base.scenario;
  drain(sim, time_ns);
  int64_t last = sim->active[--sim->n_active];
  sim->active[sim->place[flow]] = last;
  sim->place[last] = sim->place[flow];
  plain_maxmin_remove(sim->fair, flow);
  sim->rates_stale = true;
  sim->events++;
  *completion = (sim_completion){flow, time_ns,
                                 time_ns - sim->release_ns[flow] +
                                     base_delay_ns(scenario->topology, &scenario->flows[flow])};
}

/* Smallest completion time; the lowest flow id of equals. INFINITY when nothing moves. */
static double next_completion(flowsim *sim, int64_t *flow) {
  const sim_flow *flows = sim->base.scenario->flows;
  double earliest = INFINITY;
  if (sim->rates_stale) plain_maxmin_fill(sim->fair);
  sim->rates_stale = false;
  for (int64_t i = 0; i < sim->n_active; i++) {
    int64_t candidate = sim->active[i];
    double rate = plain_maxmin_rate(sim->fair, candidate);
    if (rate <= 0) continue;
    double time_ns = sim->event_ns + fmax(SHORTEST_STEP_NS, sim->remaining_bytes[candidate] / rate);
    if (time_ns < earliest || (time_ns == earliest && flows[candidate].id < flows[*flow].id)) {
      earliest = time_ns;
      *flow = candidate;
    }
  }
  return earliest;
}

static m4_status advance(sim_backend *backend, double limit_ns, bool *found, sim_completion *completion,
                         m4_error *err) {
  (void)err;
  flowsim *sim = (flowsim *)backend;
  for (;;) {
    arrival next =
        sim->first_waiting < sim->n_waiting ? sim->waiting[sim->first_waiting] : (arrival){0, INFINITY};
    int64_t flow = 0;
    /* At the instant of the last event only arrivals can follow: no rates are needed for them. */
    double done_ns = next.time_ns <= sim->event_ns ? INFINITY : next_completion(sim, &flow);
    double event_ns = fmin(next.time_ns, done_ns);
    *found = false;
    if (event_ns > limit_ns || event_ns == INFINITY) {
      if (limit_ns > sim->clock_ns && limit_ns < INFINITY) sim->clock_ns = limit_ns;
      return M4_OK;
    }
    if (done_ns <= next.time_ns) {
      finish(sim, flow, done_ns, completion);
      *found = true;
      return M4_OK;
    }
    sim->first_waiting++;
    release(sim, next);
  }
}

static m4_status change_link(sim_backend *backend, int32_t link, int64_t rate_bps, double time_ns,
                             m4_error *err) {
  flowsim *sim = (flowsim *)backend;
  if (time_ns != sim->clock_ns)
    return m4_fail(err, M4_USAGE, "flowsim", "links can change at the clock only (%.3f ns), not at %.3f ns",
                   sim->clock_ns, time_ns);
  if (link < 0 || link >= backend->scenario->topology->n_links || rate_bps < 0)
    return m4_fail(err, M4_USAGE, "flowsim", "link %d cannot have rate %lld bit/s", link,
                   (long long)rate_bps);
  if (sim->rates_stale) plain_maxmin_fill(sim->fair);
  drain(sim, sim->clock_ns);
  plain_maxmin_set_capacity(sim->fair, link, (double)rate_bps / 8e9);
  sim->rates_stale = true;
  return M4_OK;
}

static void count(const sim_backend *backend, uint64_t *events, uint64_t *clamped) {
  *events = ((const flowsim *)backend)->events;
  *clamped = 0;
}

static void destroy(sim_backend *backend) {
  flowsim *sim = (flowsim *)backend;
  plain_maxmin_free(sim->fair);
  free(sim->remaining_bytes);
  free(sim->release_ns);
  free(sim->active);
  free(sim->place);
  free(sim->waiting);
  free(sim);
}

m4_status plain_flowsim_backend(sim_backend **backend, const sim_scenario *scenario,
                                const sim_flowsim_options *options, m4_error *err) {
  static const sim_backend_ops ops = {.name = "flowsim",
                                      .submit = submit,
                                      .advance = advance,
                                      .change_link = change_link,
                                      .count = count,
                                      .destroy = destroy};
  *backend = NULL;
  flowsim *sim = calloc(1, sizeof *sim);
  if (!sim) return m4_fail(err, M4_MEMORY, "flowsim", "no memory");
  size_t n = (size_t)scenario->n_flows + 1;
  sim->base = (sim_backend){&ops, scenario};
  sim->header_bytes = options ? options->header_bytes : 0;
  sim->remaining_bytes = calloc(n, sizeof *sim->remaining_bytes);
  sim->release_ns = calloc(n, sizeof *sim->release_ns);
  sim->active = calloc(n, sizeof *sim->active);
  sim->place = calloc(n, sizeof *sim->place);
  bool ready = sim->remaining_bytes && sim->release_ns && sim->active && sim->place;
  m4_status status =
      ready ? plain_maxmin_create(&sim->fair, scenario->topology, scenario->flows, scenario->n_flows, err)
            : m4_fail(err, M4_MEMORY, "flowsim", "no memory for %lld flows", (long long)scenario->n_flows);
  if (status != M4_OK)
    destroy(&sim->base);
  else
    *backend = &sim->base;
  return status;
}
