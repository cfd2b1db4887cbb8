/* Raw facts of a busy period -> features, event order and labels (training.md 1-5). The event arrays are made
 * in m4_events.c. Knows m4_inputs.h; not where the facts are stored. */
#include "nn/m4_inputs.h"

#include "nn/m4_events.h"
#include "nn/m4_fluid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

float m4_size_feature_of(int64_t size_bytes, m4_size_feature kind) {
  double unit_bytes = kind == M4_SIZE_BYTES ? 1.0 : 1000.0;
  return (float)log2((double)size_bytes / unit_bytes + 1.0);
}

float m4_queue_label_of(double queue_bytes) {
  return (float)cbrt(queue_bytes + 1e-6);
}

/* ---- checks ---- */

static m4_status check_flow(const m4_period *period, int32_t i, m4_error *err) {
  long long id = period->flow_id[i];
  if (i > 0 && period->flow_id[i - 1] >= period->flow_id[i])
    return m4_fail(err, M4_DATA, NULL, "flow %lld: ids of a busy period must ascend", id);
  if (period->size_bytes[i] <= 0)
    return m4_fail(err, M4_DATA, NULL, "flow %lld: size of %lld bytes", id, (long long)period->size_bytes[i]);
  if (period->start_ns[i] < 0 || period->ideal_fct_ns[i] <= 0 || period->fct_ns[i] < period->ideal_fct_ns[i])
    return m4_fail(err, M4_DATA, NULL, "flow %lld: start %lld ns, FCT %lld ns, ideal FCT %lld ns", id,
                   (long long)period->start_ns[i], (long long)period->fct_ns[i],
                   (long long)period->ideal_fct_ns[i]);
  if (period->start_ns[i] > INT64_MAX - period->fct_ns[i])
    return m4_fail(err, M4_DATA, NULL, "flow %lld: departure time overflows", id);
  if (period->path_offset[i + 1] <= period->path_offset[i])
    return m4_fail(err, M4_DATA, NULL, "flow %lld: a path without links", id);
  for (int32_t k = period->path_offset[i]; k < period->path_offset[i + 1]; k++)
    if (period->path_link[k] < 0)
      return m4_fail(err, M4_DATA, NULL, "flow %lld: link %d on its path", id, (int)period->path_link[k]);
    else if (period->path_rate_bps && period->path_rate_bps[k] <= 0)
      return m4_fail(err, M4_DATA, NULL, "flow %lld: link %d of %lld bit/s", id, (int)period->path_link[k],
                     (long long)period->path_rate_bps[k]);
  for (int32_t k = 0; k < M4_N_PARAMS; k++)
    if (!isfinite(period->params[(size_t)i * M4_N_PARAMS + (size_t)k]))
      return m4_fail(err, M4_DATA, NULL, "flow %lld: parameter %d is not finite", id, (int)k);
  return M4_OK;
}

static m4_status check_period(const m4_period *period, m4_error *err) {
  if (period->n_flows < 1 || period->n_flows > INT32_MAX / 2)
    return m4_fail(err, M4_DATA, NULL, "a busy period of %d flows", (int)period->n_flows);
  if (period->path_offset[0] != 0) return m4_fail(err, M4_DATA, NULL, "paths do not start at 0");
  for (int32_t i = 0; i < period->n_flows; i++) M4_TRY(check_flow(period, i, err));
  return M4_OK;
}

/* ---- memory ---- */

static m4_status no_memory(m4_error *err) {
  return m4_fail(err, M4_MEMORY, NULL, "no memory for a busy period");
}

static m4_status create_sample(m4_sample **result, const m4_period *period, m4_arena *arena, m4_error *err) {
  m4_sample *sample = m4_arena_calloc(arena, 1, sizeof *sample);
  if (!sample) return no_memory(err);
  size_t n_flows = (size_t)period->n_flows, n_events = 2 * n_flows,
         n_hops = (size_t)period->path_offset[n_flows];
  sample->n_flows = period->n_flows;
  sample->n_events = 2 * period->n_flows;
  sample->size_feature = m4_arena_alloc(arena, n_flows, sizeof(float));
  sample->flow_n_links = m4_arena_alloc(arena, n_flows, sizeof(float));
  sample->params = m4_arena_alloc(arena, n_flows * M4_N_PARAMS, sizeof(float));
  sample->target_slowdown = m4_arena_alloc(arena, n_flows, sizeof(float));
  sample->path_offset = m4_arena_alloc(arena, n_flows + 1, sizeof(int32_t));
  sample->path_link = m4_arena_alloc(arena, n_hops, sizeof(int32_t));
  sample->arrival_event = m4_arena_alloc(arena, n_flows, sizeof(int32_t));
  sample->departure_event = m4_arena_alloc(arena, n_flows, sizeof(int32_t));
  sample->dt_us = m4_arena_alloc(arena, n_events, sizeof(float));
  bool complete = sample->size_feature && sample->flow_n_links && sample->params && sample->target_slowdown &&
                  sample->path_offset && sample->path_link && sample->arrival_event &&
                  sample->departure_event && sample->dt_us;
  if (!complete) return no_memory(err);
  *result = sample;
  return M4_OK;
}

/* ---- features and paths ---- */

static void make_features(m4_sample *sample, const m4_period *period, m4_size_feature kind) {
  for (int32_t i = 0; i < period->n_flows; i++) {
    sample->size_feature[i] = m4_size_feature_of(period->size_bytes[i], kind);
    sample->flow_n_links[i] = (float)(period->path_offset[i + 1] - period->path_offset[i]);
    sample->target_slowdown[i] = (float)((double)period->fct_ns[i] / (double)period->ideal_fct_ns[i]);
  }
  memcpy(sample->params, period->params, (size_t)period->n_flows * M4_N_PARAMS * sizeof(float));
}

static int compare_int32(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

/* Scenario link ids -> rows: the distinct ids in ascending order. */
static m4_status make_paths(m4_sample *sample, const m4_period *period, m4_arena *arena, m4_error *err) {
  size_t n_hops = (size_t)period->path_offset[period->n_flows];
  int32_t *ids = m4_arena_alloc(arena, n_hops, sizeof *ids);
  if (!ids) return no_memory(err);
  memcpy(ids, period->path_link, n_hops * sizeof *ids);
  qsort(ids, n_hops, sizeof *ids, compare_int32);
  size_t n_links = 0;
  for (size_t k = 0; k < n_hops; k++)
    if (k == 0 || ids[k] != ids[k - 1]) ids[n_links++] = ids[k];
  sample->n_links = (int32_t)n_links;
  memcpy(sample->path_offset, period->path_offset, ((size_t)period->n_flows + 1) * sizeof(int32_t));
  for (size_t k = 0; k < n_hops; k++) {
    int32_t *id = bsearch(&period->path_link[k], ids, n_links, sizeof *ids, compare_int32);
    sample->path_link[k] = (int32_t)(id - ids);
  }
  return M4_OK;
}

/* ---- event order ---- */

typedef struct event_key {
  int64_t time_ns;
  int32_t is_arrival; /* departures come first */
  int32_t flow;
} event_key;

static int compare_events(const void *a, const void *b) {
  const event_key *x = a, *y = b;
  if (x->time_ns != y->time_ns) return x->time_ns < y->time_ns ? -1 : 1;
  if (x->is_arrival != y->is_arrival) return x->is_arrival - y->is_arrival;
  return (x->flow > y->flow) - (x->flow < y->flow);
}

static m4_status order_events(m4_sample *sample, const m4_period *period, m4_arena *arena, m4_error *err) {
  size_t n_events = (size_t)sample->n_events;
  event_key *keys = m4_arena_alloc(arena, n_events, sizeof *keys);
  if (!keys) return no_memory(err);
  for (int32_t i = 0; i < period->n_flows; i++) {
    int64_t start_ns = period->start_ns[i];
    keys[2 * i] = (event_key){.time_ns = start_ns, .is_arrival = 1, .flow = i};
    keys[2 * i + 1] = (event_key){.time_ns = start_ns + period->fct_ns[i], .is_arrival = 0, .flow = i};
  }
  qsort(keys, n_events, sizeof *keys, compare_events);
  for (size_t j = 0; j < n_events; j++) {
    int32_t *event_of_flow = keys[j].is_arrival ? sample->arrival_event : sample->departure_event;
    event_of_flow[keys[j].flow] = (int32_t)j;
    sample->dt_us[j] = j == 0 ? 0.0f : (float)((double)(keys[j].time_ns - keys[j - 1].time_ns) / 1000.0);
  }
  return M4_OK;
}

/* ---- fluid ---- */

static void set_capacities(m4_fluid *fluid, const m4_sample *sample, const m4_period *period) {
  for (int32_t k = 0; k < sample->path_offset[sample->n_flows]; k++)
    fluid->links[sample->path_link[k]].capacity = (double)period->path_rate_bps[k] / 8e9;
}

/* Times count from the first arrival, as they do online. */
static m4_status run_fluid(m4_fluid *fluid, m4_sample *sample, const m4_period *period, m4_error *err) {
  int64_t first_ns = period->start_ns[sample->event_flow[0]];
  float *features = sample->fluid;
  for (int32_t j = 0; j < sample->n_events; j++) {
    m4_event_data *event = &sample->events[j];
    int32_t flow = sample->event_flow[j], first_hop = sample->path_offset[flow];
    bool arrives = sample->arrival_event[flow] == j;
    double now_ns = (double)(period->start_ns[flow] + (arrives ? 0 : period->fct_ns[flow]) - first_ns);
    if (arrives)
      m4_fluid_start(fluid, flow, now_ns, (double)period->size_bytes[flow],
                     (double)period->ideal_fct_ns[flow], sample->path_link + first_hop,
                     sample->path_offset[flow + 1] - first_hop);
    size_t count = (size_t)event->n_flows * M4_N_FLUID;
    M4_TRY(m4_fluid_step(fluid, event->flow_rows, event->n_flows, now_ns, err));
    memcpy(features, fluid->features, count * sizeof *features);
    event->fluid = features;
    features += count;
  }
  return M4_OK;
}

static m4_status make_fluid(m4_sample *sample, const m4_period *period, m4_arena *arena, m4_error *err) {
  if (!period->path_rate_bps) return M4_OK;
  size_t n_rows = 0;
  for (int32_t j = 0; j < sample->n_events; j++) n_rows += (size_t)sample->events[j].n_flows;
  sample->fluid = m4_arena_alloc(arena, n_rows * M4_N_FLUID, sizeof *sample->fluid);
  if (!sample->fluid) return no_memory(err);
  m4_fluid fluid;
  M4_TRY(m4_fluid_init(&fluid, sample->n_flows, sample->n_links, err));
  set_capacities(&fluid, sample, period);
  m4_status status = run_fluid(&fluid, sample, period, err);
  m4_fluid_free(&fluid);
  return status;
}

const float *m4_sample_last_fluid(const m4_sample *sample, int32_t flow) {
  if (!sample->fluid) return NULL;
  for (int32_t j = sample->departure_event[flow] - 1;; --j) { /* its arrival at the latest */
    const m4_event_data *event = &sample->events[j];
    if (event->n_flows == 0) continue;
    const int32_t *place =
        bsearch(&flow, event->flow_rows, (size_t)event->n_flows, sizeof flow, compare_int32);
    if (place) return event->fluid + (place - event->flow_rows) * M4_N_FLUID;
  }
}

/* ---- labels ---- */

/* Writes the remaining ratios of one event; returns how many: all active flows, or none. */
static int64_t remaining_ratios(float *labels, const m4_period *period, const m4_event_data *event,
                                int32_t j) {
  int64_t first = period->received_offset[j];
  if (period->received_offset[j + 1] - first != event->n_flows) return 0;
  for (int32_t i = 0; i < event->n_flows; i++) {
    int64_t size = period->size_bytes[event->flow_rows[i]], received = period->received_bytes[first + i];
    if (received < 0 || received > size) return 0;
    labels[i] = (float)((double)(size - received) / (double)size);
  }
  return event->n_flows;
}

static m4_status make_size_labels(m4_sample *sample, const m4_period *period, m4_arena *arena,
                                  m4_error *err) {
  if (!period->received_bytes || !period->received_offset) return M4_OK;
  size_t most = 0;
  for (int32_t j = 0; j < sample->n_events; j++) most += (size_t)sample->events[j].n_flows;
  sample->size_offset = m4_arena_alloc(arena, (size_t)sample->n_events + 1, sizeof(int64_t));
  sample->size_labels = m4_arena_alloc(arena, most, sizeof(float));
  if (!sample->size_offset || !sample->size_labels) return no_memory(err);
  int64_t count = 0;
  for (int32_t j = 0; j < sample->n_events; j++) {
    sample->size_offset[j] = count;
    count += remaining_ratios(sample->size_labels + count, period, &sample->events[j], j);
  }
  sample->size_offset[sample->n_events] = count;
  return M4_OK;
}

/* The queues a flow met stand at its arrival. */
static m4_status make_queue_labels(m4_sample *sample, const m4_period *period, m4_arena *arena,
                                   m4_error *err) {
  if (!period->queue_bytes) return M4_OK;
  size_t most = (size_t)sample->path_offset[sample->n_flows];
  sample->queue_offset = m4_arena_alloc(arena, (size_t)sample->n_events + 1, sizeof(int64_t));
  sample->queue_labels = m4_arena_alloc(arena, most, sizeof(float));
  sample->queue_rows = m4_arena_alloc(arena, most, sizeof(int32_t));
  if (!sample->queue_offset || !sample->queue_labels || !sample->queue_rows) return no_memory(err);
  int64_t count = 0;
  for (int32_t j = 0; j < sample->n_events; j++) {
    sample->queue_offset[j] = count;
    int32_t flow = sample->event_flow[j];
    if (sample->arrival_event[flow] != j) continue;
    for (int32_t k = sample->path_offset[flow]; k < sample->path_offset[flow + 1]; k++) {
      if (period->queue_bytes[k] < 0) continue;
      sample->queue_labels[count] = m4_queue_label_of((double)period->queue_bytes[k]);
      sample->queue_rows[count++] = sample->path_link[k];
    }
  }
  sample->queue_offset[sample->n_events] = count;
  return M4_OK;
}

m4_status m4_sample_from_period(m4_sample **result, const m4_period *period, m4_size_feature kind,
                                m4_arena *arena, m4_error *err) {
  *result = NULL;
  M4_TRY(check_period(period, err));
  m4_sample *sample = NULL;
  M4_TRY(create_sample(&sample, period, arena, err));
  make_features(sample, period, kind);
  M4_TRY(make_paths(sample, period, arena, err));
  M4_TRY(order_events(sample, period, arena, err));
  M4_TRY(nn_build_graphs(sample, arena, err));
  M4_TRY(make_fluid(sample, period, arena, err));
  M4_TRY(make_size_labels(sample, period, arena, err));
  M4_TRY(make_queue_labels(sample, period, arena, err));
  M4_TRY(nn_attach_labels(sample, err));
  *result = sample;
  return M4_OK;
}

void m4_sample_cut_short(m4_sample *sample, int32_t max_events) {
  if (sample->n_events <= max_events) return;
  sample->n_events = max_events;
  sample->max_nodes = 0;
  sample->node_events = 0;
  for (int32_t j = 0; j < max_events; j++) {
    int32_t n_nodes = sample->events[j].n_flows + sample->events[j].n_links;
    if (n_nodes > sample->max_nodes) sample->max_nodes = n_nodes;
    sample->node_events += n_nodes;
  }
}
