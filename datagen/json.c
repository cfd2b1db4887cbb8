/* JSON input files. See json.h. */
#include "datagen/json.h"

#include "base/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_FILE_BYTES = 1 << 28 };

m4_status dg_json_parse(json_t **root, const char *path, const char *text, size_t length, m4_error *err) {
  json_error_t problem;
  *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
  if (*root) return M4_OK;
  char where[512];
  snprintf(where, sizeof where, "%.400s:%d:%d", path, problem.line, problem.column);
  return m4_fail(err, M4_DATA, where, "not JSON: %s", problem.text);
}

m4_status dg_json_read(json_t **root, const char *path, m4_error *err) {
  char *text;
  size_t length;
  *root = NULL;
  M4_TRY(m4_file_read(path, MAX_FILE_BYTES, &text, &length, err));
  m4_status status = dg_json_parse(root, path, text, length, err);
  free(text);
  return status;
}

m4_status dg_json_fail(const char *path, const char *key, m4_error *err, const char *format, ...) {
  char where[512], what[384];
  snprintf(where, sizeof where, "%.380s: %.120s", path, key);
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  return m4_fail(err, M4_DATA, where, "%s", what);
}
