/* Words, integers and exact decimals of text files; see text.h. Does not know what the files mean. */
#include "sim/text.h"

#include "base/file.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 30, SHOWN_BYTES = 40, MAX_PATH_BYTES = 4096 };

m4_status sim_text_open(sim_text *text, const char *path, m4_error *err) {
  char source[MAX_PATH_BYTES];
  *text = (sim_text){0};
  m4_file_source(source, sizeof source, path);
  text->path = strdup(source);
  if (!text->path) return m4_fail(err, M4_MEMORY, path, "no memory for a file name");
  m4_status status = m4_file_read(path, MAX_FILE_BYTES, &text->data, &text->length, err);
  if (status == M4_OK && memchr(text->data, '\0', text->length))
    status = m4_fail(err, M4_DATA, source, "not a text file: it contains a zero byte");
  if (status != M4_OK)
    sim_text_close(text);
  else
    text->next_line = text->data;
  return status;
}

void sim_text_close(sim_text *text) {
  free(text->path);
  free(text->data);
  *text = (sim_text){0};
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

bool sim_text_line(sim_text *text) {
  while (*text->next_line) {
    text->word = text->next_line;
    char *end = strchr(text->word, '\n');
    text->next_line = end ? end + 1 : text->word + strlen(text->word);
    if (end) *end = '\0';
    text->line++;
    while (is_blank(*text->word)) text->word++;
    if (*text->word) return true;
  }
  text->word = text->next_line;
  return false;
}

char *sim_text_word(sim_text *text) {
  if (!text->word || !*text->word) return NULL;
  char *word = text->word, *end = word;
  while (*end && !is_blank(*end)) end++;
  text->word = end;
  if (*end) *text->word++ = '\0';
  while (is_blank(*text->word)) text->word++;
  return word;
}

m4_status sim_text_fail(const sim_text *text, m4_error *err, const char *fmt, ...) {
  char what[320], where[512];
  va_list args;
  va_start(args, fmt);
  vsnprintf(what, sizeof what, fmt, args);
  va_end(args);
  snprintf(where, sizeof where, "%s:%lld", text->path, (long long)text->line);
  return m4_fail(err, M4_DATA, where, "%s", what);
}

/* The next word, or an error that says what is missing. */
static m4_status need_word(sim_text *text, const char *what, char **word, m4_error *err) {
  *word = sim_text_word(text);
  return *word ? M4_OK : sim_text_fail(text, err, "the line ends before the %s", what);
}

static m4_status bad_word(const sim_text *text, const char *what, const char *word, const char *wanted,
                          m4_error *err) {
  char shown[SHOWN_BYTES];
  m4_text_show(shown, sizeof shown, word);
  return sim_text_fail(text, err, "%s is \"%s\", must be %s", what, shown, wanted);
}

static m4_status bad_range(const sim_text *text, const char *what, const char *word, int64_t min, int64_t max,
                           m4_error *err) {
  char wanted[80];
  snprintf(wanted, sizeof wanted, "between %lld and %lld", (long long)min, (long long)max);
  return bad_word(text, what, word, wanted, err);
}

m4_status sim_text_int(sim_text *text, const char *what, int64_t min, int64_t max, int64_t *value,
                       m4_error *err) {
  char *word;
  M4_TRY(need_word(text, what, &word, err));
  m4_number_result result = m4_parse_int(word, value);
  if (result == M4_NUMBER_MALFORMED) return bad_word(text, what, word, "an integer", err);
  if (result != M4_NUMBER_OK || *value < min || *value > max)
    return bad_range(text, what, word, min, max, err);
  return M4_OK;
}

m4_status sim_text_real(sim_text *text, const char *what, double *value, m4_error *err) {
  char *word;
  M4_TRY(need_word(text, what, &word, err));
  if (m4_parse_real(word, value) != M4_NUMBER_OK) return bad_word(text, what, word, "a finite number", err);
  return M4_OK;
}

/* Reads "[e|E][+-]digits"; leaves *exponent alone when there is none. Clamped: nobody needs more than +-1000.
 */
static void parse_exponent(const char **from, int *exponent) {
  const char *c = *from;
  if (*c != 'e' && *c != 'E') return;
  bool negative = *++c == '-';
  if (*c == '-' || *c == '+') c++;
  if (*c < '0' || *c > '9') return;
  int value = 0;
  for (; *c >= '0' && *c <= '9'; c++)
    if (value < 1000) value = 10 * value + (*c - '0');
  *exponent += negative ? -value : value;
  *from = c;
}

/* Appends a decimal digit; false when the result would pass INT64_MAX. */
static bool push_digit(int64_t *number, int digit) {
  if (*number > (INT64_MAX - digit) / 10) return false;
  *number = 10 * *number + digit;
  return true;
}

bool sim_parse_decimal(const char *from, int power, int64_t *value, const char **end) {
  const char *c = from, *first = from;
  int whole = 0, digits = 0; /* digits before the point, and altogether */
  for (bool point = false; (*c >= '0' && *c <= '9') || (*c == '.' && !point); c++) {
    if (*c == '.')
      point = true;
    else
      digits++, whole += !point;
  }
  if (digits == 0) return false;
  const char *last = c;
  int shift = power;
  parse_exponent(&c, &shift);
  *end = c;

  int64_t number = 0;
  int taken = 0, wanted = whole + shift; /* how many leading digits make the integer */
  for (c = first; c < last; c++) {
    if (*c == '.') continue;
    int digit = *c - '0';
    if (taken == wanted && digit >= 5)
      number += number < INT64_MAX; /* the first digit dropped decides the rounding */
    if (taken++ < wanted && !push_digit(&number, digit)) return false;
  }
  for (; taken < wanted && number; taken++)
    if (!push_digit(&number, 0)) return false;
  *value = number;
  return true;
}

m4_status sim_text_decimal(sim_text *text, const char *what, int power, int64_t min, int64_t max,
                           int64_t *value, m4_error *err) {
  char *word;
  const char *end;
  M4_TRY(need_word(text, what, &word, err));
  if (!sim_parse_decimal(word, power, value, &end) || *end)
    return bad_word(text, what, word, "a decimal number, neither negative nor huge", err);
  if (*value >= min && *value <= max) return M4_OK;
  char wanted[80];
  snprintf(wanted, sizeof wanted, "between %.10g and %.10g", (double)min / pow(10, power),
           (double)max / pow(10, power));
  return bad_word(text, what, word, wanted, err);
}

typedef struct unit {
  const char *name;
  int power;
} unit;

/* A decimal followed by one of the units. */
static m4_status read_with_unit(sim_text *text, const char *what, const unit *units, const char *wanted,
                                int64_t *value, m4_error *err) {
  char *word;
  const char *end;
  M4_TRY(need_word(text, what, &word, err));
  size_t number = strspn(word, "0123456789.eE+-");
  for (const unit *u = units; u->name; u++) {
    if (strcmp(word + number, u->name) != 0) continue;
    if (!sim_parse_decimal(word, u->power, value, &end) || end != word + number || *value < 1) break;
    return M4_OK;
  }
  return bad_word(text, what, word, wanted, err);
}

m4_status sim_text_rate(sim_text *text, const char *what, int64_t *bits_per_second, m4_error *err) {
  static const unit units[] = {{"bps", 0},   {"b/s", 0},   {"Kbps", 3}, {"kbps", 3}, {"Kb/s", 3},
                               {"kb/s", 3},  {"Mbps", 6},  {"Mb/s", 6}, {"Gbps", 9}, {"Gb/s", 9},
                               {"Tbps", 12}, {"Tb/s", 12}, {NULL, 0}};
  return read_with_unit(text, what, units, "a rate such as 10Gbps", bits_per_second, err);
}

m4_status sim_text_delay(sim_text *text, const char *what, int64_t *ns, m4_error *err) {
  static const unit units[] = {{"ns", 0}, {"us", 3}, {"ms", 6}, {"s", 9}, {NULL, 0}};
  return read_with_unit(text, what, units, "a delay such as 1000ns", ns, err);
}

m4_status sim_text_end_of_line(sim_text *text, m4_error *err) {
  char *word = sim_text_word(text);
  return word ? bad_word(text, "an extra word", word, "left out", err) : M4_OK;
}

m4_status sim_text_end_of_file(sim_text *text, const char *hint, m4_error *err) {
  if (!sim_text_line(text)) return M4_OK;
  m4_status status = sim_text_fail(text, err, "the file goes on after its last entry");
  return hint ? m4_hint(err, status, "%s", hint) : status;
}
