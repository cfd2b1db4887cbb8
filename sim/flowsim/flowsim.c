/* flowSim: flows as fluids at max-min fair rates, as a back end of the engine. Source: simulation.md 6.
 *
 * Event times and sizes are double and never rounded. A flow is brought up to date only when its rate
 * changes; until then its end is known and waits in a heap. When its last byte has left the fluid the flow is
 * on its way for its base delay, then it is complete. Memory follows the flows announced or in flight, not
 * all that ever were. */
#include "base/heap.h"
#include "sim/backend.h"
#include "sim/flowsim/maxmin.h"
#include "sim/flowsim/schedule.h"

#include <math.h>
#include <stdlib.h>

enum { PAYLOAD_BYTES = 1000, HEADER_BYTES = 48, FIRST_SLOTS = 64 };
#define SHORTEST_STEP_NS 1.0

/* A flow in flight. remaining and rate are those at since_ns. */
typedef struct fluid {
  int64_t flow;
  double release_ns, since_ns, remaining_bytes, rate, end_ns, fct_ns;
} fluid;

typedef struct flowsim {
  sim_backend base;
  sim_maxmin *fair;
  int64_t header_bytes;
  fluid *fluids; /* [n_slots] */
  int32_t *unused, n_unused, n_slots;
  m4_heap ends;   /* flows with a rate, by the time their last byte leaves */
  m4_heap due;    /* those that end within the shortest step: the lowest id goes first */
  m4_heap on_way; /* those whose last byte has left, by the time they are complete */
  sim_schedule arrivals, changes;
  double clock_ns; /* what the caller has been told */
  double event_ns; /* the last event inside the fluid; <= clock_ns */
  bool rates_stale;
  uint64_t events;
} flowsim;

/* ---- what the caller announces ---- */

static m4_status submit(sim_backend *backend, const int64_t *flows, const double *times_ns, int64_t count,
                        m4_error *err) {
  flowsim *sim = (flowsim *)backend;
  M4_TRY(sim_schedule_reserve(&sim->arrivals, count, err));
  double earliest = fmax(sim->clock_ns, sim_schedule_last_ns(&sim->arrivals));
  for (int64_t i = 0; i < count; i++) {
    if (!(times_ns[i] >= earliest))
      return m4_fail(err, M4_USAGE, "flowsim", "flow %lld arrives at %.3f ns, after %.3f ns has passed",
                     (long long)backend->scenario->flows[flows[i]].id, times_ns[i], earliest);
    earliest = times_ns[i];
    sim_schedule_add(&sim->arrivals, (sim_scheduled){.time_ns = times_ns[i], .what = flows[i]});
  }
  return M4_OK;
}

static m4_status change_link(sim_backend *backend, int32_t link, int64_t rate_bps, double time_ns,
                             m4_error *err) {
  flowsim *sim = (flowsim *)backend;
  if (link < 0 || link >= backend->scenario->topology->n_links || rate_bps < 0)
    return m4_fail(err, M4_USAGE, "flowsim", "link %d cannot have rate %lld bit/s", link,
                   (long long)rate_bps);
  double earliest = fmax(sim->clock_ns, sim_schedule_last_ns(&sim->changes));
  if (!(time_ns >= earliest && time_ns < INFINITY))
    return m4_fail(err, M4_USAGE, "flowsim", "link %d changes at %.3f ns, after %.3f ns has passed", link,
                   time_ns, earliest);
  M4_TRY(sim_schedule_reserve(&sim->changes, 1, err));
  sim_schedule_add(&sim->changes, (sim_scheduled){time_ns, link, (double)rate_bps / 8e9});
  return M4_OK;
}

/* ---- flows enter and leave the fluid ---- */

static m4_status grow_slots(flowsim *sim, m4_error *err) {
  int32_t n = sim->n_slots ? 2 * sim->n_slots : FIRST_SLOTS;
  if (n < 0) return m4_fail(err, M4_MEMORY, "flowsim", "more than 2^30 flows in flight");
  fluid *fluids = realloc(sim->fluids, (size_t)n * sizeof *fluids);
  if (fluids) sim->fluids = fluids;
  int32_t *unused = realloc(sim->unused, (size_t)n * sizeof *unused);
  if (unused) sim->unused = unused;
  if (!fluids || !unused) return m4_fail(err, M4_MEMORY, "flowsim", "no memory for %d flows in flight", n);
  M4_TRY(sim_maxmin_reserve(sim->fair, n, err));
  M4_TRY(m4_heap_reserve(&sim->ends, n, err));
  M4_TRY(m4_heap_reserve(&sim->due, n, err));
  M4_TRY(m4_heap_reserve(&sim->on_way, n, err));
  for (int32_t slot = n - 1; slot >= sim->n_slots; slot--) sim->unused[sim->n_unused++] = slot;
  sim->n_slots = n;
  return M4_OK;
}

static m4_status release(flowsim *sim, sim_scheduled arrival, m4_error *err) {
  const sim_flow *flow = &sim->base.scenario->flows[arrival.what];
  int64_t packets = (flow->size_bytes + PAYLOAD_BYTES - 1) / PAYLOAD_BYTES;
  if (sim->n_unused == 0) M4_TRY(grow_slots(sim, err));
  int32_t slot = sim->unused[sim->n_unused - 1];
  M4_TRY(sim_maxmin_add(sim->fair, slot, flow->links, flow->n_links, err));
  sim->n_unused--;
  sim->fluids[slot] =
      (fluid){.flow = arrival.what,
              .release_ns = arrival.time_ns,
              .since_ns = arrival.time_ns,
              .remaining_bytes = (double)flow->size_bytes + (double)packets * (double)sim->header_bytes};
  return M4_OK;
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

/* The last byte has left. */
static void leave(flowsim *sim, int32_t slot, double time_ns) {
  const sim_scenario *scenario = sim->base.scenario;
  fluid *leaving = &sim->fluids[slot];
  const sim_flow *flow = &scenario->flows[leaving->flow];
  double delay_ns = base_delay_ns(scenario->topology, flow);
  leaving->fct_ns = time_ns - leaving->release_ns + delay_ns;
  sim_maxmin_remove(sim->fair, slot);
  m4_heap_remove(&sim->due, slot);
  m4_heap_remove(&sim->ends, slot);
  m4_heap_set(&sim->on_way, slot, time_ns + delay_ns, flow->id);
}

/* ---- rates ---- */

/* The time a flow ends if nothing changes. An entry in the heap may be early, never late: a later end is
 * entered when the early one comes up. */
static void take_rate(flowsim *sim, int32_t slot) {
  fluid *flow = &sim->fluids[slot];
  flow->remaining_bytes = fmax(0, flow->remaining_bytes - (sim->event_ns - flow->since_ns) * flow->rate);
  flow->since_ns = sim->event_ns;
  flow->rate = sim_maxmin_rate(sim->fair, slot);
  flow->end_ns = flow->rate > 0 ? flow->since_ns + flow->remaining_bytes / flow->rate : INFINITY;
  m4_heap_remove(&sim->due, slot);
  if (!m4_heap_holds(&sim->ends, slot) || m4_heap_key(&sim->ends, slot) > flow->end_ns)
    m4_heap_set(&sim->ends, slot, flow->end_ns, sim->base.scenario->flows[flow->flow].id);
}

/* The flow that ends first. */
static m4_heap_entry first_end(flowsim *sim) {
  for (;;) {
    m4_heap_entry first = sim->ends.count > 0 ? sim->ends.entries[0] : (m4_heap_entry){INFINITY, 0, 0};
    if (first.key == INFINITY || first.key == sim->fluids[first.item].end_ns) return first;
    m4_heap_set(&sim->ends, first.item, sim->fluids[first.item].end_ns, first.tie);
  }
}

static void update_rates(flowsim *sim) {
  const int32_t *changed;
  int32_t n = sim->rates_stale ? sim_maxmin_update(sim->fair, &changed) : 0;
  for (int32_t i = 0; i < n; i++) take_rate(sim, changed[i]);
  sim->rates_stale = false;
}

/* When and which flow ends next, the lowest id of equals; INFINITY when nothing moves. An end comes at least
 * one shortest step after the event before it. */
static double next_end(flowsim *sim, int32_t *slot) {
  update_rates(sim);
  double soonest_ns = sim->event_ns + SHORTEST_STEP_NS;
  m4_heap_entry first = first_end(sim);
  for (; first.key <= soonest_ns; first = first_end(sim)) {
    m4_heap_remove(&sim->ends, first.item);
    m4_heap_set(&sim->due, first.item, 0, first.tie);
  }
  *slot = sim->due.count > 0 ? sim->due.entries[0].item : first.item;
  return sim->due.count > 0 ? soonest_ns : first.key;
}

/* ---- the loop ---- */

/* The next event inside the fluid happens, if it is at or before limit_ns. At one instant: link changes, then
 * ends, then arrivals. */
static m4_status next_event(flowsim *sim, double limit_ns, bool *happened, m4_error *err) {
  double change_ns = sim_schedule_next_ns(&sim->changes), arrival_ns = sim_schedule_next_ns(&sim->arrivals);
  double announced_ns = fmin(change_ns, arrival_ns);
  int32_t slot = 0;
  /* At the instant of the last event nothing can end: rates are made once for all that happens then. */
  double end_ns = fmin(announced_ns, limit_ns) <= sim->event_ns ? INFINITY : next_end(sim, &slot);
  double time_ns = fmin(announced_ns, end_ns);
  *happened = time_ns <= limit_ns && time_ns < INFINITY;
  if (!*happened) return M4_OK;
  sim->event_ns = sim->clock_ns = time_ns;
  sim->rates_stale = true;
  if (change_ns <= time_ns) {
    sim_scheduled change = sim_schedule_take(&sim->changes);
    sim_maxmin_set_capacity(sim->fair, (int32_t)change.what, change.value);
    return M4_OK;
  }
  sim->events++;
  if (arrival_ns < end_ns) return release(sim, sim_schedule_take(&sim->arrivals), err);
  leave(sim, slot, time_ns);
  return M4_OK;
}

static m4_status advance(sim_backend *backend, double limit_ns, bool *found, sim_completion *completion,
                         m4_error *err) {
  flowsim *sim = (flowsim *)backend;
  bool happened = true;
  *found = false;
  while (happened) {
    double complete_ns = sim->on_way.count > 0 ? sim->on_way.entries[0].key : INFINITY;
    M4_TRY(next_event(sim, fmin(limit_ns, complete_ns), &happened, err));
  }
  if (sim->on_way.count > 0 && sim->on_way.entries[0].key <= limit_ns) {
    m4_heap_entry first = sim->on_way.entries[0];
    m4_heap_remove(&sim->on_way, first.item);
    sim->unused[sim->n_unused++] = first.item;
    sim->clock_ns = first.key;
    *completion = (sim_completion){sim->fluids[first.item].flow, first.key, sim->fluids[first.item].fct_ns};
    *found = true;
  } else if (limit_ns > sim->clock_ns && limit_ns < INFINITY) {
    sim->clock_ns = limit_ns;
  }
  return M4_OK;
}

/* ---- looking ---- */

static bool find_slot(const flowsim *sim, int64_t flow, int32_t *slot) {
  for (*slot = 0; *slot < sim->n_slots; ++*slot) {
    bool taken = m4_heap_holds(&sim->ends, *slot) || m4_heap_holds(&sim->due, *slot) ||
                 m4_heap_holds(&sim->on_way, *slot);
    if (taken && sim->fluids[*slot].flow == flow) return true;
  }
  return false;
}

/* Making rates early changes nothing: no time passes until they are made again. */
static m4_status view_flow(sim_backend *backend, int64_t flow, sim_flow_view *view, m4_error *err) {
  flowsim *sim = (flowsim *)backend;
  int32_t slot;
  update_rates(sim);
  if (!find_slot(sim, flow, &slot))
    return m4_fail(err, M4_USAGE, "flowsim", "flow %lld is not active", (long long)flow);
  const fluid *seen = &sim->fluids[slot];
  const sim_flow *facts = &backend->scenario->flows[flow];
  int64_t packets = (facts->size_bytes + PAYLOAD_BYTES - 1) / PAYLOAD_BYTES;
  double header_share = (double)packets * (double)sim->header_bytes / (double)facts->size_bytes;
  bool has_left = m4_heap_holds(&sim->on_way, slot);
  double payload_rate = has_left ? 0 : seen->rate / (1 + header_share);
  double left = (seen->remaining_bytes - (sim->clock_ns - seen->since_ns) * seen->rate) / (1 + header_share);
  *view = (sim_flow_view){.rate_bps = 8e9 * payload_rate,
                          .remaining_bytes = has_left ? 0 : fmax(left, 0),
                          .finish_ns = has_left
                                           ? m4_heap_key(&sim->on_way, slot)
                                           : seen->end_ns + base_delay_ns(backend->scenario->topology, facts),
                          .sharers = -1};
  view->slowdown = (view->finish_ns - seen->release_ns) / (double)facts->ideal_fct_ns;
  return M4_OK;
}

static void count(const sim_backend *backend, uint64_t *events, uint64_t *clamped) {
  *events = ((const flowsim *)backend)->events;
  *clamped = 0;
}

static void destroy(sim_backend *backend) {
  flowsim *sim = (flowsim *)backend;
  sim_maxmin_free(sim->fair);
  m4_heap_free(&sim->ends);
  m4_heap_free(&sim->due);
  m4_heap_free(&sim->on_way);
  sim_schedule_free(&sim->arrivals);
  sim_schedule_free(&sim->changes);
  free(sim->fluids);
  free(sim->unused);
  free(sim);
}

m4_status sim_flowsim_backend(sim_backend **backend, const sim_scenario *scenario,
                              const sim_flowsim_options *options, m4_error *err) {
  static const sim_backend_ops ops = {.name = "flowsim",
                                      .submit = submit,
                                      .advance = advance,
                                      .change_link = change_link,
                                      .view_flow = view_flow,
                                      .count = count,
                                      .destroy = destroy};
  *backend = NULL;
  flowsim *sim = calloc(1, sizeof *sim);
  if (!sim) return m4_fail(err, M4_MEMORY, "flowsim", "no memory");
  sim->base = (sim_backend){&ops, scenario};
  sim->header_bytes = options ? options->header_bytes : 0;
  int32_t max_path = 0;
  for (int64_t i = 0; i < scenario->n_flows; i++)
    if (scenario->flows[i].n_links > max_path) max_path = scenario->flows[i].n_links;
  m4_status status = sim_maxmin_create(&sim->fair, scenario->topology, max_path, err);
  if (status == M4_OK) status = grow_slots(sim, err);
  if (status != M4_OK)
    destroy(&sim->base);
  else
    *backend = &sim->base;
  return status;
}
