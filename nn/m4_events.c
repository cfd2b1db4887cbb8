/* The event arrays of a busy period: who is active, which links they use, neighbours in CSR (model.md 6).
 * One walk over the events keeps the active flows and links in ascending lists. Knows m4_inputs.h; no raw
 * facts. */
#include "nn/m4_events.h"

#include "base/ascending.h"

#include <math.h>
#include <string.h>

/* ---- the walk ---- */

static m4_status no_memory(m4_error *err) {
  return m4_fail(err, M4_MEMORY, NULL, "no memory for the events of a busy period");
}

static m4_status create_active_set(nn_active_set *active, const m4_sample *sample, m4_arena *arena,
                                   m4_error *err) {
  memset(active, 0, sizeof *active);
  size_t n_flows = (size_t)sample->n_flows, n_links = (size_t)sample->n_links;
  active->flows.items = m4_arena_alloc(arena, n_flows, sizeof(int32_t));
  active->links.items = m4_arena_alloc(arena, n_links, sizeof(int32_t));
  active->link_uses = m4_arena_calloc(arena, n_links, sizeof(int32_t));
  active->link_next = m4_arena_alloc(arena, n_links, sizeof(int32_t));
  bool complete = active->flows.items && active->links.items && active->link_uses && active->link_next;
  return complete ? M4_OK : no_memory(err);
}

static void arrive(nn_active_set *active, const m4_sample *sample, int32_t flow) {
  m4_ascending_insert(&active->flows, flow);
  for (int32_t k = sample->path_offset[flow]; k < sample->path_offset[flow + 1]; k++) {
    if (active->link_uses[sample->path_link[k]]++ == 0)
      m4_ascending_insert(&active->links, sample->path_link[k]);
    active->n_edges++;
  }
}

static void depart(nn_active_set *active, const m4_sample *sample, int32_t flow) {
  m4_ascending_remove(&active->flows, flow);
  for (int32_t k = sample->path_offset[flow]; k < sample->path_offset[flow + 1]; k++) {
    if (--active->link_uses[sample->path_link[k]] == 0)
      m4_ascending_remove(&active->links, sample->path_link[k]);
    active->n_edges--;
  }
}

/* Flows first: their links in path order. Then links: their flows ascending. */
static void fill_neighbours(nn_active_set *active, const m4_sample *sample, int32_t *offset, int32_t *index) {
  int32_t n_flows = active->flows.count, n_links = active->links.count, filled = 0;
  for (int32_t i = 0; i < n_links; i++) active->link_next[active->links.items[i]] = n_flows + i;
  offset[0] = 0;
  for (int32_t i = 0; i < n_flows; i++) {
    int32_t flow = active->flows.items[i];
    for (int32_t k = sample->path_offset[flow]; k < sample->path_offset[flow + 1]; k++)
      index[filled++] = active->link_next[sample->path_link[k]];
    offset[i + 1] = filled;
  }
  for (int32_t i = 0; i < n_links; i++) {
    int32_t link = active->links.items[i];
    active->link_next[link] = offset[n_flows + i];
    offset[n_flows + i + 1] = offset[n_flows + i] + active->link_uses[link];
  }
  for (int32_t i = 0; i < n_flows; i++) {
    int32_t flow = active->flows.items[i];
    for (int32_t k = sample->path_offset[flow]; k < sample->path_offset[flow + 1]; k++)
      index[active->link_next[sample->path_link[k]]++] = i;
  }
}

m4_status nn_event_graph(m4_event_data *event, nn_active_set *active, const m4_sample *sample,
                         m4_arena *arena, m4_error *err) {
  size_t n_flows = (size_t)active->flows.count, n_links = (size_t)active->links.count;
  size_t n_nodes = n_flows + n_links, n_neighbours = 2 * (size_t)active->n_edges;
  int32_t *arrays = m4_arena_alloc(arena, n_nodes + (n_nodes + 1) + n_neighbours, sizeof *arrays);
  if (!arrays) return no_memory(err);
  int32_t *link_rows = arrays + n_flows, *offset = link_rows + n_links, *index = offset + n_nodes + 1;
  memcpy(arrays, active->flows.items, n_flows * sizeof *arrays);
  memcpy(link_rows, active->links.items, n_links * sizeof *arrays);
  fill_neighbours(active, sample, offset, index);
  *event = (m4_event_data){.n_flows = active->flows.count,
                           .n_links = active->links.count,
                           .n_edges = active->n_edges,
                           .flow_rows = arrays,
                           .link_rows = link_rows,
                           .neighbour_offset = offset,
                           .neighbour_index = index};
  return M4_OK;
}

/* ---- checks ---- */

static m4_status check_paths(const m4_sample *sample, m4_error *err) {
  if (sample->n_flows < 1 || sample->n_links < 1 || sample->n_flows > INT32_MAX / 2)
    return m4_fail(err, M4_DATA, NULL, "a busy period of %d flows and %d links", (int)sample->n_flows,
                   (int)sample->n_links);
  if (sample->n_events != 2 * sample->n_flows)
    return m4_fail(err, M4_DATA, NULL, "%d events for %d flows, expected two each", (int)sample->n_events,
                   (int)sample->n_flows);
  for (int32_t i = 0; i < sample->n_flows; i++)
    if (sample->path_offset[i + 1] < sample->path_offset[i])
      return m4_fail(err, M4_DATA, NULL, "path offsets decrease at flow row %d", (int)i);
  int32_t n_hops = sample->path_offset[sample->n_flows];
  if (sample->path_offset[0] != 0 || n_hops > INT32_MAX / 4)
    return m4_fail(err, M4_DATA, NULL, "paths start at %d and end at %d", (int)sample->path_offset[0],
                   (int)n_hops);
  for (int32_t k = 0; k < n_hops; k++)
    if (sample->path_link[k] < 0 || sample->path_link[k] >= sample->n_links)
      return m4_fail(err, M4_DATA, NULL, "link row %d of %d", (int)sample->path_link[k],
                     (int)sample->n_links);
  return M4_OK;
}

static m4_status claim_event(m4_sample *sample, int32_t event, int32_t flow, m4_error *err) {
  if (event < 0 || event >= sample->n_events || sample->event_flow[event] != -1)
    return m4_fail(err, M4_DATA, NULL, "event %d of flow row %d is outside 0..%d or another flow's",
                   (int)event, (int)flow, (int)sample->n_events - 1);
  sample->event_flow[event] = flow;
  return M4_OK;
}

static m4_status find_event_flows(m4_sample *sample, m4_arena *arena, m4_error *err) {
  sample->event_flow = m4_arena_alloc(arena, (size_t)sample->n_events, sizeof *sample->event_flow);
  if (!sample->event_flow) return no_memory(err);
  for (int32_t j = 0; j < sample->n_events; j++) sample->event_flow[j] = -1;
  for (int32_t i = 0; i < sample->n_flows; i++) {
    if (sample->arrival_event[i] >= sample->departure_event[i])
      return m4_fail(err, M4_DATA, NULL, "flow row %d departs at event %d, not after its arrival", (int)i,
                     (int)sample->departure_event[i]);
    M4_TRY(claim_event(sample, sample->arrival_event[i], i, err));
    M4_TRY(claim_event(sample, sample->departure_event[i], i, err));
  }
  return M4_OK;
}

/* ---- public ---- */

m4_status nn_build_graphs(m4_sample *sample, m4_arena *arena, m4_error *err) {
  M4_TRY(check_paths(sample, err));
  M4_TRY(find_event_flows(sample, arena, err));
  nn_active_set active;
  M4_TRY(create_active_set(&active, sample, arena, err));
  sample->events = m4_arena_calloc(arena, (size_t)sample->n_events, sizeof *sample->events);
  if (!sample->events) return no_memory(err);
  sample->max_nodes = 0;
  sample->node_events = 0;
  for (int32_t j = 0; j < sample->n_events; j++) {
    int32_t flow = sample->event_flow[j];
    if (sample->arrival_event[flow] == j)
      arrive(&active, sample, flow);
    else
      depart(&active, sample, flow);
    M4_TRY(nn_event_graph(&sample->events[j], &active, sample, arena, err));
    if (!isfinite(sample->dt_us[j]) || sample->dt_us[j] < 0)
      return m4_fail(err, M4_DATA, NULL, "time step %g us before event %d", (double)sample->dt_us[j], (int)j);
    sample->events[j].dt_us = sample->dt_us[j];
    int32_t n_nodes = active.flows.count + active.links.count;
    if (n_nodes > sample->max_nodes) sample->max_nodes = n_nodes;
    sample->node_events += n_nodes;
  }
  return M4_OK;
}

/* A row of labels that is empty, or has another length than the active set, supervises nothing. */
static void attach_sizes(const m4_sample *sample, int32_t j) {
  m4_event_data *event = &sample->events[j];
  if (!sample->size_offset || event->n_flows == 0) return;
  if (sample->size_offset[j + 1] - sample->size_offset[j] != event->n_flows) return;
  event->n_size_labels = event->n_flows;
  event->size_labels = sample->size_labels + sample->size_offset[j];
}

static m4_status attach_queues(const m4_sample *sample, int32_t j, m4_error *err) {
  m4_event_data *event = &sample->events[j];
  if (!sample->queue_offset || event->n_flows == 0) return M4_OK;
  int64_t first = sample->queue_offset[j], count = sample->queue_offset[j + 1] - first;
  if (count < 0 || count > INT32_MAX)
    return m4_fail(err, M4_DATA, NULL, "%lld queue labels at event %d", (long long)count, (int)j);
  for (int64_t k = first; k < first + count; k++)
    if (sample->queue_rows[k] < 0 || sample->queue_rows[k] >= sample->n_links)
      return m4_fail(err, M4_DATA, NULL, "queue label of link row %d of %d at event %d",
                     (int)sample->queue_rows[k], (int)sample->n_links, (int)j);
  event->n_queue_labels = (int32_t)count;
  event->queue_rows = sample->queue_rows + first;
  event->queue_labels = sample->queue_labels + first;
  return M4_OK;
}

m4_status nn_attach_labels(m4_sample *sample, m4_error *err) {
  for (int32_t j = 0; j < sample->n_events; j++) {
    attach_sizes(sample, j);
    M4_TRY(attach_queues(sample, j, err));
  }
  return M4_OK;
}

m4_status m4_sample_build_events(m4_sample *sample, m4_arena *arena, m4_error *err) {
  M4_TRY(nn_build_graphs(sample, arena, err));
  return nn_attach_labels(sample, err);
}
