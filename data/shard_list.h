/* Which files make up a dataset. Knows files only. */
#ifndef DATA_SHARD_LIST_H
#define DATA_SHARD_LIST_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ds_shard_list {
  char **paths; /* [count] owned; sorted by name, whatever the locale */
  int32_t count;
  bool is_folder;
} ds_shard_list;

/* path: one shard, or a folder of *.h5 files and of folders of such (several datasets as one). M4_IO: cannot
 * be listed; M4_DATA: a folder without shards. */
m4_status ds_shard_list_make(ds_shard_list *list, const char *path, m4_error *err);
void ds_shard_list_free(ds_shard_list *list); /* zeroed lists are accepted */

#endif
