/* Reads TensorBoard event files, ours and others': one entry after another, both checksums of every record
 * checked, nothing in the file trusted. Knows base/status and record.h. */
#ifndef TRAIN_TFEVENTS_READER_H
#define TRAIN_TFEVENTS_READER_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum tfe_entry_kind {
  TFE_ENTRY_VERSION,   /* text: "brain.Event:2" */
  TFE_ENTRY_START,     /* a session starts at step: earlier entries from there on are void */
  TFE_ENTRY_SCALAR,    /* number */
  TFE_ENTRY_HISTOGRAM, /* histogram */
  TFE_ENTRY_IMAGE,     /* image */
  TFE_ENTRY_OTHER      /* values of plugins and messages that this reader does not open */
} tfe_entry_kind;
const char *tfe_entry_name(tfe_entry_kind kind); /* "scalar" */

/* Texts and arrays belong to the reader and last until its next call. tag, plugin and text are never NULL. */
typedef struct tfe_entry {
  tfe_entry_kind kind;
  double wall_time; /* seconds since 1970 */
  int64_t step;
  const char *tag, *plugin, *text;
  double number;
  struct {
    double min, max, count, sum, sum_squares;
    size_t n_buckets;
    const double *limit, *bucket; /* [n_buckets] */
  } histogram;
  struct {
    int32_t width, height;
    const unsigned char *bytes; /* [n_bytes] an image file, usually PNG */
    size_t n_bytes;
  } image;
} tfe_entry;

typedef struct tfe_reader tfe_reader;
/* M4_IO: cannot be opened, or is not a regular file. */
m4_status tfe_reader_open(tfe_reader **reader, const char *path, m4_error *err);
void tfe_reader_close(tfe_reader *reader); /* NULL accepted */
/* *entry = NULL at the end. M4_DATA, naming the byte where it stands, for a wrong checksum or message. */
m4_status tfe_reader_next(tfe_reader *reader, const tfe_entry **entry, m4_error *err);
/* After the end: the file stops inside a record, as it does while somebody is writing it or after a crash. */
bool tfe_reader_is_cut(const tfe_reader *reader);

#endif
