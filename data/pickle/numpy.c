/* numpy's arrays and numbers as they are pickled. */
#include "data/pickle/numpy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static ds_pickle_role role_of(const char *name) {
  static const char *const calls[] = {"numpy dtype", "numpy.core.multiarray _reconstruct",
                                      "numpy.core.multiarray scalar", "numpy._core.multiarray _reconstruct",
                                      "numpy._core.multiarray scalar"};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; ++i)
    if (strcmp(name, calls[i]) == 0) return DS_ROLE_CALL;
  return strcmp(name, "numpy ndarray") == 0 ? DS_ROLE_WORD : DS_ROLE_REFUSED;
}

const ds_pickle_rules ds_numpy_rules = {
    .role_of = role_of, .hint = "only lists, tuples, dicts, texts and numbers are read", .max_protocol = 5};

static bool is_call(const ds_pickle_value *value, const char *function) {
  char name[64] = "numpy.core.multiarray ", newer[64] = "numpy._core.multiarray ";
  strcat(name, function);
  strcat(newer, function);
  return ds_pickle_is_call(value, name) || ds_pickle_is_call(value, newer);
}

/* ---- types ---- */

static bool has_width(const ds_numpy_type *type) {
  int32_t bytes = type->bytes;
  switch (type->kind) {
  case 'O':
    return true;
  case 'b':
    return bytes == 1;
  case 'i':
  case 'u':
    return bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;
  case 'f':
    return bytes == 4 || bytes == 8;
  case 'U':
    return bytes > 0 && bytes <= INT32_MAX / 4;
  default:
    return false;
  }
}

bool ds_numpy_type_of(ds_numpy_type *type, const char *text) {
  *type = (ds_numpy_type){.big_endian = *text == '>'};
  if (*text && strchr("<>|=", *text)) text++;
  if (!*text) return false;
  type->kind = *text++;
  size_t digits = strspn(text, "0123456789");
  if (text[digits] != '\0' || digits > 8) return false;
  type->bytes = (int32_t)strtol(text, NULL, 10);
  if (!has_width(type)) return false;
  if (type->kind == 'U') type->bytes *= 4;
  return true;
}

/* dtype('i8', False, True) with the state (3, '<', ...). */
static bool type_of_value(ds_numpy_type *type, const ds_pickle_value *value) {
  if (!ds_pickle_is_call(value, "numpy dtype") || value->n_items < 1 ||
      value->items[0]->kind != DS_PICKLE_TEXT)
    return false;
  if (!ds_numpy_type_of(type, value->items[0]->text)) return false;
  const ds_pickle_value *state = value->state;
  if (state && state->kind == DS_PICKLE_TUPLE && state->n_items > 1 &&
      state->items[1]->kind == DS_PICKLE_TEXT)
    type->big_endian = strcmp(state->items[1]->text, ">") == 0;
  return true;
}

/* ---- numbers ---- */

static uint64_t load(const unsigned char *bytes, const ds_numpy_type *type) {
  uint64_t bits = 0;
  for (int32_t i = 0; i < type->bytes; ++i)
    bits |= (uint64_t)bytes[type->big_endian ? type->bytes - 1 - i : i] << (8 * i);
  return bits;
}

static bool is_integral(const ds_numpy_type *type) {
  return type->kind == 'i' || type->kind == 'u' || type->kind == 'b';
}

static int64_t load_integer(const unsigned char *bytes, const ds_numpy_type *type) {
  uint64_t bits = load(bytes, type);
  int unused = 64 - 8 * type->bytes;
  if (type->kind == 'i' && unused > 0 && bits >> (63 - unused) != 0) bits |= ~(uint64_t)0 << (64 - unused);
  int64_t integer;
  memcpy(&integer, &bits, sizeof integer);
  return integer;
}

static double load_real(const unsigned char *bytes, const ds_numpy_type *type) {
  uint64_t bits = load(bytes, type);
  uint32_t low = (uint32_t)bits;
  double real;
  float single;
  memcpy(&real, &bits, sizeof real);
  memcpy(&single, &low, sizeof single);
  return type->bytes == 4 ? (double)single : real;
}

static bool whole_number(int64_t *integer, double real) {
  if (!(fabs(real) <= 9007199254740992.0) || real != floor(real)) return false;
  *integer = (int64_t)real;
  return true;
}

static bool number_at(int64_t *integer, const unsigned char *bytes, const ds_numpy_type *type) {
  if (type->kind == 'f') return whole_number(integer, load_real(bytes, type));
  if (!is_integral(type)) return false;
  *integer = load_integer(bytes, type);
  return type->kind != 'u' || *integer >= 0;
}

/* The bytes of a pickled numpy number. */
static const unsigned char *scalar(ds_numpy_type *type, const ds_pickle_value *value) {
  if (!is_call(value, "scalar") || value->n_items != 2 || !type_of_value(type, value->items[0])) return NULL;
  const ds_pickle_value *bytes = value->items[1];
  bool fits = bytes->kind == DS_PICKLE_BYTES && bytes->n_items == type->bytes;
  return fits && (is_integral(type) || type->kind == 'f') ? bytes->bytes : NULL;
}

bool ds_value_integer(int64_t *integer, const ds_pickle_value *value) {
  if (value->kind == DS_PICKLE_REAL) return whole_number(integer, value->real);
  if (value->kind == DS_PICKLE_INT || value->kind == DS_PICKLE_BOOL) {
    *integer = value->integer;
    return true;
  }
  ds_numpy_type type;
  const unsigned char *bytes = scalar(&type, value);
  return bytes && number_at(integer, bytes, &type);
}

static bool value_real(double *real, const ds_pickle_value *value) {
  ds_numpy_type type;
  const unsigned char *bytes = scalar(&type, value);
  if (bytes) {
    *real = type.kind == 'f' ? load_real(bytes, &type) : (double)load_integer(bytes, &type);
    return true;
  }
  if (value->kind == DS_PICKLE_REAL) *real = value->real;
  if (value->kind == DS_PICKLE_INT) *real = (double)value->integer;
  return value->kind == DS_PICKLE_REAL || value->kind == DS_PICKLE_INT;
}

/* ---- sequences ---- */

/* The shape and, in *total, its product. */
static bool read_shape(ds_sequence *sequence, const ds_pickle_value *shape, int64_t *total) {
  if (shape->kind != DS_PICKLE_TUPLE || shape->n_items > DS_NUMPY_MAX_RANK) return false;
  *total = 1;
  sequence->rank = shape->n_items;
  for (int32_t i = 0; i < shape->n_items; ++i) {
    if (shape->items[i]->kind != DS_PICKLE_INT || shape->items[i]->integer < 0 ||
        __builtin_mul_overflow(*total, shape->items[i]->integer, total))
      return false;
    sequence->shape[i] = shape->items[i]->integer;
  }
  sequence->count = shape->n_items > 0 ? sequence->shape[0] : 1;
  return *total > 0 || sequence->rank == 1; /* no huge extents beside a 0 */
}

/* _reconstruct(ndarray, (0,), b'b') with the state (version, shape, type, Fortran order, values). */
static bool array_of(ds_sequence *sequence, const ds_pickle_value *value) {
  const ds_pickle_value *state = value->state;
  int64_t total, bytes;
  if (!state || state->kind != DS_PICKLE_TUPLE || state->n_items != 5) return false;
  const ds_pickle_value *order = state->items[3], *values = state->items[4];
  if (!read_shape(sequence, state->items[1], &total) || !type_of_value(&sequence->type, state->items[2]))
    return false;
  if (order->kind != DS_PICKLE_BOOL || (order->integer && sequence->rank > 1)) return false;
  if (sequence->type.kind == 'O') {
    if (values->kind != DS_PICKLE_LIST || values->n_items != total) return false;
    sequence->items = values->items;
    return true;
  }
  if (__builtin_mul_overflow(total, sequence->type.bytes, &bytes)) return false;
  sequence->bytes = values->bytes;
  return values->kind == DS_PICKLE_BYTES && values->n_items == bytes;
}

bool ds_sequence_of(ds_sequence *sequence, const ds_pickle_value *value) {
  *sequence = (ds_sequence){.rank = 1, .type = {.kind = 'O'}};
  if (is_call(value, "_reconstruct")) return array_of(sequence, value);
  if (value->kind != DS_PICKLE_LIST && value->kind != DS_PICKLE_TUPLE) return false;
  sequence->count = sequence->shape[0] = value->n_items;
  sequence->items = value->items;
  return true;
}

static const unsigned char *element(const ds_sequence *sequence, int64_t index) {
  return sequence->bytes + index * sequence->type.bytes;
}

static bool has(const ds_sequence *sequence, int64_t index) {
  return sequence->rank <= 1 && index >= 0 && index < sequence->count;
}

bool ds_sequence_at(ds_sequence *inner, const ds_sequence *sequence, int64_t index) {
  if (index < 0 || index >= sequence->count) return false;
  if (sequence->rank <= 1) return sequence->items && ds_sequence_of(inner, sequence->items[index]);
  int64_t stride = 1;
  *inner = *sequence;
  inner->rank--;
  for (int32_t i = 1; i < sequence->rank; ++i) {
    inner->shape[i - 1] = sequence->shape[i];
    stride *= sequence->shape[i];
  }
  inner->count = inner->shape[0];
  if (sequence->items)
    inner->items += index * stride;
  else
    inner->bytes = element(sequence, index * stride);
  return true;
}

bool ds_sequence_integer(int64_t *integer, const ds_sequence *sequence, int64_t index) {
  if (!has(sequence, index)) return false;
  if (sequence->items) return ds_value_integer(integer, sequence->items[index]);
  return number_at(integer, element(sequence, index), &sequence->type);
}

bool ds_sequence_real(double *real, const ds_sequence *sequence, int64_t index) {
  if (!has(sequence, index)) return false;
  if (sequence->items) return value_real(real, sequence->items[index]);
  if (sequence->type.kind == 'f')
    *real = load_real(element(sequence, index), &sequence->type);
  else if (is_integral(&sequence->type))
    *real = (double)load_integer(element(sequence, index), &sequence->type);
  else
    return false;
  return true;
}

bool ds_sequence_text(const char **text, const ds_sequence *sequence, int64_t index) {
  if (!has(sequence, index) || !sequence->items || sequence->items[index]->kind != DS_PICKLE_TEXT)
    return false;
  *text = sequence->items[index]->text;
  return true;
}
