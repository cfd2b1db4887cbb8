/* The header of a .npy file: magic, version, length, then a dict in Python's notation, of which the three
 * entries that numpy writes are read: {'descr': '<i8', 'fortran_order': False, 'shape': (3, 4), }. */
#include "data/pickle/npy.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 30, MAX_HEADER_BYTES = 1 << 16, MAX_TYPE_BYTES = 16 };
/* Reserved, not used: a pickle takes some twenty bytes of memory for one of its own. */
enum { ARENA_PER_BYTE = 32, ARENA_BYTES = 1 << 24 };
static const char MAGIC[] = "\x93NUMPY";

static m4_status damaged(m4_error *err, const char *what) {
  return m4_fail(err, M4_DATA, NULL, "not a .npy file: %s", what);
}

/* ---- the header ---- */

/* Where the value of a key begins; NULL when there is no such key. */
static const char *value_of(const char *header, const char *key) {
  const char *at = strstr(header, key);
  if (!at) return NULL;
  at += strlen(key);
  at += strspn(at, " ");
  if (*at++ != ':') return NULL;
  return at + strspn(at, " ");
}

static bool parse_type(ds_numpy_type *type, const char *at) {
  char text[MAX_TYPE_BYTES];
  if (*at != '\'' && *at != '"') return false;
  size_t length = strcspn(at + 1, "'\"");
  if (length >= sizeof text || at[1 + length] == '\0') return false;
  memcpy(text, at + 1, length);
  text[length] = '\0';
  return ds_numpy_type_of(type, text);
}

/* "(3, 4)", "(3,)" or "()". */
static bool parse_shape(ds_sequence *values, int64_t *total, const char *at) {
  enum { MAX_DIGITS = 15 };
  if (*at++ != '(') return false;
  *total = 1;
  for (values->rank = 0; *at != ')'; ++values->rank) {
    size_t digits = strspn(at, "0123456789");
    if (digits == 0 || digits > MAX_DIGITS || values->rank == DS_NUMPY_MAX_RANK) return false;
    int64_t extent = strtoll(at, NULL, 10);
    values->shape[values->rank] = extent;
    if (__builtin_mul_overflow(*total, extent, total)) return false;
    at += digits;
    if (*at == ',')
      at += 1 + strspn(at + 1, " ");
    else if (*at != ')')
      return false;
  }
  values->count = values->rank > 0 ? values->shape[0] : 1;
  return *total > 0 || values->rank == 1; /* no huge extents beside a 0 */
}

static m4_status parse_header(ds_sequence *values, int64_t *total, const char *header, m4_error *err) {
  const char *type = value_of(header, "'descr'"), *order = value_of(header, "'fortran_order'"),
             *shape = value_of(header, "'shape'");
  if (!type || !order || !shape) return damaged(err, "its header lacks descr, fortran_order or shape");
  if (!parse_type(&values->type, type)) return damaged(err, "its type is not one that is read");
  if (!parse_shape(values, total, shape)) return damaged(err, "impossible shape");
  bool fortran = strncmp(order, "True", 4) == 0;
  if (!fortran && strncmp(order, "False", 5) != 0) return damaged(err, "impossible order");
  if (fortran && values->rank > 1) return damaged(err, "an array in Fortran order");
  return M4_OK;
}

/* Copies the header out; *begin is where the array begins. */
static m4_status find_header(char header[MAX_HEADER_BYTES], size_t *begin, const char *text, size_t length,
                             m4_error *err) {
  enum { VERSION_AT = 6, LENGTH_AT = 8, SHORT_BEGIN = 10, LONG_BEGIN = 12 };
  const unsigned char *bytes = (const unsigned char *)text;
  if (length < LONG_BEGIN || memcmp(text, MAGIC, VERSION_AT) != 0) return damaged(err, "it begins otherwise");
  bool is_short = bytes[VERSION_AT] == 1;
  if (bytes[VERSION_AT] < 1 || bytes[VERSION_AT] > 3) return damaged(err, "unknown version");
  size_t start = is_short ? SHORT_BEGIN : LONG_BEGIN, header_bytes = 0;
  for (size_t i = start; i > LENGTH_AT; --i) header_bytes = header_bytes << 8 | bytes[i - 1];
  if (header_bytes > length - start || header_bytes >= MAX_HEADER_BYTES)
    return damaged(err, "its header is too long");
  memcpy(header, text + start, header_bytes);
  header[header_bytes] = '\0';
  *begin = start + header_bytes;
  return M4_OK;
}

/* ---- the array ---- */

static m4_status read_objects(ds_npy *array, int64_t total, const unsigned char *bytes, size_t length,
                              m4_error *err) {
  const ds_pickle_value *value = NULL;
  ds_sequence inner;
  M4_TRY(m4_arena_init(&array->arena, (size_t)ARENA_PER_BYTE * length + ARENA_BYTES, err));
  M4_TRY(ds_pickle_read(&value, &array->arena, bytes, length, &ds_numpy_rules, err));
  if (!ds_sequence_of(&inner, value) || !inner.items) return damaged(err, "its pickle is no array of values");
  int64_t n_values = 1;
  for (int32_t i = 0; i < inner.rank; ++i) n_values *= inner.shape[i];
  if (n_values != total) return damaged(err, "its pickle has another length than its header");
  array->values.items = inner.items;
  return M4_OK;
}

m4_status ds_npy_parse(ds_npy *array, const char *text, size_t length, m4_error *err) {
  char *header = malloc(MAX_HEADER_BYTES);
  if (!header) return m4_fail(err, M4_MEMORY, NULL, "no memory for a header");
  size_t begin = 0;
  int64_t total = 0, bytes = 0;
  m4_status status = find_header(header, &begin, text, length, err);
  if (status == M4_OK) status = parse_header(&array->values, &total, header, err);
  free(header);
  M4_TRY(status);
  const unsigned char *values = (const unsigned char *)text + begin;
  if (array->values.type.kind == 'O') return read_objects(array, total, values, length - begin, err);
  if (__builtin_mul_overflow(total, array->values.type.bytes, &bytes) || (uint64_t)bytes != length - begin)
    return damaged(err, "it is shorter or longer than its shape");
  array->values.bytes = values;
  return M4_OK;
}

m4_status ds_npy_read(ds_npy *array, const char *path, m4_error *err) {
  size_t length;
  *array = (ds_npy){0};
  M4_TRY(m4_file_read(path, MAX_FILE_BYTES, &array->text, &length, err));
  m4_status status = ds_npy_parse(array, array->text, length, err);
  if (status == M4_OK) return M4_OK;
  ds_npy_free(array);
  return m4_within(err, status, path);
}

void ds_npy_free(ds_npy *array) {
  free(array->text);
  m4_arena_free(&array->arena);
  *array = (ds_npy){0};
}
