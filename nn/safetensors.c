/* Reading safetensors files that nobody vouches for. Knows base, metadata and jansson. */
#include "nn/safetensors.h"

#include "base/file.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors is little endian");

static const uint64_t MAX_HEADER_BYTES = 100 * 1000 * 1000;
static const size_t MAX_FILE_BYTES = (size_t)4 << 30;
enum { LENGTH_BYTES = 8, SHOWN_NAME_BYTES = 128, MAX_NOTES = 1024 };

/* An error about one tensor: "FILE: tensor NAME". */
static m4_status fail_at(m4_error *err, const char *path, const char *name, const char *what) {
  char shown[SHOWN_NAME_BYTES];
  m4_text_show(shown, sizeof shown, name);
  m4_fail(err, M4_DATA, NULL, "tensor %s: %s", shown, what);
  return m4_within(err, M4_DATA, path);
}

static m4_status parse_header(nn_safetensors *content, const char *path, size_t length, size_t *buffer_begin,
                              m4_error *err) {
  if (length < LENGTH_BYTES)
    return m4_fail(err, M4_DATA, path, "%zu bytes: too short for a safetensors file", length);
  uint64_t header_bytes;
  memcpy(&header_bytes, content->file, LENGTH_BYTES);
  if (header_bytes > MAX_HEADER_BYTES)
    return m4_fail(err, M4_DATA, path,
                   "header of %llu bytes is above the limit of 100 MB: not a safetensors file?",
                   (unsigned long long)header_bytes);
  if (header_bytes > length - LENGTH_BYTES)
    return m4_fail(err, M4_DATA, path, "truncated: header of %llu bytes in a file of %zu",
                   (unsigned long long)header_bytes, length);
  const char *text = content->file + LENGTH_BYTES;
  if (header_bytes == 0 || text[0] != '{')
    return m4_fail(err, M4_DATA, path, "the header is not a JSON object");
  json_error_t reason;
  content->header = json_loadb(text, (size_t)header_bytes, JSON_REJECT_DUPLICATES, &reason);
  if (!content->header)
    return m4_fail(err, M4_DATA, path, "damaged header: %s (byte %d)", reason.text, reason.position);
  *buffer_begin = LENGTH_BYTES + (size_t)header_bytes;
  return M4_OK;
}

static m4_status parse_metadata(m4_metadata *metadata, json_t *notes, const char *path, m4_error *err) {
  if (!json_is_object(notes)) return m4_fail(err, M4_DATA, path, "__metadata__ is not a JSON object");
  if (json_object_size(notes) > MAX_NOTES)
    return m4_fail(err, M4_DATA, path, "__metadata__ holds more than %d entries", MAX_NOTES);
  const char *key;
  json_t *value;
  json_object_foreach(notes, key, value) {
    if (!json_is_string(value))
      return m4_fail(err, M4_DATA, path, "__metadata__ holds a value that is not a string");
    M4_TRY(m4_metadata_set(metadata, key, json_string_value(value), err));
  }
  return M4_OK;
}

/* Fills rank, shape and count; false when the shape is not usable. */
static bool parse_shape(nn_tensor *tensor, const json_t *shape) {
  size_t rank = json_array_size(shape); /* 0 when it is no array */
  if (!json_is_array(shape) || rank > NN_MAX_RANK) return false;
  tensor->rank = (int32_t)rank;
  tensor->count = 1;
  for (size_t i = 0; i < rank; ++i) {
    const json_t *extent = json_array_get(shape, i);
    if (!json_is_integer(extent) || json_integer_value(extent) < 0) return false;
    tensor->shape[i] = json_integer_value(extent);
    if (__builtin_mul_overflow(tensor->count, tensor->shape[i], &tensor->count)) return false;
  }
  return true;
}

/* Fills one tensor. `bytes` is set inside the buffer; the byte range must be exactly as long as the shape
 * says. */
static m4_status parse_tensor(nn_tensor *tensor, const char *name, const json_t *entry, const char *buffer,
                              int64_t buffer_bytes, const char *path, m4_error *err) {
  tensor->name = name;
  const char *dtype = json_string_value(json_object_get(entry, "dtype"));
  const json_t *offsets = json_object_get(entry, "data_offsets");
  const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
  if (json_object_size(entry) != 3 || !dtype || json_array_size(offsets) != 2 || !json_is_integer(first) ||
      !json_is_integer(last))
    return fail_at(err, path, name, "needs dtype, shape and two data_offsets, nothing else");
  if (strcmp(dtype, "F32") != 0) return fail_at(err, path, name, "dtype is not F32, the only one supported");
  if (!parse_shape(tensor, json_object_get(entry, "shape")))
    return fail_at(err, path, name, "impossible shape");
  int64_t begin = json_integer_value(first), end = json_integer_value(last);
  if (begin < 0 || end < begin || end > buffer_bytes)
    return fail_at(err, path, name, "data_offsets outside the file");
  if ((end - begin) % 4 != 0 || (end - begin) / 4 != tensor->count)
    return fail_at(err, path, name, "data_offsets do not fit the shape");
  tensor->bytes = buffer + begin;
  return M4_OK;
}

/* By first byte; tensors without bytes before the one that starts there. */
static int by_place(const void *left, const void *right) {
  const nn_tensor *a = left, *b = right;
  const char *from_a = a->bytes, *from_b = b->bytes;
  if (from_a != from_b) return from_a < from_b ? -1 : 1;
  return (a->count > b->count) - (a->count < b->count);
}

/* Every byte of the buffer belongs to exactly one tensor. */
static m4_status check_coverage(nn_safetensors *content, const char *buffer, const char *end,
                                const char *path, m4_error *err) {
  if (content->n_tensors > 0)
    qsort(content->tensors, (size_t)content->n_tensors, sizeof *content->tensors, by_place);
  const char *next = buffer;
  for (int32_t i = 0; i < content->n_tensors; ++i) {
    const nn_tensor *tensor = &content->tensors[i];
    const char *bytes = tensor->bytes;
    if (bytes != next)
      return fail_at(err, path, tensor->name,
                     bytes < next ? "overlaps another tensor" : "a hole before its bytes");
    next = bytes + 4 * tensor->count;
  }
  if (next != end) return m4_fail(err, M4_DATA, path, "%td bytes at the end belong to no tensor", end - next);
  return M4_OK;
}

static bool all_finite(const nn_tensor *tensor) {
  const char *bytes = tensor->bytes;
  for (int64_t i = 0; i < tensor->count; ++i) {
    float value;
    memcpy(&value, bytes + 4 * i, sizeof value);
    if (!isfinite(value)) return false;
  }
  return true;
}

/* The file is whole: what made it failed. */
static m4_status fail_infinite(m4_error *err, const char *path, const char *name) {
  fail_at(err, path, name, "holds a value that is not finite");
  if (err) err->status = M4_NUMERIC;
  return m4_hint(err, M4_NUMERIC, "training went astray; use an earlier checkpoint");
}

static m4_status read_content(nn_safetensors *content, const char *path, m4_error *err) {
  size_t length, buffer_begin;
  M4_TRY(m4_file_read(path, MAX_FILE_BYTES, &content->file, &length, err));
  M4_TRY(parse_header(content, path, length, &buffer_begin, err));
  const char *buffer = content->file + buffer_begin, *end = content->file + length;
  size_t entries = json_object_size(content->header);
  content->tensors = calloc(entries ? entries : 1, sizeof *content->tensors);
  if (!content->tensors) return m4_fail(err, M4_MEMORY, path, "no memory for %zu tensors", entries);
  const char *name;
  json_t *entry;
  json_object_foreach(content->header, name, entry) {
    if (strcmp(name, "__metadata__") == 0) {
      M4_TRY(parse_metadata(&content->metadata, entry, path, err));
      continue;
    }
    M4_TRY(
        parse_tensor(&content->tensors[content->n_tensors++], name, entry, buffer, end - buffer, path, err));
  }
  M4_TRY(check_coverage(content, buffer, end, path, err));
  for (int32_t i = 0; i < content->n_tensors; ++i)
    if (!all_finite(&content->tensors[i])) return fail_infinite(err, path, content->tensors[i].name);
  return M4_OK;
}

m4_status nn_safetensors_read(nn_safetensors *content, const char *path, m4_error *err) {
  memset(content, 0, sizeof *content);
  m4_status status = read_content(content, path, err);
  if (status != M4_OK) nn_safetensors_free(content);
  return status;
}

void nn_safetensors_free(nn_safetensors *content) {
  json_decref(content->header);
  free(content->tensors);
  free(content->file);
  m4_metadata_free(&content->metadata);
  memset(content, 0, sizeof *content);
}

const nn_tensor *nn_safetensors_find(const nn_safetensors *content, const char *name) {
  for (int32_t i = 0; i < content->n_tensors; ++i)
    if (strcmp(content->tensors[i].name, name) == 0) return &content->tensors[i];
  return NULL;
}

void nn_shape_text(char *out, size_t out_bytes, const nn_tensor *tensor) {
  size_t used = 0;
  for (int32_t i = 0; i < tensor->rank && used < out_bytes; ++i)
    used +=
        (size_t)snprintf(out + used, out_bytes - used, "%s%lld", i ? ", " : "[", (long long)tensor->shape[i]);
  if (used < out_bytes) snprintf(out + used, out_bytes - used, "%s", tensor->rank ? "]" : "[]");
}

/* ---- writing ---- */

static m4_status add_tensor(json_t *header, const nn_tensor *tensor, int64_t begin, const char *path,
                            m4_error *err) {
  if (!all_finite(tensor)) {
    m4_fail(err, M4_NUMERIC, NULL, "tensor %s holds a value that is not finite", tensor->name);
    return m4_within(err, M4_NUMERIC, path);
  }
  if (json_object_get(header, tensor->name)) return fail_at(err, path, tensor->name, "given twice");
  json_t *shape = json_array();
  for (int32_t i = 0; i < tensor->rank; ++i) json_array_append_new(shape, json_integer(tensor->shape[i]));
  json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets",
                            (json_int_t)begin, (json_int_t)(begin + 4 * tensor->count));
  if (json_object_set_new(header, tensor->name, entry) != 0)
    return fail_at(err, path, tensor->name, "cannot be named in a header");
  return M4_OK;
}

static m4_status fill_header(json_t *header, const nn_tensor *tensors, int32_t n_tensors,
                             const m4_metadata *metadata, const char *path, m4_error *err) {
  if (metadata && metadata->count > 0) {
    json_t *notes = json_object();
    json_object_set_new(header, "__metadata__", notes);
    for (int32_t i = 0; i < metadata->count; ++i)
      if (json_object_set_new(notes, metadata->keys[i], json_string(metadata->values[i])) != 0)
        return m4_fail(err, M4_DATA, path, "metadata entry %d is not UTF-8 text", (int)i);
  }
  int64_t begin = 0;
  for (int32_t i = 0; i < n_tensors; ++i) {
    M4_TRY(add_tensor(header, &tensors[i], begin, path, err));
    begin += 4 * tensors[i].count;
  }
  return M4_OK;
}

/* The header as text, padded with spaces so that the buffer starts at a multiple of eight. */
static m4_status render_header(const nn_tensor *tensors, int32_t n_tensors, const m4_metadata *metadata,
                               const char *path, char **text, m4_error *err) {
  json_t *header = json_object();
  if (!header) return m4_fail(err, M4_MEMORY, path, "no memory for the header");
  m4_status status = fill_header(header, tensors, n_tensors, metadata, path, err);
  char *plain = status == M4_OK ? json_dumps(header, JSON_COMPACT) : NULL;
  json_decref(header);
  if (status != M4_OK) return status;
  size_t length = plain ? strlen(plain) : 0, padded = (length + 7) / 8 * 8;
  *text = plain ? realloc(plain, padded + 1) : NULL;
  if (!*text) {
    free(plain);
    return m4_fail(err, M4_MEMORY, path, "no memory for the header");
  }
  memset(*text + length, ' ', padded - length);
  (*text)[padded] = '\0';
  return M4_OK;
}

m4_status nn_safetensors_write(const char *path, const nn_tensor *tensors, int32_t n_tensors,
                               const m4_metadata *metadata, m4_error *err) {
  char *header;
  M4_TRY(render_header(tensors, n_tensors, metadata, path, &header, err));
  uint64_t header_bytes = strlen(header);
  m4_outfile file;
  m4_status status = m4_outfile_open(&file, path, err);
  if (status == M4_OK) { /* failed writes are noticed by the commit */
    fwrite(&header_bytes, sizeof header_bytes, 1, file.stream);
    fwrite(header, 1, (size_t)header_bytes, file.stream);
    for (int32_t i = 0; i < n_tensors; ++i)
      fwrite(tensors[i].bytes, 4, (size_t)tensors[i].count, file.stream);
    status = m4_outfile_commit(&file, err);
  }
  free(header);
  return status;
}
