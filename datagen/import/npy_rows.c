/* Rows of busy periods, spread over the events of the whole scenario. */
#include "datagen/import/npy_rows.h"

#include "base/ascending.h"
#include "data/events.h"

#include <stdlib.h>

enum { NOBODY = -1 };

/* ---- queues ---- */

m4_status dg_npy_queues(dg_recorder *recorder, const dg_npy_arrays *arrays, m4_error *err) {
  const ds_pickle_value *dict = arrays->queues.values.items[0];
  const int64_t *offset = recorder->facts->path_offset;
  for (int32_t i = 0; i + 1 < dict->n_items; i += 2) {
    int64_t flow, bytes;
    ds_sequence values;
    if (!ds_value_integer(&flow, dict->items[i]) || flow < 0 || flow >= arrays->n_flows)
      return m4_fail(err, M4_DATA, "qlen", "entry %d is of no flow", i / 2);
    if (!ds_sequence_of(&values, dict->items[i + 1]) || values.count != offset[flow + 1] - offset[flow])
      return m4_fail(err, M4_DATA, "qlen", "flow %lld has not one value per hop", (long long)flow);
    for (int64_t hop = 0; hop < values.count; ++hop) {
      if (!ds_sequence_integer(&bytes, &values, hop) || bytes < -1)
        return m4_fail(err, M4_DATA, "qlen", "flow %lld has a value that is no size", (long long)flow);
      recorder->queue_bytes[offset[flow] + hop] = bytes;
    }
  }
  return M4_OK;
}

/* ---- rows ---- */

typedef struct walk {
  dg_recorder *recorder;
  const dg_npy_arrays *arrays;
  ds_events events;
  m4_ascending active;
  int32_t *period_of; /* [n_flows] or NOBODY */
  int32_t *n_members; /* [n_periods] active now */
  int64_t *next_row;  /* [n_periods] */
  int64_t *values;    /* [n_flows] of the row that is being made */
  int64_t n_odd;
} walk;

static m4_status read_members(walk *w, int32_t period, m4_error *err) {
  ds_sequence flows, rows;
  if (!ds_sequence_at(&flows, &w->arrays->periods.values, period) ||
      !ds_sequence_at(&rows, &w->arrays->rows.values, period) || rows.count != 2 * flows.count)
    return m4_fail(err, M4_DATA, "period_remainsize", "busy period %d has not two rows per flow", period);
  for (int64_t i = 0; i < flows.count; ++i) {
    int64_t flow;
    if (!ds_sequence_integer(&flow, &flows, i) || flow < 0 || flow >= w->arrays->n_flows ||
        w->recorder->fct_ns[flow] < 0)
      return m4_fail(err, M4_DATA, "period", "busy period %d has a member that is no finished flow", period);
    if (w->period_of[flow] != NOBODY)
      return m4_fail(err, M4_DATA, "period", "flow %lld is in two busy periods", (long long)flow);
    w->period_of[flow] = period;
  }
  return M4_OK;
}

static m4_status prepare(walk *w, m4_arena *arena, m4_error *err) {
  size_t n_flows = (size_t)w->arrays->n_flows, n_periods = (size_t)w->arrays->periods.values.count;
  ds_scenario facts = *w->recorder->facts;
  facts.fct_ns = w->recorder->fct_ns;
  if (n_periods > n_flows)
    return m4_fail(err, M4_DATA, "period", "%zu busy periods of %zu flows", n_periods, n_flows);
  M4_TRY(ds_order_events(&w->events, &facts, arena, err));
  w->active.items = m4_arena_calloc(arena, n_flows, sizeof *w->active.items);
  w->period_of = m4_arena_alloc(arena, n_flows, sizeof *w->period_of);
  w->n_members = m4_arena_calloc(arena, n_periods, sizeof *w->n_members);
  w->next_row = m4_arena_calloc(arena, n_periods, sizeof *w->next_row);
  w->values = m4_arena_alloc(arena, n_flows, sizeof *w->values);
  if (!w->active.items || !w->period_of || !w->n_members || !w->next_row || !w->values)
    return m4_fail(err, M4_MEMORY, "period_remainsize", "no memory for the rows of %zu flows", n_flows);
  for (size_t flow = 0; flow < n_flows; ++flow) w->period_of[flow] = NOBODY;
  for (size_t period = 0; period < n_periods; ++period) M4_TRY(read_members(w, (int32_t)period, err));
  return M4_OK;
}

/* The values of one row among those of all active flows. */
static bool spread(walk *w, const ds_sequence *row, int32_t period) {
  int64_t next = 0;
  for (int64_t i = 0; i < w->active.count; ++i) {
    w->values[i] = -1;
    if (w->period_of[w->active.items[i]] != period) continue;
    if (!ds_sequence_integer(&w->values[i], row, next++)) return false;
    if (w->values[i] < -1) w->values[i] = -1;
  }
  return true;
}

/* The row of an event of this period; nothing of it when it is not one value per active member. */
static m4_status append_row(walk *w, int32_t period, m4_error *err) {
  ds_sequence rows, row;
  ds_sequence_at(&rows, &w->arrays->rows.values, period);
  int64_t index = w->next_row[period]++;
  if (!ds_sequence_at(&row, &rows, index))
    return m4_fail(err, M4_DATA, "period_remainsize", "row %lld of busy period %d is no list",
                   (long long)index, period);
  int32_t n_members = w->n_members[period];
  bool recorded = row.count == n_members;
  if (!recorded && n_members > 0) w->n_odd++;
  if (!recorded || n_members == 0) return dg_recorder_append(w->recorder, NULL, 0, err);
  if (!spread(w, &row, period))
    return m4_fail(err, M4_DATA, "period_remainsize",
                   "row %lld of busy period %d has a value that is no integer", (long long)index, period);
  return dg_recorder_append(w->recorder, w->values, w->active.count, err);
}

static m4_status walk_events(walk *w, m4_error *err) {
  for (int64_t event = 0; event < 2 * w->arrays->n_flows; ++event) {
    int32_t flow = w->events.flow[event], period = w->period_of[flow];
    bool arrival = ds_is_arrival(&w->events, event);
    if (arrival)
      m4_ascending_insert(&w->active, flow);
    else
      m4_ascending_remove(&w->active, flow);
    if (period != NOBODY) w->n_members[period] += arrival ? 1 : -1;
    M4_TRY(period == NOBODY ? dg_recorder_append(w->recorder, NULL, 0, err) : append_row(w, period, err));
  }
  return M4_OK;
}

m4_status dg_npy_rows(dg_recorder *recorder, const dg_npy_arrays *arrays, int64_t *n_odd, m4_error *err) {
  enum { BYTES_PER_FLOW = 256, SPARE_BYTES = 1 << 20 };
  walk w = {.recorder = recorder, .arrays = arrays};
  m4_arena arena = {0};
  M4_TRY(m4_arena_init(&arena, (size_t)BYTES_PER_FLOW * (size_t)arrays->n_flows + SPARE_BYTES, err));
  m4_status status = prepare(&w, &arena, err);
  if (status == M4_OK) status = walk_events(&w, err);
  *n_odd = w.n_odd;
  m4_arena_free(&arena);
  return status;
}
