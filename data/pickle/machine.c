/* Input, stack and memo of the pickle machine. */
#include "data/pickle/machine.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES_AT_ONCE = 256, FIRST_CAPACITY = 256 };

m4_status ds_machine_damaged(ds_machine *m, const char *what) {
  return m4_fail(m->err, M4_DATA, NULL, "pickle, byte %zu: %s", m->opcode_at, what);
}

m4_status ds_machine_no_memory(ds_machine *m) {
  return m4_fail(m->err, M4_MEMORY, NULL, "pickle, byte %zu: too many values", m->opcode_at);
}

/* ---- input ---- */

m4_status ds_machine_take(ds_machine *m, size_t count, const unsigned char **bytes) {
  if (count > m->length - m->at) return ds_machine_damaged(m, "ends in the middle of a value");
  *bytes = m->bytes + m->at;
  m->at += count;
  return M4_OK;
}

m4_status ds_machine_take_number(ds_machine *m, size_t count, uint64_t *number) {
  const unsigned char *bytes = NULL;
  M4_TRY(ds_machine_take(m, count, &bytes));
  *number = 0;
  for (size_t i = 0; i < count; ++i) *number |= (uint64_t)bytes[i] << (8 * i);
  return M4_OK;
}

m4_status ds_machine_take_line(ds_machine *m, const char **line, size_t *length) {
  const unsigned char *start = m->bytes + m->at;
  const unsigned char *end = m->at < m->length ? memchr(start, '\n', m->length - m->at) : NULL;
  if (!end) return ds_machine_damaged(m, "ends in the middle of a name");
  *line = (const char *)start;
  *length = (size_t)(end - start);
  m->at += *length + 1;
  return M4_OK;
}

/* ---- stack ---- */

m4_status ds_machine_new(ds_machine *m, ds_pickle_kind kind, ds_pickle_value **value) {
  if (m->n_spare == 0) {
    m->spare = m4_arena_calloc(m->arena, VALUES_AT_ONCE, sizeof *m->spare);
    if (!m->spare) return ds_machine_no_memory(m);
    m->n_spare = VALUES_AT_ONCE;
  }
  *value = &m->spare[VALUES_AT_ONCE - m->n_spare--];
  (*value)->kind = kind;
  return M4_OK;
}

m4_status ds_machine_push(ds_machine *m, ds_pickle_value *value) {
  if (m->depth == m->capacity) {
    if (m->capacity > INT32_MAX / 2) return ds_machine_no_memory(m);
    int32_t capacity = m->capacity ? 2 * m->capacity : FIRST_CAPACITY;
    ds_pickle_value **stack = realloc(m->stack, (size_t)capacity * sizeof *stack);
    if (!stack) return ds_machine_no_memory(m);
    m->stack = stack;
    m->capacity = capacity;
  }
  m->stack[m->depth++] = value;
  return M4_OK;
}

m4_status ds_machine_push_new(ds_machine *m, ds_pickle_kind kind) {
  ds_pickle_value *value = NULL;
  M4_TRY(ds_machine_new(m, kind, &value));
  return ds_machine_push(m, value);
}

ds_pickle_value *ds_machine_top(const ds_machine *m) {
  return m->stack[m->depth - 1];
}

m4_status ds_machine_need(ds_machine *m, int32_t count) {
  int32_t floor = m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0;
  if (m->depth - floor < count) return ds_machine_damaged(m, "too few values on the stack");
  return M4_OK;
}

m4_status ds_machine_pop(ds_machine *m, ds_pickle_value **value) {
  M4_TRY(ds_machine_need(m, 1));
  *value = m->stack[--m->depth];
  return M4_OK;
}

m4_status ds_machine_mark(ds_machine *m) {
  if (m->n_marks >= DS_PICKLE_MAX_MARKS) return ds_machine_damaged(m, "too many marks");
  m->marks[m->n_marks++] = m->depth;
  return M4_OK;
}

m4_status ds_machine_pop_to_mark(ds_machine *m, int32_t *first, int32_t *count) {
  if (m->n_marks == 0) return ds_machine_damaged(m, "no mark to go back to");
  *first = m->marks[--m->n_marks];
  *count = m->depth - *first;
  m->depth = *first;
  return M4_OK;
}

/* ---- memo ---- */

static m4_status reserve_memo(ds_machine *m, uint64_t index) {
  if (index < m->memo_capacity) return M4_OK;
  uint64_t capacity = m->memo_capacity ? m->memo_capacity : FIRST_CAPACITY;
  while (capacity <= index) capacity *= 2;
  ds_pickle_value **memo = realloc(m->memo, capacity * sizeof *memo);
  if (!memo) return ds_machine_no_memory(m);
  memset(memo + m->memo_capacity, 0, (capacity - m->memo_capacity) * sizeof *memo);
  m->memo = memo;
  m->memo_capacity = capacity;
  return M4_OK;
}

m4_status ds_machine_memo_put(ds_machine *m, uint64_t index) {
  M4_TRY(ds_machine_need(m, 1));
  if (index > m->length) return ds_machine_damaged(m, "memo number out of range");
  M4_TRY(reserve_memo(m, index));
  if (!m->memo[index]) m->n_memo++;
  m->memo[index] = ds_machine_top(m);
  return M4_OK;
}

m4_status ds_machine_memo_get(ds_machine *m, uint64_t index) {
  if (index >= m->memo_capacity || !m->memo[index])
    return ds_machine_damaged(m, "memo number that was never set");
  return ds_machine_push(m, m->memo[index]);
}
