/* Reads golden files into samples. Knows HDF5 and m4_inputs.h. */
#include "tests/nn/golden.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = 1 << 26, N_FEATURES = 16, FEATURE_LINKS = 2, FIRST_PARAM = 3 };

struct golden_file {
  hid_t handle;
  char path[512];
  m4_arena arena;
};

m4_status golden_open(golden_file **result, const char *path, m4_error *err) {
  *result = NULL;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  golden_file *file = calloc(1, sizeof *file);
  if (!file) return m4_fail(err, M4_MEMORY, path, "no memory");
  strncpy(file->path, path, sizeof file->path - 1);
  file->handle = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  m4_status status = m4_arena_init(&file->arena, (size_t)1 << 32, err);
  if (status == M4_OK && file->handle < 0) status = m4_fail(err, M4_IO, path, "cannot be read as HDF5");
  if (status == M4_OK)
    *result = file;
  else
    golden_close(file);
  return status;
}

void golden_close(golden_file *file) {
  if (!file) return;
  if (file->handle >= 0) H5Fclose(file->handle);
  m4_arena_free(&file->arena);
  free(file);
}

bool golden_has(const golden_file *file, const char *name) {
  return H5Lexists(file->handle, name, H5P_DEFAULT) > 0;
}

static int64_t dataset_size(hid_t dataset) {
  hid_t space = H5Dget_space(dataset);
  if (space < 0) return -1;
  hssize_t size = H5Sget_simple_extent_npoints(space);
  H5Sclose(space);
  return size > MOST_VALUES ? -1 : (int64_t)size;
}

m4_status golden_read(golden_file *file, const char *name, double **values, int64_t *count, m4_error *err) {
  hid_t dataset = H5Dopen2(file->handle, name, H5P_DEFAULT);
  if (dataset < 0) return m4_fail(err, M4_DATA, file->path, "no dataset %s", name);
  m4_status status = M4_OK;
  *count = dataset_size(dataset);
  *values = *count < 0 ? NULL : m4_arena_calloc(&file->arena, (size_t)*count, sizeof **values);
  if (!*values)
    status = m4_fail(err, M4_DATA, file->path, "%s is too large", name);
  else if (*count > 0 && H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, *values) < 0)
    status = m4_fail(err, M4_DATA, file->path, "%s cannot be read", name);
  H5Dclose(dataset);
  return status;
}

static m4_status read_attribute(golden_file *file, const char *name, double *value, m4_error *err) {
  hid_t attribute = H5Aopen(file->handle, name, H5P_DEFAULT);
  if (attribute < 0) return m4_fail(err, M4_DATA, file->path, "no attribute %s", name);
  herr_t done = H5Aread(attribute, H5T_NATIVE_DOUBLE, value);
  H5Aclose(attribute);
  return done < 0 ? m4_fail(err, M4_DATA, file->path, "attribute %s cannot be read", name) : M4_OK;
}

m4_status golden_loss_attributes(golden_file *file, int32_t *n_links, double *aux_weight, m4_error *err) {
  double slots = 0;
  M4_TRY(read_attribute(file, "n_links", &slots, err));
  if (!(slots >= 1 && slots <= 1e6)) return m4_fail(err, M4_DATA, file->path, "n_links is %g", slots);
  *n_links = (int32_t)slots;
  return read_attribute(file, "aux_weight", aux_weight, err);
}

/* ---- sample ---- */

/* A dataset of an expected length, as another type; expected -1 = any. */
static m4_status read_floats(golden_file *file, const char *name, int64_t expected, float **to,
                             m4_error *err) {
  double *values;
  int64_t count;
  M4_TRY(golden_read(file, name, &values, &count, err));
  if (expected >= 0 && count != expected)
    return m4_fail(err, M4_DATA, file->path, "%s has %lld values, expected %lld", name, (long long)count,
                   (long long)expected);
  *to = m4_arena_alloc(&file->arena, (size_t)count, sizeof **to);
  if (!*to) return m4_fail(err, M4_MEMORY, file->path, "no memory");
  for (int64_t i = 0; i < count; i++) (*to)[i] = (float)values[i];
  return M4_OK;
}

static m4_status read_rows(golden_file *file, const char *name, int64_t expected, int32_t **to,
                           int64_t *count, m4_error *err) {
  double *values;
  M4_TRY(golden_read(file, name, &values, count, err));
  if (expected >= 0 && *count != expected)
    return m4_fail(err, M4_DATA, file->path, "%s has %lld values, expected %lld", name, (long long)*count,
                   (long long)expected);
  *to = m4_arena_alloc(&file->arena, (size_t)*count, sizeof **to);
  if (!*to) return m4_fail(err, M4_MEMORY, file->path, "no memory");
  for (int64_t i = 0; i < *count; i++) {
    if (!(values[i] >= 0 && values[i] < MOST_VALUES))
      return m4_fail(err, M4_DATA, file->path, "%s holds %g", name, values[i]);
    (*to)[i] = (int32_t)values[i];
  }
  return M4_OK;
}

static m4_status read_offsets(golden_file *file, const char *name, int32_t n_events, int64_t **to,
                              m4_error *err) {
  int32_t *rows;
  int64_t count;
  M4_TRY(read_rows(file, name, n_events + 1, &rows, &count, err));
  *to = m4_arena_alloc(&file->arena, (size_t)count, sizeof **to);
  if (!*to) return m4_fail(err, M4_MEMORY, file->path, "no memory");
  for (int64_t i = 0; i < count; i++) {
    if (i > 0 && rows[i] < rows[i - 1]) return m4_fail(err, M4_DATA, file->path, "%s decreases", name);
    (*to)[i] = rows[i];
  }
  return M4_OK;
}

static m4_status read_features(golden_file *file, m4_sample *sample, m4_error *err) {
  float *x;
  M4_TRY(read_floats(file, "sample/x", (int64_t)sample->n_flows * N_FEATURES, &x, err));
  size_t n = (size_t)sample->n_flows;
  sample->size_feature = m4_arena_alloc(&file->arena, n, sizeof(float));
  sample->flow_n_links = m4_arena_alloc(&file->arena, n, sizeof(float));
  sample->params = m4_arena_alloc(&file->arena, n * M4_N_PARAMS, sizeof(float));
  if (!sample->size_feature || !sample->flow_n_links || !sample->params)
    return m4_fail(err, M4_MEMORY, file->path, "no memory");
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
  sample->path_offset = m4_arena_calloc(&file->arena, (size_t)sample->n_flows + 1, sizeof(int32_t));
  sample->path_link = m4_arena_alloc(&file->arena, (size_t)n_edges, sizeof(int32_t));
  if (!sample->path_offset || !sample->path_link) return m4_fail(err, M4_MEMORY, file->path, "no memory");
  int32_t filled = 0;
  for (int32_t f = 0; f < sample->n_flows; f++) {
    for (int64_t e = 0; e < n_edges; e++)
      if (flows[e] == f) sample->path_link[filled++] = links[e];
    sample->path_offset[f + 1] = filled;
  }
  return filled == n_edges ? M4_OK
                           : m4_fail(err, M4_DATA, file->path, "an edge of a flow that does not exist");
}

static m4_status read_times(golden_file *file, m4_sample *sample, m4_error *err) {
  int32_t *active;
  int64_t count;
  size_t n = (size_t)sample->n_flows;
  M4_TRY(read_rows(file, "sample/flow_active", 2 * (int64_t)n, &active, &count, err));
  sample->arrival_event = m4_arena_alloc(&file->arena, n, sizeof(int32_t));
  sample->departure_event = m4_arena_alloc(&file->arena, n, sizeof(int32_t));
  if (!sample->arrival_event || !sample->departure_event)
    return m4_fail(err, M4_MEMORY, file->path, "no memory");
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
  m4_sample *sample = m4_arena_calloc(&file->arena, 1, sizeof *sample);
  if (!sample) return m4_fail(err, M4_MEMORY, file->path, "no memory");
  sample->n_flows = (int32_t)n_flows;
  sample->n_events = 2 * sample->n_flows;
  M4_TRY(golden_loss_attributes(file, &sample->n_links, &aux_weight, err));
  M4_TRY(read_floats(file, "sample/target_slowdown", n_flows, &sample->target_slowdown, err));
  M4_TRY(read_features(file, sample, err));
  M4_TRY(read_paths(file, sample, err));
  M4_TRY(read_times(file, sample, err));
  M4_TRY(read_labels(file, sample, err));
  *result = sample;
  return m4_sample_build_events(sample, &file->arena, err);
}
