/* A disjoint union of events. Knows nn/m4.h. */
#include "infer/request.h"

#include <string.h>

typedef struct sizes {
  int64_t flows, links, flow_edges, link_edges, timed_flows, timed_links, new_flows, copies;
} sizes;

static int32_t flow_edges(const m4_event_data *event) {
  return event->neighbour_offset[event->n_flows];
}
static int32_t link_edges(const m4_event_data *event) {
  return event->neighbour_offset[event->n_flows + event->n_links] - flow_edges(event);
}
static bool timed(const inf_request *request) {
  return request->event.dt_us > 0;
}

static sizes add_up(inf_request *const *requests, int32_t n) {
  sizes sum = {0};
  for (int32_t i = 0; i < n; ++i) {
    const m4_event_data *event = &requests[i]->event;
    sum.flows += event->n_flows;
    sum.links += event->n_links;
    sum.flow_edges += flow_edges(event);
    sum.link_edges += link_edges(event);
    sum.timed_flows += timed(requests[i]) ? event->n_flows : 0;
    sum.timed_links += timed(requests[i]) ? event->n_links : 0;
    sum.new_flows += requests[i]->new_row >= 0;
    sum.copies += requests[i]->n_copies;
  }
  return sum;
}

static size_t count_numbers(const sizes *sum, const m4_model *model) {
  int64_t first = model->widths.hidden + M4_N_FACTS + M4_N_PARAMS + 1;
  int64_t nodes = 3 * (sum->flows + sum->links) + 1 + sum->flows * model->widths.n_fluid;
  return (size_t)(nodes + sum->flow_edges + sum->link_edges + sum->new_flows * first + 2 * sum->copies + 1);
}

/* ---- what happens before the event ---- */

static void list_new_flows(inf_merged *merged, ag_block *block, const m4_model *model,
                           inf_request *const *requests, int32_t n) {
  size_t n_new = (size_t)merged->n_new, hidden = (size_t)model->widths.hidden;
  int32_t *rows = ag_block_integers(block, n_new);
  float *states = ag_block_reals(block, n_new * hidden);
  float *facts = ag_block_reals(block, n_new * M4_N_FACTS);
  float *params = ag_block_reals(block, n_new * M4_N_PARAMS);
  merged->new_rows = ag_block_there(block, rows);
  merged->first = (m4_first_rows){ag_block_there(block, states), ag_block_there(block, facts),
                                  ag_block_there(block, params)};
  for (int32_t i = 0; i < n; ++i) {
    const inf_request *request = requests[i];
    if (request->new_row < 0) continue;
    *rows++ = request->new_row;
    m4_first_row(model, request->size_feature, request->n_new_links, request->params, states, facts, params);
    states += hidden;
    facts += M4_N_FACTS;
    params += M4_N_PARAMS;
  }
}

static void list_copies(inf_merged *merged, ag_block *block, inf_request *const *requests, int32_t n) {
  int32_t *from = ag_block_integers(block, (size_t)merged->n_copies);
  int32_t *to = ag_block_integers(block, (size_t)merged->n_copies);
  merged->copy_from = ag_block_there(block, from);
  merged->copy_to = ag_block_there(block, to);
  for (int32_t i = 0; i < n; ++i)
    for (int32_t k = 0; k < requests[i]->n_copies; ++k) {
      *from++ = requests[i]->copies[k].from;
      *to++ = requests[i]->copies[k].to;
    }
}

/* ---- the event ---- */

/* The arrays that are being filled, and how far. */
typedef struct filling {
  int32_t *flow_rows, *link_rows, *offset, *index;
  float *flow_steps, *link_steps, *fluid;
  int32_t flows, links, flow_edges, link_edges;
} filling;

static void append_nodes(filling *to, const sizes *sum, const m4_event_data *event) {
  const int32_t *offset = event->neighbour_offset, *index = event->neighbour_index;
  int32_t n_flow_edges = flow_edges(event), links_begin = (int32_t)sum->flow_edges + to->link_edges;
  for (int32_t i = 0; i < event->n_flows; ++i) to->offset[to->flows + i] = to->flow_edges + offset[i];
  for (int32_t i = 0; i < event->n_links; ++i)
    to->offset[(int32_t)sum->flows + to->links + i] = links_begin + offset[event->n_flows + i] - n_flow_edges;
  for (int32_t k = 0; k < n_flow_edges; ++k)
    to->index[to->flow_edges + k] = (int32_t)sum->flows + to->links + index[k] - event->n_flows;
  for (int32_t k = 0; k < link_edges(event); ++k)
    to->index[links_begin + k] = to->flows + index[n_flow_edges + k];
}

static void append(filling *to, const sizes *sum, const m4_model *model, inf_request *request) {
  const m4_event_data *event = &request->event;
  size_t n_flows = (size_t)event->n_flows, n_links = (size_t)event->n_links;
  append_nodes(to, sum, event);
  memcpy(to->flow_rows + to->flows, event->flow_rows, n_flows * sizeof *to->flow_rows);
  memcpy(to->link_rows + to->links, event->link_rows, n_links * sizeof *to->link_rows);
  if (model->widths.n_fluid > 0)
    memcpy(to->fluid + (size_t)to->flows * M4_N_FLUID, event->fluid,
           n_flows * M4_N_FLUID * sizeof *to->fluid);
  if (timed(request)) {
    float step = m4_time_feature(model, event->dt_us);
    for (int32_t i = 0; i < event->n_flows; ++i) to->flow_steps[to->flows + i] = step;
    for (int32_t i = 0; i < event->n_links; ++i) to->link_steps[to->links + i] = step;
  }
  request->first_head = to->flows;
  to->flows += event->n_flows;
  to->links += event->n_links;
  to->flow_edges += flow_edges(event);
  to->link_edges += link_edges(event);
}

static filling take_arrays(ag_block *block, const sizes *sum, const m4_model *model) {
  size_t flows = (size_t)sum->flows, links = (size_t)sum->links;
  filling arrays = {0};
  arrays.flow_rows = ag_block_integers(block, flows);
  arrays.link_rows = ag_block_integers(block, links);
  arrays.offset = ag_block_integers(block, flows + links + 1);
  arrays.index = ag_block_integers(block, (size_t)(sum->flow_edges + sum->link_edges));
  arrays.flow_steps = ag_block_reals(block, (size_t)(sum->timed_flows + sum->timed_links));
  arrays.link_steps = arrays.flow_steps + sum->timed_flows;
  if (model->widths.n_fluid > 0) arrays.fluid = ag_block_reals(block, flows * M4_N_FLUID);
  return arrays;
}

static void merge_events(inf_merged *merged, ag_block *block, const sizes *sum, const m4_model *model,
                         inf_request *const *requests, int32_t n) {
  filling arrays = take_arrays(block, sum, model);
  for (int32_t i = 0; i < n; ++i)
    if (timed(requests[i])) append(&arrays, sum, model, requests[i]);
  for (int32_t i = 0; i < n; ++i)
    if (!timed(requests[i])) append(&arrays, sum, model, requests[i]);
  arrays.offset[sum->flows + sum->links] = (int32_t)(sum->flow_edges + sum->link_edges);
  merged->event = (m4_event_data){.n_flows = (int32_t)sum->flows,
                                  .n_links = (int32_t)sum->links,
                                  .n_edges = (int32_t)sum->flow_edges,
                                  .flow_rows = ag_block_there(block, arrays.flow_rows),
                                  .link_rows = ag_block_there(block, arrays.link_rows),
                                  .neighbour_offset = ag_block_there(block, arrays.offset),
                                  .neighbour_index = ag_block_there(block, arrays.index),
                                  .time_steps = ag_block_there(block, arrays.flow_steps),
                                  .n_timed_flows = (int32_t)sum->timed_flows,
                                  .n_timed_links = (int32_t)sum->timed_links,
                                  .fluid = ag_block_there(block, arrays.fluid)};
}

m4_status inf_merge(inf_merged *merged, ag_block *block, const m4_model *model, inf_request *const *requests,
                    int32_t n, int32_t queue_row, m4_error *err) {
  sizes sum = add_up(requests, n);
  if (sum.flows + sum.links >= INT32_MAX || sum.flow_edges + sum.link_edges > INT32_MAX)
    return m4_fail(err, M4_MEMORY, NULL, "an event of %lld nodes and %lld edges is too large",
                   (long long)(sum.flows + sum.links), (long long)(sum.flow_edges + sum.link_edges));
  M4_TRY(ag_block_begin(block, model->backend, count_numbers(&sum, model), err));
  *merged = (inf_merged){.n_new = (int32_t)sum.new_flows, .n_copies = (int32_t)sum.copies};
  list_new_flows(merged, block, model, requests, n);
  list_copies(merged, block, requests, n);
  merge_events(merged, block, &sum, model, requests, n);
  int32_t *queue_rows = ag_block_integers(block, 1);
  *queue_rows = queue_row >= 0 ? queue_row : 0;
  merged->queue_rows = ag_block_there(block, queue_rows);
  ag_block_send(block);
  return M4_OK;
}
