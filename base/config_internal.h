/* What the parts of the configuration share; not for other rooms. */
#ifndef M4_BASE_CONFIG_INTERNAL_H
#define M4_BASE_CONFIG_INTERNAL_H

#include "base/config.h"
#include "base/yaml_tree.h"

enum { M4_CONFIG_PATH_BYTES = 256, M4_CONFIG_RANGE_BYTES = 256 };

/* One key and the text its value comes from. */
typedef struct m4_value_source {
  const m4_key *key;
  const char *name; /* "train.yaml", "--set a.b=v", "default of a.b" */
  bool has_lines;   /* positions in `name` mean something */
} m4_value_source;

/* M4_USAGE error at `node`: "train.yaml:12:15: training.batch_size". */
m4_status m4_config_fail_at(const m4_value_source *source, const m4_yaml_node *node, m4_error *err,
                            const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Converts and checks `node` (NULL: the empty value) and writes it to `field`; what the field points to is
 * `*memory`, owned by the caller. On failure the field is untouched and *memory is NULL. */
m4_status m4_config_convert(const m4_value_source *source, const m4_yaml_node *node, void *field,
                            void **memory, m4_error *err);

/* "an integer", "a list of numbers", ... */
const char *m4_key_type_text(m4_key_type type);
/* What is allowed: "1 to 4096", "0 or more", "a, b or c"; "" when there is no limit. */
void m4_key_range_text(const m4_key *key, char *out, size_t out_bytes);

struct m4_config {
  const m4_key *keys;
  size_t n_keys;
  unsigned char *target;
  bool compat_reference;
  char *unused; /* comma-separated */
  struct m4_key_state {
    char *origin; /* NULL: default */
    void *memory; /* what the field points to */
  } states[];
};

#endif
