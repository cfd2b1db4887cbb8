/* The pickle machine: a stack of values, marks in it, and a memo. Knows base only. */
#include "train/convert/pickle.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 4096, MAX_MEMO = 1 << 20, MAX_NAME_BYTES = 256, FIRST_CAPACITY = 8 };

typedef struct machine {
  const unsigned char *bytes;
  size_t length, at, opcode_at;
  m4_arena *arena;
  tr_pickle_value *stack[MAX_DEPTH];
  int32_t marks[MAX_DEPTH]; /* stack depths */
  int32_t depth, n_marks;
  tr_pickle_value **memo; /* [memo_capacity] */
  uint32_t memo_capacity;
  m4_error *err;
} machine;

static m4_status damaged(machine *m, const char *what) {
  return m4_fail(m->err, M4_DATA, NULL, "pickle, byte %zu: %s", m->opcode_at, what);
}

static m4_status no_memory(machine *m) {
  return m4_fail(m->err, M4_MEMORY, NULL, "pickle, byte %zu: too many values", m->opcode_at);
}

/* ---- input ---- */

static m4_status take(machine *m, size_t count, const unsigned char **bytes) {
  if (count > m->length - m->at) return damaged(m, "ends in the middle of a value");
  *bytes = m->bytes + m->at;
  m->at += count;
  return M4_OK;
}

/* Little endian, at most eight bytes. */
static m4_status take_number(machine *m, size_t count, uint64_t *number) {
  const unsigned char *bytes = NULL;
  M4_TRY(take(m, count, &bytes));
  *number = 0;
  for (size_t i = 0; i < count; ++i) *number |= (uint64_t)bytes[i] << (8 * i);
  return M4_OK;
}

/* Up to and without the next newline, which is taken too. */
static m4_status take_line(machine *m, const char **line, size_t *length) {
  const unsigned char *start = m->bytes + m->at;
  const unsigned char *end = m->at < m->length ? memchr(start, '\n', m->length - m->at) : NULL;
  if (!end) return damaged(m, "ends in the middle of a name");
  *line = (const char *)start;
  *length = (size_t)(end - start);
  m->at += *length + 1;
  return M4_OK;
}

/* ---- stack ---- */

static m4_status new_value(machine *m, tr_pickle_kind kind, tr_pickle_value **value) {
  *value = m4_arena_calloc(m->arena, 1, sizeof **value);
  if (!*value) return no_memory(m);
  (*value)->kind = kind;
  return M4_OK;
}

static m4_status push(machine *m, tr_pickle_value *value) {
  if (m->depth >= MAX_DEPTH) return damaged(m, "too many values on the stack");
  m->stack[m->depth++] = value;
  return M4_OK;
}

static m4_status push_new(machine *m, tr_pickle_kind kind) {
  tr_pickle_value *value = NULL;
  M4_TRY(new_value(m, kind, &value));
  return push(m, value);
}

static m4_status push_integer(machine *m, tr_pickle_kind kind, int64_t integer) {
  M4_TRY(push_new(m, kind));
  m->stack[m->depth - 1]->integer = integer;
  return M4_OK;
}

/* Values above the newest mark only: a mark protects what lies below. */
static m4_status need(machine *m, int32_t count) {
  int32_t floor = m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0;
  if (m->depth - floor < count) return damaged(m, "too few values on the stack");
  return M4_OK;
}

static m4_status pop(machine *m, tr_pickle_value **value) {
  M4_TRY(need(m, 1));
  *value = m->stack[--m->depth];
  return M4_OK;
}

static m4_status push_mark(machine *m) {
  if (m->n_marks >= MAX_DEPTH) return damaged(m, "too many marks");
  m->marks[m->n_marks++] = m->depth;
  return M4_OK;
}

/* Everything above the newest mark: stack[*first .. *first + *count), still there until the next push. */
static m4_status pop_to_mark(machine *m, int32_t *first, int32_t *count) {
  if (m->n_marks == 0) return damaged(m, "no mark to go back to");
  *first = m->marks[--m->n_marks];
  *count = m->depth - *first;
  m->depth = *first;
  return M4_OK;
}

/* ---- containers ---- */

static m4_status append(machine *m, tr_pickle_value *list, int32_t first, int32_t count) {
  if (list->n_items > INT32_MAX / 4 - count) return no_memory(m);
  if (list->n_items + count > list->capacity) {
    int32_t capacity = list->capacity ? list->capacity : FIRST_CAPACITY;
    while (capacity < list->n_items + count) capacity *= 2;
    const tr_pickle_value **items = m4_arena_alloc(m->arena, (size_t)capacity, sizeof *items);
    if (!items) return no_memory(m);
    if (list->n_items > 0) memcpy(items, list->items, (size_t)list->n_items * sizeof *items);
    list->items = items;
    list->capacity = capacity;
  }
  for (int32_t i = 0; i < count; ++i) list->items[list->n_items++] = m->stack[first + i];
  return M4_OK;
}

static m4_status make_tuple(machine *m, int32_t first, int32_t count) {
  tr_pickle_value *tuple = NULL;
  M4_TRY(new_value(m, TR_PICKLE_TUPLE, &tuple));
  if (count > 0) M4_TRY(append(m, tuple, first, count));
  m->depth = first;
  return push(m, tuple);
}

static m4_status small_tuple(machine *m, int32_t count) {
  M4_TRY(need(m, count));
  return make_tuple(m, m->depth - count, count);
}

static m4_status marked_tuple(machine *m) {
  int32_t first = 0, count = 0;
  M4_TRY(pop_to_mark(m, &first, &count));
  return make_tuple(m, first, count);
}

/* Adds stack[first ..] to the container below them and takes them off. */
static m4_status add_items(machine *m, int32_t first, int32_t count, bool pairs) {
  m->depth = first;
  M4_TRY(need(m, 1));
  tr_pickle_value *container = m->stack[m->depth - 1];
  bool is_dict = container->kind == TR_PICKLE_DICT || container->kind == TR_PICKLE_OBJECT;
  if (pairs ? !is_dict : container->kind != TR_PICKLE_LIST)
    return damaged(m,
                   pairs ? "entries for something that is no dict" : "items for something that is no list");
  if (pairs && count % 2 != 0) return damaged(m, "a key without a value");
  return count > 0 ? append(m, container, first, count) : M4_OK;
}

static m4_status add_marked(machine *m, bool pairs) {
  int32_t first = 0, count = 0;
  M4_TRY(pop_to_mark(m, &first, &count));
  return add_items(m, first, count, pairs);
}

static m4_status add_few(machine *m, int32_t count, bool pairs) {
  M4_TRY(need(m, count + 1));
  return add_items(m, m->depth - count, count, pairs);
}

/* ---- texts, names, numbers ---- */

static m4_status push_text(machine *m, size_t length_bytes) {
  uint64_t length = 0;
  const unsigned char *bytes = NULL;
  M4_TRY(take_number(m, length_bytes, &length));
  if (length > m->length - m->at) return damaged(m, "a text longer than the file");
  M4_TRY(take(m, (size_t)length, &bytes));
  if (length > 0 && memchr(bytes, '\0', (size_t)length)) return damaged(m, "a text with a zero byte");
  char *text = m4_arena_calloc(m->arena, (size_t)length + 1, 1);
  if (!text) return no_memory(m);
  memcpy(text, bytes, (size_t)length);
  M4_TRY(push_new(m, TR_PICKLE_TEXT));
  m->stack[m->depth - 1]->text = text;
  return M4_OK;
}

static m4_status push_class(machine *m) {
  const char *module = NULL, *name = NULL;
  size_t module_bytes = 0, name_bytes = 0;
  M4_TRY(take_line(m, &module, &module_bytes));
  M4_TRY(take_line(m, &name, &name_bytes));
  if (module_bytes + name_bytes + 2 > MAX_NAME_BYTES) return damaged(m, "a name that is too long");
  char *full = m4_arena_calloc(m->arena, module_bytes + name_bytes + 2, 1);
  if (!full) return no_memory(m);
  memcpy(full, module, module_bytes);
  full[module_bytes] = ' ';
  memcpy(full + module_bytes + 1, name, name_bytes);
  tr_pickle_role role = tr_pickle_role_of(full);
  if (role == TR_ROLE_UNKNOWN) {
    char shown[MAX_NAME_BYTES];
    m4_text_show(shown, sizeof shown, full);
    m4_status status =
        m4_fail(m->err, M4_DATA, NULL, "pickle, byte %zu: refers to \"%s\", which is not allowed",
                m->opcode_at, shown);
    return m4_hint(m->err, status, "only weights are read; save model.state_dict() with torch.save");
  }
  M4_TRY(push_new(m, TR_PICKLE_CLASS));
  m->stack[m->depth - 1]->text = full;
  m->stack[m->depth - 1]->role = role;
  return M4_OK;
}

static m4_status push_unsigned(machine *m, size_t bytes) {
  uint64_t number = 0;
  M4_TRY(take_number(m, bytes, &number));
  return push_integer(m, TR_PICKLE_INT, (int64_t)number);
}

static m4_status push_int32(machine *m) {
  uint64_t number = 0;
  M4_TRY(take_number(m, 4, &number));
  return push_integer(m, TR_PICKLE_INT, (int32_t)(uint32_t)number);
}

/* LONG1: two's complement of a length that comes first. */
static m4_status push_long(machine *m) {
  uint64_t length = 0, number = 0;
  M4_TRY(take_number(m, 1, &length));
  if (length > 8) return damaged(m, "an integer of more than 64 bits");
  M4_TRY(take_number(m, (size_t)length, &number));
  if (length > 0 && length < 8 && number >> (8 * length - 1) != 0) number |= ~(uint64_t)0 << (8 * length);
  int64_t integer;
  memcpy(&integer, &number, sizeof integer);
  return push_integer(m, TR_PICKLE_INT, integer);
}

/* BINFLOAT: a double, big endian. */
static m4_status push_real(machine *m) {
  const unsigned char *bytes = NULL;
  M4_TRY(take(m, 8, &bytes));
  uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | bytes[i];
  M4_TRY(push_new(m, TR_PICKLE_REAL));
  memcpy(&m->stack[m->depth - 1]->real, &number, sizeof number);
  return M4_OK;
}

/* ---- memo ---- */

static m4_status memo_put(machine *m, size_t index_bytes) {
  uint64_t index = 0;
  M4_TRY(take_number(m, index_bytes, &index));
  M4_TRY(need(m, 1));
  if (index >= MAX_MEMO || index > m->length) return damaged(m, "memo number out of range");
  if (index >= m->memo_capacity) {
    uint32_t capacity = m->memo_capacity ? m->memo_capacity : 256;
    while (capacity <= index) capacity *= 2;
    tr_pickle_value **memo = realloc(m->memo, capacity * sizeof *memo);
    if (!memo) return no_memory(m);
    memset(memo + m->memo_capacity, 0, (capacity - m->memo_capacity) * sizeof *memo);
    m->memo = memo;
    m->memo_capacity = capacity;
  }
  m->memo[index] = m->stack[m->depth - 1];
  return M4_OK;
}

static m4_status memo_get(machine *m, size_t index_bytes) {
  uint64_t index = 0;
  M4_TRY(take_number(m, index_bytes, &index));
  if (index >= m->memo_capacity || !m->memo[index]) return damaged(m, "memo number that was never set");
  return push(m, m->memo[index]);
}

/* ---- what known names stand for ---- */

static m4_status make_storage(machine *m) {
  tr_pickle_value *id = NULL;
  M4_TRY(pop(m, &id));
  bool good = id->kind == TR_PICKLE_TUPLE && id->n_items == 5 && id->items[0]->kind == TR_PICKLE_TEXT &&
              strcmp(id->items[0]->text, "storage") == 0 && id->items[1]->kind == TR_PICKLE_CLASS &&
              id->items[1]->role == TR_ROLE_STORAGE && id->items[2]->kind == TR_PICKLE_TEXT &&
              id->items[3]->kind == TR_PICKLE_TEXT && id->items[4]->kind == TR_PICKLE_INT;
  if (!good) return damaged(m, "a persistent value that is no torch storage");
  M4_TRY(push_new(m, TR_PICKLE_STORAGE));
  m->stack[m->depth - 1]->items = id->items;
  m->stack[m->depth - 1]->n_items = id->n_items;
  return M4_OK;
}

static m4_status make_tensor(machine *m, const tr_pickle_value *arguments) {
  bool good = arguments->n_items >= 6 && arguments->items[0]->kind == TR_PICKLE_STORAGE &&
              arguments->items[1]->kind == TR_PICKLE_INT && arguments->items[2]->kind == TR_PICKLE_TUPLE &&
              arguments->items[3]->kind == TR_PICKLE_TUPLE;
  if (!good) return damaged(m, "a tensor with wrong arguments");
  M4_TRY(push_new(m, TR_PICKLE_TENSOR));
  m->stack[m->depth - 1]->items = arguments->items;
  m->stack[m->depth - 1]->n_items = arguments->n_items;
  return M4_OK;
}

static m4_status call(machine *m, bool new_object) {
  tr_pickle_value *arguments = NULL, *callee = NULL;
  M4_TRY(need(m, 2));
  M4_TRY(pop(m, &arguments));
  M4_TRY(pop(m, &callee));
  if (callee->kind != TR_PICKLE_CLASS || arguments->kind != TR_PICKLE_TUPLE)
    return damaged(m, "a call of something that is no known name");
  if (callee->role == TR_ROLE_OBJECT && arguments->n_items == 0) return push_new(m, TR_PICKLE_OBJECT);
  if (!new_object && callee->role == TR_ROLE_DICT && arguments->n_items == 0)
    return push_new(m, TR_PICKLE_DICT);
  if (!new_object && callee->role == TR_ROLE_TENSOR) return make_tensor(m, arguments);
  bool wraps = callee->role == TR_ROLE_PARAMETER || callee->role == TR_ROLE_TAG;
  if (!new_object && wraps && arguments->n_items >= 1) return push(m, (tr_pickle_value *)arguments->items[0]);
  return damaged(m, "a call with arguments that are not allowed");
}

/* Attributes of an object; those of a dict (torch's _metadata) are of no interest. */
static m4_status build(machine *m) {
  tr_pickle_value *attributes = NULL, *object = NULL;
  M4_TRY(need(m, 2));
  M4_TRY(pop(m, &attributes));
  object = m->stack[m->depth - 1];
  if (object->kind == TR_PICKLE_DICT) return M4_OK;
  if (object->kind != TR_PICKLE_OBJECT || attributes->kind != TR_PICKLE_DICT || object->n_items > 0)
    return damaged(m, "attributes that are not allowed");
  object->items = attributes->items;
  object->n_items = attributes->n_items;
  object->capacity = attributes->n_items; /* a later item moves them: the dict keeps its own */
  return M4_OK;
}

/* ---- the loop ---- */

static m4_status check_protocol(machine *m) {
  uint64_t protocol = 0;
  M4_TRY(take_number(m, 1, &protocol));
  return protocol == 2 ? M4_OK : damaged(m, "not pickle protocol 2");
}

static m4_status refuse_opcode(machine *m, unsigned char opcode) {
  return m4_fail(m->err, M4_DATA, NULL, "pickle, byte %zu: opcode 0x%02x is not allowed", m->opcode_at,
                 opcode);
}

static m4_status step(machine *m, unsigned char opcode) {
  switch (opcode) {
  case 0x80:
    return check_protocol(m);
  case '(':
    return push_mark(m);
  case 'N':
    return push_new(m, TR_PICKLE_NONE);
  case 0x88:
    return push_integer(m, TR_PICKLE_BOOL, 1);
  case 0x89:
    return push_integer(m, TR_PICKLE_BOOL, 0);
  case 'K':
    return push_unsigned(m, 1);
  case 'M':
    return push_unsigned(m, 2);
  case 'J':
    return push_int32(m);
  case 0x8a:
    return push_long(m);
  case 'G':
    return push_real(m);
  case 'X':
    return push_text(m, 4);
  case 'c':
    return push_class(m);
  case '}':
    return push_new(m, TR_PICKLE_DICT);
  case ']':
    return push_new(m, TR_PICKLE_LIST);
  case ')':
    return push_new(m, TR_PICKLE_TUPLE);
  case 0x85:
    return small_tuple(m, 1);
  case 0x86:
    return small_tuple(m, 2);
  case 0x87:
    return small_tuple(m, 3);
  case 't':
    return marked_tuple(m);
  case 's':
    return add_few(m, 2, true);
  case 'u':
    return add_marked(m, true);
  case 'a':
    return add_few(m, 1, false);
  case 'e':
    return add_marked(m, false);
  case 'q':
    return memo_put(m, 1);
  case 'r':
    return memo_put(m, 4);
  case 'h':
    return memo_get(m, 1);
  case 'j':
    return memo_get(m, 4);
  case 'Q':
    return make_storage(m);
  case 'R':
    return call(m, false);
  case 0x81:
    return call(m, true);
  case 'b':
    return build(m);
  default:
    return refuse_opcode(m, opcode);
  }
}

static m4_status run(machine *m) {
  for (;;) {
    m->opcode_at = m->at;
    if (m->at >= m->length) return damaged(m, "ends without a stop");
    unsigned char opcode = m->bytes[m->at++];
    if (opcode == '.') break;
    M4_TRY(step(m, opcode));
  }
  if (m->depth != 1 || m->n_marks != 0) return damaged(m, "stops with other than one value");
  if (m->at != m->length) return damaged(m, "bytes after the stop");
  return M4_OK;
}

m4_status tr_pickle_read(const tr_pickle_value **value, m4_arena *arena, const unsigned char *bytes,
                         size_t length, m4_error *err) {
  machine *m = calloc(1, sizeof *m);
  if (!m) return m4_fail(err, M4_MEMORY, NULL, "no memory for reading a pickle");
  m->bytes = bytes;
  m->length = length;
  m->arena = arena;
  m->err = err;
  m4_status status = run(m);
  if (status == M4_OK) *value = m->stack[0];
  free(m->memo);
  free(m);
  return status;
}

const tr_pickle_value *tr_pickle_find(const tr_pickle_value *dict, const char *key) {
  if (dict->kind != TR_PICKLE_DICT && dict->kind != TR_PICKLE_OBJECT) return NULL;
  for (int32_t i = 0; i + 1 < dict->n_items; i += 2)
    if (dict->items[i]->kind == TR_PICKLE_TEXT && strcmp(dict->items[i]->text, key) == 0)
      return dict->items[i + 1];
  return NULL;
}
