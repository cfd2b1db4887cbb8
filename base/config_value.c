/* From a YAML node to a typed, checked field. Knows the key table and the YAML tree. */
#include "base/config_internal.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SHOWN_BYTES = 48 };

m4_status m4_config_fail_at(const m4_value_source *source, const m4_yaml_node *node, m4_error *err,
                            const char *fmt, ...) {
  char where[512], what[384];
  if (source->has_lines)
    snprintf(where, sizeof where, "%s:%u:%u: %s", source->name, node->line, node->column, source->key->path);
  else
    snprintf(where, sizeof where, "%s", source->name);
  va_list args;
  va_start(args, fmt);
  vsnprintf(what, sizeof what, fmt, args);
  va_end(args);
  return m4_fail(err, M4_USAGE, where, "%s", what);
}

static bool is_list_type(m4_key_type type) {
  return type == M4_KEY_INT_LIST || type == M4_KEY_REAL_LIST || type == M4_KEY_TEXT_LIST;
}

const char *m4_key_type_text(m4_key_type type) {
  switch (type) {
  case M4_KEY_BOOL:
    return "true or false";
  case M4_KEY_INT:
    return "an integer";
  case M4_KEY_REAL:
    return "a number";
  case M4_KEY_TEXT:
    return "a text";
  case M4_KEY_INT_LIST:
    return "a list of integers";
  case M4_KEY_REAL_LIST:
    return "a list of numbers";
  case M4_KEY_TEXT_LIST:
    return "a list of texts";
  case M4_KEY_UNUSED:
    return "unused";
  }
  return "unknown";
}

static void choices_text(const char *const *choices, char *out, size_t out_bytes) {
  size_t used = 0;
  for (size_t i = 0; choices[i] && used < out_bytes; ++i) {
    const char *separator = i == 0 ? "" : choices[i + 1] ? ", " : " or ";
    int length = snprintf(out + used, out_bytes - used, "%s%s", separator, choices[i]);
    used += length > 0 ? (size_t)length : 0;
  }
}

void m4_key_range_text(const m4_key *key, char *out, size_t out_bytes) {
  const double unlimited = 9e18; /* bounds at the edge of int64_t or beyond say nothing to a reader */
  char min[32], max[32];
  out[0] = '\0';
  if (key->choices) choices_text(key->choices, out, out_bytes);
  if (key->choices || !(key->min < key->max)) return;
  m4_format_real(min, sizeof min, key->min);
  m4_format_real(max, sizeof max, key->max);
  if (key->max > unlimited)
    snprintf(out, out_bytes, "%s or more", min);
  else if (key->min < -unlimited)
    snprintf(out, out_bytes, "at most %s", max);
  else
    snprintf(out, out_bytes, "%s to %s", min, max);
}

static m4_status fail_with_range(const m4_value_source *source, const m4_yaml_node *node, m4_error *err,
                                 const char *problem) {
  char shown[SHOWN_BYTES], range[M4_CONFIG_RANGE_BYTES];
  m4_text_show(shown, sizeof shown, node->text);
  m4_key_range_text(source->key, range, sizeof range);
  return m4_config_fail_at(source, node, err, "%s %s%s%s", shown, problem, range[0] ? ", allowed " : "",
                           range);
}

static m4_status check_number(const m4_value_source *source, const m4_yaml_node *node,
                              m4_number_result result, double value, const char *expected, m4_error *err) {
  const m4_key *key = source->key;
  if (result == M4_NUMBER_MALFORMED || !node->plain) return fail_with_range(source, node, err, expected);
  if (result == M4_NUMBER_TOO_LARGE) return fail_with_range(source, node, err, "is out of range");
  if (key->min < key->max && !(value >= key->min && value <= key->max))
    return fail_with_range(source, node, err, "is out of range");
  return M4_OK;
}

static m4_status read_int(const m4_value_source *source, const m4_yaml_node *node, int64_t *value,
                          m4_error *err) {
  int64_t number = 0;
  m4_number_result result = m4_parse_int(node->text, &number);
  M4_TRY(check_number(source, node, result, (double)number, "is not an integer", err));
  *value = number;
  return M4_OK;
}

static m4_status read_real(const m4_value_source *source, const m4_yaml_node *node, double *value,
                           m4_error *err) {
  double number = 0;
  m4_number_result result = m4_parse_real(node->text, &number);
  M4_TRY(check_number(source, node, result, number, "is not a finite number", err));
  *value = number;
  return M4_OK;
}

static m4_status read_bool(const m4_value_source *source, const m4_yaml_node *node, bool *value,
                           m4_error *err) {
  static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
  for (size_t i = 0; node->plain && i < 3; ++i) {
    bool is_yes = strcasecmp(node->text, yes[i]) == 0;
    if (!is_yes && strcasecmp(node->text, no[i]) != 0) continue;
    *value = is_yes;
    return M4_OK;
  }
  return fail_with_range(source, node, err, "is neither true nor false");
}

static m4_status check_text(const m4_value_source *source, const m4_yaml_node *node, m4_error *err) {
  const char *const *choices = source->key->choices;
  if (!choices) return M4_OK;
  m4_nearest nearest = m4_nearest_to(node->text);
  for (; *choices; ++choices) {
    if (strcmp(node->text, *choices) == 0) return M4_OK;
    m4_nearest_offer(&nearest, *choices);
  }
  m4_status status = fail_with_range(source, node, err, "is not one of the choices");
  return m4_nearest_is_close(&nearest) ? m4_hint(err, status, "did you mean %s?", nearest.name) : status;
}

static m4_status check_scalar(const m4_value_source *source, const m4_yaml_node *node, m4_error *err) {
  static const char *const found[] = {"a single value", "a list", "a mapping"};
  const char *wanted = m4_key_type_text(source->key->type);
  if (node->kind != M4_YAML_SCALAR)
    return m4_config_fail_at(source, node, err, "must be %s, found %s", wanted, found[node->kind]);
  if (m4_yaml_is_null(node)) return m4_config_fail_at(source, node, err, "has no value, must be %s", wanted);
  return M4_OK;
}

/* The items of a list; a single scalar counts as a list of one. */
typedef struct item_range {
  const m4_yaml_node *first;
  size_t count;
} item_range;

static m4_status list_items(const m4_value_source *source, const m4_yaml_node *node, item_range *items,
                            m4_error *err) {
  *items = (item_range){NULL, 0};
  if (!node) return M4_OK;
  if (node->kind != M4_YAML_LIST) {
    M4_TRY(check_scalar(source, node, err));
    *items = (item_range){node, 1};
    return M4_OK;
  }
  for (const m4_yaml_node *item = node->first; item; item = item->next)
    M4_TRY(check_scalar(source, item, err));
  *items = (item_range){node->first, node->count};
  return M4_OK;
}

static m4_status fail_memory(const m4_value_source *source, m4_error *err) {
  return m4_fail(err, M4_MEMORY, source->name, "no memory for the value of %s", source->key->path);
}

static m4_status convert_numbers(const m4_value_source *source, item_range items, void *field, void **memory,
                                 m4_error *err) {
  void *values = malloc(items.count * 8 + 1);
  if (!values) return fail_memory(source, err);
  *memory = values;
  const m4_yaml_node *item = items.first;
  bool is_int = source->key->type == M4_KEY_INT_LIST;
  for (size_t i = 0; i < items.count; ++i, item = item->next) {
    if (is_int)
      M4_TRY(read_int(source, item, (int64_t *)values + i, err));
    else
      M4_TRY(read_real(source, item, (double *)values + i, err));
  }
  if (is_int)
    *(m4_int_list *)field = (m4_int_list){values, items.count};
  else
    *(m4_real_list *)field = (m4_real_list){values, items.count};
  return M4_OK;
}

/* One block: the pointers, then the texts. */
static m4_status convert_texts(const m4_value_source *source, item_range items, m4_text_list *field,
                               void **memory, m4_error *err) {
  size_t bytes = items.count * sizeof(char *) + 1;
  const m4_yaml_node *item = items.first;
  for (size_t i = 0; i < items.count; ++i, item = item->next) {
    M4_TRY(check_text(source, item, err));
    bytes += strlen(item->text) + 1;
  }
  char **texts = malloc(bytes);
  if (!texts) return fail_memory(source, err);
  *memory = texts;
  char *place = (char *)(texts + items.count);
  item = items.first;
  for (size_t i = 0; i < items.count; ++i, item = item->next) {
    size_t length = strlen(item->text) + 1;
    texts[i] = memcpy(place, item->text, length);
    place += length;
  }
  *field = (m4_text_list){texts, items.count};
  return M4_OK;
}

static m4_status convert_list(const m4_value_source *source, const m4_yaml_node *node, void *field,
                              void **memory, m4_error *err) {
  item_range items;
  M4_TRY(list_items(source, node, &items, err));
  if (source->key->type == M4_KEY_TEXT_LIST) return convert_texts(source, items, field, memory, err);
  return convert_numbers(source, items, field, memory, err);
}

static m4_status convert_scalar(const m4_value_source *source, const m4_yaml_node *node, void *field,
                                void **memory, m4_error *err) {
  M4_TRY(check_scalar(source, node, err));
  switch (source->key->type) {
  case M4_KEY_BOOL:
    return read_bool(source, node, field, err);
  case M4_KEY_INT:
    return read_int(source, node, field, err);
  case M4_KEY_REAL:
    return read_real(source, node, field, err);
  default:
    break;
  }
  M4_TRY(check_text(source, node, err));
  char *copy = strdup(node->text);
  if (!copy) return fail_memory(source, err);
  *memory = copy;
  *(char **)field = copy;
  return M4_OK;
}

static m4_status convert_empty(const m4_value_source *source, void *field, void **memory, m4_error *err) {
  switch (source->key->type) {
  case M4_KEY_BOOL:
    *(bool *)field = false;
    return M4_OK;
  case M4_KEY_INT:
    *(int64_t *)field = 0;
    return M4_OK;
  case M4_KEY_REAL:
    *(double *)field = 0;
    return M4_OK;
  default:
    break;
  }
  *memory = calloc(1, 1);
  if (!*memory) return fail_memory(source, err);
  *(char **)field = *memory;
  return M4_OK;
}

m4_status m4_config_convert(const m4_value_source *source, const m4_yaml_node *node, void *field,
                            void **memory, m4_error *err) {
  *memory = NULL;
  m4_status status;
  if (is_list_type(source->key->type))
    status = convert_list(source, node, field, memory, err);
  else if (node)
    status = convert_scalar(source, node, field, memory, err);
  else
    status = convert_empty(source, field, memory, err);
  if (status == M4_OK) return M4_OK;
  free(*memory);
  *memory = NULL;
  return status;
}
