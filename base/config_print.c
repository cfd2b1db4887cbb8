/* The resolved configuration as YAML. Knows the key table. */
#include "base/config.h"
#include "base/config_internal.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum { HELP_COLUMN = 44 };

/* Decodes one UTF-8 character (libyaml has checked the text); returns its bytes. */
static int decode(const char *text, uint32_t *code) {
  unsigned char c = (unsigned char)text[0];
  int bytes = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
  *code = bytes == 1 ? c : c & (0x7Fu >> bytes);
  for (int i = 1; i < bytes; ++i) {
    if (((unsigned char)text[i] & 0xC0) != 0x80) return 1;
    *code = *code << 6 | ((unsigned char)text[i] & 0x3F);
  }
  return bytes;
}

/* Control characters, special line breaks and marks do not survive a YAML reader unescaped. */
static bool needs_escape(uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 || code == 0xFEFF ||
         (code >= 0xFFFE && code <= 0xFFFF);
}

static int print_quoted(FILE *out, const char *text) {
  int width = fprintf(out, "\"");
  while (*text) {
    uint32_t code;
    int bytes = decode(text, &code);
    if (needs_escape(code))
      width += fprintf(out, "\\u%04" PRIX32, code);
    else
      width += fprintf(out, "%s%.*s", code == '"' || code == '\\' ? "\\" : "", bytes, text);
    text += bytes;
  }
  return width + fprintf(out, "\"");
}

/* Plain only where no YAML reader can take the text for a number, a truth value, nothing, or syntax. */
static bool is_plain_text(const char *text) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/";
  static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/.-0123456789";
  static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  if (!text[0] || !strchr(letters, text[0]) || text[strspn(text, others)]) return false;
  for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i)
    if (strcasecmp(text, words[i]) == 0) return false;
  return true;
}

static int print_text(FILE *out, const char *text) {
  return is_plain_text(text) ? fprintf(out, "%s", text) : print_quoted(out, text);
}

static int print_real(FILE *out, double value) {
  char text[32];
  m4_format_real(text, sizeof text, value);
  return fprintf(out, "%s", text);
}

/* Returns the number of bytes written. */
static int print_value(FILE *out, const m4_key *key, const void *field) {
  const m4_int_list *ints = field;
  const m4_real_list *reals = field;
  const m4_text_list *texts = field;
  int width = 0;
  switch (key->type) {
  case M4_KEY_BOOL:
    return fprintf(out, "%s", *(const bool *)field ? "true" : "false");
  case M4_KEY_INT:
    return fprintf(out, "%" PRId64, *(const int64_t *)field);
  case M4_KEY_REAL:
    return print_real(out, *(const double *)field);
  case M4_KEY_TEXT:
    return print_text(out, *(char *const *)field);
  case M4_KEY_UNUSED:
    return 0;
  case M4_KEY_INT_LIST:
    for (size_t i = 0; i < ints->count; ++i)
      width += fprintf(out, "%s%" PRId64, i ? ", " : "[", ints->items[i]);
    break;
  case M4_KEY_REAL_LIST:
    for (size_t i = 0; i < reals->count; ++i)
      width += fprintf(out, i ? ", " : "[") + print_real(out, reals->items[i]);
    break;
  case M4_KEY_TEXT_LIST:
    for (size_t i = 0; i < texts->count; ++i)
      width += fprintf(out, i ? ", " : "[") + print_text(out, texts->items[i]);
    break;
  }
  return width + fprintf(out, width ? "]" : "[]");
}

static void print_key(const m4_config *config, FILE *out, const m4_key *key, const char *name, int indent,
                      bool with_help) {
  int width = fprintf(out, "%*s%s: ", indent, "", name);
  width += print_value(out, key, config->target + key->offset);
  if (with_help && key->help)
    fprintf(out, "%*s# %s", width < HELP_COLUMN ? HELP_COLUMN - width : 2, "", key->help);
  fputc('\n', out);
}

static bool is_below(const m4_key *key, const char *section, size_t length) {
  return key->type != M4_KEY_UNUSED && strncmp(key->path, section, length) == 0;
}

/* Prints everything whose path starts with the first `length` bytes of `section` ("" or "training."). */
static void print_section(const m4_config *config, FILE *out, const char *section, size_t length, int indent,
                          bool with_help) {
  for (size_t i = 0; i < config->n_keys; ++i) {
    const m4_key *key = &config->keys[i];
    if (!is_below(key, section, length)) continue;
    const char *name = key->path + length, *dot = strchr(name, '.');
    if (!dot) {
      print_key(config, out, key, name, indent, with_help);
      continue;
    }
    size_t longer = (size_t)(dot - key->path) + 1, earlier = 0;
    while (!is_below(&config->keys[earlier], key->path, longer)) ++earlier;
    if (earlier < i) continue;
    fprintf(out, "%*s%.*s:\n", indent, "", (int)(dot - name), name);
    print_section(config, out, key->path, longer, indent + 2, with_help);
  }
}

m4_status m4_config_print(const m4_config *config, FILE *out, bool with_help, m4_error *err) {
  print_section(config, out, "", 0, 0, with_help);
  fflush(out);
  return ferror(out) ? m4_fail(err, M4_IO, NULL, "cannot write the configuration") : M4_OK;
}
