/* Samples as arrays. Knows nn. */
#include "train/sample_arrays.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_EXACT = 1 << 24 };

/* ---- sample to arrays ---- */

typedef struct array_list {
  tr_arrays *arrays;
  bool exact, complete; /* every whole number fits; there was memory for everything */
} array_list;

static float *add_array(array_list *list, const char *name, int64_t count) {
  m4_named_array *array = &list->arrays->items[list->arrays->count++];
  snprintf(array->name, sizeof array->name, "%s", name);
  array->rows = 1;
  array->cols = count;
  array->data = calloc((size_t)count + 1, sizeof *array->data);
  if (!array->data) list->complete = false;
  return array->data;
}

static void add_reals(array_list *list, const char *name, const float *values, int64_t count) {
  float *data = add_array(list, name, count);
  if (data && count > 0) memcpy(data, values, (size_t)count * sizeof *data);
}

static void put_whole(array_list *list, float *to, int64_t value) {
  if (value < 0 || value > LARGEST_EXACT) list->exact = false;
  *to = (float)value;
}

static void add_whole(array_list *list, const char *name, const int32_t *values, int64_t count) {
  float *data = add_array(list, name, count);
  for (int64_t i = 0; data && i < count; ++i) put_whole(list, &data[i], values[i]);
}

/* Lengths instead of offsets: they stay small. */
static void add_lengths(array_list *list, const char *name, const int64_t *offset, int64_t count) {
  float *data = add_array(list, name, count);
  for (int64_t i = 0; data && i < count; ++i) put_whole(list, &data[i], offset[i + 1] - offset[i]);
}

/* Flows of all events together. */
static int64_t count_rows(const m4_sample *sample) {
  int64_t n_rows = 0;
  for (int32_t j = 0; j < 2 * sample->n_flows; ++j) n_rows += sample->events[j].n_flows;
  return n_rows;
}

static void list_sample(array_list *list, const m4_sample *sample) {
  int64_t n = sample->n_flows, n_events = 2 * n; /* also those after a cut: they are still there */
  add_reals(list, "size_feature", sample->size_feature, n);
  add_reals(list, "flow_n_links", sample->flow_n_links, n);
  add_reals(list, "params", sample->params, n * M4_N_PARAMS);
  add_reals(list, "target_slowdown", sample->target_slowdown, n);
  add_reals(list, "dt_us", sample->dt_us, n_events);
  float *hops = add_array(list, "hops", n);
  for (int64_t i = 0; hops && i < n; ++i)
    put_whole(list, &hops[i], sample->path_offset[i + 1] - sample->path_offset[i]);
  add_whole(list, "path_link", sample->path_link, sample->path_offset[n]);
  add_whole(list, "arrival_event", sample->arrival_event, n);
  add_whole(list, "departure_event", sample->departure_event, n);
  if (sample->fluid) add_reals(list, "fluid", sample->fluid, count_rows(sample) * M4_N_FLUID);
  if (sample->size_offset) {
    add_lengths(list, "size_count", sample->size_offset, n_events);
    add_reals(list, "size_labels", sample->size_labels, sample->size_offset[n_events]);
  }
  if (sample->queue_offset) {
    add_lengths(list, "queue_count", sample->queue_offset, n_events);
    add_reals(list, "queue_labels", sample->queue_labels, sample->queue_offset[n_events]);
    add_whole(list, "queue_rows", sample->queue_rows, sample->queue_offset[n_events]);
  }
}

m4_status tr_arrays_from_sample(tr_arrays *arrays, const m4_sample *sample, m4_error *err) {
  array_list list = {.arrays = arrays, .exact = true, .complete = true};
  memset(arrays, 0, sizeof *arrays);
  list_sample(&list, sample);
  if (!list.complete) return m4_fail(err, M4_MEMORY, NULL, "no memory for the sample");
  if (!list.exact) return m4_fail(err, M4_DATA, NULL, "the sample is too large to save");
  return M4_OK;
}

void tr_arrays_free(tr_arrays *arrays) {
  for (int32_t i = 0; i < arrays->count; ++i) free(arrays->items[i].data);
  arrays->count = 0;
}

/* ---- arrays to sample ---- */

typedef struct reader {
  const m4_named_array *arrays;
  int32_t n_arrays;
  m4_arena *arena;
  m4_error *err;
  m4_status status; /* first failure; what is read after it is NULL */
} reader;

static void fail_array(reader *r, const char *name, const char *what) {
  if (r->status == M4_OK) r->status = m4_fail(r->err, M4_DATA, NULL, "array %s %s", name, what);
}

static const m4_named_array *find(const reader *r, const char *name) {
  for (int32_t i = 0; i < r->n_arrays; ++i)
    if (strcmp(r->arrays[i].name, name) == 0) return &r->arrays[i];
  return NULL;
}

/* An array of `count` values. */
static const float *need(reader *r, const char *name, int64_t count) {
  const m4_named_array *array = find(r, name);
  if (!array || array->rows * array->cols != count) {
    fail_array(r, name, array ? "is of another length" : "is missing");
    return NULL;
  }
  return array->data;
}

static float *reals(reader *r, const char *name, int64_t count) {
  const float *from = need(r, name, count);
  float *values = from ? m4_arena_alloc(r->arena, (size_t)count + 1, sizeof *values) : NULL;
  if (from && !values) fail_array(r, name, "does not fit into memory");
  if (values) memcpy(values, from, (size_t)count * sizeof *values);
  return values;
}

static bool is_whole(float value) {
  return value >= 0 && value <= (float)LARGEST_EXACT && value == floorf(value);
}

static int32_t *wholes(reader *r, const char *name, int64_t count) {
  const float *from = need(r, name, count);
  int32_t *values = from ? m4_arena_alloc(r->arena, (size_t)count + 1, sizeof *values) : NULL;
  if (from && !values) fail_array(r, name, "does not fit into memory");
  for (int64_t i = 0; values && i < count; ++i) {
    if (!is_whole(from[i])) fail_array(r, name, "has a value that is not a count");
    values[i] = is_whole(from[i]) ? (int32_t)from[i] : 0;
  }
  return values;
}

/* [count + 1] offsets from lengths. */
static int64_t *offsets(reader *r, const char *name, int64_t count) {
  const int32_t *lengths = wholes(r, name, count);
  int64_t *values = lengths ? m4_arena_alloc(r->arena, (size_t)count + 1, sizeof *values) : NULL;
  if (lengths && !values) fail_array(r, name, "does not fit into memory");
  if (!values) return NULL;
  values[0] = 0;
  for (int64_t i = 0; i < count; ++i) values[i + 1] = values[i] + lengths[i];
  return values;
}

static void read_paths(reader *r, m4_sample *sample) {
  int32_t n = sample->n_flows;
  int64_t *offset = offsets(r, "hops", n);
  if (!offset) return;
  if (offset[n] > INT32_MAX) fail_array(r, "hops", "adds up to too many");
  sample->path_offset = m4_arena_alloc(r->arena, (size_t)n + 1, sizeof *sample->path_offset);
  if (!sample->path_offset) fail_array(r, "hops", "does not fit into memory");
  if (r->status != M4_OK) return;
  for (int32_t i = 0; i <= n; ++i) sample->path_offset[i] = (int32_t)offset[i];
  sample->path_link = wholes(r, "path_link", offset[n]);
}

static void read_labels(reader *r, m4_sample *sample) {
  int64_t n_events = sample->n_events;
  if (find(r, "size_count") && (sample->size_offset = offsets(r, "size_count", n_events)))
    sample->size_labels = reals(r, "size_labels", sample->size_offset[n_events]);
  if (find(r, "queue_count") && (sample->queue_offset = offsets(r, "queue_count", n_events))) {
    sample->queue_labels = reals(r, "queue_labels", sample->queue_offset[n_events]);
    sample->queue_rows = wholes(r, "queue_rows", sample->queue_offset[n_events]);
  }
}

/* After the events are made: each has the features of its flows. */
static m4_status read_fluid(reader *r, m4_sample *sample) {
  if (!find(r, "fluid")) return M4_OK;
  float *features = sample->fluid = reals(r, "fluid", count_rows(sample) * M4_N_FLUID);
  for (int32_t j = 0; features && j < sample->n_events; ++j) {
    sample->events[j].fluid = features;
    features += (int64_t)sample->events[j].n_flows * M4_N_FLUID;
  }
  return r->status;
}

/* Bytes that a sample can take at most: every flow active at every event. */
static double most_bytes(const reader *r, double n_flows, double n_links) {
  const m4_named_array *path = find(r, "path_link");
  double hops = path ? (double)path->rows * (double)path->cols : 0, bytes = (1 << 20) + 64 * n_links;
  for (int32_t i = 0; i < r->n_arrays; ++i)
    bytes += 16 * (double)r->arrays[i].rows * (double)r->arrays[i].cols + 256;
  return bytes + 2 * n_flows * (16 * (n_flows + hops) + sizeof(m4_event_data) + 512);
}

static m4_status open_reader(reader *r, int64_t *n_flows, int64_t n_links) {
  const m4_named_array *first = find(r, "size_feature");
  *n_flows = first ? first->rows * first->cols : 0;
  double bytes = most_bytes(r, (double)*n_flows, (double)n_links);
  if (*n_flows < 1 || *n_flows > LARGEST_EXACT / 2 || n_links < 1 || n_links > LARGEST_EXACT || bytes > 1e15)
    return m4_fail(r->err, M4_DATA, NULL, "a sample of %lld flows and %lld links", (long long)*n_flows,
                   (long long)n_links);
  return m4_arena_init(r->arena, (size_t)bytes, r->err);
}

m4_status tr_sample_from_arrays(m4_sample *sample, const m4_named_array *arrays, int32_t n_arrays,
                                int64_t n_links, m4_arena *arena, m4_error *err) {
  reader r = {.arrays = arrays, .n_arrays = n_arrays, .arena = arena, .err = err};
  int64_t n;
  memset(sample, 0, sizeof *sample);
  M4_TRY(open_reader(&r, &n, n_links));
  sample->n_flows = (int32_t)n;
  sample->n_links = (int32_t)n_links;
  sample->n_events = 2 * sample->n_flows;
  sample->size_feature = reals(&r, "size_feature", n);
  sample->flow_n_links = reals(&r, "flow_n_links", n);
  sample->params = reals(&r, "params", n * M4_N_PARAMS);
  sample->target_slowdown = reals(&r, "target_slowdown", n);
  sample->dt_us = reals(&r, "dt_us", sample->n_events);
  sample->arrival_event = wholes(&r, "arrival_event", n);
  sample->departure_event = wholes(&r, "departure_event", n);
  read_paths(&r, sample);
  read_labels(&r, sample);
  if (r.status == M4_OK) r.status = m4_sample_build_events(sample, arena, err);
  return r.status == M4_OK ? read_fluid(&r, sample) : r.status;
}
