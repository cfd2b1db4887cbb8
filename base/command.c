/* Command line parsing. Knows text and config. The help texts are in command_help.c. */
#include "base/command.h"

#include "base/command_internal.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 4096 };

static const char *const compat_choices[] = {"reference", NULL};

static const m4_option with_keys[] = {
    {"--config", M4_OPTION_TEXT_LIST, offsetof(m4_common, config_files), "FILE",
     "YAML configuration; may be repeated, later files win", NULL},
    {"--set", M4_OPTION_TEXT_LIST, offsetof(m4_common, sets), "KEY=VALUE",
     "sets one configuration key, after all files; may be repeated", NULL},
    {"--print-config", M4_OPTION_FLAG, offsetof(m4_common, print_config), NULL,
     "prints the resolved configuration and ends", NULL},
    {"--dry-run", M4_OPTION_FLAG, offsetof(m4_common, dry_run), NULL,
     "checks everything, prints the plan, writes nothing", NULL},
    {"--threads", M4_OPTION_INT, offsetof(m4_common, threads), "N",
     "threads, 0 = one per core (default 0); results do not depend on it", NULL},
    {"--seed", M4_OPTION_INT, offsetof(m4_common, seed), "N",
     "seed of all random numbers (default: from the configuration)", NULL},
    {"--device", M4_OPTION_TEXT, offsetof(m4_common, device), "NAME",
     "auto, cpu, cuda or cuda:N (default auto)", NULL},
    {"--compat", M4_OPTION_TEXT, offsetof(m4_common, compat), "NAME",
     "accepts the reference's files; its unused keys become one warning", compat_choices},
    {"--quiet", M4_OPTION_FLAG, offsetof(m4_common, quiet), NULL, "only warnings and errors on the screen",
     NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_option without_keys[] = {{"--quiet", M4_OPTION_FLAG, offsetof(m4_common, quiet), NULL,
                                          "only warnings and errors on the screen", NULL},
                                         {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

const m4_option *m4_common_options_of(const m4_program *program) {
  return program->keys ? with_keys : without_keys;
}

typedef struct arguments {
  const m4_program *program;
  int count, next; /* of argv */
  char **argv;
  m4_error *err;
} arguments;

/* The row for the first `length` bytes of `name`; NULL when there is none. */
static const m4_option *find_option(const m4_option *options, const char *name, size_t length) {
  for (; options->name; ++options)
    if (strlen(options->name) == length && strncmp(options->name, name, length) == 0) return options;
  return NULL;
}

static m4_status fail_unknown(const arguments *in, const char *name, size_t length) {
  char shown[64];
  if (length >= sizeof shown) length = sizeof shown - 1;
  memcpy(shown, name, length);
  shown[length] = '\0';
  m4_nearest nearest = m4_nearest_to(shown);
  for (const m4_option *o = in->program->options; o && o->name; ++o) m4_nearest_offer(&nearest, o->name);
  for (const m4_option *o = m4_common_options_of(in->program); o->name; ++o)
    m4_nearest_offer(&nearest, o->name);
  m4_nearest_offer(&nearest, "--help");
  m4_nearest_offer(&nearest, "--version");
  m4_status status = m4_fail(in->err, M4_USAGE, shown, "unknown option");
  if (m4_nearest_is_close(&nearest)) return m4_hint(in->err, status, "did you mean %s?", nearest.name);
  return m4_hint(in->err, status, "%s --help lists all options", in->program->name);
}

static m4_status check_choice(const m4_option *option, const char *text, m4_error *err) {
  if (!option->choices) return M4_OK;
  char allowed[256] = "";
  m4_nearest nearest = m4_nearest_to(text);
  for (const char *const *choice = option->choices; *choice; ++choice) {
    if (strcmp(*choice, text) == 0) return M4_OK;
    m4_nearest_offer(&nearest, *choice);
    size_t used = strlen(allowed);
    snprintf(allowed + used, sizeof allowed - used, "%s%s", used ? ", " : "", *choice);
  }
  m4_status status =
      m4_fail(err, M4_USAGE, option->name, "\"%.64s\" is not known, allowed: %s", text, allowed);
  return m4_nearest_is_close(&nearest) ? m4_hint(err, status, "did you mean %s?", nearest.name) : status;
}

static m4_status append(m4_text_list *list, char *text, m4_error *err) {
  char **longer = realloc(list->items, (list->count + 1) * sizeof *longer);
  if (!longer) return m4_fail(err, M4_MEMORY, NULL, "no memory for the command line");
  longer[list->count++] = text;
  list->items = longer;
  return M4_OK;
}

static m4_status store(const m4_option *option, char *text, void *field, m4_error *err) {
  if (option->type == M4_OPTION_FLAG) {
    *(bool *)field = true;
    return M4_OK;
  }
  if (option->type == M4_OPTION_INT && m4_parse_int(text, field) != M4_NUMBER_OK)
    return m4_fail(err, M4_USAGE, option->name, "\"%.64s\" is not an integer", text);
  if (option->type == M4_OPTION_REAL && m4_parse_real(text, field) != M4_NUMBER_OK)
    return m4_fail(err, M4_USAGE, option->name, "\"%.64s\" is not a finite number", text);
  if (option->type == M4_OPTION_INT || option->type == M4_OPTION_REAL) return M4_OK;
  M4_TRY(check_choice(option, text, err));
  if (option->type == M4_OPTION_TEXT_LIST) return append(field, text, err);
  *(const char **)field = text;
  return M4_OK;
}

/* The value after "=" or in the next argument; NULL for flags. */
static m4_status take_value(arguments *in, const m4_option *option, char *equals, char **value) {
  *value = NULL;
  if (option->type == M4_OPTION_FLAG) {
    if (equals) return m4_fail(in->err, M4_USAGE, option->name, "takes no value");
    return M4_OK;
  }
  if (equals) {
    *value = equals + 1;
    return M4_OK;
  }
  bool is_there = in->next < in->count && strncmp(in->argv[in->next], "--", 2) != 0;
  if (!is_there)
    return m4_fail(in->err, M4_USAGE, option->name, "needs a value: %s %s", option->name, option->value);
  *value = in->argv[in->next++];
  return M4_OK;
}

static m4_status parse_option(arguments *in, void *target, m4_common *common) {
  char *name = in->argv[in->next++];
  char *equals = strchr(name, '=');
  size_t length = equals ? (size_t)(equals - name) : strlen(name);
  if (strncmp(name, "--", 2) != 0) {
    m4_status status = m4_fail(in->err, M4_USAGE, NULL, "unexpected argument \"%.128s\"", name);
    return m4_hint(in->err, status, "options begin with --; %s --help lists them", in->program->name);
  }
  unsigned char *base = target;
  const m4_option *option = in->program->options ? find_option(in->program->options, name, length) : NULL;
  if (!option) {
    option = find_option(m4_common_options_of(in->program), name, length);
    base = (unsigned char *)common;
  }
  if (!option) return fail_unknown(in, name, length);
  char *value;
  M4_TRY(take_value(in, option, equals, &value));
  return store(option, value, base + option->offset, in->err);
}

static m4_status check_common(const m4_common *common, m4_error *err) {
  if (common->threads < 0 || common->threads > MAX_THREADS)
    return m4_fail(err, M4_USAGE, "--threads", "%lld is out of range, allowed 0 to %d",
                   (long long)common->threads, MAX_THREADS);
  if (common->seed < -1)
    return m4_fail(err, M4_USAGE, "--seed", "%lld is out of range, allowed 0 or more",
                   (long long)common->seed);
  const char *device = common->device;
  int64_t number;
  bool is_number =
      strncmp(device, "cuda:", 5) == 0 && m4_parse_int(device + 5, &number) == M4_NUMBER_OK && number >= 0;
  if (is_number || strcmp(device, "auto") == 0 || strcmp(device, "cpu") == 0 || strcmp(device, "cuda") == 0)
    return M4_OK;
  return m4_fail(err, M4_USAGE, "--device", "\"%.64s\" is not known, allowed: auto, cpu, cuda, cuda:N",
                 device);
}

m4_status m4_command_parse(const m4_program *program, int argc, char **argv, void *target, m4_common *common,
                           bool *finished, m4_error *err) {
  *common = (m4_common){.seed = -1, .device = "auto", .argc = argc, .argv = argv};
  *finished = false;
  arguments in = {program, argc, 1, argv, err};
  while (in.next < argc) {
    const char *name = argv[in.next];
    if (strcmp(name, "--help") == 0) {
      *finished = true;
      const char *topic = in.next + 1 < argc ? argv[in.next + 1] : "";
      return strcmp(topic, "config") == 0 ? m4_command_help_config(program, stdout, err)
                                          : m4_command_help(program, stdout, err);
    }
    if (strcmp(name, "--version") == 0) {
      *finished = true;
      fprintf(stdout, "%s %s\n", program->name, M4_VERSION);
      return fflush(stdout) == 0 ? M4_OK : m4_fail(err, M4_IO, NULL, "cannot write to standard output");
    }
    M4_TRY(parse_option(&in, target, common));
  }
  return check_common(common, err);
}

void m4_command_free(const m4_program *program, void *target, m4_common *common) {
  for (const m4_option *option = program->options; option && option->name; ++option) {
    if (option->type != M4_OPTION_TEXT_LIST) continue;
    m4_text_list *list = (m4_text_list *)((unsigned char *)target + option->offset);
    free(list->items);
    *list = (m4_text_list){NULL, 0};
  }
  free(common->config_files.items);
  free(common->sets.items);
  *common = (m4_common){.seed = -1, .device = "auto"};
}

m4_status m4_command_configure(const m4_common *common, m4_config *config, m4_error *err) {
  m4_config_compat(config, common->compat && strcmp(common->compat, "reference") == 0);
  for (size_t i = 0; i < common->config_files.count; ++i)
    M4_TRY(m4_config_load(config, common->config_files.items[i], err));
  for (size_t i = 0; i < common->sets.count; ++i) M4_TRY(m4_config_set(config, common->sets.items[i], err));
  return M4_OK;
}

m4_status m4_command_seed(const m4_common *common, m4_config *config, const char *key, m4_error *err) {
  char assignment[128];
  if (common->seed < 0) return M4_OK;
  snprintf(assignment, sizeof assignment, "%s=%lld", key, (long long)common->seed);
  return m4_config_set(config, assignment, err);
}

m4_status m4_command_device(const m4_common *common, m4_config *config, const char *key, m4_error *err) {
  bool given = strcmp(common->device, "auto") != 0;
  return given ? m4_config_set_text(config, key, common->device, err) : M4_OK;
}
