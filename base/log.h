/* Logging and progress. A log writes lines to stderr and optionally to a file; a progress shows one updating
 * line with ETA on a terminal and plain lines now and then in a pipe. Knows status only. Libraries take an
 * m4_log * (NULL = silent). */
#ifndef M4_BASE_LOG_H
#define M4_BASE_LOG_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct m4_log m4_log;

/* quiet: only warnings and errors reach the screen (the file still gets everything). file_path may be NULL
 * (appended to). */
m4_status m4_log_create(m4_log **log, bool quiet, const char *file_path, m4_error *err);
/* From now on also into this file (appended to), instead of the one before. */
m4_status m4_log_to_file(m4_log *log, const char *path, m4_error *err);
void m4_log_free(m4_log *log); /* NULL accepted */

/* Thread-safe, one line each. File lines carry "MM-DD:HH:MM:SS|" before the text (training.md 10). NULL log:
 * nothing. */
void m4_info(m4_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void m4_warn(m4_log *log, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The error as users see it: "PROGRAM: error: WHERE: WHAT" and "  hint: HINT". */
void m4_log_error(m4_log *log, const char *program, const m4_error *err);
/* The same on stderr for programs that have no log yet. */
void m4_print_error(const char *program, const m4_error *err);

typedef struct m4_progress m4_progress;

/* A line such as "simulate  43 %  1234/2000 flows  12.1 s, 16 s left  <note>". total 0 = unknown. unit:
 * "flows". */
m4_status m4_progress_create(m4_progress **progress, m4_log *log, const char *title, const char *unit,
                             uint64_t total, m4_error *err);
/* Thread-safe and cheap: redraws at most ten times a second on a terminal, writes a line every ten seconds in
 * a pipe. note may be NULL. */
void m4_progress_update(m4_progress *progress, uint64_t done, const char *note);
void m4_progress_free(m4_progress *progress); /* ends the line; NULL accepted */

#endif
