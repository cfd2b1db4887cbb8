/* Golden files as golden_flatten writes them, for machines without HDF5 and JSON: "M4FLAT01", then one record
 * after another, little-endian: length of the name (4 bytes), bytes per value (4 bytes: 4 or 8), number of
 * values (8 bytes), the name, the values. Attributes are named "@NAME", weights "weights/NAME" [in, out]. */
#include "autograd/memory.h"
#include "tests/nn/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC_BYTES = 8, HEAD_BYTES = 16, MOST_FILE_BYTES = 1 << 26, MOST_WIDTH = 1 << 16 };

struct golden_file {
  char path[512];
  m4_arena arena;
  unsigned char *bytes;
  size_t n_bytes;
};

typedef struct record {
  const unsigned char *values;
  uint64_t count;
  uint32_t value_bytes;
} record;

const char *golden_path(const golden_file *file) {
  return file->path;
}

m4_arena *golden_arena(golden_file *file) {
  return &file->arena;
}

static m4_status read_all(golden_file *file, m4_error *err) {
  FILE *in = fopen(file->path, "rb");
  if (!in) return m4_fail(err, M4_IO, file->path, "cannot be opened");
  file->bytes = m4_arena_alloc(&file->arena, MOST_FILE_BYTES, 1);
  file->n_bytes = file->bytes ? fread(file->bytes, 1, MOST_FILE_BYTES, in) : 0;
  fclose(in);
  bool good = file->n_bytes >= MAGIC_BYTES && memcmp(file->bytes, "M4FLAT01", MAGIC_BYTES) == 0;
  return good ? M4_OK : m4_fail(err, M4_DATA, file->path, "is not a flat golden file");
}

m4_status golden_open(golden_file **result, const char *path, m4_error *err) {
  golden_file *file = *result = calloc(1, sizeof *file);
  if (!file) return m4_fail(err, M4_MEMORY, path, "no memory");
  strncpy(file->path, path, sizeof file->path - 1);
  m4_status status = m4_arena_init(&file->arena, (size_t)1 << 30, err);
  if (status == M4_OK) status = read_all(file, err);
  if (status == M4_OK) return M4_OK;
  golden_close(file);
  *result = NULL;
  return status;
}

void golden_close(golden_file *file) {
  if (!file) return;
  m4_arena_free(&file->arena);
  free(file);
}

/* ---- records ---- */

/* The record at *at, which moves behind it; false at the end and where the file is broken. */
static bool next(const golden_file *file, size_t *at, const char **name, size_t *name_length, record *found) {
  uint32_t length;
  size_t left = file->n_bytes - *at;
  if (left < HEAD_BYTES) return false;
  memcpy(&length, file->bytes + *at, sizeof length);
  memcpy(&found->value_bytes, file->bytes + *at + 4, sizeof found->value_bytes);
  memcpy(&found->count, file->bytes + *at + 8, sizeof found->count);
  left -= HEAD_BYTES;
  if (length > left || (found->value_bytes != 4 && found->value_bytes != 8)) return false;
  left -= length;
  if (found->count > left / found->value_bytes) return false;
  *name = (const char *)file->bytes + *at + HEAD_BYTES;
  *name_length = length;
  found->values = file->bytes + *at + HEAD_BYTES + length;
  *at += HEAD_BYTES + length + (size_t)found->count * found->value_bytes;
  return true;
}

static m4_status find(const golden_file *file, const char *wanted, record *found, m4_error *err) {
  const char *name;
  size_t length, at = MAGIC_BYTES;
  while (next(file, &at, &name, &length, found))
    if (length == strlen(wanted) && memcmp(name, wanted, length) == 0) return M4_OK;
  return m4_fail(err, M4_DATA, file->path, "no values named %s", wanted);
}

m4_status golden_read(golden_file *file, const char *name, double **values, int64_t *count, m4_error *err) {
  record found;
  M4_TRY(find(file, name, &found, err));
  *count = (int64_t)found.count;
  *values = m4_arena_calloc(&file->arena, (size_t)found.count, sizeof **values);
  if (!*values) return m4_fail(err, M4_MEMORY, file->path, "no memory");
  for (size_t i = 0; i < found.count; ++i) {
    float single;
    memcpy(&single, found.values + i * found.value_bytes, sizeof single);
    memcpy(&(*values)[i], found.values + i * found.value_bytes, found.value_bytes);
    if (found.value_bytes == sizeof single) (*values)[i] = single;
  }
  return M4_OK;
}

m4_status golden_attribute(golden_file *file, const char *name, double *value, m4_error *err) {
  char full[128];
  double *values;
  int64_t count;
  snprintf(full, sizeof full, "@%s", name);
  M4_TRY(golden_read(file, full, &values, &count, err));
  if (count != 1)
    return m4_fail(err, M4_DATA, file->path, "attribute %s has %lld values", name, (long long)count);
  *value = values[0];
  return M4_OK;
}

/* ---- the model ---- */

static m4_status read_width(golden_file *file, const char *name, int32_t *width, m4_error *err) {
  double value = 0;
  M4_TRY(golden_attribute(file, name, &value, err));
  if (!(value >= 1 && value <= MOST_WIDTH)) return m4_fail(err, M4_DATA, file->path, "%s is %g", name, value);
  *width = (int32_t)value;
  return M4_OK;
}

static m4_status load_param(golden_file *file, ag_param *param, const ag_backend *backend, m4_error *err) {
  char name[128];
  record found;
  snprintf(name, sizeof name, "weights/%s", param->name);
  M4_TRY(find(file, name, &found, err));
  if (found.value_bytes != sizeof(float) || (int64_t)found.count != (int64_t)param->rows * param->cols)
    return m4_fail(err, M4_DATA, file->path, "%s has another shape", name);
  ag_upload(backend, param->data, found.values, (size_t)found.count * sizeof(float));
  ag_param_refresh(param, backend);
  return M4_OK;
}

m4_status golden_model(golden_file *file, m4_model **model, const ag_backend *backend,
                       const char *weights_path, m4_error *err) {
  m4_widths widths = m4_default_widths();
  (void)weights_path;
  M4_TRY(read_width(file, "hidden_size", &widths.hidden, err));
  M4_TRY(read_width(file, "gcn_hidden_size", &widths.gcn_hidden, err));
  M4_TRY(read_width(file, "gcn_n_layer", &widths.gcn_layers, err));
  widths.head_hidden = widths.aux_hidden = widths.hidden;
  M4_TRY(m4_model_create(model, widths, backend, err));
  for (int32_t i = 0; i < (*model)->n_params; ++i)
    M4_TRY(load_param(file, (*model)->params[i], backend, err));
  return M4_OK;
}
