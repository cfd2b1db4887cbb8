/* String -> string notes that travel in a safetensors header. Knows status only. Source: contracts
 * "Checkpoints". */
#ifndef NN_METADATA_H
#define NN_METADATA_H

#include "base/status.h"

#include <stdint.h>

/* Zero-initialise before use; free with m4_metadata_free. Keys are unique, in the order they were first set.
 */
typedef struct m4_metadata {
  char **keys, **values; /* [count], owned */
  int32_t count;
} m4_metadata;

/* NULL when absent. */
const char *m4_metadata_get(const m4_metadata *metadata, const char *key);
/* Adds or replaces; copies both texts. */
m4_status m4_metadata_set(m4_metadata *metadata, const char *key, const char *value, m4_error *err);
void m4_metadata_free(m4_metadata *metadata); /* leaves it empty and usable; NULL accepted */

#endif
