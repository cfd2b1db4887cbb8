/* A sample in the backend's memory. Knows samples, state tables and segments; computes nothing. */
#include "nn/m4_resident.h"

#include "autograd/memory.h"

#include <string.h>

/* ---- on the host ---- */

static m4_status on_host(nn_resident *r, const m4_model *model, m4_arena *arena, m4_error *err) {
  const m4_sample *sample = r->sample;
  r->events = sample->events;
  r->event_flow = sample->event_flow;
  M4_TRY(m4_state_create(&r->state, model, arena, sample->n_flows, sample->n_links, err));
  for (int32_t i = 0; i < sample->n_flows; i++)
    m4_state_init_flow(&r->state, model, i, sample->size_feature[i], (int32_t)sample->flow_n_links[i],
                       sample->params + (size_t)i * M4_N_PARAMS);
  for (int32_t i = 0; i < sample->n_links; i++) m4_state_init_link(&r->state, model, i);
  return M4_OK;
}

/* ---- on a device ---- */

static size_t count_neighbours(const m4_event_data *event) {
  return (size_t)event->neighbour_offset[event->n_flows + event->n_links];
}

static size_t count_numbers(const m4_model *model, const m4_sample *sample, const nn_segments *segments) {
  size_t n_flows = (size_t)sample->n_flows, hidden = (size_t)model->widths.hidden;
  size_t n = (n_flows + (size_t)sample->n_links) * hidden + n_flows * (M4_N_FACTS + M4_N_PARAMS);
  n += (size_t)sample->n_events + n_flows * (size_t)model->widths.n_fluid;
  for (int32_t j = 0; j < sample->n_events; j++) {
    const m4_event_data *event = &sample->events[j];
    size_t flows = (size_t)event->n_flows, nodes = flows + (size_t)event->n_links;
    n += 3 * nodes + 1 + count_neighbours(event) + (size_t)event->n_queue_labels;
    n += flows * (size_t)model->widths.n_fluid;
  }
  for (int32_t s = 0; segments && s < segments->count; s++)
    n += (size_t)segments->items[s].n_flows + (size_t)segments->items[s].n_links;
  return n;
}

static const int32_t *place_integers(ag_block *block, const int32_t *from, size_t n) {
  int32_t *here = ag_block_integers(block, n);
  if (n > 0) memcpy(here, from, n * sizeof *here);
  return ag_block_there(block, here);
}

static const float *place_reals(ag_block *block, const float *from, size_t n) {
  float *here = ag_block_reals(block, n);
  if (n > 0) memcpy(here, from, n * sizeof *here);
  return ag_block_there(block, here);
}

/* The tables are parts of the block: their first values go up with it. */
static float *place_table(ag_table *table, ag_block *block, int32_t rows, int32_t cols, bool constant) {
  float *here = ag_block_reals(block, (size_t)rows * (size_t)cols);
  *table = (ag_table){.rows = rows,
                      .cols = cols,
                      .data = (void *)(uintptr_t)ag_block_there(block, here),
                      .constant = constant};
  return here;
}

static void place_states(nn_resident *r, const m4_model *model, ag_block *block) {
  const m4_sample *sample = r->sample;
  int32_t hidden = model->widths.hidden;
  float *flows = place_table(&r->state.flows, block, sample->n_flows, hidden, false);
  float *links = place_table(&r->state.links, block, sample->n_links, hidden, false);
  float *facts = place_table(&r->state.facts, block, sample->n_flows, M4_N_FACTS, true);
  float *params = place_table(&r->state.params, block, sample->n_flows, M4_N_PARAMS, true);
  for (int32_t i = 0; i < sample->n_flows; i++, flows += hidden, facts += M4_N_FACTS, params += M4_N_PARAMS)
    m4_first_row(model, sample->size_feature[i], (int32_t)sample->flow_n_links[i],
                 sample->params + (size_t)i * M4_N_PARAMS, flows, facts, params);
  for (int32_t i = 0; i < sample->n_links; i++, links += hidden) m4_first_link_row(model, links);
}

static const float *place_time_steps(const m4_model *model, const m4_event_data *event, ag_block *block) {
  size_t n_nodes = (size_t)event->n_flows + (size_t)event->n_links;
  float step = m4_time_feature(model, event->dt_us), *here = ag_block_reals(block, n_nodes);
  for (size_t i = 0; i < n_nodes; i++) here[i] = step;
  return ag_block_there(block, here);
}

static void place_event(m4_event_data *there, const m4_model *model, const m4_event_data *event,
                        ag_block *block) {
  size_t flows = (size_t)event->n_flows, links = (size_t)event->n_links;
  *there = *event;
  there->flow_rows = place_integers(block, event->flow_rows, flows);
  there->link_rows = place_integers(block, event->link_rows, links);
  there->neighbour_offset = place_integers(block, event->neighbour_offset, flows + links + 1);
  there->neighbour_index = place_integers(block, event->neighbour_index, count_neighbours(event));
  there->queue_rows = place_integers(block, event->queue_rows, (size_t)event->n_queue_labels);
  there->fluid = NULL;
  if (model->widths.n_fluid > 0) there->fluid = place_reals(block, event->fluid, flows * M4_N_FLUID);
  if (event->dt_us <= 0) return;
  there->time_steps = place_time_steps(model, event, block);
  there->n_timed_flows = event->n_flows;
  there->n_timed_links = event->n_links;
}

static const float *place_last_fluid(const m4_sample *sample, ag_block *block) {
  float *here = ag_block_reals(block, (size_t)sample->n_flows * M4_N_FLUID);
  memset(here, 0, (size_t)sample->n_flows * M4_N_FLUID * sizeof *here);
  for (int32_t j = 0; j < sample->n_events; j++) {
    int32_t flow = sample->event_flow[j];
    if (sample->departure_event[flow] == j)
      memcpy(here + (size_t)flow * M4_N_FLUID, m4_sample_last_fluid(sample, flow), M4_N_FLUID * sizeof *here);
  }
  return ag_block_there(block, here);
}

static m4_status on_device(nn_resident *r, const m4_model *model, nn_segments *segments, ag_block *block,
                           m4_arena *arena, m4_error *err) {
  const m4_sample *sample = r->sample;
  m4_event_data *events = m4_arena_alloc(arena, (size_t)sample->n_events, sizeof *events);
  if (!events) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d events", (int)sample->n_events);
  M4_TRY(ag_block_begin(block, model->backend, count_numbers(model, sample, segments), err));
  place_states(r, model, block);
  r->events = events;
  r->event_flow = place_integers(block, sample->event_flow, (size_t)sample->n_events);
  if (model->widths.n_fluid > 0) r->last_fluid = place_last_fluid(sample, block);
  for (int32_t j = 0; j < sample->n_events; j++) place_event(&events[j], model, &sample->events[j], block);
  for (int32_t s = 0; segments && s < segments->count; s++) {
    nn_segment *segment = &segments->items[s];
    segment->flow_rows = place_integers(block, segment->flow_rows, (size_t)segment->n_flows);
    segment->link_rows = place_integers(block, segment->link_rows, (size_t)segment->n_links);
  }
  ag_block_send(block);
  return ag_backend_status(model->backend, err);
}

/* ---- either ---- */

m4_status nn_resident_create(nn_resident *r, const m4_model *model, const m4_sample *sample,
                             nn_segments *segments, ag_block *block, m4_arena *arena, m4_error *err) {
  *r = (nn_resident){.sample = sample};
  return ag_on_host(model->backend) ? on_host(r, model, arena, err)
                                    : on_device(r, model, segments, block, arena, err);
}

const float *nn_resident_last_fluid(const nn_resident *r, int32_t flow) {
  if (r->events == r->sample->events) return m4_sample_last_fluid(r->sample, flow);
  return r->last_fluid ? r->last_fluid + (size_t)flow * M4_N_FLUID : NULL;
}
