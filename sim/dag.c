/* Reading and checking; see dag.h. */
#include "sim/dag.h"

#include "sim/map.h"
#include "sim/scenario_parts.h"
#include "sim/text.h"

#include <stdlib.h>

enum { FIRST_EDGES = 1024 };

typedef struct edge {
  int64_t cause, effect; /* flow indices */
} edge;

typedef struct reader {
  const sim_scenario *scenario;
  sim_text text;
  sim_map index_of; /* by flow id */
  sim_dag *dag;
  int64_t *line; /* [n_flows] where a flow is listed; 0 = nowhere */
  edge *edges;
  int64_t n_edges, capacity;
} reader;

/* ---- lines ---- */

static m4_status read_flow(reader *in, const char *what, int64_t *flow, m4_error *err) {
  int64_t id;
  M4_TRY(sim_text_int(&in->text, what, 0, INT64_MAX, &id, err));
  const int64_t *index = sim_map_get(&in->index_of, (uint64_t)id);
  if (!index) return sim_text_fail(&in->text, err, "%s %lld is not in flows.txt", what, (long long)id);
  *flow = *index;
  return M4_OK;
}

static m4_status add_edge(reader *in, edge added, m4_error *err) {
  if (in->n_edges == in->capacity) {
    int64_t capacity = in->capacity ? 2 * in->capacity : FIRST_EDGES;
    edge *larger = realloc(in->edges, (size_t)capacity * sizeof *larger);
    if (!larger)
      return m4_fail(err, M4_MEMORY, in->text.path, "no memory for %lld dependencies", (long long)capacity);
    in->edges = larger;
    in->capacity = capacity;
  }
  in->edges[in->n_edges++] = added;
  return M4_OK;
}

static bool at_end_of_line(const sim_text *text) {
  return *text->word == '\0' || *text->word == '#';
}

static m4_status read_line(reader *in, m4_error *err) {
  int64_t flow = 0, cause = 0;
  sim_dag *dag = in->dag;
  M4_TRY(read_flow(in, "flow", &flow, err));
  long long id = in->scenario->flows[flow].id;
  if (in->line[flow])
    return sim_text_fail(&in->text, err, "flow %lld is listed twice, first on line %lld", id,
                         (long long)in->line[flow]);
  in->line[flow] = in->text.line;
  M4_TRY(sim_text_int(&in->text, "delay in ns", 0, SIM_MAX_TIME_NS, &dag->delay_ns[flow], err));
  while (!at_end_of_line(&in->text)) {
    M4_TRY(read_flow(in, "cause", &cause, err));
    if (cause == flow) return sim_text_fail(&in->text, err, "flow %lld waits for itself", id);
    M4_TRY(add_edge(in, (edge){cause, flow}, err));
    dag->n_causes[flow]++;
  }
  return dag->n_causes[flow] > 0 ? M4_OK : sim_text_fail(&in->text, err, "flow %lld waits for nobody", id);
}

/* ---- the graph ---- */

/* Who waits for whom, by cause, from the edges. */
static m4_status sort_edges(reader *in, m4_error *err) {
  sim_dag *dag = in->dag;
  dag->effect = calloc((size_t)in->n_edges + 1, sizeof *dag->effect);
  if (!dag->effect) return m4_fail(err, M4_MEMORY, in->text.path, "no memory for the dependencies");
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
static int64_t on_a_circle(const reader *in, const int64_t *left, int64_t *cause_of) {
  int64_t flow = 0;
  for (int64_t i = 0; i < in->n_edges; i++)
    if (left[in->edges[i].cause] > 0) cause_of[in->edges[i].effect] = in->edges[i].cause;
  while (left[flow] == 0) flow++;
  for (int64_t i = 0; i < in->dag->n_flows; i++) flow = cause_of[flow];
  return flow;
}

static m4_status check_circles(reader *in, m4_error *err) {
  size_t n = (size_t)in->dag->n_flows + 1;
  int64_t *left = calloc(n, sizeof *left), *scratch = calloc(n, sizeof *scratch);
  m4_status status = M4_OK;
  if (!left || !scratch) {
    status = m4_fail(err, M4_MEMORY, in->text.path, "no memory to check the dependencies");
  } else if (peel(in->dag, left, scratch) > 0) {
    int64_t flow = on_a_circle(in, left, scratch);
    in->text.line = in->line[flow];
    status = sim_text_fail(&in->text, err, "flows wait for each other in a circle: flow %lld for flow %lld",
                           (long long)in->scenario->flows[flow].id,
                           (long long)in->scenario->flows[scratch[flow]].id);
  }
  free(left);
  free(scratch);
  return status;
}

/* ---- all of it ---- */

static m4_status prepare(reader *in, m4_error *err) {
  const sim_scenario *scenario = in->scenario;
  size_t n = (size_t)scenario->n_flows + 1;
  sim_dag *dag = in->dag = calloc(1, sizeof *dag);
  in->line = calloc(n, sizeof *in->line);
  if (dag) {
    dag->n_flows = scenario->n_flows;
    dag->n_causes = calloc(n, sizeof *dag->n_causes);
    dag->delay_ns = calloc(n, sizeof *dag->delay_ns);
    dag->begin = calloc(n, sizeof *dag->begin);
  }
  if (!dag || !in->line || !dag->n_causes || !dag->delay_ns || !dag->begin)
    return m4_fail(err, M4_MEMORY, in->text.path, "no memory for the dependencies of %lld flows",
                   (long long)scenario->n_flows);
  M4_TRY(sim_map_init(&in->index_of, scenario->n_flows, err));
  for (int64_t i = 0; i < scenario->n_flows; i++)
    *sim_map_put(&in->index_of, (uint64_t)scenario->flows[i].id, NULL) = i;
  return M4_OK;
}

static m4_status read_all(reader *in, m4_error *err) {
  M4_TRY(prepare(in, err));
  while (sim_text_line(&in->text))
    if (!at_end_of_line(&in->text)) M4_TRY(read_line(in, err));
  M4_TRY(sort_edges(in, err));
  return check_circles(in, err);
}

m4_status sim_dag_read(sim_dag **dag, const char *path, const sim_scenario *scenario, m4_error *err) {
  *dag = NULL;
  reader in = {.scenario = scenario};
  M4_TRY(sim_text_open(&in.text, path, err));
  m4_status status = read_all(&in, err);
  if (status == M4_OK)
    *dag = in.dag;
  else
    sim_dag_free(in.dag);
  sim_text_close(&in.text);
  sim_map_free(&in.index_of);
  free(in.line);
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
