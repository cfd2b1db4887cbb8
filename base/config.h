/* Configuration: a table of keys bound to the fields of one struct, filled from defaults, YAML files and
 * --set a.b=v, in that order. Every mistake is an error with file:line:col, the key, what is allowed and the
 * nearest known key. Knows status, file. */
#ifndef M4_BASE_CONFIG_H
#define M4_BASE_CONFIG_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum m4_key_type {
  M4_KEY_BOOL,      /* bool: true/false/True/False/yes/no/on/off */
  M4_KEY_INT,       /* int64_t; min/max checked when min < max */
  M4_KEY_REAL,      /* double, finite; min/max checked when min < max */
  M4_KEY_TEXT,      /* char *; choices checked when given */
  M4_KEY_INT_LIST,  /* m4_int_list: [1, 2] or one scalar */
  M4_KEY_REAL_LIST, /* m4_real_list */
  M4_KEY_TEXT_LIST, /* m4_text_list; choices checked when given */
  M4_KEY_UNUSED     /* a key of the reference without effect here: an error naming --compat reference, or one
                       warning under it */
} m4_key_type;

typedef struct m4_int_list {
  int64_t *items;
  size_t count;
} m4_int_list;
typedef struct m4_real_list {
  double *items;
  size_t count;
} m4_real_list;
typedef struct m4_text_list {
  char **items;
  size_t count;
} m4_text_list;

/* One row of a program's key table. The table ends with a row whose path is NULL. */
typedef struct m4_key {
  const char *path; /* "training.batch_size" */
  m4_key_type type;
  size_t offset;              /* offsetof(my_config, field); ignored for M4_KEY_UNUSED */
  const char *default_text;   /* YAML flow syntax ("2", "[0]", "balanced"); NULL = empty text or list, or 0 */
  double min, max;            /* inclusive, for numbers and list items */
  const char *const *choices; /* NULL-terminated, or NULL */
  const char *help;           /* one line with unit; shown by --help config and --print-config */
} m4_key;

typedef struct m4_config m4_config;

/* Binds a table to `target` (a zeroed struct that outlives the config) and fills in the defaults. Text and
 * lists point into memory owned by the config. */
m4_status m4_config_create(m4_config **config, const m4_key *keys, void *target, m4_error *err);
void m4_config_free(m4_config *config);

/* compat_reference: unused keys of the reference become one warning (see m4_config_unused) instead of errors.
 * Set before loading. */
void m4_config_compat(m4_config *config, bool compat_reference);
/* Reads a YAML file: at most 1 MiB, depth 16, no aliases, no duplicate keys, only known keys. */
m4_status m4_config_load(m4_config *config, const char *path, m4_error *err);
/* "a.b=v"; v in YAML flow syntax. Position in errors: "--set a.b=v". */
m4_status m4_config_set(m4_config *config, const char *assignment, m4_error *err);
/* key = value as it stands, for options that set a text key; nothing when value is NULL. */
m4_status m4_config_set_text(m4_config *config, const char *path, const char *value, m4_error *err);
/* True when the key was set by a file or --set (not by its default). */
bool m4_config_given(const m4_config *config, const char *path);
/* Where the value was set: "train.yaml:12:15", "--set a.b=v", or "default". Owned by the config. */
const char *m4_config_origin(const m4_config *config, const char *path);
/* The file that a value of the key names: beside the YAML file that set the key when it is there, else as it
 * stands (from the current folder). M4_USAGE: does not fit in out. */
m4_status m4_config_find_file(const m4_config *config, const char *path, const char *name, char *out,
                              size_t out_bytes, m4_error *err);
/* For checks between keys: M4_USAGE error at the place where `path` was set. */
m4_status m4_config_complain(const m4_config *config, const char *path, m4_error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Comma-separated unused keys met under compat_reference; "" when none. */
const char *m4_config_unused(const m4_config *config);
/* The whole resolved configuration as YAML that m4_config_load reads back to the same values; help as
 * comments when wanted. */
m4_status m4_config_print(const m4_config *config, FILE *out, bool with_help, m4_error *err);

#endif
