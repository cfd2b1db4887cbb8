/* Reads pickles into plain values. Knows base only; no files, and nothing of who pickled what.
 *
 * Nothing is ever executed: the opcodes build values in an arena, names are words that the caller's rules
 * give a role, and every other name or opcode is refused, by name. Every count is bounded by the length of
 * the text: one opcode makes at most one value. Source: training.md 6.1, anchors.md D.1; the opcodes of
 * pickle protocols 2 to 5.
 */
#ifndef DATA_PICKLE_PICKLE_H
#define DATA_PICKLE_PICKLE_H

#include "base/arena.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ds_pickle_kind {
  DS_PICKLE_NONE,
  DS_PICKLE_BOOL,      /* integer: 0 or 1 */
  DS_PICKLE_INT,       /* integer */
  DS_PICKLE_REAL,      /* real */
  DS_PICKLE_TEXT,      /* text */
  DS_PICKLE_BYTES,     /* bytes; n_items of them */
  DS_PICKLE_TUPLE,     /* items */
  DS_PICKLE_LIST,      /* items */
  DS_PICKLE_DICT,      /* items: key, value, key, value, ... */
  DS_PICKLE_OBJECT,    /* items as in a dict: its attributes */
  DS_PICKLE_NAME,      /* name; role */
  DS_PICKLE_CALL,      /* name; items: the arguments; state: what it was given afterwards, or NULL */
  DS_PICKLE_PERSISTENT /* items: the one value that stands for something outside of the pickle */
} ds_pickle_kind;

/* What a name that the rules know stands for. */
typedef enum ds_pickle_role {
  DS_ROLE_REFUSED,
  DS_ROLE_WORD,   /* may be mentioned, not called */
  DS_ROLE_DICT,   /* called without arguments: an empty dict */
  DS_ROLE_OBJECT, /* called or made without arguments: an object */
  DS_ROLE_FIRST,  /* called: its first argument */
  DS_ROLE_CALL    /* called: a value that says so */
} ds_pickle_role;

typedef struct ds_pickle_value ds_pickle_value;
struct ds_pickle_value {
  ds_pickle_kind kind;
  ds_pickle_role role;
  union {
    int64_t integer;
    double real;
    const char *text; /* NUL-terminated, without NUL inside */
    const unsigned char *bytes;
    const ds_pickle_value **items;
  };
  int32_t n_items, capacity;
  const char *name; /* "module name" */
  const ds_pickle_value *state;
};

/* What a pickle may say. */
typedef struct ds_pickle_rules {
  ds_pickle_role (*role_of)(const char *name); /* "module name" as pickled */
  const char *hint;                            /* for users whose pickle mentions another name; may be NULL */
  int max_protocol;                            /* 2 to 5 */
  bool persistent;                             /* persistent values are allowed */
} ds_pickle_rules;

/* Reads one pickle. The value and all it refers to live in the arena; the same value may be reached on many
 * paths, and a container can even hold itself: limit every walk. M4_DATA: damaged or not allowed, naming the
 * byte; M4_MEMORY: the arena is full. */
m4_status ds_pickle_read(const ds_pickle_value **value, m4_arena *arena, const unsigned char *bytes,
                         size_t length, const ds_pickle_rules *rules, m4_error *err);

/* The value of a text key in a dict or object; NULL when absent. */
const ds_pickle_value *ds_pickle_find(const ds_pickle_value *dict, const char *key);
/* True for a call of this name, "module name". */
bool ds_pickle_is_call(const ds_pickle_value *value, const char *name);

#endif
