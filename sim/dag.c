/* The graph of waiting flows: takes flows and causes from the readers, checks them; see dag.h. */
#include "sim/dag.h"

#include "sim/dag_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_EDGES = 1024 };

/* ---- flow by flow ---- */

m4_status sim_dag_fail(const sim_dag_reader *in, m4_error *err, const char *fmt, ...) {
  char what[320], where[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(what, sizeof what, fmt, args);
  va_end(args);
  snprintf(where, sizeof where, in->json ? "%s: entry %lld" : "%s:%lld", in->path, (long long)in->place);
  return m4_fail(err, M4_DATA, where, "%s", what);
}

static m4_status find_flow(const sim_dag_reader *in, const char *what, int64_t id, int64_t *flow,
                           m4_error *err) {
  const int64_t *index = sim_map_get(&in->index_of, (uint64_t)id);
  if (!index) return sim_dag_fail(in, err, "%s %lld is not in flows.txt", what, (long long)id);
  *flow = *index;
  return M4_OK;
}

m4_status sim_dag_begin_flow(sim_dag_reader *in, int64_t id, m4_error *err) {
  M4_TRY(find_flow(in, "flow", id, &in->flow, err));
  if (in->listed[in->flow])
    return sim_dag_fail(in, err, "flow %lld is listed twice, first %s %lld", (long long)id,
                        in->json ? "in entry" : "on line", (long long)in->listed[in->flow]);
  in->listed[in->flow] = in->place;
  return M4_OK;
}

void sim_dag_set_delay(sim_dag_reader *in, int64_t delay_ns) {
  in->dag->delay_ns[in->flow] = delay_ns;
}

static m4_status add_edge(sim_dag_reader *in, sim_dag_edge added, m4_error *err) {
  if (in->n_edges == in->capacity) {
    int64_t capacity = in->capacity ? 2 * in->capacity : FIRST_EDGES;
    sim_dag_edge *larger = realloc(in->edges, (size_t)capacity * sizeof *larger);
    if (!larger)
      return m4_fail(err, M4_MEMORY, in->path, "no memory for %lld dependencies", (long long)capacity);
    in->edges = larger;
    in->capacity = capacity;
  }
  in->edges[in->n_edges++] = added;
  return M4_OK;
}

static long long waiting_id(const sim_dag_reader *in) {
  return (long long)in->scenario->flows[in->flow].id;
}

m4_status sim_dag_add_cause(sim_dag_reader *in, int64_t id, m4_error *err) {
  int64_t cause = 0;
  M4_TRY(find_flow(in, "cause", id, &cause, err));
  if (cause == in->flow) return sim_dag_fail(in, err, "flow %lld waits for itself", waiting_id(in));
  M4_TRY(add_edge(in, (sim_dag_edge){cause, in->flow}, err));
  in->dag->n_causes[in->flow]++;
  return M4_OK;
}

m4_status sim_dag_end_flow(sim_dag_reader *in, m4_error *err) {
  return in->dag->n_causes[in->flow] > 0
             ? M4_OK
             : sim_dag_fail(in, err, "flow %lld waits for nobody", waiting_id(in));
}

/* ---- the graph ---- */

/* Who waits for whom, by cause, from the edges. */
static m4_status sort_edges(sim_dag_reader *in, m4_error *err) {
  sim_dag *dag = in->dag;
  dag->effect = calloc((size_t)in->n_edges + 1, sizeof *dag->effect);
  if (!dag->effect) return m4_fail(err, M4_MEMORY, in->path, "no memory for the dependencies");
  for (int64_t i = 0; i < in->n_edges; i++) dag->begin[in->edges[i].cause + 1]++;
  for (int64_t flow = 0; flow < dag->n_flows; flow++) dag->begin[flow + 1] += dag->begin[flow];
  for (int64_t i = in->n_edges - 1; i >= 0; i--) /* moves begin[f+1] from the end of f's to its start */
    dag->effect[--dag->begin[in->edges[i].cause + 1]] = in->edges[i].effect;
  for (int64_t flow = 0; flow < dag->n_flows; flow++) dag->begin[flow] = dag->begin[flow + 1];
  dag->begin[dag->n_flows] = in->n_edges;
  return M4_OK;
}

/* Takes away flows that wait for nobody left; returns how many could not be taken. left [n_flows] gets the
 * causes left, queue [n_flows] is scratch. */
static int64_t peel(const sim_dag *dag, int64_t *left, int64_t *queue) {
  int64_t taken = 0, found = 0;
  for (int64_t flow = 0; flow < dag->n_flows; flow++) {
    left[flow] = dag->n_causes[flow];
    if (left[flow] == 0) queue[found++] = flow;
  }
  for (; taken < found; taken++)
    for (int64_t i = dag->begin[queue[taken]]; i < dag->begin[queue[taken] + 1]; i++)
      if (--left[dag->effect[i]] == 0) queue[found++] = dag->effect[i];
  return dag->n_flows - taken;
}

/* A flow on a circle: every flow left has a cause left, so going back long enough ends on one. */
static int64_t on_a_circle(const sim_dag_reader *in, const int64_t *left, int64_t *cause_of) {
  int64_t flow = 0;
  for (int64_t i = 0; i < in->n_edges; i++)
    if (left[in->edges[i].cause] > 0) cause_of[in->edges[i].effect] = in->edges[i].cause;
  while (left[flow] == 0) flow++;
  for (int64_t i = 0; i < in->dag->n_flows; i++) flow = cause_of[flow];
  return flow;
}

static m4_status check_circles(sim_dag_reader *in, m4_error *err) {
  size_t n = (size_t)in->dag->n_flows + 1;
  int64_t *left = calloc(n, sizeof *left), *scratch = calloc(n, sizeof *scratch);
  m4_status status = M4_OK;
  if (!left || !scratch) {
    status = m4_fail(err, M4_MEMORY, in->path, "no memory to check the dependencies");
  } else if (peel(in->dag, left, scratch) > 0) {
    int64_t flow = on_a_circle(in, left, scratch);
    in->place = in->listed[flow];
    status = sim_dag_fail(in, err, "flows wait for each other in a circle: flow %lld for flow %lld",
                          (long long)in->scenario->flows[flow].id,
                          (long long)in->scenario->flows[scratch[flow]].id);
  }
  free(left);
  free(scratch);
  return status;
}

/* ---- all of it ---- */

static m4_status prepare(sim_dag_reader *in, m4_error *err) {
  const sim_scenario *scenario = in->scenario;
  size_t n = (size_t)scenario->n_flows + 1;
  sim_dag *dag = in->dag = calloc(1, sizeof *dag);
  in->listed = calloc(n, sizeof *in->listed);
  if (dag) {
    dag->n_flows = scenario->n_flows;
    dag->n_causes = calloc(n, sizeof *dag->n_causes);
    dag->delay_ns = calloc(n, sizeof *dag->delay_ns);
    dag->begin = calloc(n, sizeof *dag->begin);
  }
  if (!dag || !in->listed || !dag->n_causes || !dag->delay_ns || !dag->begin)
    return m4_fail(err, M4_MEMORY, in->path, "no memory for the dependencies of %lld flows",
                   (long long)scenario->n_flows);
  M4_TRY(sim_map_init(&in->index_of, scenario->n_flows, err));
  for (int64_t i = 0; i < scenario->n_flows; i++)
    *sim_map_put(&in->index_of, (uint64_t)scenario->flows[i].id, NULL) = i;
  return M4_OK;
}

/* A JSON file begins with a bracket, a text file with a number or a comment. */
static bool is_json(const sim_text *text) {
  char first = text->data[strspn(text->data, " \t\r\n")];
  return first == '[' || first == '{';
}

static m4_status read_all(sim_dag_reader *in, sim_text *text, m4_error *err) {
  in->json = is_json(text);
  M4_TRY(prepare(in, err));
  M4_TRY(in->json ? sim_dag_read_json(in, text, err) : sim_dag_read_text(in, text, err));
  M4_TRY(sort_edges(in, err));
  return check_circles(in, err);
}

m4_status sim_dag_read(sim_dag **dag, const char *path, const sim_scenario *scenario, m4_error *err) {
  *dag = NULL;
  sim_text text;
  M4_TRY(sim_text_open(&text, path, err));
  sim_dag_reader in = {.scenario = scenario, .path = text.path};
  m4_status status = read_all(&in, &text, err);
  if (status == M4_OK)
    *dag = in.dag;
  else
    sim_dag_free(in.dag);
  sim_text_close(&text);
  sim_map_free(&in.index_of);
  free(in.listed);
  free(in.edges);
  return status;
}

void sim_dag_free(sim_dag *dag) {
  if (!dag) return;
  free(dag->n_causes);
  free(dag->delay_ns);
  free(dag->begin);
  free(dag->effect);
  free(dag);
}
