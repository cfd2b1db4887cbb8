/* Small text helpers: strict numbers, the nearest of several names, safe display. Knows nothing. */
#ifndef M4_BASE_TEXT_H
#define M4_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum m4_number_result { M4_NUMBER_OK, M4_NUMBER_MALFORMED, M4_NUMBER_TOO_LARGE } m4_number_result;

/* The whole text must be a decimal number: no spaces, no hexadecimal, no "inf" or "nan". `value` is set only
 * when OK. */
m4_number_result m4_parse_int(const char *text, int64_t *value);
m4_number_result m4_parse_real(const char *text, double *value); /* underflow gives 0 */

/* The shortest decimal text that m4_parse_real reads back to the same finite value. 32 bytes are enough. */
void m4_format_real(char *out, size_t out_bytes, double value);

/* Finds the name nearest to `word`: fewest inserted and removed letters, case ignored. Offer candidates one
 * by one; the first of equals wins. `name` points to the winning candidate, NULL when none was offered. */
typedef struct m4_nearest {
  const char *word;
  const char *name;
  size_t distance;
} m4_nearest;

m4_nearest m4_nearest_to(const char *word);
void m4_nearest_offer(m4_nearest *nearest, const char *candidate);
/* True when word and winner share more than half of their letters, in order: good enough for "did you mean".
 */
bool m4_nearest_is_close(const m4_nearest *nearest);

/* Copies text for display: control characters become '?', too long texts end in "...". out_bytes >= 4. */
void m4_text_show(char *out, size_t out_bytes, const char *text);

#endif
