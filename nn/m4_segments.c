/* Segments of a busy period: what a recorded event costs, where to cut, which rows to keep. Knows events and
 * state tables; nothing of losses. */
#include "nn/m4_segments.h"

#include "autograd/block.h"
#include "autograd/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- cost ---- */

enum {
  PROBE_NODES = 16,
  GRADIENT_SPARES = 4 /* times the gradients of the largest event: tensor.c, size_step */
};

/* An event of n flows, each alone on a link of its own, with every label. */
typedef struct probe {
  m4_event_data event;
  ag_block block; /* its arrays */
  m4_state state;
  ag_tape *tape;
  m4_arena arena;
} probe;

static m4_status make_event(probe *p, const m4_model *model, int32_t n, m4_error *err) {
  size_t count = (size_t)n;
  ag_block *block = &p->block;
  M4_TRY(ag_block_begin(block, model->backend, count * (5 + M4_N_FLUID) + 1, err));
  int32_t *rows = ag_block_integers(block, count), *index = ag_block_integers(block, 2 * count),
          *offset = ag_block_integers(block, 2 * count + 1);
  float *fluid = ag_block_reals(block, count * M4_N_FLUID);
  memset(fluid, 0, count * M4_N_FLUID * sizeof *fluid);
  for (int32_t i = 0; i < n; i++) {
    rows[i] = i;
    index[i] = n + i;
    index[n + i] = i;
  }
  for (int32_t i = 0; i <= 2 * n; i++) offset[i] = i;
  ag_block_send(block);
  p->event = (m4_event_data){.n_flows = n,
                             .n_links = n,
                             .n_edges = n,
                             .flow_rows = ag_block_there(block, rows),
                             .link_rows = ag_block_there(block, rows),
                             .neighbour_offset = ag_block_there(block, offset),
                             .neighbour_index = ag_block_there(block, index),
                             .dt_us = 1,
                             .fluid = ag_block_there(block, fluid),
                             .n_size_labels = n,
                             .n_queue_labels = n,
                             .queue_rows = ag_block_there(block, rows)};
  return M4_OK;
}

/* On a device the structs of a tape lie apart from its elements: either has room for both. */
static double filled(const m4_model *model, ag_mark mark) {
  return (double)mark.arena + (ag_on_host(model->backend) ? 0 : (double)mark.elements);
}

static m4_status record_probe(probe *p, const m4_model *model, double *tape_bytes, double *gradient_bytes,
                              m4_error *err) {
  ag_tape *tape = p->tape;
  M4_TRY(ag_table_grad(tape, &p->state.flows, err));
  M4_TRY(ag_table_grad(tape, &p->state.links, err));
  ag_mark before = ag_tape_mark(tape);
  m4_event_aux aux;
  ag_tape_record(tape, true);
  ag_seed(tape, m4_readout(model, tape, &p->state, p->event.flow_rows, 1, p->event.fluid, 0.5), 1.0);
  m4_event(model, tape, &p->state, &p->event, 0.5, &aux);
  ag_seed(tape, aux.size_prediction, 1.0);
  ag_seed(tape, aux.queue_prediction, 1.0);
  ag_mark recorded = ag_tape_mark(tape);
  M4_TRY(ag_backward(tape, NULL, err));
  *tape_bytes = filled(model, recorded) - filled(model, before);
  *gradient_bytes = GRADIENT_SPARES * (double)(ag_tape_peak_bytes(tape) - recorded.elements);
  return M4_OK;
}

/* Several times what the probe takes: address space only. */
static size_t probe_reserve(const m4_widths *w) {
  size_t width = (size_t)w->hidden + (size_t)w->gcn_hidden + (size_t)w->head_hidden + (size_t)w->aux_hidden;
  return ((size_t)w->gcn_layers + 8) * 2 * PROBE_NODES * 16 * width * sizeof(double) + (1u << 22);
}

static m4_status run_probe(probe *p, const m4_model *model, int32_t n, double *tape_bytes,
                           double *gradient_bytes, m4_error *err) {
  M4_TRY(m4_arena_init(&p->arena, probe_reserve(&model->widths), err));
  M4_TRY(ag_tape_create(&p->tape, model->backend, &p->arena, err));
  M4_TRY(make_event(p, model, n, err));
  M4_TRY(m4_state_create(&p->state, model, &p->arena, n, n, err));
  return record_probe(p, model, tape_bytes, gradient_bytes, err);
}

static m4_status measure_probe(const m4_model *model, int32_t n, double *tape_bytes, double *gradient_bytes,
                               m4_error *err) {
  probe p = {0};
  m4_status status = run_probe(&p, model, n, tape_bytes, gradient_bytes, err);
  m4_state_free(&p.state, model);
  ag_block_free(&p.block);
  ag_tape_free(p.tape);
  m4_arena_free(&p.arena);
  return status;
}

/* Of the line through two measured points: 2 nodes and 2 * PROBE_NODES nodes. */
static void fit(double small, double large, double *event_bytes, double *node_bytes) {
  *node_bytes = (large - small) / (2.0 * PROBE_NODES - 2.0);
  *event_bytes = small - 2.0 * *node_bytes;
}

m4_status nn_tape_cost_measure(nn_tape_cost *cost, const m4_model *model, m4_error *err) {
  double tape[2], gradients[2];
  M4_TRY(measure_probe(model, 1, &tape[0], &gradients[0], err));
  M4_TRY(measure_probe(model, PROBE_NODES, &tape[1], &gradients[1], err));
  fit(tape[0], tape[1], &cost->event_bytes, &cost->node_bytes);
  fit(gradients[0], gradients[1], &cost->gradient_event_bytes, &cost->gradient_node_bytes);
  return M4_OK;
}

double nn_tape_cost_of_gradients(const nn_tape_cost *cost, int32_t n_nodes) {
  return cost->gradient_event_bytes + cost->gradient_node_bytes * n_nodes;
}

double nn_tape_cost_of_event(const nn_tape_cost *cost, const m4_event_data *event) {
  return cost->event_bytes + cost->node_bytes * ((double)event->n_flows + (double)event->n_links);
}

double nn_tape_cost_of_sample(const nn_tape_cost *cost, const m4_sample *sample) {
  return cost->event_bytes * (double)sample->n_events + cost->node_bytes * (double)sample->node_events;
}

/* ---- cutting ---- */

static int32_t segment_end(const m4_sample *sample, int32_t first, const nn_tape_cost *cost,
                           size_t budget_bytes) {
  if (budget_bytes == 0) return sample->n_events;
  int32_t most_nodes = 0, end = first;
  double bytes = 0;
  for (; end < sample->n_events; end++) {
    const m4_event_data *event = &sample->events[end];
    int32_t n_nodes = event->n_flows + event->n_links;
    if (n_nodes > most_nodes) most_nodes = n_nodes;
    bytes += nn_tape_cost_of_event(cost, event);
    if (end > first && bytes + nn_tape_cost_of_gradients(cost, most_nodes) > (double)budget_bytes) break;
  }
  return end;
}

static int32_t *list_rows(const unsigned char *touched, int32_t n_rows, int32_t *count, m4_arena *arena) {
  *count = 0;
  for (int32_t i = 0; i < n_rows; i++) *count += touched[i];
  int32_t *rows = m4_arena_alloc(arena, (size_t)*count, sizeof *rows);
  for (int32_t i = 0, k = 0; rows && i < n_rows; i++)
    if (touched[i]) rows[k++] = i;
  return rows;
}

/* Rows of all events; a departing flow's row is read once more, by its head. */
static bool find_touched_rows(nn_segment *segment, const m4_sample *sample, unsigned char *flows,
                              unsigned char *links, m4_arena *arena) {
  memset(flows, 0, (size_t)sample->n_flows);
  memset(links, 0, (size_t)sample->n_links);
  for (int32_t j = segment->first; j < segment->end; j++) {
    const m4_event_data *event = &sample->events[j];
    flows[sample->event_flow[j]] = 1;
    for (int32_t i = 0; i < event->n_flows; i++) flows[event->flow_rows[i]] = 1;
    for (int32_t i = 0; i < event->n_links; i++) links[event->link_rows[i]] = 1;
    for (int32_t i = 0; i < event->n_queue_labels; i++) links[event->queue_rows[i]] = 1;
  }
  segment->flow_rows = list_rows(flows, sample->n_flows, &segment->n_flows, arena);
  segment->link_rows = list_rows(links, sample->n_links, &segment->n_links, arena);
  return segment->flow_rows && segment->link_rows;
}

m4_status nn_segments_cut(nn_segments *segments, const m4_sample *sample, const nn_tape_cost *cost,
                          size_t budget_bytes, m4_arena *arena, m4_error *err) {
  segments->count = 0;
  for (int32_t j = 0; j < sample->n_events; j = segment_end(sample, j, cost, budget_bytes)) segments->count++;
  segments->items = m4_arena_calloc(arena, (size_t)segments->count, sizeof *segments->items);
  unsigned char *flows = m4_arena_alloc(arena, (size_t)sample->n_flows, 1);
  unsigned char *links = m4_arena_alloc(arena, (size_t)sample->n_links, 1);
  bool complete = segments->items && flows && links;
  int32_t first = 0;
  for (int32_t s = 0; complete && s < segments->count; s++) {
    nn_segment *segment = &segments->items[s];
    segment->first = first;
    segment->end = first = segment_end(sample, first, cost, budget_bytes);
    complete = find_touched_rows(segment, sample, flows, links, arena);
  }
  if (complete) return M4_OK;
  return m4_fail(err, M4_MEMORY, NULL, "no memory for the segments of %d events", (int)sample->n_events);
}

double nn_segments_most_bytes(const m4_sample *sample, const m4_model *model) {
  double row = (double)model->widths.hidden * sizeof(double) + sizeof(int32_t),
         alignments = 8 * 64 + sizeof(ag_tensor) * 2;
  double n_queue_labels = sample->queue_offset ? (double)sample->queue_offset[sample->n_events] : 0;
  double n_events = (double)sample->n_events;
  double rows = (double)sample->node_events + n_queue_labels + n_events;
  return rows * row + n_events * (sizeof(nn_segment) + alignments) + (double)sample->n_flows +
         (double)sample->n_links;
}

/* ---- rows at the border ---- */

void nn_segment_save(nn_segment *segment, ag_tape *tape, m4_state *state) {
  segment->flows = ag_gather(tape, &state->flows, segment->flow_rows, segment->n_flows);
  segment->links = ag_gather(tape, &state->links, segment->link_rows, segment->n_links);
}

void nn_segment_restore(const nn_segment *segment, ag_tape *tape, m4_state *state) {
  ag_scatter(tape, &state->flows, segment->flow_rows, segment->flows);
  ag_scatter(tape, &state->links, segment->link_rows, segment->links);
}
