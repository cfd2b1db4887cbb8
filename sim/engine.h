/* The one simulation loop for every back end: clock, arrivals in (time, flow id) order, completions,
 * callbacks. Knows backend. Source: simulation.md 4, 7, 8. */
#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

#include "sim/backend.h"

enum { SIM_WHY_BYTES = 320, SIM_MAX_LISTED = 1000 };

/* A flow that never finishes. */
typedef struct sim_unfinished {
  int64_t flow;
  char why[SIM_WHY_BYTES]; /* "" when the back end does not say */
} sim_unfinished;

typedef struct sim_result {
  int64_t n_flows, n_finished;
  double *fct_ns;      /* [n_flows] by flow index; NAN = never finished */
  double *release_ns;  /* [n_flows] */
  int64_t *order;      /* [n_finished] flow indices in completion order; NULL with a feed */
  double end_ns;       /* last completion */
  double wall_seconds; /* the loop only */
  uint64_t events, clamped;
  sim_counter counters[SIM_MAX_COUNTERS];
  int n_counters;
  sim_unfinished *unfinished; /* [n_listed] the first ones; none of an interrupted run */
  int64_t n_listed;           /* at most SIM_MAX_LISTED */
} sim_result;

/* Called after each completion; a false return stops the run (status M4_INTERRUPTED, result holds what
 * finished). */
typedef bool (*sim_progress_fn)(void *ctx, double now_ns, int64_t finished, int64_t total);

/* Runs a scenario's own flows to the end on a fresh back end. result is filled also when M4_INTERRUPTED. Free
 * with sim_result_free. */
m4_status sim_run(const sim_scenario *scenario, sim_backend *backend, sim_progress_fn progress, void *ctx,
                  sim_result *result, m4_error *err);
void sim_result_free(sim_result *result);

/* The same in parts, for back ends that wait for each other (sim_backend_ops.waits). */
typedef struct sim_engine sim_engine;
m4_status sim_engine_create(sim_engine **engine, const sim_scenario *scenario, sim_backend *backend,
                            sim_progress_fn progress, void *ctx, sim_result *result, m4_error *err);
/* Goes on until the back end waits, or the run has ended (*waits false). */
m4_status sim_engine_go(sim_engine *engine, bool *waits, m4_error *err);
/* Frees the engine and completes the result of a run that has come to `status`; returns sim_run's status. */
m4_status sim_engine_end(sim_engine *engine, m4_status status, m4_error *err);

/* Where flows come from and go to when they are not all in the scenario at once: a flow has a place in
 * scenario->flows from when it is announced until it is done; then the place may be used again. */
typedef struct sim_feed {
  void *ctx;
  int64_t n_flows; /* altogether */
  /* Fills the place *flow with the next flow in the order of starts; -1: there are no more. */
  m4_status (*next)(void *ctx, int64_t *flow, m4_error *err);
  /* The flow is complete: result->fct_ns and release_ns hold its times until the next call of next. */
  m4_status (*done)(void *ctx, const sim_result *result, int64_t flow, m4_error *err);
} sim_feed;

/* The same, for back ends that need no flow before its start (not packet), without a graph of flows. The
 * arrays of result are by place, for as many as were in use at a time; flows that never finish are not
 * listed. */
m4_status sim_run_feed(const sim_scenario *scenario, sim_backend *backend, const sim_feed *feed,
                       sim_progress_fn progress, void *ctx, sim_result *result, m4_error *err);

#endif
