/* Binary heap of flow slots by (predicted completion, tag), with positions so that a slot's prediction can
 * move. Knows base. */
#ifndef INFER_HEAP_H
#define INFER_HEAP_H

#include "base/status.h"

#include <stdint.h>

typedef struct inf_heap_entry {
  double time_ns;
  int64_t tag;
  int32_t slot;
} inf_heap_entry;

/* Zero-initialise before use. */
typedef struct inf_heap {
  inf_heap_entry *entries; /* [count]; entries[0] is the earliest */
  int32_t *position;       /* [n_slots] index in entries, -1 = not there */
  int32_t count, n_slots;
} inf_heap;

void inf_heap_free(inf_heap *heap);
/* Makes room for slots 0 .. n_slots-1. */
m4_status inf_heap_reserve(inf_heap *heap, int32_t n_slots, m4_error *err);
/* Adds the slot or moves it to its new time. */
void inf_heap_set(inf_heap *heap, int32_t slot, double time_ns, int64_t tag);
void inf_heap_remove(inf_heap *heap, int32_t slot);

#endif
