/* JSON input files: reading whole files, errors that name file and place. Knows base. */
#ifndef DATAGEN_JSON_H
#define DATAGEN_JSON_H

#include "base/status.h"

#include <jansson.h>

/* Parses text; free *root with json_decref. M4_DATA at "path:line:column": not JSON, or a key twice in one
 * object. */
m4_status dg_json_parse(json_t **root, const char *path, const char *text, size_t length, m4_error *err);
/* The same from a file, plain or gzip. */
m4_status dg_json_read(json_t **root, const char *path, m4_error *err);

/* M4_DATA at "path: key". */
m4_status dg_json_fail(const char *path, const char *key, m4_error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
