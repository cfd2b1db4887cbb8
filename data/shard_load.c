/* One scenario of a shard into memory. Knows the schema, makes no HDF5 calls itself. */
#include "data/shard.h"

#include <string.h>

/* Reads the two offsets that bound rows [start, start + count) of the axis an offsets dataset points into. */
static m4_status locate_target(const ds_shard *shard, ds_row_id id, ds_extent *x, m4_error *err) {
  const ds_row *row = &ds_schema[id];
  int64_t first, end;
  M4_TRY(ds_shard_read(shard, id, x->start[row->axis], 1, &first, err));
  M4_TRY(ds_shard_read(shard, id, x->start[row->axis] + x->count[row->axis], 1, &end, err));
  if (first < 0 || end < first || end > shard->totals[row->target])
    return ds_h5_reject(err, shard->path, row->path, "does not divide the rows it points into");
  x->start[row->target] = first;
  x->count[row->target] = end - first;
  return M4_OK;
}

m4_status ds_shard_locate(const ds_shard *shard, int64_t scenario, ds_extent *extent, m4_error *err) {
  ds_extent x = {{0}, {0}};
  x.start[DS_SCENARIOS] = scenario;
  x.count[DS_SCENARIOS] = 1;
  for (int axis = 0; axis < DS_N_AXES; ++axis) {
    if (!shard->offsets[axis]) continue;
    x.start[axis] = shard->offsets[axis][scenario];
    x.count[axis] = shard->offsets[axis][scenario + 1] - x.start[axis];
  }
  if (x.count[DS_NODES] > INT32_MAX || x.count[DS_LINKS] > INT32_MAX)
    return ds_h5_reject(err, shard->path, "scenario", "has too many nodes or links");
  x.start[DS_EVENTS] = 2 * x.start[DS_FLOWS];
  x.count[DS_EVENTS] = 2 * x.count[DS_FLOWS];
  M4_TRY(locate_target(shard, DS_ROW_PATH_OFFSET, &x, err));
  M4_TRY(locate_target(shard, DS_ROW_RECEIVED_OFFSET, &x, err));
  M4_TRY(locate_target(shard, DS_ROW_PERIOD_FLOW_OFFSET, &x, err));
  x.start[DS_MEMBER_EVENTS] = 2 * x.start[DS_MEMBERS];
  x.count[DS_MEMBER_EVENTS] = 2 * x.count[DS_MEMBERS];
  *extent = x;
  return M4_OK;
}

static size_t padded_bytes(int64_t count, size_t size) {
  return (size_t)count * size + 64;
}

size_t ds_extent_bytes(const ds_extent *extent) {
  size_t bytes = padded_bytes(extent->count[DS_NAME_BYTES] + 1, 1) +
                 padded_bytes(extent->count[DS_PERIODS] + 1, sizeof(int64_t));
  for (const ds_row *row = ds_schema; row < ds_schema + DS_N_ROWS; ++row)
    if (!ds_is_special(row) && row->axis != DS_RECEIVED)
      bytes += padded_bytes(extent->count[row->axis] + 1, ds_type_bytes(row->type));
  return bytes;
}

/* Offsets of the shard become offsets of the scenario. */
static m4_status take_offsets(const ds_shard *shard, const ds_row *row, const ds_extent *x, int64_t *offsets,
                              m4_error *err) {
  int64_t n = x->count[row->axis], first = x->start[row->target];
  bool ok = offsets[0] == first && offsets[n] == first + x->count[row->target];
  for (int64_t i = 0; i < n; ++i) ok &= offsets[i] <= offsets[i + 1];
  if (!ok) return ds_h5_reject(err, shard->path, row->path, "does not divide the rows it points into");
  for (int64_t i = 0; i <= n; ++i) offsets[i] -= first;
  return M4_OK;
}

static m4_status load_row(const ds_shard *shard, ds_row_id id, const ds_extent *x, m4_arena *arena,
                          ds_scenario *facts, m4_error *err) {
  const ds_row *row = &ds_schema[id];
  int64_t count = x->count[row->axis] + (ds_is_offsets(row) ? 1 : 0);
  void *values = m4_arena_alloc(arena, (size_t)count, ds_type_bytes(row->type));
  if (!values)
    return m4_fail(err, M4_MEMORY, shard->path, "no memory for %lld rows of %s", (long long)count, row->path);
  M4_TRY(ds_shard_read(shard, id, x->start[row->axis], count, values, err));
  ds_set_field(facts, row, values);
  return ds_is_offsets(row) ? take_offsets(shard, row, x, values, err) : M4_OK;
}

static m4_status take_table_row(const ds_shard *shard, const ds_extent *x, m4_arena *arena,
                                ds_scenario *facts, m4_error *err) {
  size_t name_bytes = (size_t)x->count[DS_NAME_BYTES];
  char *name = m4_arena_calloc(arena, name_bytes + 1, 1);
  if (!name) return m4_fail(err, M4_MEMORY, shard->path, "no memory for a name");
  memcpy(name, shard->names + x->start[DS_NAME_BYTES], name_bytes);
  facts->name = name;
  memcpy(facts->params, shard->params + x->start[DS_SCENARIOS] * M4_N_PARAMS, sizeof facts->params);
  facts->n_nodes = (int32_t)x->count[DS_NODES];
  facts->n_links = (int32_t)x->count[DS_LINKS];
  facts->n_flows = x->count[DS_FLOWS];
  facts->n_periods = x->count[DS_PERIODS];
  return M4_OK;
}

/* Not stored: twice the flow offsets. */
static m4_status derive_event_offsets(ds_scenario *facts, m4_arena *arena, m4_error *err) {
  int64_t *offsets = m4_arena_alloc(arena, (size_t)facts->n_periods + 1, sizeof *offsets);
  if (!offsets)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld offsets", (long long)facts->n_periods);
  for (int64_t p = 0; p <= facts->n_periods; ++p) offsets[p] = 2 * facts->period_flow_offset[p];
  facts->period_event_offset = offsets;
  return M4_OK;
}

m4_status ds_shard_load(const ds_shard *shard, const ds_extent *extent, m4_arena *arena, ds_scenario *facts,
                        m4_error *err) {
  memset(facts, 0, sizeof *facts);
  M4_TRY(take_table_row(shard, extent, arena, facts, err));
  for (int id = 0; id < DS_N_ROWS; ++id)
    if (!ds_is_special(&ds_schema[id]) && id != DS_ROW_RECEIVED_BYTES)
      M4_TRY(load_row(shard, (ds_row_id)id, extent, arena, facts, err));
  return derive_event_offsets(facts, arena, err);
}
