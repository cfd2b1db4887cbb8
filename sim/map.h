/* A hash table from 64-bit keys to 64-bit values, sized once for a known number of keys. Knows base only. */
#ifndef SIM_MAP_H
#define SIM_MAP_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sim_map_slot {
  uint64_t key;
  int64_t value;
  bool used;
} sim_map_slot;

typedef struct sim_map {
  sim_map_slot *slots;
  uint64_t mask;
} sim_map;

/* Room for n_keys distinct keys. Free with sim_map_free. */
m4_status sim_map_init(sim_map *map, int64_t n_keys, m4_error *err);
void sim_map_free(sim_map *map); /* zeroed maps are accepted */
/* The value of key, added as 0 when the key is new (*added, may be NULL). Never more than n_keys distinct
 * keys. */
int64_t *sim_map_put(sim_map *map, uint64_t key, bool *added);
/* The value of key, or NULL. */
const int64_t *sim_map_get(const sim_map *map, uint64_t key);

#endif
