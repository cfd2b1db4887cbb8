/* String -> string notes. Knows status only. */
#include "nn/metadata.h"

#include <stdlib.h>
#include <string.h>

static int32_t find(const m4_metadata *metadata, const char *key) {
  for (int32_t i = 0; i < metadata->count; ++i)
    if (strcmp(metadata->keys[i], key) == 0) return i;
  return -1;
}

const char *m4_metadata_get(const m4_metadata *metadata, const char *key) {
  int32_t i = find(metadata, key);
  return i < 0 ? NULL : metadata->values[i];
}

static m4_status append(m4_metadata *metadata, const char *key, char *value, m4_error *err) {
  size_t count = (size_t)metadata->count + 1;
  char **keys = realloc(metadata->keys, count * sizeof *keys);
  if (keys) metadata->keys = keys;
  char **values = realloc(metadata->values, count * sizeof *values);
  if (values) metadata->values = values;
  char *name = strdup(key);
  if (!keys || !values || !name) {
    free(name);
    return m4_fail(err, M4_MEMORY, NULL, "no memory for metadata");
  }
  keys[count - 1] = name;
  values[count - 1] = value;
  metadata->count = (int32_t)count;
  return M4_OK;
}

m4_status m4_metadata_set(m4_metadata *metadata, const char *key, const char *value, m4_error *err) {
  char *copy = strdup(value);
  if (!copy) return m4_fail(err, M4_MEMORY, NULL, "no memory for metadata");
  int32_t i = find(metadata, key);
  if (i < 0) {
    m4_status status = append(metadata, key, copy, err);
    if (status != M4_OK) free(copy);
    return status;
  }
  free(metadata->values[i]);
  metadata->values[i] = copy;
  return M4_OK;
}

void m4_metadata_free(m4_metadata *metadata) {
  if (!metadata) return;
  for (int32_t i = 0; i < metadata->count; ++i) {
    free(metadata->keys[i]);
    free(metadata->values[i]);
  }
  free(metadata->keys);
  free(metadata->values);
  memset(metadata, 0, sizeof *metadata);
}
