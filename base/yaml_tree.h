/* A YAML text as a tree of mappings, lists and scalars with positions: the subset configurations need. Knows
 * status, arena, libyaml. Refused, with line and column: anchors and aliases, tags, several documents, keys
 * that are not plain texts, duplicate keys, NUL characters, and anything beyond the limits below. */
#ifndef M4_BASE_YAML_TREE_H
#define M4_BASE_YAML_TREE_H

#include "base/arena.h"

#include <stdbool.h>

enum {
  M4_YAML_MAX_DEPTH = 16,
  M4_YAML_MAX_ENTRIES = 1024, /* in one mapping */
  M4_YAML_MAX_ITEMS = 65536,  /* in one list */
  M4_YAML_MAX_KEY_BYTES = 64, /* one key */
  M4_YAML_MAX_SCALAR_BYTES = 4096
};

typedef enum m4_yaml_kind { M4_YAML_SCALAR, M4_YAML_LIST, M4_YAML_MAP } m4_yaml_kind;

typedef struct m4_yaml_node {
  m4_yaml_kind kind;
  bool plain;                /* scalar without quotes */
  unsigned line, column;     /* from 1 */
  size_t count;              /* children of a list or map */
  struct m4_yaml_node *key;  /* in a map: the scalar node of its key; else NULL */
  struct m4_yaml_node *next; /* next sibling */
  struct m4_yaml_node *first;
  char text[]; /* scalar, NUL-terminated */
} m4_yaml_node;

/* Parses `length` bytes; a text without content gives one null scalar. `name` ("train.yaml") comes first in
 * error positions. Nodes live in `arena`, which is initialised here in any case; the caller frees it. Bad
 * YAML: M4_USAGE. */
m4_status m4_yaml_parse(const char *name, const char *text, size_t length, m4_arena *arena,
                        m4_yaml_node **root, m4_error *err);

/* A plain scalar that stands for "no value": nothing, ~ or null. */
bool m4_yaml_is_null(const m4_yaml_node *node);

#endif
