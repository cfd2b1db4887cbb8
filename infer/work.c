/* State tables and tape memory of a session. Knows nn/m4.h. */
#include "infer/work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_NODES = 256, SLACK_BYTES = 1 << 20 };

static size_t element_bytes(const m4_model *model) {
  return model->params[0]->dtype == AG_F64 ? sizeof(double) : sizeof(float);
}

static int32_t larger(int32_t a, int32_t b) {
  return a > b ? a : b;
}

/* Room for one node on its way through an event and the head: twice what the ops keep. Only touched pages
 * cost memory. */
static size_t node_bytes(const m4_model *model) {
  const m4_widths *w = &model->widths;
  size_t graph = (size_t)w->gcn_layers * 8 * (size_t)larger(w->hidden, w->gcn_hidden);
  size_t rest = 32 * (size_t)w->hidden + 4 * (size_t)w->head_hidden + 256;
  return 2 * (graph + rest) * element_bytes(model);
}

static m4_status reserve_tape(inf_work *work, int32_t n_nodes, m4_error *err) {
  if (n_nodes <= work->node_capacity) return M4_OK;
  m4_arena_free(&work->tape_memory);
  work->node_capacity = 0;
  int32_t capacity = n_nodes <= INT32_MAX / 2 ? 2 * n_nodes : n_nodes;
  M4_TRY(m4_arena_init(&work->tape_memory, (size_t)capacity * node_bytes(work->model) + SLACK_BYTES, err));
  work->node_capacity = capacity;
  return M4_OK;
}

static m4_status create_state(inf_work *work, m4_arena *memory, m4_state *state, int32_t n_flows,
                              int32_t n_links, m4_error *err) {
  size_t row = (size_t)work->model->widths.hidden * element_bytes(work->model);
  size_t facts = 4 * M4_N_FACTS * element_bytes(work->model);
  M4_TRY(m4_arena_init(memory, (size_t)n_flows * (row + facts) + (size_t)n_links * row + SLACK_BYTES, err));
  m4_status status = m4_state_create(state, work->model, memory, n_flows, n_links, err);
  if (status != M4_OK) m4_arena_free(memory);
  return status;
}

m4_status inf_work_init(inf_work *work, const m4_model *model, int32_t n_flows, int32_t n_links,
                        m4_error *err) {
  memset(work, 0, sizeof *work);
  work->model = model;
  m4_status status = create_state(work, &work->state_memory, &work->state, n_flows, n_links, err);
  if (status == M4_OK) status = ag_tape_create(&work->tape, model->backend, &work->tape_memory, err);
  if (status == M4_OK) status = reserve_tape(work, FIRST_NODES, err);
  if (status != M4_OK) {
    inf_work_free(work);
    return status;
  }
  for (int32_t link = 0; link < n_links; ++link) m4_state_init_link(&work->state, model, link);
  return M4_OK;
}

void inf_work_free(inf_work *work) {
  ag_tape_free(work->tape);
  m4_arena_free(&work->tape_memory);
  m4_arena_free(&work->state_memory);
  memset(work, 0, sizeof *work);
}

static void copy_rows(const inf_work *work, ag_table *to, const ag_table *from) {
  memcpy(to->data, from->data, (size_t)from->rows * (size_t)from->cols * element_bytes(work->model));
}

m4_status inf_work_grow(inf_work *work, int32_t n_flows, m4_error *err) {
  m4_arena memory;
  m4_state state;
  M4_TRY(create_state(work, &memory, &state, n_flows, work->state.links.rows, err));
  copy_rows(work, &state.flows, &work->state.flows);
  copy_rows(work, &state.links, &work->state.links);
  copy_rows(work, &state.facts, &work->state.facts);
  copy_rows(work, &state.params, &work->state.params);
  m4_arena_free(&work->state_memory);
  work->state_memory = memory;
  work->state = state;
  return M4_OK;
}

void inf_work_copy_link(inf_work *work, int32_t from, int32_t to) {
  size_t bytes = (size_t)work->state.links.cols * element_bytes(work->model);
  char *rows = work->state.links.data;
  memcpy(rows + (size_t)to * bytes, rows + (size_t)from * bytes, bytes);
}

m4_status inf_work_step(inf_work *work, const m4_event_data *event, const ag_tensor **head, m4_error *err) {
  M4_TRY(reserve_tape(work, event->n_flows + event->n_links, err));
  m4_arena_release(&work->tape_memory, 0);
  m4_event(work->model, work->tape, &work->state, event, 0.0, NULL);
  *head =
      m4_readout(work->model, work->tape, &work->state, event->flow_rows, event->n_flows, event->fluid, 0.0);
  return ag_tape_status(work->tape, err);
}

/* Copies rows of a table to `saved`, or back. */
static void move_rows(const inf_work *work, ag_table *table, const int32_t *rows, int32_t n, char *saved,
                      bool back) {
  size_t bytes = (size_t)table->cols * element_bytes(work->model);
  for (int32_t i = 0; i < n; ++i, saved += bytes) {
    char *row = (char *)table->data + (size_t)rows[i] * bytes;
    memcpy(back ? row : saved, back ? saved : row, bytes);
  }
}

static void move_states(inf_work *work, const m4_event_data *event, char *saved, bool back) {
  size_t flow_bytes = (size_t)event->n_flows * (size_t)work->state.flows.cols * element_bytes(work->model);
  move_rows(work, &work->state.flows, event->flow_rows, event->n_flows, saved, back);
  move_rows(work, &work->state.links, event->link_rows, event->n_links, saved + flow_bytes, back);
}

/* Runs an event whose auxiliary readouts are wanted, and puts the states back. */
static m4_status peek(inf_work *work, const m4_event_data *event, m4_event_aux *aux, m4_error *err) {
  size_t n_nodes = (size_t)event->n_flows + (size_t)event->n_links;
  M4_TRY(reserve_tape(work, (int32_t)n_nodes, err));
  char *saved = calloc(n_nodes * (size_t)work->model->widths.hidden, element_bytes(work->model));
  float *fluid = calloc((size_t)event->n_flows * M4_N_FLUID + 1, sizeof *fluid);
  m4_status status = M4_OK;
  if (saved && fluid) {
    m4_event_data imagined = *event;
    if (work->model->widths.n_fluid > 0) imagined.fluid = fluid; /* read after the heads only */
    m4_arena_release(&work->tape_memory, 0);
    move_states(work, event, saved, false);
    m4_event(work->model, work->tape, &work->state, &imagined, 0.0, aux);
    move_states(work, event, saved, true);
    status = ag_tape_status(work->tape, err);
  } else {
    status = m4_fail(err, M4_MEMORY, NULL, "no memory to look at %zu states", n_nodes);
  }
  free(fluid);
  free(saved);
  return status;
}

static m4_status finite_value(const inf_work *work, const ag_tensor *column, int32_t i, double *head,
                              m4_error *err) {
  *head = inf_work_value(work, column, i);
  return isfinite(*head) ? M4_OK : m4_fail(err, M4_NUMERIC, NULL, "an auxiliary head says %g", *head);
}

m4_status inf_work_peek_size(inf_work *work, const m4_event_data *event, int32_t node, double *head,
                             m4_error *err) {
  m4_event_data asked = *event;
  m4_event_aux aux;
  asked.n_size_labels = event->n_flows;
  M4_TRY(peek(work, &asked, &aux, err));
  return finite_value(work, aux.size_prediction, node, head, err);
}

m4_status inf_work_peek_queue(inf_work *work, const m4_event_data *event, int32_t row, double *head,
                              m4_error *err) {
  m4_event_data asked = *event;
  m4_event_aux aux;
  asked.n_queue_labels = 1;
  asked.queue_rows = &row;
  M4_TRY(peek(work, &asked, &aux, err));
  return finite_value(work, aux.queue_prediction, 0, head, err);
}

double inf_work_value(const inf_work *work, const ag_tensor *column, int32_t i) {
  return work->model->params[0]->dtype == AG_F64 ? ((const double *)column->data)[i]
                                                 : (double)((const float *)column->data)[i];
}
