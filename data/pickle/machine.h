/* The pickle machine: a stack of values, marks in it, and a memo. Inside of data/pickle only. */
#ifndef DATA_PICKLE_MACHINE_H
#define DATA_PICKLE_MACHINE_H

#include "data/pickle/pickle.h"

enum { DS_PICKLE_MAX_MARKS = 4096 };

typedef struct ds_machine {
  const unsigned char *bytes;
  size_t length, at, opcode_at;
  m4_arena *arena;
  const ds_pickle_rules *rules;
  ds_pickle_value **stack; /* [capacity] malloc'ed */
  int32_t depth, capacity;
  int32_t marks[DS_PICKLE_MAX_MARKS]; /* stack depths */
  int32_t n_marks;
  ds_pickle_value **memo; /* [memo_capacity] malloc'ed */
  uint64_t memo_capacity, n_memo;
  ds_pickle_value *spare; /* n_spare values not used yet */
  int32_t n_spare;
  m4_error *err;
} ds_machine;

m4_status ds_machine_damaged(ds_machine *m, const char *what);
m4_status ds_machine_no_memory(ds_machine *m);

/* ---- input ---- */

m4_status ds_machine_take(ds_machine *m, size_t count, const unsigned char **bytes);
/* Little endian, at most eight bytes. */
m4_status ds_machine_take_number(ds_machine *m, size_t count, uint64_t *number);
/* Up to and without the next newline, which is taken too. */
m4_status ds_machine_take_line(ds_machine *m, const char **line, size_t *length);

/* ---- stack: only values above the newest mark can be had, a mark protects what lies below ---- */

m4_status ds_machine_new(ds_machine *m, ds_pickle_kind kind, ds_pickle_value **value);
m4_status ds_machine_push(ds_machine *m, ds_pickle_value *value);
m4_status ds_machine_push_new(ds_machine *m, ds_pickle_kind kind);
ds_pickle_value *ds_machine_top(const ds_machine *m); /* the stack is not empty */
m4_status ds_machine_need(ds_machine *m, int32_t count);
m4_status ds_machine_pop(ds_machine *m, ds_pickle_value **value);
m4_status ds_machine_mark(ds_machine *m);
/* Everything above the newest mark: stack[*first .. *first + *count), still there until the next push. */
m4_status ds_machine_pop_to_mark(ds_machine *m, int32_t *first, int32_t *count);

/* ---- memo ---- */

m4_status ds_machine_memo_put(ds_machine *m, uint64_t index);
m4_status ds_machine_memo_get(ds_machine *m, uint64_t index);

/* ---- values.c ---- */

m4_status ds_machine_tuple(ds_machine *m, int32_t count); /* of the top values */
m4_status ds_machine_marked_tuple(ds_machine *m);
/* The top values, or those above the mark, go into the list or, in pairs, the dict below them. */
m4_status ds_machine_add(ds_machine *m, int32_t count, bool pairs);
m4_status ds_machine_add_marked(ds_machine *m, bool pairs);
m4_status ds_machine_text(ds_machine *m, size_t length_bytes);
m4_status ds_machine_bytes(ds_machine *m, size_t length_bytes);
m4_status ds_machine_integer(ds_machine *m, ds_pickle_kind kind, int64_t integer);
m4_status ds_machine_unsigned(ds_machine *m, size_t bytes);
m4_status ds_machine_int32(ds_machine *m);
m4_status ds_machine_long(ds_machine *m);
m4_status ds_machine_real(ds_machine *m);

/* ---- names.c ---- */

m4_status ds_machine_name_from_lines(ds_machine *m);
m4_status ds_machine_name_from_stack(ds_machine *m);
m4_status ds_machine_call(ds_machine *m, bool new_object);
m4_status ds_machine_build(ds_machine *m);
m4_status ds_machine_persistent(ds_machine *m);

#endif
