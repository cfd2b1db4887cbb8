/* YAML events to a tree. Knows status, arena and libyaml. */
#include "base/yaml_tree.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* An entry takes at most 192 bytes for 2 bytes of text ("a,": key and empty value), plus a copy of its text.
 */
enum { ARENA_BYTES_PER_TEXT_BYTE = 128, ARENA_EXTRA_BYTES = 4096 };

typedef struct reader {
  const char *name;
  const char *text;
  size_t length;
  yaml_parser_t parser;
  m4_arena *arena;
  m4_error *err;
} reader;

static m4_status fail_at(reader *in, size_t line, size_t column, const char *what) {
  char where[256];
  snprintf(where, sizeof where, "%s:%zu:%zu", in->name, line, column);
  return m4_fail(in->err, M4_USAGE, where, "%s", what);
}

static m4_status fail_at_mark(reader *in, yaml_mark_t mark, const char *what) {
  return fail_at(in, mark.line + 1, mark.column + 1, what);
}

/* libyaml tells only the byte offset of bytes it cannot read. */
static m4_status fail_at_offset(reader *in, size_t offset, const char *what) {
  size_t line = 1, line_start = 0;
  for (size_t i = 0; i < offset && i < in->length; ++i) {
    if (in->text[i] != '\n') continue;
    ++line;
    line_start = i + 1;
  }
  return fail_at(in, line, offset - line_start + 1, what);
}

static m4_status fail_from_parser(reader *in) {
  const yaml_parser_t *parser = &in->parser;
  if (parser->error == YAML_MEMORY_ERROR)
    return m4_fail(in->err, M4_MEMORY, in->name, "no memory to read YAML");
  const char *problem = parser->problem ? parser->problem : "cannot be understood";
  char what[256];
  snprintf(what, sizeof what, "bad YAML: %s%s%s", parser->context ? parser->context : "",
           parser->context ? ", " : "", problem);
  if (parser->error == YAML_READER_ERROR) return fail_at_offset(in, parser->problem_offset, what);
  return fail_at_mark(in, parser->problem_mark, what);
}

/* On success the caller deletes the event. */
static m4_status next_event(reader *in, yaml_event_t *event) {
  return yaml_parser_parse(&in->parser, event) ? M4_OK : fail_from_parser(in);
}

static m4_status new_node(reader *in, const yaml_event_t *event, m4_yaml_kind kind, const char *text,
                          size_t length, m4_yaml_node **made) {
  m4_yaml_node *node = m4_arena_alloc(in->arena, 1, sizeof *node + length + 1);
  if (!node) return m4_fail(in->err, M4_MEMORY, in->name, "no memory to read YAML");
  memset(node, 0, sizeof *node);
  node->kind = kind;
  node->line = (unsigned)event->start_mark.line + 1;
  node->column = (unsigned)event->start_mark.column + 1;
  memcpy(node->text, text, length);
  node->text[length] = '\0';
  *made = node;
  return M4_OK;
}

static m4_status read_scalar(reader *in, const yaml_event_t *event, m4_yaml_node **made) {
  const char *text = (const char *)event->data.scalar.value;
  size_t length = event->data.scalar.length;
  if (event->data.scalar.anchor) return fail_at_mark(in, event->start_mark, "anchors are not allowed");
  if (event->data.scalar.tag) return fail_at_mark(in, event->start_mark, "tags are not allowed");
  if (length > M4_YAML_MAX_SCALAR_BYTES)
    return fail_at_mark(in, event->start_mark, "a text longer than 4096 bytes");
  if (memchr(text, '\0', length)) return fail_at_mark(in, event->start_mark, "a text with a NUL character");
  M4_TRY(new_node(in, event, M4_YAML_SCALAR, text, length, made));
  (*made)->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
  return M4_OK;
}

static m4_status read_node(reader *in, yaml_event_t *event, int depth, m4_yaml_node **made);

static m4_status read_list(reader *in, const yaml_event_t *start, int depth, m4_yaml_node **made) {
  if (start->data.sequence_start.anchor)
    return fail_at_mark(in, start->start_mark, "anchors are not allowed");
  if (start->data.sequence_start.tag) return fail_at_mark(in, start->start_mark, "tags are not allowed");
  M4_TRY(new_node(in, start, M4_YAML_LIST, "", 0, made));
  m4_yaml_node **place = &(*made)->first;
  for (;;) {
    yaml_event_t event;
    M4_TRY(next_event(in, &event));
    if (event.type == YAML_SEQUENCE_END_EVENT) {
      yaml_event_delete(&event);
      return M4_OK;
    }
    M4_TRY(read_node(in, &event, depth + 1, place));
    if (++(*made)->count > M4_YAML_MAX_ITEMS)
      return fail_at(in, (*place)->line, (*place)->column, "a list with more than 65536 items");
    place = &(*place)->next;
  }
}

static m4_status check_key(reader *in, const m4_yaml_node *map, const m4_yaml_node *key) {
  char what[160], shown[M4_YAML_MAX_KEY_BYTES + 1];
  m4_text_show(shown, sizeof shown, key->text);
  if (key->kind != M4_YAML_SCALAR || key->text[0] == '\0')
    return fail_at(in, key->line, key->column, "a key must be a name");
  if (strlen(key->text) > M4_YAML_MAX_KEY_BYTES)
    return fail_at(in, key->line, key->column, "a key longer than 64 bytes");
  for (const m4_yaml_node *other = map->first; other; other = other->next) {
    if (strcmp(other->key->text, key->text) != 0) continue;
    snprintf(what, sizeof what, "%s is given twice, first in line %u", shown, other->key->line);
    return fail_at(in, key->line, key->column, what);
  }
  return M4_OK;
}

static m4_status read_map(reader *in, const yaml_event_t *start, int depth, m4_yaml_node **made) {
  if (start->data.mapping_start.anchor) return fail_at_mark(in, start->start_mark, "anchors are not allowed");
  if (start->data.mapping_start.tag) return fail_at_mark(in, start->start_mark, "tags are not allowed");
  M4_TRY(new_node(in, start, M4_YAML_MAP, "", 0, made));
  m4_yaml_node **place = &(*made)->first;
  for (;;) {
    yaml_event_t event;
    M4_TRY(next_event(in, &event));
    if (event.type == YAML_MAPPING_END_EVENT) {
      yaml_event_delete(&event);
      return M4_OK;
    }
    m4_yaml_node *key;
    M4_TRY(read_node(in, &event, depth + 1, &key));
    M4_TRY(check_key(in, *made, key));
    if (++(*made)->count > M4_YAML_MAX_ENTRIES)
      return fail_at(in, key->line, key->column, "a mapping with more than 1024 keys");
    M4_TRY(next_event(in, &event));
    M4_TRY(read_node(in, &event, depth + 1, place));
    (*place)->key = key;
    place = &(*place)->next;
  }
}

/* Reads the node that starts with `event`, and deletes the event. */
static m4_status read_node(reader *in, yaml_event_t *event, int depth, m4_yaml_node **made) {
  m4_status status;
  if (depth > M4_YAML_MAX_DEPTH)
    status = fail_at_mark(in, event->start_mark, "nested more than 16 levels deep");
  else if (event->type == YAML_SCALAR_EVENT)
    status = read_scalar(in, event, made);
  else if (event->type == YAML_SEQUENCE_START_EVENT)
    status = read_list(in, event, depth, made);
  else if (event->type == YAML_MAPPING_START_EVENT)
    status = read_map(in, event, depth, made);
  else
    status = fail_at_mark(in, event->start_mark, "aliases are not allowed");
  yaml_event_delete(event);
  return status;
}

/* A text without content holds one plain empty scalar. */
static m4_status make_nothing(reader *in, m4_yaml_node **root) {
  yaml_event_t start = {.type = YAML_SCALAR_EVENT};
  M4_TRY(new_node(in, &start, M4_YAML_SCALAR, "", 0, root));
  (*root)->plain = true;
  return M4_OK;
}

/* Stream start, at most one document, stream end. */
static m4_status read_stream(reader *in, m4_yaml_node **root) {
  for (;;) {
    yaml_event_t event;
    M4_TRY(next_event(in, &event));
    yaml_event_type_t type = event.type;
    yaml_mark_t mark = event.start_mark;
    bool is_frame = type == YAML_STREAM_START_EVENT || type == YAML_STREAM_END_EVENT ||
                    type == YAML_DOCUMENT_START_EVENT || type == YAML_DOCUMENT_END_EVENT;
    if (!is_frame) {
      M4_TRY(read_node(in, &event, 0, root));
      continue;
    }
    yaml_event_delete(&event);
    if (type == YAML_STREAM_END_EVENT) return *root ? M4_OK : make_nothing(in, root);
    if (type == YAML_DOCUMENT_START_EVENT && *root) return fail_at_mark(in, mark, "more than one document");
  }
}

m4_status m4_yaml_parse(const char *name, const char *text, size_t length, m4_arena *arena,
                        m4_yaml_node **root, m4_error *err) {
  *root = NULL;
  memset(arena, 0, sizeof *arena);
  size_t arena_bytes;
  if (__builtin_mul_overflow(length, (size_t)ARENA_BYTES_PER_TEXT_BYTE, &arena_bytes))
    return m4_fail(err, M4_USAGE, name, "too long for YAML");
  M4_TRY(m4_arena_init(arena, arena_bytes + ARENA_EXTRA_BYTES, err));
  reader in = {.name = name, .text = text, .length = length, .arena = arena, .err = err};
  if (!yaml_parser_initialize(&in.parser)) return m4_fail(err, M4_MEMORY, name, "no memory to read YAML");
  yaml_parser_set_encoding(&in.parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&in.parser, (const unsigned char *)text, length);
  m4_status status = read_stream(&in, root);
  yaml_parser_delete(&in.parser);
  if (status != M4_OK) *root = NULL;
  return status;
}

bool m4_yaml_is_null(const m4_yaml_node *node) {
  if (node->kind != M4_YAML_SCALAR || !node->plain) return false;
  return node->text[0] == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0;
}
