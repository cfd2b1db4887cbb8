/* The loop of the pickle machine: one opcode after another. */
#include "data/pickle/machine.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_PROTOCOL = 2 };

static m4_status check_protocol(ds_machine *m) {
  uint64_t protocol = 0;
  M4_TRY(ds_machine_take_number(m, 1, &protocol));
  if (protocol >= FIRST_PROTOCOL && protocol <= (uint64_t)m->rules->max_protocol) return M4_OK;
  return m4_fail(m->err, M4_DATA, NULL, "pickle protocol %d, must be between %d and %d", (int)protocol,
                 FIRST_PROTOCOL, m->rules->max_protocol);
}

/* A frame says how many bytes follow; they are read one by one all the same. */
static m4_status skip_frame(ds_machine *m) {
  uint64_t length = 0;
  M4_TRY(ds_machine_take_number(m, 8, &length));
  return length <= m->length - m->at ? M4_OK : ds_machine_damaged(m, "a frame longer than the file");
}

static m4_status memo_put(ds_machine *m, size_t index_bytes) {
  uint64_t index = 0;
  M4_TRY(ds_machine_take_number(m, index_bytes, &index));
  return ds_machine_memo_put(m, index);
}

static m4_status memo_get(ds_machine *m, size_t index_bytes) {
  uint64_t index = 0;
  M4_TRY(ds_machine_take_number(m, index_bytes, &index));
  return ds_machine_memo_get(m, index);
}

static m4_status refuse_opcode(ds_machine *m, unsigned char opcode) {
  return m4_fail(m->err, M4_DATA, NULL, "pickle, byte %zu: opcode 0x%02x is not allowed", m->opcode_at,
                 opcode);
}

/* Opcodes that were added by protocol 2 and later. */
static m4_status late_step(ds_machine *m, unsigned char opcode) {
  switch (opcode) {
  case 0x80:
    return check_protocol(m);
  case 0x81:
    return ds_machine_call(m, true);
  case 0x85:
    return ds_machine_tuple(m, 1);
  case 0x86:
    return ds_machine_tuple(m, 2);
  case 0x87:
    return ds_machine_tuple(m, 3);
  case 0x88:
    return ds_machine_integer(m, DS_PICKLE_BOOL, 1);
  case 0x89:
    return ds_machine_integer(m, DS_PICKLE_BOOL, 0);
  case 0x8a:
    return ds_machine_long(m);
  case 0x8c:
    return ds_machine_text(m, 1);
  case 0x8d:
    return ds_machine_text(m, 8);
  case 0x8e:
    return ds_machine_bytes(m, 8);
  case 0x93:
    return ds_machine_name_from_stack(m);
  case 0x94:
    return ds_machine_memo_put(m, m->n_memo);
  case 0x95:
    return skip_frame(m);
  default:
    return refuse_opcode(m, opcode);
  }
}

static m4_status step(ds_machine *m, unsigned char opcode) {
  switch (opcode) {
  case '(':
    return ds_machine_mark(m);
  case ')':
    return ds_machine_push_new(m, DS_PICKLE_TUPLE);
  case ']':
    return ds_machine_push_new(m, DS_PICKLE_LIST);
  case '}':
    return ds_machine_push_new(m, DS_PICKLE_DICT);
  case 'N':
    return ds_machine_push_new(m, DS_PICKLE_NONE);
  case 'K':
    return ds_machine_unsigned(m, 1);
  case 'M':
    return ds_machine_unsigned(m, 2);
  case 'J':
    return ds_machine_int32(m);
  case 'G':
    return ds_machine_real(m);
  case 'X':
    return ds_machine_text(m, 4);
  case 'B':
    return ds_machine_bytes(m, 4);
  case 'C':
    return ds_machine_bytes(m, 1);
  case 't':
    return ds_machine_marked_tuple(m);
  case 'a':
    return ds_machine_add(m, 1, false);
  case 'e':
    return ds_machine_add_marked(m, false);
  case 's':
    return ds_machine_add(m, 2, true);
  case 'u':
    return ds_machine_add_marked(m, true);
  case 'q':
    return memo_put(m, 1);
  case 'r':
    return memo_put(m, 4);
  case 'h':
    return memo_get(m, 1);
  case 'j':
    return memo_get(m, 4);
  case 'c':
    return ds_machine_name_from_lines(m);
  case 'R':
    return ds_machine_call(m, false);
  case 'b':
    return ds_machine_build(m);
  case 'Q':
    return ds_machine_persistent(m);
  default:
    return late_step(m, opcode);
  }
}

static m4_status run(ds_machine *m) {
  for (;;) {
    m->opcode_at = m->at;
    if (m->at >= m->length) return ds_machine_damaged(m, "ends without a stop");
    unsigned char opcode = m->bytes[m->at++];
    if (opcode == '.') break;
    M4_TRY(step(m, opcode));
  }
  if (m->depth != 1 || m->n_marks != 0) return ds_machine_damaged(m, "stops with other than one value");
  if (m->at != m->length) return ds_machine_damaged(m, "bytes after the stop");
  return M4_OK;
}

m4_status ds_pickle_read(const ds_pickle_value **value, m4_arena *arena, const unsigned char *bytes,
                         size_t length, const ds_pickle_rules *rules, m4_error *err) {
  ds_machine *m = calloc(1, sizeof *m);
  if (!m) return m4_fail(err, M4_MEMORY, NULL, "no memory for reading a pickle");
  m->bytes = bytes;
  m->length = length;
  m->arena = arena;
  m->rules = rules;
  m->err = err;
  m4_status status = run(m);
  if (status == M4_OK) *value = m->stack[0];
  free(m->stack);
  free(m->memo);
  free(m);
  return status;
}

const ds_pickle_value *ds_pickle_find(const ds_pickle_value *dict, const char *key) {
  if (dict->kind != DS_PICKLE_DICT && dict->kind != DS_PICKLE_OBJECT) return NULL;
  for (int32_t i = 0; i + 1 < dict->n_items; i += 2)
    if (dict->items[i]->kind == DS_PICKLE_TEXT && strcmp(dict->items[i]->text, key) == 0)
      return dict->items[i + 1];
  return NULL;
}

bool ds_pickle_is_call(const ds_pickle_value *value, const char *name) {
  return value->kind == DS_PICKLE_CALL && strcmp(value->name, name) == 0;
}
