/* One open shard: its layout checked, its scenario table in memory, the rest read on demand. Knows the schema
 * and HDF5. */
#ifndef DATA_SHARD_H
#define DATA_SHARD_H

#include "data/h5.h"

typedef struct ds_shard {
  char *path;
  hid_t file;
  hid_t datasets[DS_N_ROWS];
  int64_t totals[DS_N_AXES]; /* rows of each axis; bounded by what the file holds */
  uint64_t file_bytes;
  char *content_hash; /* 16 hex digits */
  /* the scenario table */
  int64_t *offsets[DS_N_AXES]; /* [scenarios + 1] for names, nodes, links, flows, periods; NULL for the other
                                  axes */
  char *names;
  int64_t *unfinished; /* [scenarios] */
  double *params;      /* [scenarios, 13] */
} ds_shard;

/* Opens and checks. M4_IO: cannot be opened as a file; M4_DATA: not a shard, damaged, or with anything in it
 * that we do not write. */
m4_status ds_shard_open(ds_shard *shard, const char *path, m4_error *err);
void ds_shard_close(ds_shard *shard); /* zeroed shards are accepted */

/* Reads rows [start, start + count) of a dataset; the range must lie within it (M4_DATA otherwise).
 * Thread-safe. */
m4_status ds_shard_read(const ds_shard *shard, ds_row_id row, int64_t start, int64_t count, void *values,
                        m4_error *err);

/* Where one scenario's rows of each axis lie in the shard. */
typedef struct ds_extent {
  int64_t start[DS_N_AXES], count[DS_N_AXES];
} ds_extent;
m4_status ds_shard_locate(const ds_shard *shard, int64_t scenario, ds_extent *extent, m4_error *err);
/* Arena bytes that ds_shard_load needs. */
size_t ds_extent_bytes(const ds_extent *extent);
/* All arrays of a scenario of the shard into `arena`, except that received_bytes is left NULL. Offsets are
 * checked, nothing else. */
m4_status ds_shard_load(const ds_shard *shard, const ds_extent *extent, m4_arena *arena, ds_scenario *facts,
                        m4_error *err);

#endif
