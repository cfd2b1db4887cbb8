/* Reads the pickles inside PyTorch files into plain values. Knows base only; no files, no numbers of tensors.
 *
 * Nothing is ever executed: the opcodes build values in an arena, the few known names (pickle_names.c) stand
 * for themselves, and every other name or opcode is refused, by name. Every count is bounded by the length of
 * the text: one opcode makes at most one value. Source: anchors.md D.1; the opcodes of pickle protocol 2. */
#ifndef TRAIN_CONVERT_PICKLE_H
#define TRAIN_CONVERT_PICKLE_H

#include "base/arena.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef enum tr_pickle_kind {
  TR_PICKLE_NONE,
  TR_PICKLE_BOOL,    /* integer: 0 or 1 */
  TR_PICKLE_INT,     /* integer */
  TR_PICKLE_REAL,    /* real */
  TR_PICKLE_TEXT,    /* text */
  TR_PICKLE_TUPLE,   /* items */
  TR_PICKLE_LIST,    /* items */
  TR_PICKLE_DICT,    /* items: key, value, key, value, ... */
  TR_PICKLE_OBJECT,  /* an object of a class that is not looked at; items as in a dict: its attributes */
  TR_PICKLE_CLASS,   /* text: "module name"; role */
  TR_PICKLE_STORAGE, /* items: what torch saves of one: 'storage', its class, its name, device, length */
  TR_PICKLE_TENSOR   /* items: the arguments of _rebuild_tensor_v2: storage, offset, shape, strides, ... */
} tr_pickle_kind;

/* What a known name stands for. */
typedef enum tr_pickle_role {
  TR_ROLE_UNKNOWN,
  TR_ROLE_DICT,      /* called without arguments: an empty dict */
  TR_ROLE_OBJECT,    /* called or made without arguments: an object */
  TR_ROLE_TENSOR,    /* _rebuild_tensor_v2 */
  TR_ROLE_PARAMETER, /* _rebuild_parameter: its first argument */
  TR_ROLE_TAG,       /* restore_type_tag: its first argument */
  TR_ROLE_STORAGE    /* a storage class */
} tr_pickle_role;

typedef struct tr_pickle_value tr_pickle_value;
struct tr_pickle_value {
  tr_pickle_kind kind;
  tr_pickle_role role;
  union {
    int64_t integer;
    double real;
    const char *text; /* NUL-terminated, without NUL inside */
    const tr_pickle_value **items;
  };
  int32_t n_items, capacity;
};

/* Reads one pickle. The value and all it refers to live in the arena; the same value may be reached on many
 * paths, and a container can even hold itself: limit every walk. M4_DATA: damaged or not allowed, naming the
 * byte; M4_MEMORY: the arena is full. */
m4_status tr_pickle_read(const tr_pickle_value **value, m4_arena *arena, const unsigned char *bytes,
                         size_t length, m4_error *err);

/* The value of a text key in a dict or object; NULL when absent. */
const tr_pickle_value *tr_pickle_find(const tr_pickle_value *dict, const char *key);

/* "module name" as pickled. */
tr_pickle_role tr_pickle_role_of(const char *name);

#endif
