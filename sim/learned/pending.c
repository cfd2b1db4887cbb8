/* Announced flows in (time, flow) order. Knows base. */
#include "sim/learned/pending.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void sim_pending_free(sim_pending *pending) {
  free(pending->arrivals);
  memset(pending, 0, sizeof *pending);
}

/* Room for one more behind the last: first by closing the gap that dropped ones left, when it is worth the
 * copying. */
static m4_status make_room(sim_pending *pending, m4_error *err) {
  if (pending->first + pending->count < pending->capacity) return M4_OK;
  if (pending->first > pending->capacity / 2) {
    memmove(pending->arrivals, pending->arrivals + pending->first,
            (size_t)pending->count * sizeof *pending->arrivals);
    pending->first = 0;
    return M4_OK;
  }
  int64_t capacity = pending->capacity ? 2 * pending->capacity : 64;
  sim_arrival *larger = realloc(pending->arrivals, (size_t)capacity * sizeof *larger);
  if (!larger)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld announced flows", (long long)capacity);
  pending->arrivals = larger;
  pending->capacity = capacity;
  return M4_OK;
}

static bool before(const sim_arrival *a, const sim_arrival *b) {
  return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->flow < b->flow;
}

m4_status sim_pending_add(sim_pending *pending, sim_arrival arrival, m4_error *err) {
  M4_TRY(make_room(pending, err));
  sim_arrival *begin = pending->arrivals + pending->first, *place = begin + pending->count++;
  for (; place > begin && before(&arrival, place - 1); --place) *place = place[-1];
  *place = arrival;
  return M4_OK;
}

const sim_arrival *sim_pending_next(const sim_pending *pending) {
  return pending->count > 0 ? &pending->arrivals[pending->first] : NULL;
}

void sim_pending_drop(sim_pending *pending) {
  ++pending->first;
  --pending->count;
}
