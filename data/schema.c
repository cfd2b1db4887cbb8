/* The layout table and what can be said from it alone. Knows no HDF5. */
#include "data/schema.h"

#include <string.h>
#include <xxhash.h>

const ds_row ds_schema[DS_N_ROWS] = {
#define X(id, path, type, axis, target, width, unit, field, what)                                            \
  {path, DS_##type, DS_##axis, DS_##target, width, unit, offsetof(ds_scenario, field), what},
    DS_SCHEMA(X)
#undef X
};

const char *const ds_groups[] = {"scenario", "node", "link", "flow", "event", "period", NULL};

size_t ds_type_bytes(ds_type type) {
  static const size_t bytes[] = {[DS_U8] = 1, [DS_I32] = 4, [DS_I64] = 8, [DS_F64] = 8};
  return bytes[type];
}

bool ds_is_offsets(const ds_row *row) {
  return row->target != DS_N_AXES;
}

bool ds_is_special(const ds_row *row) {
  return row->axis == DS_SCENARIOS || row->axis == DS_NAME_BYTES;
}

int64_t ds_chunk_rows(const ds_row *row) {
  if (row->axis == DS_SCENARIOS) return 256;
  return row->axis == DS_RECEIVED ? 16384 : 4096;
}

/* All object pointers have one representation on the systems we build for. */
const void *ds_get_field(const ds_scenario *scenario, const ds_row *row) {
  const void *values;
  memcpy(&values, (const char *)scenario + row->field, sizeof values);
  return values;
}

void ds_set_field(ds_scenario *scenario, const ds_row *row, const void *values) {
  memcpy((char *)scenario + row->field, &values, sizeof values);
}

void ds_count_axes(const ds_scenario *scenario, int64_t counts[DS_N_AXES]) {
  counts[DS_SCENARIOS] = 1;
  counts[DS_NAME_BYTES] = (int64_t)strlen(scenario->name);
  counts[DS_NODES] = scenario->n_nodes;
  counts[DS_LINKS] = scenario->n_links;
  counts[DS_FLOWS] = scenario->n_flows;
  counts[DS_HOPS] = scenario->path_offset[scenario->n_flows];
  counts[DS_EVENTS] = 2 * scenario->n_flows;
  counts[DS_RECEIVED] = scenario->received_offset[2 * scenario->n_flows];
  counts[DS_PERIODS] = scenario->n_periods;
  counts[DS_MEMBERS] = scenario->period_flow_offset[scenario->n_periods];
  counts[DS_MEMBER_EVENTS] = 2 * counts[DS_MEMBERS];
}

uint64_t ds_scenario_hash(const ds_scenario *scenario, uint64_t seed) {
  int64_t counts[DS_N_AXES];
  ds_count_axes(scenario, counts);
  uint64_t hash = XXH64(scenario->name, (size_t)counts[DS_NAME_BYTES], seed);
  hash = XXH64(scenario->params, sizeof scenario->params, hash);
  for (const ds_row *row = ds_schema; row < ds_schema + DS_N_ROWS; ++row) {
    if (ds_is_special(row)) continue;
    int64_t rows = counts[row->axis] + (ds_is_offsets(row) ? 1 : 0);
    hash = XXH64(ds_get_field(scenario, row), (size_t)rows * ds_type_bytes(row->type), hash);
  }
  return hash;
}
