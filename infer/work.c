/* State tables, tape memory and the steps of sessions. Knows nn/m4.h. */
#include "infer/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 64, FIRST_NODES = 256, SLACK_BYTES = 1 << 20 };

static size_t element_bytes(const m4_model *model) {
  return model->params[0]->dtype == AG_F64 ? sizeof(double) : sizeof(float);
}

static int32_t larger(int32_t a, int32_t b) {
  return a > b ? a : b;
}

/* ---- the tape ---- */

/* Room for one node on its way through an event and the head: twice what the ops keep. Only touched pages
 * cost memory. */
static size_t node_bytes(const m4_model *model) {
  const m4_widths *w = &model->widths;
  size_t graph = (size_t)w->gcn_layers * 8 * (size_t)larger(w->hidden, w->gcn_hidden);
  size_t rest = 32 * (size_t)w->hidden + 4 * (size_t)w->head_hidden + 256;
  return 2 * (graph + rest) * element_bytes(model);
}

static m4_status reserve_tape(inf_work *work, int64_t n_nodes, m4_error *err) {
  if (n_nodes <= work->node_capacity) return M4_OK;
  ag_tape_free(work->tape);
  work->tape = NULL;
  m4_arena_free(&work->tape_memory);
  work->node_capacity = 0;
  int64_t capacity = n_nodes <= INT32_MAX / 2 ? 2 * n_nodes : n_nodes;
  M4_TRY(m4_arena_init(&work->tape_memory, (size_t)capacity * node_bytes(work->model) + SLACK_BYTES, err));
  M4_TRY(ag_tape_create(&work->tape, work->model->backend, &work->tape_memory, err));
  work->node_capacity = (int32_t)capacity;
  return M4_OK;
}

static void clear_tape(inf_work *work) {
  ag_tape_release(work->tape, (ag_mark){0});
}

/* ---- tables ---- */

static m4_status create_state(inf_work *work, m4_arena *memory, m4_state *state, int32_t n_flows,
                              int32_t n_links, m4_error *err) {
  size_t row = (size_t)work->model->widths.hidden * element_bytes(work->model);
  size_t facts = 4 * M4_N_FACTS * element_bytes(work->model);
  M4_TRY(m4_arena_init(memory, (size_t)n_flows * (row + facts) + (size_t)n_links * row + SLACK_BYTES, err));
  m4_status status = m4_state_create(state, work->model, memory, n_flows, n_links, err);
  if (status != M4_OK) m4_arena_free(memory);
  return status;
}

static void free_state(inf_work *work) {
  if (work->model) m4_state_free(&work->state, work->model);
  m4_arena_free(&work->state_memory);
}

static void copy_rows(const inf_work *work, ag_table *to, const ag_table *from) {
  size_t bytes = (size_t)from->rows * (size_t)from->cols * element_bytes(work->model);
  if (bytes > 0) ag_copy(work->model->backend, to->data, from->data, bytes);
}

/* More rows; existing states move along. */
static m4_status grow(inf_work *work, int32_t n_flows, int32_t n_links, m4_error *err) {
  m4_arena memory;
  m4_state state;
  M4_TRY(create_state(work, &memory, &state, n_flows, n_links, err));
  copy_rows(work, &state.flows, &work->state.flows);
  copy_rows(work, &state.links, &work->state.links);
  copy_rows(work, &state.facts, &work->state.facts);
  copy_rows(work, &state.params, &work->state.params);
  free_state(work);
  work->state_memory = memory;
  work->state = state;
  M4_TRY(inf_rows_grow(&work->flow_rows, n_flows, err));
  return inf_rows_grow(&work->link_rows, n_links, err);
}

m4_status inf_work_take_flow(inf_work *work, int32_t *row, m4_error *err) {
  const m4_state *state = &work->state;
  if (work->flow_rows.n_free == 0) {
    if (state->flows.rows > INT32_MAX / 2) return m4_fail(err, M4_MEMORY, NULL, "too many active flows");
    M4_TRY(grow(work, 2 * state->flows.rows, state->links.rows, err));
  }
  *row = inf_rows_take(&work->flow_rows);
  return M4_OK;
}

m4_status inf_work_take_link(inf_work *work, int32_t *row, m4_error *err) {
  const m4_state *state = &work->state;
  if (work->link_rows.n_free == 0) {
    if (state->links.rows > INT32_MAX / 2) return m4_fail(err, M4_MEMORY, NULL, "too many busy links");
    M4_TRY(grow(work, state->flows.rows, 2 * state->links.rows, err));
  }
  *row = inf_rows_take(&work->link_rows);
  return M4_OK;
}

/* ---- life ---- */

m4_status inf_work_init(inf_work *work, const m4_model *model, m4_error *err) {
  memset(work, 0, sizeof *work);
  work->model = model;
  m4_status status = grow(work, FIRST_ROWS, FIRST_ROWS, err);
  if (status == M4_OK) status = reserve_tape(work, FIRST_NODES, err);
  if (status != M4_OK) inf_work_free(work);
  return status;
}

void inf_work_free(inf_work *work) {
  ag_tape_free(work->tape);
  m4_arena_free(&work->tape_memory);
  free_state(work);
  inf_rows_free(&work->flow_rows);
  inf_rows_free(&work->link_rows);
  ag_block_free(&work->block);
  free(work->column);
  free(work->heads);
  memset(work, 0, sizeof *work);
}

/* ---- a step ---- */

static m4_status reserve_heads(inf_work *work, int32_t n, m4_error *err) {
  if (n <= work->head_capacity) return M4_OK;
  free(work->column);
  free(work->heads);
  work->column = calloc((size_t)n, 2 * element_bytes(work->model));
  work->heads = calloc((size_t)n, 2 * sizeof *work->heads);
  work->head_capacity = work->column && work->heads && n <= INT32_MAX / 2 ? 2 * n : 0;
  return work->head_capacity ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for %d predictions", (int)n);
}

/* The column of what a head says into heads; waits for the backend. */
static m4_status read_heads(inf_work *work, const ag_tensor *column, m4_error *err) {
  M4_TRY(ag_tape_status(work->tape, err));
  M4_TRY(reserve_heads(work, column->rows, err));
  size_t n = (size_t)column->rows, element = element_bytes(work->model);
  ag_download(work->model->backend, work->column, column->data, n * element);
  M4_TRY(ag_backend_status(work->model->backend, err));
  for (size_t i = 0; i < n; ++i)
    work->heads[i] =
        element == sizeof(double) ? ((const double *)work->column)[i] : ((const float *)work->column)[i];
  return M4_OK;
}

/* New flows and link states that part. */
static void prepare_states(inf_work *work, const inf_merged *merged) {
  if (merged->n_new > 0)
    m4_state_start(&work->state, work->tape, merged->new_rows, merged->n_new, merged->first);
  if (merged->n_copies > 0)
    ag_scatter(work->tape, &work->state.links, merged->copy_to,
               ag_gather(work->tape, &work->state.links, merged->copy_from, merged->n_copies));
}

static m4_status begin(inf_work *work, inf_merged *merged, inf_request *const *requests, int32_t n,
                       int32_t queue_row, m4_error *err) {
  M4_TRY(inf_merge(merged, &work->block, work->model, requests, n, queue_row, err));
  int64_t rows = (int64_t)merged->event.n_flows + merged->event.n_links + merged->n_new + merged->n_copies;
  M4_TRY(reserve_tape(work, rows, err));
  clear_tape(work);
  return M4_OK;
}

m4_status inf_work_step(inf_work *work, inf_request *const *requests, int32_t n, m4_error *err) {
  inf_merged merged;
  M4_TRY(begin(work, &merged, requests, n, -1, err));
  const m4_event_data *event = &merged.event;
  prepare_states(work, &merged);
  m4_event(work->model, work->tape, &work->state, event, 0.0, NULL);
  return read_heads(
      work,
      m4_readout(work->model, work->tape, &work->state, event->flow_rows, event->n_flows, event->fluid, 0.0),
      err);
}

/* ---- looking without touching ---- */

/* Runs an event whose auxiliary readouts are wanted, and puts the states back. */
static void peek(inf_work *work, const m4_event_data *event, m4_event_aux *aux) {
  ag_tape *tape = work->tape;
  m4_state *state = &work->state;
  ag_tensor *flows = ag_gather(tape, &state->flows, event->flow_rows, event->n_flows);
  ag_tensor *links = ag_gather(tape, &state->links, event->link_rows, event->n_links);
  m4_event(work->model, tape, state, event, 0.0, aux);
  ag_scatter(tape, &state->flows, event->flow_rows, flows);
  ag_scatter(tape, &state->links, event->link_rows, links);
}

/* Fluid features are read after the heads only. */
static m4_status begin_peek(inf_work *work, inf_merged *merged, inf_request *request, int32_t queue_row,
                            m4_error *err) {
  float *fluid = calloc((size_t)request->event.n_flows * M4_N_FLUID, sizeof *fluid);
  if (!fluid) return m4_fail(err, M4_MEMORY, NULL, "no memory to look at states");
  request->event.fluid = fluid;
  m4_status status = begin(work, merged, &request, 1, queue_row, err);
  free(fluid);
  request->event.fluid = NULL;
  return status;
}

static m4_status one_head(inf_work *work, const ag_tensor *column, int32_t i, double *head, m4_error *err) {
  M4_TRY(read_heads(work, column, err));
  *head = work->heads[i];
  return isfinite(*head) ? M4_OK : m4_fail(err, M4_NUMERIC, NULL, "an auxiliary head says %g", *head);
}

m4_status inf_work_peek_size(inf_work *work, inf_request *request, int32_t node, double *head,
                             m4_error *err) {
  inf_merged merged;
  m4_event_aux aux;
  M4_TRY(begin_peek(work, &merged, request, -1, err));
  merged.event.n_size_labels = merged.event.n_flows;
  peek(work, &merged.event, &aux);
  return one_head(work, aux.size_prediction, node, head, err);
}

m4_status inf_work_peek_queue(inf_work *work, inf_request *request, int32_t row, double *head,
                              m4_error *err) {
  inf_merged merged;
  m4_event_aux aux;
  M4_TRY(begin_peek(work, &merged, request, row, err));
  merged.event.n_queue_labels = 1;
  merged.event.queue_rows = merged.queue_rows;
  peek(work, &merged.event, &aux);
  return one_head(work, aux.queue_prediction, 0, head, err);
}
