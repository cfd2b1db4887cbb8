/* Files: whole-file reading with limits (plain or gzip), and writing that is atomic: temporary name, fsync,
 * rename, fsync of the folder. A reader never sees half a file; a crash leaves the old one. Knows status
 * only. */
#ifndef M4_BASE_FILE_H
#define M4_BASE_FILE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The file that m4_file_read(path) reads: `path`, or `path`.gz when only that exists. Cut to out_bytes. */
void m4_file_source(char *out, size_t out_bytes, const char *path);

/* Reads a file, unpacking gzip by content, into a malloc'ed NUL-terminated buffer owned by the caller.
 * When `path` does not exist, `path`.gz is read, and errors name that. M4_IO: cannot be read; M4_DATA: longer
 * than max_bytes or a damaged gzip. */
m4_status m4_file_read(const char *path, size_t max_bytes, char **text, size_t *length, m4_error *err);

bool m4_file_exists(const char *path);                  /* also true when only path.gz exists */
m4_status m4_dir_make(const char *path, m4_error *err); /* with parents, like mkdir -p */

/* Joins with one '/'. M4_USAGE when the result does not fit. */
m4_status m4_path_join(char *out, size_t out_bytes, const char *dir, const char *name, m4_error *err);
/* Last component of a path, trailing slashes ignored: "a/b/" -> "b". Writes at most out_bytes. */
void m4_path_last(char *out, size_t out_bytes, const char *path);

/* An atomic output file. Write to `stream` (binary or text) then commit; abandon on any error. */
typedef struct m4_outfile {
  FILE *stream;
  char *path;      /* final name */
  char *temp_path; /* path.tmp.<pid> beside it */
} m4_outfile;

m4_status m4_outfile_open(m4_outfile *file, const char *path, m4_error *err);
/* Flush, fsync, rename, fsync folder. On failure the temporary is removed and the final name is untouched. */
m4_status m4_outfile_commit(m4_outfile *file, m4_error *err);
void m4_outfile_abandon(m4_outfile *file); /* zeroed or committed files are accepted */

/* For writers that need a path (HDF5): make a temporary name, then publish what was written there. */
m4_status m4_file_publish(const char *temp_path, const char *path, m4_error *err);

#endif
