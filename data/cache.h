/* Scenarios in memory, without their received bytes, checked and with their event order: the most recently
 * used stay. Knows shard.h. */
#ifndef DATA_CACHE_H
#define DATA_CACHE_H

#include "data/events.h"
#include "data/shard.h"

/* Read-only and valid between ds_cache_take and ds_cache_release. */
typedef struct ds_loaded {
  const ds_shard *shard;
  ds_scenario facts; /* received_bytes NULL */
  ds_events events;
  int64_t received_start; /* where the shard keeps the scenario's received bytes */
} ds_loaded;

typedef struct ds_cache ds_cache;

/* max_bytes: what unused scenarios may occupy. Thread-safe. */
m4_status ds_cache_create(ds_cache **cache, size_t max_bytes, m4_error *err);
void ds_cache_free(ds_cache *cache); /* NULL accepted; everything must be released */

/* Scenario number `index` of `shard`; `key` is unique in the data set. */
m4_status ds_cache_take(ds_cache *cache, int32_t key, const ds_shard *shard, int64_t index,
                        const ds_loaded **loaded, m4_error *err);
void ds_cache_release(ds_cache *cache, const ds_loaded *loaded);

#endif
