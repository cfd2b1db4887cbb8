/* Recently used scenarios. Loading happens outside the lock; two threads may load the same one, the first to
 * finish wins. */
#include "data/cache.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct entry {
  ds_loaded loaded; /* first: a ds_loaded pointer is an entry pointer */
  m4_arena arena;
  int32_t key;
  int users;
  struct entry *next; /* less recently used */
} entry;

struct ds_cache {
  pthread_mutex_t mutex;
  size_t max_bytes, bytes;
  entry *newest;
};

m4_status ds_cache_create(ds_cache **cache, size_t max_bytes, m4_error *err) {
  *cache = calloc(1, sizeof **cache);
  if (!*cache) return m4_fail(err, M4_MEMORY, NULL, "no memory for the scenario cache");
  pthread_mutex_init(&(*cache)->mutex, NULL);
  (*cache)->max_bytes = max_bytes;
  return M4_OK;
}

static void free_entry(entry *e) {
  m4_arena_free(&e->arena);
  free(e);
}

void ds_cache_free(ds_cache *cache) {
  if (!cache) return;
  for (entry *e = cache->newest, *next; e; e = next) {
    next = e->next;
    free_entry(e);
  }
  pthread_mutex_destroy(&cache->mutex);
  free(cache);
}

/* Finds and moves to the front. */
static entry *touch(ds_cache *cache, int32_t key) {
  for (entry **link = &cache->newest; *link; link = &(*link)->next) {
    entry *e = *link;
    if (e->key != key) continue;
    *link = e->next;
    e->next = cache->newest;
    cache->newest = e;
    e->users++;
    return e;
  }
  return NULL;
}

/* Drops the least recently used entries nobody holds until the rest fits. */
static void shrink(ds_cache *cache) {
  while (cache->bytes > cache->max_bytes) {
    entry **victim = NULL;
    for (entry **link = &cache->newest; *link; link = &(*link)->next)
      if ((*link)->users == 0) victim = link;
    if (!victim) return;
    entry *e = *victim;
    *victim = e->next;
    cache->bytes -= e->arena.used_bytes;
    free_entry(e);
  }
}

static m4_status check_unfinished(const ds_shard *shard, int64_t index, const ds_scenario *facts,
                                  m4_error *err) {
  int64_t unfinished = 0;
  for (int64_t f = 0; f < facts->n_flows; ++f) unfinished += facts->fct_ns[f] < 0;
  if (unfinished == shard->unfinished[index]) return M4_OK;
  return ds_h5_reject(err, shard->path, "scenario/unfinished_flows", "contradicts flow/fct_ns");
}

static m4_status fill_entry(entry *e, const ds_shard *shard, int64_t index, m4_error *err) {
  ds_extent extent;
  M4_TRY(ds_shard_locate(shard, index, &extent, err));
  size_t event_bytes =
      64 * (size_t)extent.count[DS_FLOWS] + 1024; /* order, and what checking needs for a moment */
  M4_TRY(m4_arena_init(&e->arena, ds_extent_bytes(&extent) + event_bytes, err));
  M4_TRY(ds_shard_load(shard, &extent, &e->arena, &e->loaded.facts, err));
  e->loaded.shard = shard;
  e->loaded.received_start = extent.start[DS_RECEIVED];
  m4_status status = ds_check_scenario(&e->loaded.facts, &e->loaded.events, &e->arena, err);
  if (status != M4_OK) return m4_within(err, m4_within(err, status, e->loaded.facts.name), shard->path);
  return check_unfinished(shard, index, &e->loaded.facts, err);
}

static entry *insert(ds_cache *cache, entry *fresh, int32_t key) {
  fresh->key = key;
  fresh->users = 1;
  fresh->next = cache->newest;
  cache->newest = fresh;
  cache->bytes += fresh->arena.used_bytes;
  shrink(cache);
  return fresh;
}

m4_status ds_cache_take(ds_cache *cache, int32_t key, const ds_shard *shard, int64_t index,
                        const ds_loaded **loaded, m4_error *err) {
  pthread_mutex_lock(&cache->mutex);
  entry *found = touch(cache, key);
  pthread_mutex_unlock(&cache->mutex);
  if (!found) {
    entry *fresh = calloc(1, sizeof *fresh);
    if (!fresh) return m4_fail(err, M4_MEMORY, shard->path, "no memory for a scenario");
    m4_status status = fill_entry(fresh, shard, index, err);
    if (status != M4_OK) {
      free_entry(fresh);
      return status;
    }
    pthread_mutex_lock(&cache->mutex);
    found = touch(cache, key);
    if (found)
      free_entry(fresh);
    else
      found = insert(cache, fresh, key);
    pthread_mutex_unlock(&cache->mutex);
  }
  *loaded = &found->loaded;
  return M4_OK;
}

void ds_cache_release(ds_cache *cache, const ds_loaded *loaded) {
  entry *e = (entry *)loaded; /* handed out as read-only */
  pthread_mutex_lock(&cache->mutex);
  e->users--;
  shrink(cache);
  pthread_mutex_unlock(&cache->mutex);
}
