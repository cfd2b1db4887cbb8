/* Ascending lists. Knows nothing. */
#include "base/ascending.h"

#include <string.h>

int64_t m4_ascending_place(const m4_ascending *list, int32_t item) {
  int64_t low = 0, high = list->count;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (list->items[middle] < item)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void m4_ascending_insert(m4_ascending *list, int32_t item) {
  int32_t *slot = list->items + m4_ascending_place(list, item);
  memmove(slot + 1, slot, (size_t)(list->items + list->count - slot) * sizeof *slot);
  *slot = item;
  list->count++;
}

void m4_ascending_remove(m4_ascending *list, int32_t item) {
  int32_t *slot = list->items + m4_ascending_place(list, item);
  list->count--;
  memmove(slot, slot + 1, (size_t)(list->items + list->count - slot) * sizeof *slot);
}
