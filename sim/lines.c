/* Reads through zlib, which takes plain files, too; see lines.h. */
#include "sim/lines.h"

#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { LINE_BYTES = 4096, MAX_PATH_BYTES = 4096 };

struct sim_lines {
  gzFile in;
  sim_text text; /* of the current line */
  char path[MAX_PATH_BYTES];
  char line[LINE_BYTES];
};

m4_status sim_lines_open(sim_lines **lines, const char *path, m4_error *err) {
  sim_lines *self = *lines = calloc(1, sizeof *self);
  if (!self) return m4_fail(err, M4_MEMORY, path, "no memory to read");
  m4_file_source(self->path, sizeof self->path, path);
  self->text = (sim_text){.path = self->path, .next_line = self->line};
  self->in = gzopen(self->path, "rbe");
  if (self->in) return M4_OK;
  m4_status status = m4_fail(err, M4_IO, self->path, "cannot read: %s", strerror(errno));
  free(self);
  *lines = NULL;
  return status;
}

void sim_lines_close(sim_lines *lines) {
  if (!lines) return;
  gzclose_r(lines->in);
  free(lines);
}

/* Nothing more comes: is it the end, or is the file broken? */
static m4_status at_end(const sim_lines *lines, m4_error *err) {
  int code;
  const char *reason = gzerror(lines->in, &code);
  if (code == Z_OK || code == Z_STREAM_END) return M4_OK;
  if (code == Z_ERRNO) return m4_fail(err, M4_IO, lines->path, "cannot read: %s", strerror(errno));
  if (code == Z_BUF_ERROR) return m4_fail(err, M4_DATA, lines->path, "damaged gzip: the file ends too early");
  return m4_fail(err, M4_DATA, lines->path, "damaged gzip: %s", reason);
}

m4_status sim_lines_next(sim_lines *lines, bool *found, sim_text **text, m4_error *err) {
  *text = &lines->text;
  *found = false;
  while (!*found) {
    z_off_t before = gztell(lines->in);
    lines->line[0] = '\0';
    if (!gzgets(lines->in, lines->line, LINE_BYTES)) return at_end(lines, err);
    size_t length = strlen(lines->line);
    lines->text.next_line = lines->line;
    if ((z_off_t)length != gztell(lines->in) - before)
      return m4_fail(err, M4_DATA, lines->path, "not a text file: it contains a zero byte");
    bool whole = length > 0 && lines->line[length - 1] == '\n';
    if (!whole && length == LINE_BYTES - 1) {
      lines->text.line++;
      return sim_text_fail(&lines->text, err, "a line of more than %d characters", LINE_BYTES - 2);
    }
    if (!whole) M4_TRY(at_end(lines, err)); /* the last line, or the rest of a file that is cut off */
    *found = sim_text_line(&lines->text);
  }
  return M4_OK;
}
