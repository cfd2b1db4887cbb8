/* Rows of received bytes at arrivals and departures. */
#include "datagen/recorder.h"

#include "datagen/facts.h"

#include <stdlib.h>
#include <string.h>

typedef struct arrival {
  int64_t time_ns;
  int32_t flow;
} arrival;

static int compare_arrivals(const void *a, const void *b) {
  const arrival *x = a, *y = b;
  if (x->time_ns != y->time_ns) return x->time_ns < y->time_ns ? -1 : 1;
  return (x->flow > y->flow) - (x->flow < y->flow);
}

static void order_arrivals(dg_recorder *recorder, dg_memory *memory) {
  const ds_scenario *facts = recorder->facts;
  size_t mark = m4_arena_mark(memory->arena);
  arrival *arrivals = dg_take(memory, facts->n_flows, sizeof *arrivals);
  if (memory->failed) return;
  for (int64_t i = 0; i < facts->n_flows; ++i) arrivals[i] = (arrival){facts->start_ns[i], (int32_t)i};
  if (facts->n_flows > 0) qsort(arrivals, (size_t)facts->n_flows, sizeof *arrivals, compare_arrivals);
  for (int64_t i = 0; i < facts->n_flows; ++i) recorder->arrival_order[i] = arrivals[i].flow;
  m4_arena_release(memory->arena, mark);
}

m4_status dg_recorder_init(dg_recorder *recorder, const ds_scenario *facts, const int32_t *position,
                           m4_arena *arena, m4_error *err) {
  int64_t n_flows = facts->n_flows, n_hops = facts->path_offset[n_flows];
  dg_memory memory = {.arena = arena};
  *recorder = (dg_recorder){.facts = facts, .position = position};
  recorder->fct_ns = dg_take(&memory, n_flows, sizeof *recorder->fct_ns);
  recorder->received_bytes = dg_take(&memory, n_flows, sizeof *recorder->received_bytes);
  recorder->queue_bytes = dg_take(&memory, n_hops, sizeof *recorder->queue_bytes);
  recorder->arrival_order = dg_take(&memory, n_flows, sizeof *recorder->arrival_order);
  recorder->departures = dg_take(&memory, n_flows, sizeof *recorder->departures);
  recorder->active.items = dg_take(&memory, n_flows, sizeof *recorder->active.items);
  recorder->row_offset = dg_take(&memory, 2 * n_flows + 1, sizeof *recorder->row_offset);
  if (!memory.failed) order_arrivals(recorder, &memory);
  if (memory.failed)
    return m4_fail(err, M4_MEMORY, facts->name, "no memory to record %lld flows", (long long)n_flows);
  for (int64_t flow = 0; flow < n_flows; ++flow) recorder->fct_ns[flow] = -1;
  for (int64_t hop = 0; hop < n_hops; ++hop) recorder->queue_bytes[hop] = -1;
  return M4_OK;
}

void dg_recorder_free(dg_recorder *recorder) {
  free(recorder->rows);
  recorder->rows = NULL;
}

static void on_payload(void *ctx, int64_t time_ns, int64_t flow, int64_t bytes) {
  (void)time_ns;
  dg_recorder *recorder = ctx;
  recorder->received_bytes[recorder->position[flow]] += bytes;
}

static void on_first_packet(void *ctx, int64_t time_ns, int64_t flow, int32_t hop, int64_t queue_bytes) {
  (void)time_ns;
  dg_recorder *recorder = ctx;
  const int64_t *path_offset = &recorder->facts->path_offset[recorder->position[flow]];
  if (hop < path_offset[1] - path_offset[0]) recorder->queue_bytes[path_offset[0] + hop] = queue_bytes;
}

pkt_probe dg_recorder_probe(dg_recorder *recorder) {
  return (pkt_probe){.ctx = recorder, .payload_received = on_payload, .first_packet_queued = on_first_packet};
}

static int32_t next_arrival(const dg_recorder *recorder) {
  return recorder->arrival_order[recorder->n_arrived];
}

static int64_t next_arrival_ns(const dg_recorder *recorder) {
  if (recorder->n_arrived == recorder->facts->n_flows) return INT64_MAX;
  return recorder->facts->start_ns[next_arrival(recorder)];
}

int64_t dg_recorder_next_ns(const dg_recorder *recorder) {
  int64_t arrival_ns = next_arrival_ns(recorder);
  if (recorder->n_left == recorder->n_departures) return arrival_ns;
  int64_t departure_ns = recorder->departures[recorder->n_left].time_ns;
  return departure_ns < arrival_ns ? departure_ns : arrival_ns;
}

static void announce(dg_recorder *recorder, int32_t flow, int64_t time_ns) {
  dg_departure *list = recorder->departures;
  int64_t at = recorder->n_departures++;
  for (; at > recorder->n_left; --at) {
    const dg_departure *before = &list[at - 1];
    if (before->time_ns < time_ns || (before->time_ns == time_ns && before->flow < flow)) break;
    list[at] = *before;
  }
  list[at] = (dg_departure){time_ns, flow};
}

void dg_recorder_depart(dg_recorder *recorder, int32_t flow, int64_t measured_fct_ns) {
  const ds_scenario *facts = recorder->facts;
  int64_t ideal_ns = facts->ideal_fct_ns[flow];
  recorder->fct_ns[flow] = measured_fct_ns > ideal_ns ? measured_fct_ns : ideal_ns;
  announce(recorder, flow, facts->start_ns[flow] + recorder->fct_ns[flow]);
}

/* Room for one more row; *row is where its values go. */
static m4_status extend_rows(dg_recorder *recorder, int64_t count, int64_t **row, m4_error *err) {
  size_t used = (size_t)recorder->row_offset[recorder->n_rows], needed = used + (size_t)count;
  if (needed > recorder->rows_capacity) {
    size_t capacity = 2 * needed + 1024;
    int64_t *rows = realloc(recorder->rows, capacity * sizeof *rows);
    if (!rows)
      return m4_fail(err, M4_MEMORY, recorder->facts->name, "no memory for %zu received-bytes values",
                     capacity);
    recorder->rows = rows;
    recorder->rows_capacity = capacity;
  }
  *row = recorder->rows + used;
  recorder->row_offset[++recorder->n_rows] = (int64_t)needed;
  return M4_OK;
}

static m4_status append_row(dg_recorder *recorder, m4_error *err) {
  int64_t *row = NULL;
  M4_TRY(extend_rows(recorder, recorder->active.count, &row, err));
  for (int64_t i = 0; i < recorder->active.count; ++i)
    row[i] = recorder->received_bytes[recorder->active.items[i]];
  return M4_OK;
}

m4_status dg_recorder_append(dg_recorder *recorder, const int64_t *values, int64_t count, m4_error *err) {
  int64_t *row = NULL;
  M4_TRY(extend_rows(recorder, count, &row, err));
  if (count > 0) memcpy(row, values, (size_t)count * sizeof *row);
  return M4_OK;
}

m4_status dg_recorder_record(dg_recorder *recorder, int64_t time_ns, m4_error *err) {
  const dg_departure *list = recorder->departures;
  while (recorder->n_left < recorder->n_departures && list[recorder->n_left].time_ns == time_ns) {
    m4_ascending_remove(&recorder->active, list[recorder->n_left++].flow);
    M4_TRY(append_row(recorder, err));
  }
  while (next_arrival_ns(recorder) == time_ns) {
    m4_ascending_insert(&recorder->active, next_arrival(recorder));
    recorder->n_arrived++;
    M4_TRY(append_row(recorder, err));
  }
  return M4_OK;
}

m4_status dg_recorder_finish(dg_recorder *recorder, m4_error *err) {
  while (recorder->active.count > 0) {
    m4_ascending_remove(&recorder->active, recorder->active.items[0]);
    M4_TRY(append_row(recorder, err));
  }
  return M4_OK;
}

void dg_recorder_forget_rows(dg_recorder *recorder) {
  memset(recorder->row_offset, 0, ((size_t)recorder->n_rows + 1) * sizeof *recorder->row_offset);
  recorder->n_rows = 0;
}
