/* A binary heap of numbered items, each at most once, that can be moved and removed: the smallest key first,
 * of equal keys the smallest tie. Knows status. */
#ifndef M4_BASE_HEAP_H
#define M4_BASE_HEAP_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct m4_heap_entry {
  double key; /* not NaN */
  int64_t tie;
  int32_t item;
} m4_heap_entry;

/* Zero-initialise, then reserve. entries[0] is the first of all. */
typedef struct m4_heap {
  m4_heap_entry *entries; /* [count] */
  int32_t *place;         /* [n_items] where each item is in entries; -1 = not there */
  int32_t count, n_items;
} m4_heap;

/* Items 0 .. n_items-1 may be used; what is in the heap stays. Free with m4_heap_free. */
m4_status m4_heap_reserve(m4_heap *heap, int32_t n_items, m4_error *err);
void m4_heap_free(m4_heap *heap); /* zeroed heaps are accepted */

/* Puts an item in, or moves it. */
void m4_heap_set(m4_heap *heap, int32_t item, double key, int64_t tie);
void m4_heap_remove(m4_heap *heap, int32_t item); /* nothing happens to one that is not there */

static inline bool m4_heap_holds(const m4_heap *heap, int32_t item) {
  return heap->place[item] >= 0;
}
static inline double m4_heap_key(const m4_heap *heap, int32_t item) { /* it must be there */
  return heap->entries[heap->place[item]].key;
}

#endif
