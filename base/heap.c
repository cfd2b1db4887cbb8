/* A binary heap with the place of every item. Knows status. */
#include "base/heap.h"

#include <stdlib.h>

enum { ABSENT = -1 };

m4_status m4_heap_reserve(m4_heap *heap, int32_t n_items, m4_error *err) {
  if (n_items <= heap->n_items) return M4_OK;
  m4_heap_entry *entries = realloc(heap->entries, (size_t)n_items * sizeof *entries);
  if (entries) heap->entries = entries;
  int32_t *place = realloc(heap->place, (size_t)n_items * sizeof *place);
  if (place) heap->place = place;
  if (!entries || !place) return m4_fail(err, M4_MEMORY, NULL, "no memory for a heap of %d items", n_items);
  for (int32_t item = heap->n_items; item < n_items; item++) place[item] = ABSENT;
  heap->n_items = n_items;
  return M4_OK;
}

void m4_heap_free(m4_heap *heap) {
  free(heap->entries);
  free(heap->place);
  *heap = (m4_heap){0};
}

static bool before(const m4_heap_entry *a, const m4_heap_entry *b) {
  return a->key != b->key ? a->key < b->key : a->tie < b->tie;
}

static void put(m4_heap *heap, int32_t at, m4_heap_entry entry) {
  heap->entries[at] = entry;
  heap->place[entry.item] = at;
}

/* Finds the place of an entry for which there is a gap at `at`. */
static void sift(m4_heap *heap, int32_t at, m4_heap_entry entry) {
  m4_heap_entry *entries = heap->entries;
  for (int32_t parent; at > 0 && before(&entry, &entries[parent = (at - 1) / 2]); at = parent)
    put(heap, at, entries[parent]);
  for (int32_t child; (child = 2 * at + 1) < heap->count; at = child) {
    if (child + 1 < heap->count && before(&entries[child + 1], &entries[child])) child++;
    if (!before(&entries[child], &entry)) break;
    put(heap, at, entries[child]);
  }
  put(heap, at, entry);
}

void m4_heap_set(m4_heap *heap, int32_t item, double key, int64_t tie) {
  int32_t at = heap->place[item] == ABSENT ? heap->count++ : heap->place[item];
  sift(heap, at, (m4_heap_entry){key, tie, item});
}

void m4_heap_remove(m4_heap *heap, int32_t item) {
  int32_t at = heap->place[item];
  if (at == ABSENT) return;
  heap->place[item] = ABSENT;
  if (at != --heap->count) sift(heap, at, heap->entries[heap->count]);
}
