/* --help and --help config. Knows the option and key tables. */
#include "base/command_internal.h"
#include "base/config_internal.h"
#include "base/status.h"

#include <string.h>

enum { LINE_COLUMNS = 100, NAME_COLUMN = 28 };

/* Prints text from `column` on, breaking lines between words; continuation lines begin at the same column. */
static void print_wrapped(FILE *out, const char *text, int column) {
  int used = column;
  while (*text) {
    size_t word = strcspn(text, " ");
    if (used > column && used + 1 + (int)word > LINE_COLUMNS) {
      fprintf(out, "\n%*s", column, "");
      used = column;
    }
    used += fprintf(out, "%s%.*s", used > column ? " " : "", (int)word, text);
    text += word;
    text += strspn(text, " ");
  }
  fputc('\n', out);
}

/* Name and value, then the help in the second column. */
static void print_row(FILE *out, const char *name, const char *value, const char *help) {
  int width = fprintf(out, "  %s%s%s", name, value ? " " : "", value ? value : "");
  if (width >= NAME_COLUMN) {
    fputc('\n', out);
    width = 0;
  }
  fprintf(out, "%*s", NAME_COLUMN - width, "");
  print_wrapped(out, help, NAME_COLUMN);
}

static void print_option(FILE *out, const m4_option *option) {
  char help[1024];
  snprintf(help, sizeof help, "%s", option->help ? option->help : "");
  for (size_t i = 0; option->choices && option->choices[i]; ++i) {
    size_t used = strlen(help);
    snprintf(help + used, sizeof help - used, "%s%s%s", i == 0 ? " (one of: " : ", ", option->choices[i],
             option->choices[i + 1] ? "" : ")");
  }
  print_row(out, option->name, option->value, help);
}

static void print_indented_lines(FILE *out, const char *text) {
  while (*text) {
    size_t length = strcspn(text, "\n");
    fprintf(out, "  %.*s\n", (int)length, text);
    text += length + (text[length] == '\n');
  }
}

static void print_exit_codes(FILE *out) {
  fprintf(out, "\nexit codes:\n  0 done\n");
  static const m4_status shown[] = {M4_USAGE, M4_DATA, M4_IO, M4_NUMERIC};
  for (size_t i = 0; i < sizeof shown / sizeof shown[0]; ++i)
    fprintf(out, "  %d %s\n", m4_exit_code(shown[i]), m4_status_text(shown[i]));
  fprintf(out, "  130, 143 interrupted (Ctrl-C, SIGTERM); what can be saved is saved\n");
}

static m4_status finish(FILE *out, m4_error *err) {
  fflush(out);
  return ferror(out) ? m4_fail(err, M4_IO, NULL, "cannot write the help text") : M4_OK;
}

m4_status m4_command_help(const m4_program *program, FILE *out, m4_error *err) {
  fprintf(out, "%s: %s\n\nusage:\n", program->name, program->summary);
  print_indented_lines(out, program->usage);
  if (program->options && program->options->name) fprintf(out, "\noptions:\n");
  for (const m4_option *option = program->options; option && option->name; ++option)
    print_option(out, option);
  fprintf(out, "\ncommon options:\n");
  for (const m4_option *option = m4_common_options_of(program); option->name; ++option)
    print_option(out, option);
  print_row(out, "--help", NULL, "this text");
  if (program->keys) print_row(out, "--help config", NULL, "lists the configuration keys");
  print_row(out, "--version", NULL, "name and version");
  if (program->examples) {
    fprintf(out, "\nexamples:\n");
    print_indented_lines(out, program->examples);
  }
  print_exit_codes(out);
  return finish(out, err);
}

static const char *default_text(const m4_key *key) {
  if (key->default_text && key->default_text[0]) return key->default_text;
  switch (key->type) {
  case M4_KEY_BOOL:
    return "false";
  case M4_KEY_INT:
  case M4_KEY_REAL:
    return "0";
  default:
    return "empty";
  }
}

/* "training.batch_size", then "an integer: 1 to 4096 (default 2)", then what it does. */
static void print_config_key(FILE *out, const m4_key *key) {
  const int indent = 6;
  char range[M4_CONFIG_RANGE_BYTES], type[512];
  m4_key_range_text(key, range, sizeof range);
  snprintf(type, sizeof type, "%s%s%s (default %s)", m4_key_type_text(key->type), range[0] ? ": " : "", range,
           default_text(key));
  fprintf(out, "  %s\n%*s", key->path, indent, "");
  print_wrapped(out, type, indent);
  if (!key->help) return;
  fprintf(out, "%*s", indent, "");
  print_wrapped(out, key->help, indent);
}

m4_status m4_command_help_config(const m4_program *program, FILE *out, m4_error *err) {
  if (!program->keys) {
    fprintf(out, "%s has no configuration keys\n", program->name);
    return finish(out, err);
  }
  fprintf(out, "configuration keys of %s (nested at the dots in YAML, as they are for --set):\n",
          program->name);
  for (const m4_key *key = program->keys; key->path; ++key)
    if (key->type != M4_KEY_UNUSED) print_config_key(out, key);
  bool has_title = false;
  for (const m4_key *key = program->keys; key->path; ++key) {
    if (key->type != M4_KEY_UNUSED) continue;
    if (!has_title)
      fprintf(out, "\nkeys without effect (refused, or one warning with --compat reference):\n");
    has_title = true;
    fprintf(out, "  %s\n", key->path);
  }
  return finish(out, err);
}
