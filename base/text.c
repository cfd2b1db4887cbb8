/* Strict numbers, nearest names, safe display. Knows nothing. */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMPARED_LETTERS = 96 }; /* longer names are compared by their beginning */

/* strtoll and strtod accept more than a number: leading spaces, "0x", "inf", "nan(...)". */
static bool only_has(const char *text, const char *allowed) {
  return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

m4_number_result m4_parse_int(const char *text, int64_t *value) {
  if (!only_has(text, "+-0123456789")) return M4_NUMBER_MALFORMED;
  char *end;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  if (*end != '\0' || end == text) return M4_NUMBER_MALFORMED;
  if (errno == ERANGE) return M4_NUMBER_TOO_LARGE;
  *value = number;
  return M4_NUMBER_OK;
}

m4_number_result m4_parse_real(const char *text, double *value) {
  if (!only_has(text, "+-.eE0123456789")) return M4_NUMBER_MALFORMED;
  char *end;
  double number = strtod(text, &end);
  if (*end != '\0' || end == text) return M4_NUMBER_MALFORMED;
  if (!isfinite(number)) return M4_NUMBER_TOO_LARGE;
  *value = number;
  return M4_NUMBER_OK;
}

void m4_format_real(char *out, size_t out_bytes, double value) {
  for (int digits = 15; digits <= 17; ++digits) {
    snprintf(out, out_bytes, "%.*g", digits, value);
    if (strtod(out, NULL) == value) return;
  }
}

/* Insertions and deletions that turn one name into the other (Levenshtein without substitutions). */
static size_t edit_distance(const char *a, const char *b) {
  size_t length_a = strnlen(a, COMPARED_LETTERS), length_b = strnlen(b, COMPARED_LETTERS);
  size_t row[COMPARED_LETTERS + 1];
  for (size_t j = 0; j <= length_b; ++j) row[j] = j;
  for (size_t i = 1; i <= length_a; ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= length_b; ++j) {
      size_t above = row[j];
      size_t changed = 1 + (above < row[j - 1] ? above : row[j - 1]);
      bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
      row[j] = same ? diagonal : changed;
      diagonal = above;
    }
  }
  return row[length_b];
}

m4_nearest m4_nearest_to(const char *word) {
  return (m4_nearest){.word = word, .distance = SIZE_MAX};
}

void m4_nearest_offer(m4_nearest *nearest, const char *candidate) {
  size_t distance = edit_distance(nearest->word, candidate);
  if (distance >= nearest->distance) return;
  nearest->distance = distance;
  nearest->name = candidate;
}

bool m4_nearest_is_close(const m4_nearest *nearest) {
  return nearest->name && 2 * nearest->distance < strlen(nearest->word) + strlen(nearest->name);
}

void m4_text_show(char *out, size_t out_bytes, const char *text) {
  size_t used = 0;
  for (; text[used] && used + 1 < out_bytes; ++used) {
    unsigned char c = (unsigned char)text[used];
    out[used] = c < 0x20 || c == 0x7f ? '?' : (char)c;
  }
  out[used] = '\0';
  if (text[used]) memcpy(out + out_bytes - 4, "...", 4);
}
