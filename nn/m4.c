/* State tables, one event, the readouts (model.md 3, 5, 6). The only place where a GRU or a SAGE layer is put
 * to use. Knows autograd; not where events come from nor what is done with predictions. */
#include "nn/m4.h"

#include "autograd/memory.h"

#include <math.h>
#include <string.h>

/* ---- features ---- */

/* Usual magnitudes under M4_INPUTS_SCALED (the published ranges, model.md 8). */
static const float SIZE_UNIT = 8.0f, N_LINKS_UNIT = 4.0f, DT_UNIT = 4.0f,
                   PARAM_UNIT[M4_N_PARAMS] = {10, 10, 1, 1, 1, 1, 20, 20, 40, 100, 10, 50, 125};

static float scaled(const m4_model *model, float value, float unit) {
  return model->input_form == M4_INPUTS_SCALED ? value / unit : value;
}

float m4_time_feature(const m4_model *model, double dt_us) {
  return model->input_form == M4_INPUTS_SCALED ? (float)log2(1.0 + dt_us) / DT_UNIT : (float)dt_us;
}

/* ---- state ---- */

static size_t element_bytes(const m4_model *model) {
  return model->params[0]->dtype == AG_F64 ? sizeof(double) : sizeof(float);
}

static size_t table_bytes(const m4_model *model, const ag_table *table) {
  return (size_t)table->rows * (size_t)table->cols * element_bytes(model);
}

static m4_status no_memory(const m4_state *state, m4_error *err) {
  return m4_fail(err, M4_MEMORY, NULL, "no memory for the states of %d flows and %d links",
                 (int)state->flows.rows, (int)state->links.rows);
}

static m4_status create_on_device(m4_state *state, ag_table *const *tables, int n, const m4_model *model,
                                  m4_error *err) {
  size_t bytes = 0;
  for (int i = 0; i < n; i++) bytes += table_bytes(model, tables[i]);
  char *next = state->memory = ag_take(model->backend, bytes);
  if (!next) return no_memory(state, err);
  ag_zero(model->backend, next, bytes);
  for (int i = 0; i < n; next += table_bytes(model, tables[i++])) tables[i]->data = next;
  return M4_OK;
}

m4_status m4_state_create(m4_state *state, const m4_model *model, m4_arena *arena, int32_t n_flows,
                          int32_t n_links, m4_error *err) {
  if (n_flows < 0 || n_links < 0)
    return m4_fail(err, M4_INTERNAL, NULL, "a state of %d flows and %d links", (int)n_flows, (int)n_links);
  *state = (m4_state){.flows = {.rows = n_flows, .cols = model->widths.hidden},
                      .links = {.rows = n_links, .cols = model->widths.hidden},
                      .facts = {.rows = n_flows, .cols = M4_N_FACTS, .constant = true},
                      .params = {.rows = n_flows, .cols = M4_N_PARAMS, .constant = true}};
  ag_table *const tables[] = {&state->flows, &state->links, &state->facts, &state->params};
  const int n = sizeof tables / sizeof *tables;
  if (!ag_on_host(model->backend)) return create_on_device(state, tables, n, model, err);
  for (int i = 0; i < n; i++) {
    tables[i]->data = m4_arena_calloc(arena, table_bytes(model, tables[i]), 1);
    if (!tables[i]->data) return no_memory(state, err);
  }
  return M4_OK;
}

void m4_state_free(m4_state *state, const m4_model *model) {
  if (state->memory) ag_give_back(model->backend, state->memory);
  memset(state, 0, sizeof *state);
}

enum { N_FIRST = 4 }; /* numbers that a state may start with; the others are 0 */

/* What a flow's state starts with, and its facts; facts + 1 are its parameters. */
static void flow_features(const m4_model *model, float size_feature, int32_t n_links, const float *params,
                          float first[N_FIRST], float facts[M4_N_FACTS]) {
  facts[0] = scaled(model, (float)n_links, N_LINKS_UNIT);
  for (int32_t i = 0; i < M4_N_PARAMS; ++i) facts[1 + i] = scaled(model, params[i], PARAM_UNIT[i]);
  first[0] = 1.0f;
  first[1] = 0.0f;
  first[2] = scaled(model, size_feature, SIZE_UNIT);
  first[3] = facts[0];
}

void m4_first_row(const m4_model *model, float size_feature, int32_t n_links, const float *params,
                  float *state, float *facts, float *scaled_params) {
  memset(state, 0, (size_t)model->widths.hidden * sizeof *state);
  flow_features(model, size_feature, n_links, params, state, facts);
  memcpy(scaled_params, facts + 1, M4_N_PARAMS * sizeof *scaled_params);
}

static const float FIRST_LINK_STATE[N_FIRST] = {0.0f, 1.0f, 1.0f, 0.0f};

void m4_first_link_row(const m4_model *model, float *state) {
  memset(state, 0, (size_t)model->widths.hidden * sizeof *state);
  memcpy(state, FIRST_LINK_STATE, sizeof FIRST_LINK_STATE);
}

void m4_state_start(m4_state *state, ag_tape *tape, const int32_t *rows, int32_t n, m4_first_rows values) {
  ag_scatter(tape, &state->flows, rows, ag_values(tape, n, state->flows.cols, values.states));
  ag_scatter(tape, &state->facts, rows, ag_values(tape, n, M4_N_FACTS, values.facts));
  ag_scatter(tape, &state->params, rows, ag_values(tape, n, M4_N_PARAMS, values.params));
}

/* Row := values (at most M4_N_FACTS), then zeros. */
static void set_row(ag_table *table, const m4_model *model, int32_t row, const float *values,
                    int32_t n_values) {
  size_t element = element_bytes(model), row_bytes = (size_t)table->cols * element;
  char *place = (char *)table->data + (size_t)row * row_bytes;
  double wide[M4_N_FACTS];
  for (int32_t i = 0; i < n_values; i++) wide[i] = values[i];
  const void *given = element == sizeof *wide ? (const void *)wide : values;
  ag_zero(model->backend, place, row_bytes);
  ag_upload(model->backend, place, given, (size_t)n_values * element);
}

void m4_state_init_flow(m4_state *state, const m4_model *model, int32_t row, float size_feature,
                        int32_t n_links, const float *params) {
  float first[N_FIRST], facts[M4_N_FACTS];
  flow_features(model, size_feature, n_links, params, first, facts);
  set_row(&state->flows, model, row, first, N_FIRST);
  set_row(&state->facts, model, row, facts, M4_N_FACTS);
  set_row(&state->params, model, row, facts + 1, M4_N_PARAMS);
}

void m4_state_init_link(m4_state *state, const m4_model *model, int32_t row) {
  set_row(&state->links, model, row, FIRST_LINK_STATE, N_FIRST);
}

/* ---- layers ---- */

static ag_tensor *gru(ag_tape *tape, const m4_gru *cell, ag_tensor *x, ag_tensor *h) {
  return ag_gru_cell(tape, x, h, cell->weight_x, cell->weight_h, cell->bias_x, cell->bias_h);
}

static ag_tensor *head(ag_tape *tape, const m4_head *layers, ag_tensor *x, double dropout) {
  ag_tensor *middle = ag_linear_relu(tape, x, layers->weight1, layers->bias1);
  return ag_linear(tape, ag_dropout(tape, middle, dropout), layers->weight2, layers->bias2);
}

static ag_tensor *sage(ag_tape *tape, const m4_sage *layer, ag_tensor *x, const m4_event_data *event) {
  ag_tensor *messages = ag_linear_relu(tape, x, layer->project, layer->project_bias);
  ag_tensor *sums = ag_segment_sum(tape, messages, event->n_flows + event->n_links, event->neighbour_offset,
                                   event->neighbour_index, event->neighbour_offset, event->neighbour_index);
  ag_tensor *y = ag_linear2(tape, sums, layer->neighbour, layer->neighbour_bias, x, layer->root);
  return ag_layer_norm(tape, y, layer->norm_gain, layer->norm_bias);
}

/* ---- one event ---- */

/* [n_flows + n_links, 1], every row the time step. When the arena is full, ag_input finds no room either and
 * reports it. */
static ag_tensor *time_column(const m4_model *model, ag_tape *tape, const m4_event_data *event) {
  int32_t n_nodes = event->n_flows + event->n_links;
  float *column = m4_arena_alloc(ag_tape_arena(tape), (size_t)n_nodes, sizeof *column);
  float dt = m4_time_feature(model, event->dt_us);
  if (column)
    for (int32_t i = 0; i < n_nodes; i++) column[i] = dt;
  return ag_input(tape, n_nodes, 1, column);
}

static void read_auxiliary(const m4_model *model, ag_tape *tape, m4_state *state, const m4_event_data *event,
                           ag_tensor *h, ag_tensor *z, double dropout, m4_event_aux *aux) {
  if (event->n_size_labels > 0 && model->widths.has_size_head)
    aux->size_prediction = head(tape, &model->size_head, h, dropout);
  if (event->n_queue_labels > 0 && model->widths.has_queue_head) {
    ag_scatter(tape, &state->links, event->link_rows, z);
    ag_tensor *labelled = ag_gather(tape, &state->links, event->queue_rows, event->n_queue_labels);
    aux->queue_prediction = head(tape, &model->queue_head, labelled, dropout);
  }
}

/* Features of flows, followed by those of the fluid where the model has them. */
static ag_tensor *with_fluid(const m4_model *model, ag_tape *tape, ag_tensor *features, const float *fluid) {
  if (model->widths.n_fluid == 0 || !features) return features;
  return ag_concat_cols(tape, features, ag_values(tape, features->rows, M4_N_FLUID, fluid));
}

/* States of flows and links, side by side. */
typedef struct node_states {
  ag_tensor *flows, *links;
} node_states;

/* The first rows of h, as many as there are time steps, after them; the others as they are. */
static ag_tensor *step_rows(ag_tape *tape, const m4_gru *cell, ag_tensor *steps, ag_tensor *h) {
  if (!steps || !h || steps->rows == 0) return h;
  if (steps->rows == h->rows) return gru(tape, cell, steps, h);
  ag_tensor *after = gru(tape, cell, steps, ag_slice_rows(tape, h, 0, steps->rows));
  return ag_concat_rows(tape, after, ag_slice_rows(tape, h, steps->rows, h->rows - steps->rows));
}

static node_states time_step(const m4_model *model, ag_tape *tape, const m4_event_data *event,
                             node_states now) {
  bool by_row = event->time_steps != NULL;
  if (model->widths.without_gru || (!by_row && event->dt_us <= 0)) return now;
  int32_t n_flows = by_row ? event->n_timed_flows : event->n_flows;
  int32_t n_links = by_row ? event->n_timed_links : event->n_links;
  ag_tensor *dt =
      by_row ? ag_values(tape, n_flows + n_links, 1, event->time_steps) : time_column(model, tape, event);
  now.flows = step_rows(tape, &model->flow_time, ag_slice_rows(tape, dt, 0, n_flows), now.flows);
  if (!model->widths.without_link_state)
    now.links = step_rows(tape, &model->link_time, ag_slice_rows(tape, dt, n_flows, n_links), now.links);
  return now;
}

static node_states graph(const m4_model *model, ag_tape *tape, const m4_event_data *event, node_states now) {
  if (model->widths.gcn_layers == 0) return now;
  ag_tensor *x = ag_concat_rows(tape, now.flows, now.links);
  for (int32_t i = 0; i < model->widths.gcn_layers; i++) x = sage(tape, &model->sage[i], x, event);
  return (node_states){ag_slice_rows(tape, x, 0, event->n_flows),
                       ag_slice_rows(tape, x, event->n_flows, event->n_links)};
}

/* `now` with what the graph says of it. */
static node_states rate_step(const m4_model *model, ag_tape *tape, m4_state *state,
                             const m4_event_data *event, node_states now, node_states seen) {
  if (model->widths.without_gru) return seen;
  ag_tensor *params = ag_gather(tape, &state->params, event->flow_rows, event->n_flows);
  params = with_fluid(model, tape, params, event->fluid);
  now.flows = gru(tape, &model->flow_rate, ag_concat_cols(tape, seen.flows, params), now.flows);
  if (!model->widths.without_link_state) now.links = gru(tape, &model->link_rate, seen.links, now.links);
  return now;
}

void m4_event(const m4_model *model, ag_tape *tape, m4_state *state, const m4_event_data *event,
              double dropout, m4_event_aux *aux) {
  if (aux) *aux = (m4_event_aux){0};
  if (event->n_flows == 0) return;
  node_states now = {ag_gather(tape, &state->flows, event->flow_rows, event->n_flows),
                     ag_gather(tape, &state->links, event->link_rows, event->n_links)};
  now = time_step(model, tape, event, now);
  if (aux) read_auxiliary(model, tape, state, event, now.flows, now.links, dropout, aux);
  now = rate_step(model, tape, state, event, now, graph(model, tape, event, now));
  ag_scatter(tape, &state->flows, event->flow_rows, now.flows);
  if (!model->widths.without_link_state) ag_scatter(tape, &state->links, event->link_rows, now.links);
}

ag_tensor *m4_readout(const m4_model *model, ag_tape *tape, m4_state *state, const int32_t *flow_rows,
                      int32_t n_rows, const float *fluid, double dropout) {
  ag_tensor *facts = ag_gather(tape, &state->facts, flow_rows, n_rows);
  facts = with_fluid(model, tape, facts, fluid);
  ag_tensor *h = ag_gather(tape, &state->flows, flow_rows, n_rows);
  return head(tape, &model->fct_head, ag_concat_cols(tape, facts, h), dropout);
}

double m4_slowdown(const m4_model *model, double head, const float *fluid) {
  return model->widths.n_fluid == 0 ? head : exp((double)fluid[0]) * (1.0 + head);
}
