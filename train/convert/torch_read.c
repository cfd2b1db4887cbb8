/* From an archive's pickle and raw storages to named tensors. */
#include "train/convert/torch_file.h"

#include "base/text.h"
#include "train/convert/archive.h"
#include "train/convert/torch_names.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PICKLE_BYTES = 4 << 20, MAX_TENSORS = 1 << 14, MAX_NESTING = 32, MAX_NAME_BYTES = 256 };
static const size_t ARENA_BYTES = (size_t)1 << 30; /* reserved, not used */

typedef struct reader {
  tr_archive *archive;
  const char *path;
  tr_tensors *out;
  uint64_t bytes_left; /* tensors may not be larger than the file, all together */
  int32_t visits_left; /* values to look at */
  m4_error *err;
} reader;

/* A tensor as pickled: where its numbers lie in its storage. */
typedef struct layout {
  const char *storage;
  int64_t storage_count, offset;
  int64_t stride[NN_MAX_RANK];
} layout;

static m4_status refuse(reader *r, const char *name, const char *what) {
  char shown[MAX_NAME_BYTES];
  m4_text_show(shown, sizeof shown, name);
  return m4_fail(r->err, M4_DATA, r->path, "tensor %s: %s", shown, what);
}

/* ---- one tensor ---- */

static bool read_extents(int64_t *extents, int32_t *rank, const ds_pickle_value *tuple) {
  if (tuple->kind != DS_PICKLE_TUPLE || tuple->n_items > NN_MAX_RANK) return false;
  *rank = tuple->n_items;
  for (int32_t i = 0; i < tuple->n_items; ++i) {
    if (tuple->items[i]->kind != DS_PICKLE_INT || tuple->items[i]->integer < 0) return false;
    extents[i] = tuple->items[i]->integer;
  }
  return true;
}

/* Every element inside the storage, none more numbers than it has; no overflow on the way. */
static bool fits(const nn_tensor *tensor, const layout *place) {
  int64_t last = place->offset;
  for (int32_t i = 0; i < tensor->rank; ++i) {
    int64_t span;
    if (tensor->shape[i] == 0) return true;
    if (__builtin_mul_overflow(tensor->shape[i] - 1, place->stride[i], &span) ||
        __builtin_add_overflow(last, span, &last))
      return false;
  }
  return tensor->count <= place->storage_count && last < place->storage_count;
}

static m4_status read_layout(reader *r, const char *name, const ds_pickle_value *value, nn_tensor *tensor,
                             layout *place) {
  int32_t n_strides;
  if (value->n_items < 6 || value->items[1]->kind != DS_PICKLE_INT) return refuse(r, name, "wrong arguments");
  const ds_pickle_value *id = tr_torch_storage(value->items[0]);
  if (!id) return refuse(r, name, "its numbers are no torch storage");
  if (strcmp(id->items[1]->name, "torch FloatStorage") != 0) return refuse(r, name, "is not float32");
  place->storage = id->items[2]->text;
  place->storage_count = id->items[4]->integer;
  place->offset = value->items[1]->integer;
  if (strlen(place->storage) > 20 || strspn(place->storage, "0123456789") != strlen(place->storage))
    return refuse(r, name, "its storage has no number");
  if (!read_extents(tensor->shape, &tensor->rank, value->items[2]) ||
      !read_extents(place->stride, &n_strides, value->items[3]) || n_strides != tensor->rank)
    return refuse(r, name, "impossible shape");
  tensor->count = 1;
  for (int32_t i = 0; i < tensor->rank; ++i)
    if (__builtin_mul_overflow(tensor->count, tensor->shape[i], &tensor->count))
      return refuse(r, name, "impossible shape");
  if (place->offset < 0 || place->storage_count < 0 || !fits(tensor, place))
    return refuse(r, name, "reaches beyond its storage");
  return M4_OK;
}

/* Row-major copy of a strided tensor. */
static void gather(float *out, const unsigned char *storage, const nn_tensor *tensor, const layout *place) {
  int64_t index[NN_MAX_RANK] = {0};
  for (int64_t i = 0; i < tensor->count; ++i) {
    int64_t at = place->offset;
    for (int32_t d = 0; d < tensor->rank; ++d) at += index[d] * place->stride[d];
    memcpy(&out[i], storage + 4 * at, sizeof *out);
    for (int32_t d = tensor->rank - 1; d >= 0 && ++index[d] == tensor->shape[d]; --d) index[d] = 0;
  }
}

static m4_status read_numbers(reader *r, const char *name, nn_tensor *tensor, const layout *place) {
  char entry[32];
  unsigned char *storage = NULL;
  size_t length = 0;
  snprintf(entry, sizeof entry, "data/%s", place->storage);
  M4_TRY(tr_archive_read(r->archive, entry, r->bytes_left, &storage, &length, r->err));
  m4_status status = M4_OK;
  float *numbers = NULL;
  if (length % 4 != 0 || (int64_t)(length / 4) != place->storage_count)
    status = refuse(r, name, "its storage has another length than the pickle says");
  if (status == M4_OK) {
    r->bytes_left -= length;
    numbers = malloc((size_t)tensor->count * sizeof *numbers + 1);
    if (!numbers) status = m4_fail(r->err, M4_MEMORY, r->path, "no memory for a tensor");
  }
  if (status == M4_OK) gather(numbers, storage, tensor, place);
  tensor->bytes = numbers;
  free(storage);
  return status;
}

static m4_status grow(reader *r) {
  if (r->out->count < r->out->capacity) return M4_OK;
  if (r->out->count >= MAX_TENSORS)
    return m4_fail(r->err, M4_DATA, r->path, "more than %d tensors", MAX_TENSORS);
  int32_t capacity = r->out->capacity ? 2 * r->out->capacity : 64;
  nn_tensor *tensors = realloc(r->out->tensors, (size_t)capacity * sizeof *tensors);
  if (!tensors) return m4_fail(r->err, M4_MEMORY, r->path, "no memory for a list of tensors");
  r->out->tensors = tensors;
  r->out->capacity = capacity;
  return M4_OK;
}

static m4_status add_tensor(reader *r, const char *name, const ds_pickle_value *value) {
  nn_tensor tensor = {0};
  layout place = {0};
  M4_TRY(grow(r));
  M4_TRY(read_layout(r, name, value, &tensor, &place));
  M4_TRY(read_numbers(r, name, &tensor, &place));
  tensor.name = strdup(name);
  if (!tensor.name) {
    free((void *)tensor.bytes);
    return m4_fail(r->err, M4_MEMORY, r->path, "no memory for a tensor");
  }
  r->out->tensors[r->out->count++] = tensor;
  return M4_OK;
}

/* ---- all tensors ---- */

/* Limited in depth and in visits: values may refer to each other in circles. */
static m4_status walk(reader *r, const char *name, const ds_pickle_value *value, int depth) {
  if (--r->visits_left < 0 || depth > MAX_NESTING)
    return m4_fail(r->err, M4_DATA, r->path, "its values are nested too deeply");
  if (ds_pickle_is_call(value, TR_TORCH_TENSOR)) return add_tensor(r, name, value);
  if (value->kind != DS_PICKLE_DICT && value->kind != DS_PICKLE_OBJECT) return M4_OK;
  for (int32_t i = 0; i + 1 < value->n_items; i += 2) {
    char inner[MAX_NAME_BYTES];
    const char *dot = depth > 0 ? "." : "";
    if (value->items[i]->kind != DS_PICKLE_TEXT) continue;
    int length = snprintf(inner, sizeof inner, "%s%s%s", name, dot, value->items[i]->text);
    if (length < 0 || (size_t)length >= sizeof inner) return refuse(r, name, "a name that is too long");
    M4_TRY(walk(r, inner, value->items[i + 1], depth + 1));
  }
  return M4_OK;
}

static m4_status read_tensors(reader *r, const char *prefix, m4_arena *arena) {
  unsigned char *text = NULL;
  size_t length = 0;
  const ds_pickle_value *root = NULL;
  M4_TRY(tr_archive_read(r->archive, "data.pkl", MAX_PICKLE_BYTES, &text, &length, r->err));
  m4_status status = ds_pickle_read(&root, arena, text, length, &tr_torch_rules, r->err);
  free(text);
  if (status != M4_OK) return m4_within(r->err, status, r->path);
  const ds_pickle_value *weights = ds_pickle_find(root, "state_dict");
  int32_t before = r->out->count;
  M4_TRY(walk(r, prefix, weights ? weights : root, 0));
  if (r->out->count == before) return m4_fail(r->err, M4_DATA, r->path, "holds no tensors");
  return M4_OK;
}

m4_status tr_torch_read(tr_tensors *tensors, const char *path, const char *prefix, m4_error *err) {
  reader r = {.path = path, .out = tensors, .visits_left = 1 << 16, .err = err};
  m4_arena arena = {0};
  M4_TRY(tr_archive_open(&r.archive, path, err));
  r.bytes_left = tr_archive_bytes(r.archive);
  m4_status status = m4_arena_init(&arena, ARENA_BYTES, err);
  if (status == M4_OK) status = read_tensors(&r, prefix, &arena);
  m4_arena_free(&arena);
  tr_archive_close(r.archive);
  return status;
}

void tr_tensors_free(tr_tensors *tensors) {
  for (int32_t i = 0; i < tensors->count; ++i) {
    free((void *)tensors->tensors[i].name);
    free((void *)tensors->tensors[i].bytes);
  }
  free(tensors->tensors);
  memset(tensors, 0, sizeof *tensors);
}
