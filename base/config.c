/* Key table, sources and their order. The values are converted in config_value.c and printed in
 * config_print.c. */
#include "base/config.h"

#include "base/config_internal.h"
#include "base/file.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT_BYTES = 1 << 20, SET_LIMIT_BYTES = 1 << 16, ORIGIN_BYTES = 384 };

/* One text being applied. */
typedef struct source {
  m4_config *config;
  const char *name; /* "train.yaml" or "--set a.b=v" */
  bool has_lines;
  m4_error *err;
} source;

static size_t find_key(const m4_config *config, const char *path) {
  size_t i = 0;
  while (i < config->n_keys && strcmp(config->keys[i].path, path) != 0) ++i;
  return i;
}

/* True when known keys lie below `path`. */
static bool is_section(const m4_config *config, const char *path) {
  size_t length = strlen(path);
  for (size_t i = 0; i < config->n_keys; ++i) {
    const char *known = config->keys[i].path;
    if (length == 0 || (strncmp(known, path, length) == 0 && known[length] == '.')) return true;
  }
  return false;
}

static m4_status store(m4_config *config, size_t i, const m4_value_source *from, const m4_yaml_node *node,
                       m4_error *err) {
  void *memory;
  M4_TRY(m4_config_convert(from, node, config->target + config->keys[i].offset, &memory, err));
  free(config->states[i].memory);
  config->states[i].memory = memory;
  return M4_OK;
}

static m4_status set_origin(const source *in, size_t i, const m4_yaml_node *node) {
  char origin[ORIGIN_BYTES];
  if (in->has_lines)
    snprintf(origin, sizeof origin, "%s:%u:%u", in->name, node->line, node->column);
  else
    snprintf(origin, sizeof origin, "%s", in->name);
  char *copy = strdup(origin);
  if (!copy) return m4_fail(in->err, M4_MEMORY, in->name, "no memory for the configuration");
  free(in->config->states[i].origin);
  in->config->states[i].origin = copy;
  return M4_OK;
}

/* The key table as it looks at the depth of an unknown path: a section's name competes with section names. */
static void nearest_path(const m4_config *config, const char *path, bool wants_section,
                         char out[M4_CONFIG_PATH_BYTES]) {
  m4_nearest nearest = m4_nearest_to(path);
  size_t dots = 0;
  for (const char *c = path; *c; ++c) dots += *c == '.';
  out[0] = '\0';
  for (size_t i = 0; i < config->n_keys; ++i) {
    const m4_key *key = &config->keys[i];
    if (key->type == M4_KEY_UNUSED && !config->compat_reference) continue;
    size_t length = strlen(key->path);
    if (wants_section) {
      const char *end = strchr(key->path, '.');
      for (size_t n = 0; n < dots && end; ++n) end = strchr(end + 1, '.');
      if (!end) continue;
      length = (size_t)(end - key->path);
    }
    char candidate[M4_CONFIG_PATH_BYTES];
    snprintf(candidate, sizeof candidate, "%.*s", (int)length, key->path);
    size_t before = nearest.distance;
    m4_nearest_offer(&nearest, candidate);
    if (nearest.distance < before) strcpy(out, candidate);
  }
}

static m4_status fail_unknown(const source *in, const char *path, const m4_yaml_node *node) {
  char shown[M4_CONFIG_PATH_BYTES], nearest[M4_CONFIG_PATH_BYTES];
  m4_text_show(shown, sizeof shown, path);
  nearest_path(in->config, path, node->kind == M4_YAML_MAP, nearest);
  m4_value_source from = {&(m4_key){.path = shown}, in->name, in->has_lines};
  const m4_yaml_node *place = node->key ? node->key : node;
  if (nearest[0] == '\0') return m4_config_fail_at(&from, place, in->err, "unknown key");
  return m4_config_fail_at(&from, place, in->err, "unknown key, nearest known key is %s", nearest);
}

static m4_status note_unused(const source *in, size_t i, const m4_yaml_node *node) {
  m4_config *config = in->config;
  const char *path = config->keys[i].path;
  if (!config->compat_reference) {
    m4_value_source from = {&config->keys[i], in->name, in->has_lines};
    return m4_config_fail_at(&from, node->key ? node->key : node, in->err,
                             "has no effect here: remove it, or give --compat reference to ignore such keys");
  }
  if (config->states[i].origin) return M4_OK;
  size_t used = config->unused ? strlen(config->unused) : 0;
  char *longer = realloc(config->unused, used + strlen(path) + sizeof ", ");
  if (!longer) return m4_fail(in->err, M4_MEMORY, in->name, "no memory for the configuration");
  config->unused = longer;
  sprintf(longer + used, "%s%s", used ? ", " : "", path);
  return set_origin(in, i, node);
}

static m4_status apply(const source *in, const char *path, const m4_yaml_node *node);

static m4_status apply_children(const source *in, const char *path, const m4_yaml_node *map) {
  for (const m4_yaml_node *child = map->first; child; child = child->next) {
    char below[M4_CONFIG_PATH_BYTES];
    int length = snprintf(below, sizeof below, "%s%s%s", path, path[0] ? "." : "", child->key->text);
    if (length < 0 || (size_t)length >= sizeof below) return fail_unknown(in, below, child);
    M4_TRY(apply(in, below, child));
  }
  return M4_OK;
}

static m4_status apply(const source *in, const char *path, const m4_yaml_node *node) {
  m4_config *config = in->config;
  size_t i = find_key(config, path);
  if (i < config->n_keys) {
    if (config->keys[i].type == M4_KEY_UNUSED) return note_unused(in, i, node);
    m4_value_source from = {&config->keys[i], in->name, in->has_lines};
    M4_TRY(store(config, i, &from, node, in->err));
    return set_origin(in, i, node);
  }
  if (!is_section(config, path)) return fail_unknown(in, path, node);
  if (node->kind == M4_YAML_MAP) return apply_children(in, path, node);
  if (m4_yaml_is_null(node)) return M4_OK;
  m4_value_source from = {&(m4_key){.path = path[0] ? path : "the file"}, in->name, in->has_lines};
  return m4_config_fail_at(&from, node, in->err, "must be a mapping of keys to values, found a %s",
                           node->kind == M4_YAML_LIST ? "list" : "single value");
}

static m4_status set_default(m4_config *config, size_t i, m4_error *err) {
  const m4_key *key = &config->keys[i];
  char name[M4_CONFIG_PATH_BYTES];
  snprintf(name, sizeof name, "default of %s", key->path);
  m4_value_source from = {key, name, false};
  if (!key->default_text || key->default_text[0] == '\0') return store(config, i, &from, NULL, err);
  m4_arena arena;
  m4_yaml_node *node;
  m4_status status = m4_yaml_parse(name, key->default_text, strlen(key->default_text), &arena, &node, err);
  if (status == M4_OK) status = store(config, i, &from, node, err);
  m4_arena_free(&arena);
  return status;
}

m4_status m4_config_create(m4_config **config, const m4_key *keys, void *target, m4_error *err) {
  *config = NULL;
  size_t n_keys = 0;
  while (keys[n_keys].path) ++n_keys;
  m4_config *made = calloc(1, sizeof *made + n_keys * sizeof made->states[0]);
  if (!made) return m4_fail(err, M4_MEMORY, NULL, "no memory for the configuration");
  made->keys = keys;
  made->n_keys = n_keys;
  made->target = target;
  for (size_t i = 0; i < n_keys; ++i) {
    m4_status status = keys[i].type == M4_KEY_UNUSED ? M4_OK : set_default(made, i, err);
    if (status == M4_OK) continue;
    m4_config_free(made);
    return status;
  }
  *config = made;
  return M4_OK;
}

void m4_config_free(m4_config *config) {
  if (!config) return;
  for (size_t i = 0; i < config->n_keys; ++i) {
    free(config->states[i].origin);
    free(config->states[i].memory);
  }
  free(config->unused);
  free(config);
}

void m4_config_compat(m4_config *config, bool compat_reference) {
  config->compat_reference = compat_reference;
}

/* Parses text and applies it below `path` ("" for a whole file). */
static m4_status apply_text(const source *in, const char *path, const char *text, size_t length) {
  m4_arena arena;
  m4_yaml_node *root;
  m4_status status = m4_yaml_parse(in->name, text, length, &arena, &root, in->err);
  if (status == M4_OK) status = apply(in, path, root);
  m4_arena_free(&arena);
  return status;
}

m4_status m4_config_load(m4_config *config, const char *path, m4_error *err) {
  char *text;
  size_t length;
  m4_status status = m4_file_read(path, FILE_LIMIT_BYTES, &text, &length, err);
  if (status == M4_DATA) {
    if (err) err->status = M4_USAGE;
    return M4_USAGE;
  }
  M4_TRY(status);
  source in = {config, path, true, err};
  status = apply_text(&in, "", text, length);
  free(text);
  return status;
}

m4_status m4_config_set(m4_config *config, const char *assignment, m4_error *err) {
  char name[ORIGIN_BYTES - 16], shown[ORIGIN_BYTES - 32], path[M4_CONFIG_PATH_BYTES];
  m4_text_show(shown, sizeof shown, assignment);
  snprintf(name, sizeof name, "--set %s", shown);
  const char *equals = strchr(assignment, '=');
  if (!equals || equals == assignment) return m4_fail(err, M4_USAGE, name, "must look like key.path=value");
  if ((size_t)(equals - assignment) >= sizeof path || strlen(equals) > SET_LIMIT_BYTES)
    return m4_fail(err, M4_USAGE, name, "too long");
  snprintf(path, sizeof path, "%.*s", (int)(equals - assignment), assignment);
  source in = {config, name, false, err};
  m4_status status = apply_text(&in, path, equals + 1, strlen(equals + 1));
  if (status != M4_OK && err) memcpy(err->where, name, strlen(name) + 1);
  return status;
}

bool m4_config_given(const m4_config *config, const char *path) {
  size_t i = find_key(config, path);
  return i < config->n_keys && config->states[i].origin;
}

const char *m4_config_origin(const m4_config *config, const char *path) {
  return m4_config_given(config, path) ? config->states[find_key(config, path)].origin : "default";
}

/* The folder of "dir/train.yaml:12:15"; "" for "train.yaml:1:1", "--set a.b=v" and "default". */
static void origin_folder(char out[ORIGIN_BYTES], const char *origin) {
  snprintf(out, ORIGIN_BYTES, "%s", strncmp(origin, "--set ", 6) == 0 ? "" : origin);
  char *slash = strrchr(out, '/');
  if (slash)
    slash[slash == out] = '\0';
  else
    out[0] = '\0';
}

m4_status m4_config_find_file(const m4_config *config, const char *path, const char *name, char *out,
                              size_t out_bytes, m4_error *err) {
  char folder[ORIGIN_BYTES];
  origin_folder(folder, m4_config_origin(config, path));
  if (folder[0] && name[0] != '/') {
    M4_TRY(m4_path_join(out, out_bytes, folder, name, err));
    if (m4_file_exists(out)) return M4_OK;
  }
  if (strlen(name) >= out_bytes) return m4_config_complain(config, path, err, "the name is too long");
  memcpy(out, name, strlen(name) + 1);
  return M4_OK;
}

m4_status m4_config_complain(const m4_config *config, const char *path, m4_error *err, const char *fmt, ...) {
  char where[512], what[384];
  const char *origin = m4_config_origin(config, path);
  bool names_key = strncmp(origin, "--set ", 6) == 0;
  snprintf(where, sizeof where, "%s%s%s", origin, names_key ? "" : ": ", names_key ? "" : path);
  va_list args;
  va_start(args, fmt);
  vsnprintf(what, sizeof what, fmt, args);
  va_end(args);
  return m4_fail(err, M4_USAGE, where, "%s", what);
}

const char *m4_config_unused(const m4_config *config) {
  return config->unused ? config->unused : "";
}

m4_status m4_config_set_text(m4_config *config, const char *path, const char *value, m4_error *err) {
  char assignment[4400];
  if (!value) return M4_OK;
  if (strpbrk(value, "\"\\\n"))
    return m4_fail(err, M4_USAGE, path, "quotes, backslashes and line ends are not allowed here");
  if (snprintf(assignment, sizeof assignment, "%s=\"%s\"", path, value) >= (int)sizeof assignment)
    return m4_fail(err, M4_USAGE, path, "value is too long");
  return m4_config_set(config, assignment, err);
}
