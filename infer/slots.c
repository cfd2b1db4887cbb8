/* Active flows in reused slots. Knows roster. */
#include "infer/slots.h"

#include <stdlib.h>
#include <string.h>

void inf_slots_free(inf_slots *slots) {
  for (int32_t i = 0; i < slots->n_slots; ++i) free(slots->list[i].path);
  free(slots->list);
  free(slots->free_slots);
  inf_roster_free(&slots->active);
  memset(slots, 0, sizeof *slots);
}

m4_status inf_slots_grow(inf_slots *slots, int32_t n_slots, m4_error *err) {
  inf_slot *list = realloc(slots->list, (size_t)n_slots * sizeof *list);
  if (list) slots->list = list;
  int32_t *free_slots = realloc(slots->free_slots, (size_t)n_slots * sizeof *free_slots);
  if (free_slots) slots->free_slots = free_slots;
  if (!list || !free_slots)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %d active flows", (int)n_slots);
  int32_t old = slots->n_slots;
  memset(list + old, 0, (size_t)(n_slots - old) * sizeof *list);
  for (int32_t slot = n_slots - 1; slot >= old; --slot) free_slots[slots->n_free++] = slot;
  slots->n_slots = n_slots;
  return M4_OK;
}

static m4_status copy_path(inf_slot *slot, const inf_flow *flow, m4_error *err) {
  size_t bytes = (size_t)flow->n_links * sizeof *slot->path;
  if (flow->n_links > slot->path_capacity) {
    int32_t *larger = realloc(slot->path, bytes);
    if (!larger) return m4_fail(err, M4_MEMORY, NULL, "no memory for a path of %d links", (int)flow->n_links);
    slot->path = larger;
    slot->path_capacity = flow->n_links;
  }
  memcpy(slot->path, flow->links, bytes);
  slot->n_path = flow->n_links;
  return M4_OK;
}

m4_status inf_slots_take(inf_slots *slots, double time_ns, const inf_flow *flow, int32_t *slot,
                         m4_error *err) {
  *slot = slots->free_slots[slots->n_free - 1];
  inf_slot *mine = &slots->list[*slot];
  M4_TRY(copy_path(mine, flow, err));
  M4_TRY(inf_roster_add(&slots->active, flow->tag, *slot, err));
  --slots->n_free;
  mine->tag = flow->tag;
  mine->release_ns = mine->base_ns = mine->last_ns = time_ns;
  mine->left = 1.0;
  mine->ideal_fct_ns = flow->ideal_fct_ns;
  mine->slowdown = 1.0;
  return M4_OK;
}

void inf_slots_give_back(inf_slots *slots, int32_t slot) {
  inf_roster_remove(&slots->active, slots->list[slot].tag);
  slots->free_slots[slots->n_free++] = slot;
}
