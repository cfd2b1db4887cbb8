/* Containers, texts and numbers of the pickle machine. */
#include "data/pickle/machine.h"

#include <string.h>

enum { FIRST_CAPACITY = 8 };

/* ---- containers ---- */

static m4_status append(ds_machine *m, ds_pickle_value *list, int32_t first, int32_t count) {
  if (list->n_items > INT32_MAX / 4 - count) return ds_machine_no_memory(m);
  if (list->n_items + count > list->capacity) {
    int32_t capacity = list->capacity > 0 ? 2 * list->capacity : FIRST_CAPACITY;
    if (capacity < list->n_items + count) capacity = list->n_items + count;
    const ds_pickle_value **items = m4_arena_alloc(m->arena, (size_t)capacity, sizeof *items);
    if (!items) return ds_machine_no_memory(m);
    if (list->n_items > 0) memcpy(items, list->items, (size_t)list->n_items * sizeof *items);
    list->items = items;
    list->capacity = capacity;
  }
  for (int32_t i = 0; i < count; ++i) list->items[list->n_items++] = m->stack[first + i];
  return M4_OK;
}

static m4_status make_tuple(ds_machine *m, int32_t first, int32_t count) {
  ds_pickle_value *tuple = NULL;
  M4_TRY(ds_machine_new(m, DS_PICKLE_TUPLE, &tuple));
  if (count > 0) M4_TRY(append(m, tuple, first, count));
  m->depth = first;
  return ds_machine_push(m, tuple);
}

m4_status ds_machine_tuple(ds_machine *m, int32_t count) {
  M4_TRY(ds_machine_need(m, count));
  return make_tuple(m, m->depth - count, count);
}

m4_status ds_machine_marked_tuple(ds_machine *m) {
  int32_t first = 0, count = 0;
  M4_TRY(ds_machine_pop_to_mark(m, &first, &count));
  return make_tuple(m, first, count);
}

/* Adds stack[first ..] to the container below them and takes them off. */
static m4_status add_items(ds_machine *m, int32_t first, int32_t count, bool pairs) {
  m->depth = first;
  M4_TRY(ds_machine_need(m, 1));
  ds_pickle_value *container = ds_machine_top(m);
  bool is_dict = container->kind == DS_PICKLE_DICT || container->kind == DS_PICKLE_OBJECT;
  if (pairs && !is_dict) return ds_machine_damaged(m, "entries for something that is no dict");
  if (!pairs && container->kind != DS_PICKLE_LIST)
    return ds_machine_damaged(m, "items for something that is no list");
  if (pairs && count % 2 != 0) return ds_machine_damaged(m, "a key without a value");
  return count > 0 ? append(m, container, first, count) : M4_OK;
}

m4_status ds_machine_add_marked(ds_machine *m, bool pairs) {
  int32_t first = 0, count = 0;
  M4_TRY(ds_machine_pop_to_mark(m, &first, &count));
  return add_items(m, first, count, pairs);
}

m4_status ds_machine_add(ds_machine *m, int32_t count, bool pairs) {
  M4_TRY(ds_machine_need(m, count + 1));
  return add_items(m, m->depth - count, count, pairs);
}

/* ---- texts ---- */

/* The length, then as many bytes, copied with a zero behind them. */
static m4_status take_block(ds_machine *m, size_t length_bytes, char **block, size_t *length) {
  uint64_t count = 0;
  const unsigned char *bytes = NULL;
  M4_TRY(ds_machine_take_number(m, length_bytes, &count));
  if (count > m->length - m->at || count > INT32_MAX)
    return ds_machine_damaged(m, "a text longer than the file");
  *length = (size_t)count;
  M4_TRY(ds_machine_take(m, *length, &bytes));
  *block = m4_arena_alloc(m->arena, *length + 1, 1);
  if (!*block) return ds_machine_no_memory(m);
  memcpy(*block, bytes, *length);
  (*block)[*length] = '\0';
  return M4_OK;
}

m4_status ds_machine_text(ds_machine *m, size_t length_bytes) {
  char *text = NULL;
  size_t length = 0;
  M4_TRY(take_block(m, length_bytes, &text, &length));
  if (strlen(text) != length) return ds_machine_damaged(m, "a text with a zero byte");
  M4_TRY(ds_machine_push_new(m, DS_PICKLE_TEXT));
  ds_machine_top(m)->text = text;
  return M4_OK;
}

m4_status ds_machine_bytes(ds_machine *m, size_t length_bytes) {
  char *bytes = NULL;
  size_t length = 0;
  M4_TRY(take_block(m, length_bytes, &bytes, &length));
  M4_TRY(ds_machine_push_new(m, DS_PICKLE_BYTES));
  ds_machine_top(m)->bytes = (const unsigned char *)bytes;
  ds_machine_top(m)->n_items = (int32_t)length;
  return M4_OK;
}

/* ---- numbers ---- */

m4_status ds_machine_integer(ds_machine *m, ds_pickle_kind kind, int64_t integer) {
  M4_TRY(ds_machine_push_new(m, kind));
  ds_machine_top(m)->integer = integer;
  return M4_OK;
}

m4_status ds_machine_unsigned(ds_machine *m, size_t bytes) {
  uint64_t number = 0;
  M4_TRY(ds_machine_take_number(m, bytes, &number));
  return ds_machine_integer(m, DS_PICKLE_INT, (int64_t)number);
}

m4_status ds_machine_int32(ds_machine *m) {
  uint64_t number = 0;
  M4_TRY(ds_machine_take_number(m, 4, &number));
  return ds_machine_integer(m, DS_PICKLE_INT, (int32_t)(uint32_t)number);
}

/* LONG1: two's complement of a length that comes first. */
m4_status ds_machine_long(ds_machine *m) {
  uint64_t length = 0, number = 0;
  M4_TRY(ds_machine_take_number(m, 1, &length));
  if (length > 8) return ds_machine_damaged(m, "an integer of more than 64 bits");
  M4_TRY(ds_machine_take_number(m, (size_t)length, &number));
  if (length > 0 && length < 8 && number >> (8 * length - 1) != 0) number |= ~(uint64_t)0 << (8 * length);
  int64_t integer;
  memcpy(&integer, &number, sizeof integer);
  return ds_machine_integer(m, DS_PICKLE_INT, integer);
}

/* BINFLOAT: a double, big endian. */
m4_status ds_machine_real(ds_machine *m) {
  const unsigned char *bytes = NULL;
  M4_TRY(ds_machine_take(m, 8, &bytes));
  uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | bytes[i];
  M4_TRY(ds_machine_push_new(m, DS_PICKLE_REAL));
  memcpy(&ds_machine_top(m)->real, &number, sizeof number);
  return M4_OK;
}
