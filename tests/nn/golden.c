/* Makes samples of golden files. Knows golden.h's reading calls, not the files. */
#include "tests/nn/golden.h"

#include <string.h>

enum { MOST_VALUES = 1 << 26, N_FEATURES = 16, FEATURE_LINKS = 2, FIRST_PARAM = 3 };

m4_status golden_loss_attributes(golden_file *file, int32_t *n_links, double *aux_weight, m4_error *err) {
  double slots = 0;
  M4_TRY(golden_attribute(file, "n_links", &slots, err));
  if (!(slots >= 1 && slots <= 1e6)) return m4_fail(err, M4_DATA, golden_path(file), "n_links is %g", slots);
  *n_links = (int32_t)slots;
  return golden_attribute(file, "aux_weight", aux_weight, err);
}

/* ---- sample ---- */

/* A dataset of an expected length, as another type; expected -1 = any. */
static m4_status read_floats(golden_file *file, const char *name, int64_t expected, float **to,
                             m4_error *err) {
  double *values;
  int64_t count;
  M4_TRY(golden_read(file, name, &values, &count, err));
  if (expected >= 0 && count != expected)
    return m4_fail(err, M4_DATA, golden_path(file), "%s has %lld values, expected %lld", name,
                   (long long)count, (long long)expected);
  *to = m4_arena_alloc(golden_arena(file), (size_t)count, sizeof **to);
  if (!*to) return m4_fail(err, M4_MEMORY, golden_path(file), "no memory");
  for (int64_t i = 0; i < count; i++) (*to)[i] = (float)values[i];
  return M4_OK;
}

static m4_status read_rows(golden_file *file, const char *name, int64_t expected, int32_t **to,
                           int64_t *count, m4_error *err) {
  double *values;
  M4_TRY(golden_read(file, name, &values, count, err));
  if (expected >= 0 && *count != expected)
    return m4_fail(err, M4_DATA, golden_path(file), "%s has %lld values, expected %lld", name,
                   (long long)*count, (long long)expected);
  *to = m4_arena_alloc(golden_arena(file), (size_t)*count, sizeof **to);
  if (!*to) return m4_fail(err, M4_MEMORY, golden_path(file), "no memory");
  for (int64_t i = 0; i < *count; i++) {
    if (!(values[i] >= 0 && values[i] < MOST_VALUES))
      return m4_fail(err, M4_DATA, golden_path(file), "%s holds %g", name, values[i]);
    (*to)[i] = (int32_t)values[i];
  }
  return M4_OK;
}

static m4_status read_offsets(golden_file *file, const char *name, int32_t n_events, int64_t **to,
                              m4_error *err) {
  int32_t *rows;
  int64_t count;
  M4_TRY(read_rows(file, name, n_events + 1, &rows, &count, err));
  *to = m4_arena_alloc(golden_arena(file), (size_t)count, sizeof **to);
  if (!*to) return m4_fail(err, M4_MEMORY, golden_path(file), "no memory");
  for (int64_t i = 0; i < count; i++) {
    if (i > 0 && rows[i] < rows[i - 1]) return m4_fail(err, M4_DATA, golden_path(file), "%s decreases", name);
    (*to)[i] = rows[i];
  }
  return M4_OK;
}

static m4_status read_features(golden_file *file, m4_sample *sample, m4_error *err) {
  float *x;
  M4_TRY(read_floats(file, "sample/x", (int64_t)sample->n_flows * N_FEATURES, &x, err));
  size_t n = (size_t)sample->n_flows;
  sample->size_feature = m4_arena_alloc(golden_arena(file), n, sizeof(float));
  sample->flow_n_links = m4_arena_alloc(golden_arena(file), n, sizeof(float));
  sample->params = m4_arena_alloc(golden_arena(file), n * M4_N_PARAMS, sizeof(float));
  if (!sample->size_feature || !sample->flow_n_links || !sample->params)
    return m4_fail(err, M4_MEMORY, golden_path(file), "no memory");
  for (size_t i = 0; i < n; i++) {
    sample->size_feature[i] = x[i * N_FEATURES];
    sample->flow_n_links[i] = x[i * N_FEATURES + FEATURE_LINKS];
    memcpy(sample->params + i * M4_N_PARAMS, x + i * N_FEATURES + FIRST_PARAM, M4_N_PARAMS * sizeof(float));
  }
  return M4_OK;
}

/* (flow, link) pairs in any order -> paths. */
static m4_status read_paths(golden_file *file, m4_sample *sample, m4_error *err) {
  int32_t *pairs;
  int64_t count;
  M4_TRY(read_rows(file, "sample/edges_flow_link", -1, &pairs, &count, err));
  int64_t n_edges = count / 2;
  const int32_t *flows = pairs, *links = pairs + n_edges;
  sample->path_offset = m4_arena_calloc(golden_arena(file), (size_t)sample->n_flows + 1, sizeof(int32_t));
  sample->path_link = m4_arena_alloc(golden_arena(file), (size_t)n_edges, sizeof(int32_t));
  if (!sample->path_offset || !sample->path_link)
    return m4_fail(err, M4_MEMORY, golden_path(file), "no memory");
  int32_t filled = 0;
  for (int32_t f = 0; f < sample->n_flows; f++) {
    for (int64_t e = 0; e < n_edges; e++)
      if (flows[e] == f) sample->path_link[filled++] = links[e];
    sample->path_offset[f + 1] = filled;
  }
  return filled == n_edges
             ? M4_OK
             : m4_fail(err, M4_DATA, golden_path(file), "an edge of a flow that does not exist");
}

static m4_status read_times(golden_file *file, m4_sample *sample, m4_error *err) {
  int32_t *active;
  int64_t count;
  size_t n = (size_t)sample->n_flows;
  M4_TRY(read_rows(file, "sample/flow_active", 2 * (int64_t)n, &active, &count, err));
  sample->arrival_event = m4_arena_alloc(golden_arena(file), n, sizeof(int32_t));
  sample->departure_event = m4_arena_alloc(golden_arena(file), n, sizeof(int32_t));
  if (!sample->arrival_event || !sample->departure_event)
    return m4_fail(err, M4_MEMORY, golden_path(file), "no memory");
  for (size_t i = 0; i < n; i++) {
    sample->arrival_event[i] = active[2 * i];
    sample->departure_event[i] = active[2 * i + 1];
  }
  return read_floats(file, "sample/time_delta_us", sample->n_events, &sample->dt_us, err);
}

static m4_status read_labels(golden_file *file, m4_sample *sample, m4_error *err) {
  int64_t count;
  M4_TRY(read_offsets(file, "sample/remaining_ratio_offsets", sample->n_events, &sample->size_offset, err));
  M4_TRY(read_floats(file, "sample/remaining_ratio", sample->size_offset[sample->n_events],
                     &sample->size_labels, err));
  M4_TRY(read_offsets(file, "sample/queue_link_offsets", sample->n_events, &sample->queue_offset, err));
  M4_TRY(read_floats(file, "sample/queue_cbrt", sample->queue_offset[sample->n_events], &sample->queue_labels,
                     err));
  return read_rows(file, "sample/queue_link", sample->queue_offset[sample->n_events], &sample->queue_rows,
                   &count, err);
}

m4_status golden_sample(golden_file *file, m4_sample **result, m4_error *err) {
  double *targets, aux_weight;
  int64_t n_flows;
  M4_TRY(golden_read(file, "sample/target_slowdown", &targets, &n_flows, err));
  m4_sample *sample = m4_arena_calloc(golden_arena(file), 1, sizeof *sample);
  if (!sample) return m4_fail(err, M4_MEMORY, golden_path(file), "no memory");
  sample->n_flows = (int32_t)n_flows;
  sample->n_events = 2 * sample->n_flows;
  M4_TRY(golden_loss_attributes(file, &sample->n_links, &aux_weight, err));
  M4_TRY(read_floats(file, "sample/target_slowdown", n_flows, &sample->target_slowdown, err));
  M4_TRY(read_features(file, sample, err));
  M4_TRY(read_paths(file, sample, err));
  M4_TRY(read_times(file, sample, err));
  M4_TRY(read_labels(file, sample, err));
  *result = sample;
  return m4_sample_build_events(sample, golden_arena(file), err);
}
