/* Open addressing with linear probing, at most half full; see map.h. */
#include "sim/map.h"

#include <stddef.h>
#include <stdlib.h>

m4_status sim_map_init(sim_map *map, int64_t n_keys, m4_error *err) {
  uint64_t size = 16;
  while (size < 2 * (uint64_t)n_keys) size *= 2;
  map->mask = size - 1;
  map->slots = calloc(size, sizeof *map->slots);
  return map->slots ? M4_OK
                    : m4_fail(err, M4_MEMORY, NULL, "no memory for a table of %lld keys", (long long)n_keys);
}

void sim_map_free(sim_map *map) {
  free(map->slots);
  *map = (sim_map){0};
}

/* The slot that holds key, or the free one where it belongs. */
static sim_map_slot *find(const sim_map *map, uint64_t key) {
  uint64_t h = (key ^ key >> 32) * 0x9e3779b97f4a7c15u;
  h ^= h >> 29;
  while (map->slots[h & map->mask].used && map->slots[h & map->mask].key != key) h++;
  return &map->slots[h & map->mask];
}

int64_t *sim_map_put(sim_map *map, uint64_t key, bool *added) {
  sim_map_slot *slot = find(map, key);
  if (added) *added = !slot->used;
  if (!slot->used) *slot = (sim_map_slot){.key = key, .used = true};
  return &slot->value;
}

const int64_t *sim_map_get(const sim_map *map, uint64_t key) {
  const sim_map_slot *slot = find(map, key);
  return slot->used ? &slot->value : NULL;
}
