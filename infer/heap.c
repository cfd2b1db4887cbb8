/* Binary heap with positions. Knows base. */
#include "infer/heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void inf_heap_free(inf_heap *heap) {
  free(heap->entries);
  free(heap->position);
  memset(heap, 0, sizeof *heap);
}

m4_status inf_heap_reserve(inf_heap *heap, int32_t n_slots, m4_error *err) {
  if (n_slots <= heap->n_slots) return M4_OK;
  inf_heap_entry *entries = realloc(heap->entries, (size_t)n_slots * sizeof *entries);
  if (entries) heap->entries = entries;
  int32_t *position = realloc(heap->position, (size_t)n_slots * sizeof *position);
  if (position) heap->position = position;
  if (!entries || !position)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %d predictions", (int)n_slots);
  for (int32_t slot = heap->n_slots; slot < n_slots; ++slot) position[slot] = -1;
  heap->n_slots = n_slots;
  return M4_OK;
}

static bool before(const inf_heap_entry *a, const inf_heap_entry *b) {
  return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->tag < b->tag;
}

static void put(inf_heap *heap, int32_t i, inf_heap_entry entry) {
  heap->entries[i] = entry;
  heap->position[entry.slot] = i;
}

/* Puts `entry` at the free place i or, where order asks for it, above or below. */
static void settle(inf_heap *heap, int32_t i, inf_heap_entry entry) {
  while (i > 0 && before(&entry, &heap->entries[(i - 1) / 2])) {
    put(heap, i, heap->entries[(i - 1) / 2]);
    i = (i - 1) / 2;
  }
  for (;;) {
    int32_t child = 2 * i + 1;
    if (child >= heap->count) break;
    if (child + 1 < heap->count && before(&heap->entries[child + 1], &heap->entries[child])) ++child;
    if (!before(&heap->entries[child], &entry)) break;
    put(heap, i, heap->entries[child]);
    i = child;
  }
  put(heap, i, entry);
}

void inf_heap_set(inf_heap *heap, int32_t slot, double time_ns, int64_t tag) {
  int32_t i = heap->position[slot];
  if (i < 0) i = heap->count++;
  settle(heap, i, (inf_heap_entry){time_ns, tag, slot});
}

void inf_heap_remove(inf_heap *heap, int32_t slot) {
  int32_t i = heap->position[slot];
  if (i < 0) return;
  heap->position[slot] = -1;
  inf_heap_entry last = heap->entries[--heap->count];
  if (i < heap->count) settle(heap, i, last);
}
