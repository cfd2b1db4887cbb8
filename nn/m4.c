/* State tables, one event, the readouts (model.md 3, 5, 6). The only place where a GRU or a SAGE layer is put
 * to use. Knows autograd; not where events come from nor what is done with predictions. */
#include "nn/m4.h"

#include <math.h>
#include <string.h>

/* ---- features ---- */

/* Usual magnitudes under M4_INPUTS_SCALED (the published ranges, model.md 8). */
static const float SIZE_UNIT = 8.0f, N_LINKS_UNIT = 4.0f, DT_UNIT = 4.0f,
                   PARAM_UNIT[M4_N_PARAMS] = {10, 10, 1, 1, 1, 1, 20, 20, 40, 100, 10, 50, 125};

static float scaled(const m4_model *model, float value, float unit) {
  return model->input_form == M4_INPUTS_SCALED ? value / unit : value;
}

static float time_feature(const m4_model *model, double dt_us) {
  return model->input_form == M4_INPUTS_SCALED ? (float)log2(1.0 + dt_us) / DT_UNIT : (float)dt_us;
}

/* ---- state ---- */

static m4_status create_table(ag_table *table, const m4_model *model, m4_arena *arena, int32_t rows,
                              int32_t cols, m4_error *err) {
  size_t element = model->params[0]->dtype == AG_F64 ? sizeof(double) : sizeof(float);
  *table = (ag_table){.rows = rows, .cols = cols};
  table->data = m4_arena_calloc(arena, (size_t)rows * (size_t)cols, element);
  if (!table->data) return m4_fail(err, M4_MEMORY, NULL, "no memory for a table of %d states", (int)rows);
  return M4_OK;
}

m4_status m4_state_create(m4_state *state, const m4_model *model, m4_arena *arena, int32_t n_flows,
                          int32_t n_links, m4_error *err) {
  memset(state, 0, sizeof *state);
  if (n_flows < 0 || n_links < 0)
    return m4_fail(err, M4_INTERNAL, NULL, "a state of %d flows and %d links", (int)n_flows, (int)n_links);
  M4_TRY(create_table(&state->flows, model, arena, n_flows, model->widths.hidden, err));
  M4_TRY(create_table(&state->links, model, arena, n_links, model->widths.hidden, err));
  M4_TRY(create_table(&state->facts, model, arena, n_flows, M4_N_FACTS, err));
  M4_TRY(create_table(&state->params, model, arena, n_flows, M4_N_PARAMS, err));
  state->facts.constant = state->params.constant = true;
  return M4_OK;
}

/* Row := values, then zeros. */
static void set_row(ag_table *table, ag_dtype dtype, int32_t row, const float *values, int32_t n_values) {
  size_t first = (size_t)row * (size_t)table->cols;
  for (int32_t i = 0; i < table->cols; i++) {
    float value = i < n_values ? values[i] : 0.0f;
    if (dtype == AG_F64)
      ((double *)table->data)[first + (size_t)i] = value;
    else
      ((float *)table->data)[first + (size_t)i] = value;
  }
}

void m4_state_init_flow(m4_state *state, const m4_model *model, int32_t row, float size_feature,
                        int32_t n_links, const float *params) {
  ag_dtype dtype = model->params[0]->dtype;
  float facts[M4_N_FACTS] = {scaled(model, (float)n_links, N_LINKS_UNIT)};
  for (int32_t i = 0; i < M4_N_PARAMS; ++i) facts[1 + i] = scaled(model, params[i], PARAM_UNIT[i]);
  const float first_state[] = {1.0f, 0.0f, scaled(model, size_feature, SIZE_UNIT), facts[0]};
  set_row(&state->flows, dtype, row, first_state, 4);
  set_row(&state->facts, dtype, row, facts, M4_N_FACTS);
  set_row(&state->params, dtype, row, facts + 1, M4_N_PARAMS);
}

void m4_state_init_link(m4_state *state, const m4_model *model, int32_t row) {
  const float first_state[] = {0.0f, 1.0f, 1.0f, 0.0f};
  set_row(&state->links, model->params[0]->dtype, row, first_state, 4);
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
  float dt = time_feature(model, event->dt_us);
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
  return ag_concat_cols(tape, features, ag_input(tape, features->rows, M4_N_FLUID, fluid));
}

/* States of flows and links, side by side. */
typedef struct node_states {
  ag_tensor *flows, *links;
} node_states;

static node_states time_step(const m4_model *model, ag_tape *tape, const m4_event_data *event,
                             node_states now) {
  if (event->dt_us <= 0 || model->widths.without_gru) return now;
  ag_tensor *dt = time_column(model, tape, event);
  ag_tensor *flow_dt = ag_slice_rows(tape, dt, 0, event->n_flows);
  ag_tensor *link_dt = ag_slice_rows(tape, dt, event->n_flows, event->n_links);
  now.flows = gru(tape, &model->flow_time, flow_dt, now.flows);
  if (!model->widths.without_link_state) now.links = gru(tape, &model->link_time, link_dt, now.links);
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
