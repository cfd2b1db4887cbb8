/* Zip archives as PyTorch writes them: stored entries below one folder. Knows base and libzip. */
#ifndef TRAIN_CONVERT_ARCHIVE_H
#define TRAIN_CONVERT_ARCHIVE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct tr_archive tr_archive;

/* M4_IO: no such file; M4_DATA: not a zip archive, or none with exactly one FOLDER/data.pkl. */
m4_status tr_archive_open(tr_archive **archive, const char *path, m4_error *err);
void tr_archive_close(tr_archive *archive); /* NULL accepted */

/* Reads FOLDER/name into a malloc'ed buffer owned by the caller. M4_DATA: absent, compressed or encrypted,
 * longer than max_bytes, damaged (its checksum is wrong). Errors name the entry. */
m4_status tr_archive_read(tr_archive *archive, const char *name, uint64_t max_bytes, unsigned char **bytes,
                          size_t *length, m4_error *err);
uint64_t tr_archive_bytes(const tr_archive *archive); /* of the file */

#endif
