/* Command lines: one option table gives parsing, --help and error messages with the nearest option. All
 * programs share the common options of the contracts (--config --set --print-config --dry-run --threads
 * --seed --device --quiet --help --version). Knows config. */
#ifndef M4_BASE_COMMAND_H
#define M4_BASE_COMMAND_H

#include "base/config.h"

typedef enum m4_option_type {
  M4_OPTION_FLAG,     /* bool, set to true */
  M4_OPTION_INT,      /* int64_t */
  M4_OPTION_REAL,     /* double */
  M4_OPTION_TEXT,     /* const char *, points into argv */
  M4_OPTION_TEXT_LIST /* m4_text_list, repeatable; items point into argv */
} m4_option_type;

/* One row; the table ends with name NULL. */
typedef struct m4_option {
  const char *name; /* "--scenario" */
  m4_option_type type;
  size_t offset;              /* into the target struct */
  const char *value;          /* "DIR" for the help text; NULL for flags */
  const char *help;           /* what it does, default, unit */
  const char *const *choices; /* NULL-terminated, or NULL */
} m4_option;

/* The options every program with configuration keys has; the others have --quiet only. */
typedef struct m4_common {
  m4_text_list config_files;
  m4_text_list sets;
  bool print_config, dry_run, quiet;
  const char *compat; /* NULL or "reference" */
  int64_t threads;    /* 0 = one per core */
  int64_t seed;       /* -1 = take it from the configuration */
  const char *device; /* "auto", "cpu", "cuda", "cuda:N" */
  int argc;           /* the command line as it was given */
  char **argv;
} m4_common;

typedef struct m4_program {
  const char *name;     /* "m4-sim" */
  const char *summary;  /* one line */
  const char *usage;    /* "m4-sim --scenario DIR --backend packet --out OUT" */
  const char *examples; /* a few complete commands, newline separated, shown in --help */
  const m4_option *options;
  const m4_key *keys; /* configuration keys listed by --help config; may be NULL when the program has none */
} m4_program;

/* Parses argv into `target` (the program's own options) and `common`. After --help or --version it has
 * printed to stdout and sets *finished (exit 0). Positional arguments are errors. Free list memory with
 * m4_command_free. */
m4_status m4_command_parse(const m4_program *program, int argc, char **argv, void *target, m4_common *common,
                           bool *finished, m4_error *err);
void m4_command_free(const m4_program *program, void *target, m4_common *common);

/* Loads common->config_files, then common->sets, into config; honours --compat. */
m4_status m4_command_configure(const m4_common *common, m4_config *config, m4_error *err);
/* Puts --device, unless it is "auto", into this key. */
m4_status m4_command_device(const m4_common *common, m4_config *config, const char *key, m4_error *err);
/* Puts --seed, when it was given, into this key. */
m4_status m4_command_seed(const m4_common *common, m4_config *config, const char *key, m4_error *err);

#endif
