/* A text file, plain or gzip, one line after the other: memory for one line, however long the file is. Words
 * and numbers are those of text.h. Knows text. */
#ifndef SIM_LINES_H
#define SIM_LINES_H

#include "sim/text.h"

typedef struct sim_lines sim_lines;

/* Opens path, or path.gz. M4_IO. */
m4_status sim_lines_open(sim_lines **lines, const char *path, m4_error *err);
void sim_lines_close(sim_lines *lines); /* NULL accepted */
/* Goes to the next line that holds a word: *text then stands at its beginning, valid until the next call.
 * *found is false at the end of the file. M4_DATA: a line of more than 4094 characters, zero bytes, damaged
 * gzip. */
m4_status sim_lines_next(sim_lines *lines, bool *found, sim_text **text, m4_error *err);

#endif
