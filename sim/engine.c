/* The simulation loop: arrivals go in, completions come out, for every back end. See engine.h; does not know
 * files. */
#include "sim/engine.h"

#include "base/heap.h"
#include "sim/dag.h"
#include "sim/unfinished.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NONE = -1, FIRST_PLACES = 1024 };

/* Flows of a group of hosts that wait for a place in flight, oldest first. */
typedef struct group {
  int64_t in_flight, first, last;
} group;

struct sim_engine {
  const sim_scenario *scenario;
  sim_backend *backend;
  sim_progress_fn progress;
  void *progress_ctx;
  sim_result *result;
  double begin_seconds;
  int64_t cursor;       /* next flow, of those that wait for nobody, to arrive */
  const sim_feed *feed; /* flows come one by one; NULL: all are there */
  int64_t n_places;     /* room of the arrays by flow */
  /* With a graph of flows only. */
  int64_t *causes_left; /* [n_flows] */
  m4_heap ready;        /* flows whose causes have completed, by the time they arrive */
  /* Closed loop only (simulation.md 7.1). */
  group *groups;         /* [n_groups], NULL in the open loop */
  int64_t *next_waiting; /* [n_flows] the flow behind each waiting one */
};

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- flows one by one ---- */

/* Room for a flow in the arrays by flow. */
static m4_status make_place(sim_engine *run, int64_t flow, m4_error *err) {
  if (flow < run->n_places) return M4_OK;
  int64_t n = 2 * flow + FIRST_PLACES;
  sim_result *result = run->result;
  double *fct_ns = realloc(result->fct_ns, (size_t)n * sizeof *fct_ns);
  if (fct_ns) result->fct_ns = fct_ns;
  double *release_ns = realloc(result->release_ns, (size_t)n * sizeof *release_ns);
  if (release_ns) result->release_ns = release_ns;
  int64_t *next_waiting = realloc(run->next_waiting, (size_t)n * sizeof *next_waiting);
  if (next_waiting) run->next_waiting = next_waiting;
  if (!fct_ns || !release_ns || !next_waiting)
    return m4_fail(err, M4_MEMORY, run->scenario->name, "no memory for %lld flows at a time", (long long)n);
  run->n_places = n;
  return M4_OK;
}

/* The cursor stands on the next flow of the feed, or on NONE. */
static m4_status take_from_feed(sim_engine *run, m4_error *err) {
  M4_TRY(run->feed->next(run->feed->ctx, &run->cursor, err));
  if (run->cursor == NONE) return M4_OK;
  M4_TRY(make_place(run, run->cursor, err));
  run->result->fct_ns[run->cursor] = NAN;
  run->result->release_ns[run->cursor] = (double)run->scenario->flows[run->cursor].start_ns;
  return M4_OK;
}

/* ---- arrivals ---- */

/* Everything at once: the back end takes each flow at its time. (The packet simulator needs to know early:
 * what arrives at an instant acts before other events of that instant.) */
static m4_status submit_all(sim_engine *run, m4_error *err) {
  int64_t *flows = run->result->order; /* free until the first completion */
  for (int64_t i = 0; i < run->scenario->n_flows; i++) flows[i] = i;
  run->cursor = run->scenario->n_flows;
  return run->backend->ops->submit(run->backend, flows, run->result->release_ns, run->scenario->n_flows, err);
}

static group *group_of(const sim_engine *run, int64_t flow) {
  return &run->groups[run->scenario->flows[flow].src / run->scenario->hosts_per_group];
}

static m4_status release(sim_engine *run, int64_t flow, double time_ns, m4_error *err) {
  group_of(run, flow)->in_flight++;
  run->result->release_ns[flow] = time_ns;
  return run->backend->ops->submit(run->backend, &flow, &time_ns, 1, err);
}

/* A flow has arrived: it enters the network or joins its group's queue. */
static m4_status arrive(sim_engine *run, int64_t flow, double time_ns, m4_error *err) {
  if (!run->groups) {
    run->result->release_ns[flow] = time_ns;
    return run->backend->ops->submit(run->backend, &flow, &time_ns, 1, err);
  }
  group *mine = group_of(run, flow);
  if (mine->in_flight < run->scenario->flow_limit) return release(run, flow, time_ns, err);
  run->next_waiting[flow] = NONE;
  if (mine->first == NONE)
    mine->first = flow;
  else
    run->next_waiting[mine->last] = flow;
  mine->last = flow;
  return M4_OK;
}

/* Which flow arrives next, by (time, flow), and when; INFINITY: none that is known of. */
static double next_arrival(sim_engine *run, int64_t *flow) {
  const sim_scenario *scenario = run->scenario;
  if (run->feed) {
    *flow = run->cursor;
    return run->cursor == NONE ? INFINITY : run->result->release_ns[run->cursor];
  }
  while (run->causes_left && run->cursor < scenario->n_flows && scenario->dag->n_causes[run->cursor] > 0)
    run->cursor++;
  *flow = run->cursor;
  double time_ns = run->cursor < scenario->n_flows ? run->result->release_ns[run->cursor] : INFINITY;
  if (run->ready.count == 0) return time_ns;
  m4_heap_entry woken = run->ready.entries[0];
  if (woken.key > time_ns || (woken.key == time_ns && woken.item > run->cursor)) return time_ns;
  *flow = woken.item;
  return woken.key;
}

static m4_status take_arrival(sim_engine *run, int64_t flow, double time_ns, m4_error *err) {
  if (run->feed) {
    M4_TRY(arrive(run, flow, time_ns, err));
    return take_from_feed(run, err);
  }
  if (flow == run->cursor)
    run->cursor++;
  else
    m4_heap_remove(&run->ready, (int32_t)flow);
  return arrive(run, flow, time_ns, err);
}

/* A completion is a cause less for the flows that wait for it. */
static void wake(sim_engine *run, const sim_completion *done) {
  const sim_dag *dag = run->scenario->dag;
  for (int64_t i = dag->begin[done->flow]; i < dag->begin[done->flow + 1]; i++) {
    int64_t flow = dag->effect[i];
    if (--run->causes_left[flow] > 0) continue;
    double start_ns = (double)run->scenario->flows[flow].start_ns;
    double time_ns = fmax(start_ns, done->time_ns + (double)dag->delay_ns[flow]);
    m4_heap_set(&run->ready, (int32_t)flow, time_ns, flow);
  }
}

/* A completion frees a place: the first waiting flow of the group takes it. */
static m4_status free_place(sim_engine *run, const sim_completion *done, m4_error *err) {
  group *mine = group_of(run, done->flow);
  mine->in_flight--;
  int64_t flow = mine->first;
  if (flow == NONE) return M4_OK;
  mine->first = run->next_waiting[flow];
  return release(run, flow, done->time_ns, err);
}

static m4_status change_links(sim_engine *run, m4_error *err) {
  const sim_link_changes *changes = &run->scenario->changes;
  const sim_backend_ops *ops = run->backend->ops;
  if (changes->count > 0 && !ops->change_link)
    return m4_fail(err, M4_USAGE, run->scenario->name,
                   "the back end %s cannot change links (link_changes.txt)", ops->name);
  for (int64_t i = 0; i < changes->count; i++)
    M4_TRY(ops->change_link(run->backend, changes->list[i].link, changes->list[i].rate_bps,
                            (double)changes->list[i].time_ns, err));
  return M4_OK;
}

static m4_status prepare_groups(sim_engine *run, m4_error *err) {
  const sim_scenario *scenario = run->scenario;
  if (scenario->hosts_per_group < 1)
    return m4_fail(err, M4_DATA, scenario->name,
                   "a limit of flows in flight needs at least 1 host per group");
  int64_t n_groups = scenario->topology->n_nodes / scenario->hosts_per_group + 1;
  run->groups = calloc((size_t)n_groups, sizeof *run->groups);
  if (!run->feed) run->next_waiting = calloc((size_t)scenario->n_flows + 1, sizeof *run->next_waiting);
  if (!run->groups || !(run->next_waiting || run->feed))
    return m4_fail(err, M4_MEMORY, scenario->name, "no memory for the flow limit");
  for (int64_t i = 0; i < n_groups; i++) run->groups[i].first = NONE;
  return M4_OK;
}

static m4_status prepare_graph(sim_engine *run, m4_error *err) {
  const sim_scenario *scenario = run->scenario;
  size_t bytes = (size_t)scenario->n_flows * sizeof *run->causes_left;
  if (scenario->n_flows >= INT32_MAX)
    return m4_fail(err, M4_DATA, scenario->name, "more than 2^31 flows in a graph");
  run->causes_left = malloc(bytes + 1);
  if (!run->causes_left) return m4_fail(err, M4_MEMORY, scenario->name, "no memory for a graph of flows");
  memcpy(run->causes_left, scenario->dag->n_causes, bytes);
  return m4_heap_reserve(&run->ready, (int32_t)scenario->n_flows, err);
}

static m4_status prepare(sim_engine *run, m4_error *err) {
  const sim_scenario *scenario = run->scenario;
  bool limited = scenario->flow_limit > 0 && !run->backend->ops->limits_flows;
  M4_TRY(change_links(run, err));
  if (limited) M4_TRY(prepare_groups(run, err));
  if (run->feed) return take_from_feed(run, err);
  for (int64_t i = 0; i < scenario->n_flows; i++)
    run->result->release_ns[i] = (double)scenario->flows[i].start_ns;
  if (scenario->dag) M4_TRY(prepare_graph(run, err));
  return limited || scenario->dag ? M4_OK : submit_all(run, err);
}

/* ---- completions ---- */

/* A back end that completes a flow twice, or one that there is not, is not believed. */
static m4_status record(sim_engine *run, const sim_completion *done, m4_error *err) {
  sim_result *result = run->result;
  if (done->flow < 0 || done->flow >= run->n_places || !isnan(result->fct_ns[done->flow]))
    return m4_fail(err, M4_INTERNAL, run->backend->ops->name,
                   "flow number %lld of %lld completes, and has completed before or never was",
                   (long long)done->flow, (long long)result->n_flows);
  result->fct_ns[done->flow] = done->fct_ns;
  if (result->order) result->order[result->n_finished] = done->flow;
  result->n_finished++;
  result->end_ns = done->time_ns;
  if (run->backend->ops->limits_flows) result->release_ns[done->flow] = done->time_ns - done->fct_ns;
  return run->feed ? run->feed->done(run->feed->ctx, result, done->flow, err) : M4_OK;
}

static m4_status complete(sim_engine *run, const sim_completion *done, m4_error *err) {
  const sim_result *result = run->result;
  M4_TRY(record(run, done, err));
  if (run->groups) M4_TRY(free_place(run, done, err));
  if (run->causes_left) wake(run, done);
  if (run->progress && !run->progress(run->progress_ctx, done->time_ns, result->n_finished, result->n_flows))
    return m4_fail(err, M4_INTERRUPTED, run->scenario->name, "stopped after %lld of %lld flows",
                   (long long)result->n_finished, (long long)result->n_flows);
  return M4_OK;
}

/* Departures before arrivals at equal time: the limit is the next arrival, and completions at the limit come
 * first. */
m4_status sim_engine_go(sim_engine *run, bool *waits, m4_error *err) {
  const sim_backend_ops *ops = run->backend->ops;
  *waits = false;
  while (run->result->n_finished < run->result->n_flows) {
    bool found = false;
    sim_completion done = {0};
    int64_t flow;
    double arrival_ns = next_arrival(run, &flow);
    M4_TRY(ops->advance(run->backend, arrival_ns, &found, &done, err));
    *waits = !found && ops->waits && ops->waits(run->backend);
    if (*waits) return M4_OK;
    if (!found && arrival_ns == INFINITY) return M4_OK; /* what is left never finishes */
    M4_TRY(found ? complete(run, &done, err) : take_arrival(run, flow, arrival_ns, err));
  }
  return M4_OK;
}

/* ---- the whole run ---- */

static void free_engine(sim_engine *run) {
  free(run->groups);
  free(run->next_waiting);
  free(run->causes_left);
  m4_heap_free(&run->ready);
  free(run);
}

static m4_status make_result(sim_result *result, const sim_scenario *scenario, const sim_feed *feed,
                             m4_error *err) {
  *result = (sim_result){.n_flows = feed ? feed->n_flows : 0};
  if (feed) return M4_OK;
  size_t n = (size_t)scenario->n_flows + 1;
  *result = (sim_result){.n_flows = scenario->n_flows,
                         .fct_ns = calloc(n, sizeof *result->fct_ns),
                         .release_ns = calloc(n, sizeof *result->release_ns),
                         .order = calloc(n, sizeof *result->order)};
  if (!result->fct_ns || !result->release_ns || !result->order)
    return m4_fail(err, M4_MEMORY, scenario->name, "no memory for the results of %lld flows",
                   (long long)scenario->n_flows);
  for (int64_t i = 0; i < scenario->n_flows; i++) result->fct_ns[i] = NAN;
  return M4_OK;
}

static m4_status create(sim_engine **engine, const sim_scenario *scenario, sim_backend *backend,
                        const sim_feed *feed, sim_progress_fn progress, void *ctx, sim_result *result,
                        m4_error *err) {
  m4_status status = make_result(result, scenario, feed, err);
  sim_engine *run = *engine = calloc(1, sizeof *run);
  if (!run) status = m4_fail(err, M4_MEMORY, scenario->name, "no memory for a simulation");
  if (status == M4_OK) {
    *run = (sim_engine){.scenario = scenario,
                        .backend = backend,
                        .progress = progress,
                        .progress_ctx = ctx,
                        .result = result,
                        .feed = feed,
                        .n_places = feed ? 0 : scenario->n_flows,
                        .begin_seconds = seconds_now()};
    status = prepare(run, err);
  }
  if (status == M4_OK) return M4_OK;
  if (run) free_engine(run);
  sim_result_free(result);
  *engine = NULL;
  return status;
}

m4_status sim_engine_create(sim_engine **engine, const sim_scenario *scenario, sim_backend *backend,
                            sim_progress_fn progress, void *ctx, sim_result *result, m4_error *err) {
  return create(engine, scenario, backend, NULL, progress, ctx, result, err);
}

m4_status sim_engine_end(sim_engine *run, m4_status status, m4_error *err) {
  sim_result *result = run->result;
  const sim_backend_ops *ops = run->backend->ops;
  result->wall_seconds = seconds_now() - run->begin_seconds;
  if (status == M4_OK && !run->feed)
    status = sim_list_unfinished(result, run->backend, run->causes_left, err);
  ops->count(run->backend, &result->events, &result->clamped);
  if (ops->counters) result->n_counters = ops->counters(run->backend, result->counters);
  free_engine(run);
  if (status != M4_OK && status != M4_INTERRUPTED) sim_result_free(result);
  return status;
}

static m4_status go_to_the_end(sim_engine *run, m4_error *err) {
  bool waits;
  m4_status status = sim_engine_go(run, &waits, err);
  if (status == M4_OK && waits)
    status = m4_fail(err, M4_INTERNAL, run->scenario->name, "nobody makes the step");
  return sim_engine_end(run, status, err);
}

m4_status sim_run(const sim_scenario *scenario, sim_backend *backend, sim_progress_fn progress, void *ctx,
                  sim_result *result, m4_error *err) {
  sim_engine *run;
  M4_TRY(create(&run, scenario, backend, NULL, progress, ctx, result, err));
  return go_to_the_end(run, err);
}

m4_status sim_run_feed(const sim_scenario *scenario, sim_backend *backend, const sim_feed *feed,
                       sim_progress_fn progress, void *ctx, sim_result *result, m4_error *err) {
  sim_engine *run;
  M4_TRY(create(&run, scenario, backend, feed, progress, ctx, result, err));
  return go_to_the_end(run, err);
}

void sim_result_free(sim_result *result) {
  free(result->fct_ns);
  free(result->release_ns);
  free(result->order);
  free(result->unfinished);
  *result = (sim_result){0};
}
