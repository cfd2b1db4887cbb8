/* A binary heap of numbered items, each at most once, that can be moved and removed: the smallest key first,
 * of equal keys the smallest tie. Knows base only. */
#ifndef SIM_HEAP_H
#define SIM_HEAP_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sim_heap_entry {
  double key; /* not NaN */
  int64_t tie;
  int32_t item;
} sim_heap_entry;

/* Zero-initialise, then reserve. entries[0] is the first of all. */
typedef struct sim_heap {
  sim_heap_entry *entries; /* [count] */
  int32_t *place;          /* [n_items] where each item is in entries; -1 = not there */
  int32_t count, n_items;
} sim_heap;

/* Items 0 .. n_items-1 may be used; what is in the heap stays. Free with sim_heap_free. */
m4_status sim_heap_reserve(sim_heap *heap, int32_t n_items, m4_error *err);
void sim_heap_free(sim_heap *heap); /* zeroed heaps are accepted */

/* Puts an item in, or moves it. */
void sim_heap_set(sim_heap *heap, int32_t item, double key, int64_t tie);
void sim_heap_remove(sim_heap *heap, int32_t item); /* nothing happens to one that is not there */

static inline bool sim_heap_holds(const sim_heap *heap, int32_t item) {
  return heap->place[item] >= 0;
}
static inline double sim_heap_key(const sim_heap *heap, int32_t item) { /* it must be there */
  return heap->entries[heap->place[item]].key;
}

#endif
