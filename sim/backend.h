/* What a simulator back end is: flows go in with times not before the clock, completions come out up to a
 * limit. A back end is never asked "what is your next completion" without a limit: a packet simulation cannot
 * look past arrivals it has not been told of. Knows scenario. Source: design.md (law), simulation.md 8. */
#ifndef SIM_BACKEND_H
#define SIM_BACKEND_H

#include "sim/packet/packet.h"
#include "sim/scenario.h"

/* Times are ns as double: exact for integers below 2^53; fluid and learned back ends produce fractions. */
typedef struct sim_completion {
  int64_t flow;   /* flow index in the scenario */
  double time_ns; /* completion instant */
  double fct_ns;  /* what is reported: completion - release, plus what the back end defines (flowsim: base
                     delay) */
} sim_completion;

/* What a back end can say of an active flow at its clock; NAN where it cannot. */
typedef struct sim_flow_view {
  double rate_bps;        /* of its payload */
  double remaining_bytes; /* m4: by the auxiliary head of the weights, when they have one */
  double slowdown;        /* predicted, of the whole flow */
  double finish_ns;       /* when it completes if nothing else happens */
  int64_t sharers;        /* m4: other flows of its component; -1 = unknown */
} sim_flow_view;

typedef struct sim_counter {
  const char *name; /* static */
  uint64_t value;
} sim_counter;
enum { SIM_MAX_COUNTERS = 16 };

typedef struct sim_backend sim_backend;
typedef struct sim_backend_ops {
  const char *name; /* "packet", "flowsim", "m4" */
  /* flows[i] are indices into the scenario; released at times_ns[i] >= the clock and >= the times submitted
   * before, non-decreasing. Times may lie in the future; what is released when is the back end's business
   * until then. */
  m4_status (*submit)(sim_backend *backend, const int64_t *flows, const double *times_ns, int64_t count,
                      m4_error *err);
  /* Earliest completion at or before limit_ns: *found = true and the clock stands there; else *found = false
   * and the clock is at the limit (or, for limit INFINITY, nothing is left that can finish). */
  m4_status (*advance)(sim_backend *backend, double limit_ns, bool *found, sim_completion *completion,
                       m4_error *err);
  /* After an advance that found nothing: it waits for a step of the model that several scenarios share, and
   * the same advance is to be repeated after it; NULL: it never does. */
  bool (*waits)(const sim_backend *backend);
  /* The directed link has this rate (0 = failed) from time_ns >= the clock on; NULL when not supported. Calls
   * come in the order of their times, those for the future ahead of the advance that passes them. At one
   * instant a change told of in advance comes first. What a back end does with traffic on a failed link is in
   * docs/simulate.md. M4_USAGE: no such link, a negative rate, a time in the past. */
  m4_status (*change_link)(sim_backend *backend, int32_t link, int64_t rate_bps, double time_ns,
                           m4_error *err);
  /* Looks at an active flow, changing nothing; NULL when not supported. M4_USAGE: it is not active. */
  m4_status (*view_flow)(sim_backend *backend, int64_t flow, sim_flow_view *view, m4_error *err);
  /* Bytes that a flow's first packet would find waiting at a link, by the weights' auxiliary head; NULL when
   * not supported. M4_USAGE: the weights have no such head, or there is no such link. */
  m4_status (*view_queue)(sim_backend *backend, int32_t link, double *queue_bytes, m4_error *err);
  /* Where the clock stands after an advance without a limit, which may lie behind the last completion; NULL:
   * it never does. */
  double (*now)(const sim_backend *backend);
  /* Counters for summary.json. */
  void (*count)(const sim_backend *backend, uint64_t *events, uint64_t *clamped);
  int (*counters)(const sim_backend *backend, sim_counter counters[SIM_MAX_COUNTERS]); /* more; NULL: none */
  /* counters.csv: what every directed link has seen; NULL: nothing. */
  void (*write_links)(const sim_backend *backend, FILE *out);
  /* After a run to the end: every submitted flow that has not finished, and why it never will; NULL: unknown.
   */
  m4_status (*unfinished)(const sim_backend *backend, void (*tell)(void *ctx, int64_t flow, const char *why),
                          void *ctx, m4_error *err);
  void (*destroy)(sim_backend *backend);
  /* The back end holds flows back by scenario->flow_limit itself (the packet simulator: its senders are done
   * only after the last ACK); submitted times are then arrivals, and release = completion - FCT. False: the
   * engine does it. */
  bool limits_flows;
} sim_backend_ops;

/* Base "class": a back end's struct starts with this. */
struct sim_backend {
  const sim_backend_ops *ops;
  const sim_scenario *scenario;
};

/* Flow `index` of a scenario as the packet simulator takes it; its tag is the index. */
pkt_flow sim_packet_flow(const sim_scenario *scenario, int64_t index);
/* All flows of a scenario, to be started at their arrival times. */
m4_status sim_packet_submit(pkt_sim *sim, const sim_scenario *scenario, m4_error *err);
m4_status sim_packet_backend(sim_backend **backend, const sim_scenario *scenario, const pkt_probe *probe,
                             m4_error *err);

typedef struct sim_flowsim_options {
  int64_t header_bytes; /* added to every 1000 bytes or part of them: 0 default; 48 as m3 */
} sim_flowsim_options;
/* options may be NULL: the defaults. The scenario must outlive the back end. */
m4_status sim_flowsim_backend(sim_backend **backend, const sim_scenario *scenario,
                              const sim_flowsim_options *options, m4_error *err);

/* The learned back end is made in sim/learned/learned.h. */
static inline void sim_backend_free(sim_backend *backend) {
  if (backend) backend->ops->destroy(backend);
}

#endif
