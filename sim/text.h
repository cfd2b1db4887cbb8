/* Reading the simulator's small text files: one line of blank-separated words at a time, every number
 * range-checked, every mistake an error with file:line. Decimals become integers exactly, never through
 * double. Knows base only. Source: packet-simulator.md 8 (file forms). */
#ifndef SIM_TEXT_H
#define SIM_TEXT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole file in memory and a place in it. Free with sim_text_close. */
typedef struct sim_text {
  char *path;
  char *data; /* NUL-terminated */
  size_t length;
  char *next_line; /* start of the line after the current one */
  char *word;      /* rest of the current line */
  int64_t line;    /* number of the current line, 1-based; 0 before the first */
} sim_text;

/* Reads path, or path.gz. M4_IO: cannot be read; M4_DATA: not a text file (contains NUL), too long, damaged
 * gzip. */
m4_status sim_text_open(sim_text *text, const char *path, m4_error *err);
void sim_text_close(sim_text *text); /* zeroed structs are accepted */

/* Goes to the next line that holds a word. False at the end of the file. */
bool sim_text_line(sim_text *text);
/* The next word of the line, NUL-terminated in place; NULL at its end. */
char *sim_text_word(sim_text *text);

/* M4_DATA at the current line: "FILE:LINE". */
m4_status sim_text_fail(const sim_text *text, m4_error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The next word of the line as a number in [min, max]; `what` names it in errors ("source host"). */
m4_status sim_text_int(sim_text *text, const char *what, int64_t min, int64_t max, int64_t *value,
                       m4_error *err);
m4_status sim_text_real(sim_text *text, const char *what, double *value, m4_error *err); /* finite */
/* A decimal such as "1.000031369" times 10^power, rounded to the nearest integer (half up), exact. */
m4_status sim_text_decimal(sim_text *text, const char *what, int power, int64_t min, int64_t max,
                           int64_t *value, m4_error *err);
/* A decimal with a unit: "10Gbps", "615Mb/s" -> bits per second; "1000ns", "1.5us" -> ns. At least 1. */
m4_status sim_text_rate(sim_text *text, const char *what, int64_t *bits_per_second, m4_error *err);
m4_status sim_text_delay(sim_text *text, const char *what, int64_t *ns, m4_error *err);
/* Complains about words left on the line. */
m4_status sim_text_end_of_line(sim_text *text, m4_error *err);
/* Complains about lines left in the file. */
m4_status sim_text_end_of_file(sim_text *text, const char *hint, m4_error *err);

/* "1.25e3" times 10^power as an integer, rounded half up. *end is set past the last character used; false
 * when there is no number, it is negative, or the result passes INT64_MAX. */
bool sim_parse_decimal(const char *from, int power, int64_t *value, const char **end);

#endif
