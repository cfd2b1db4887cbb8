/* A binary heap of timers; see timers.h. */
#include "sim/timers.h"

#include <math.h>
#include <stdlib.h>

void sim_timers_free(sim_timers *timers) {
  free(timers->heap);
  *timers = (sim_timers){0};
}

static bool before(const sim_timer *a, const sim_timer *b) {
  return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->number < b->number;
}

/* Puts a timer at `place` or as far towards the root as it belongs. */
static void place_from(sim_timers *timers, int64_t place, sim_timer timer) {
  for (; place > 0 && before(&timer, &timers->heap[(place - 1) / 2]); place = (place - 1) / 2)
    timers->heap[place] = timers->heap[(place - 1) / 2];
  timers->heap[place] = timer;
}

m4_status sim_timers_add(sim_timers *timers, sim_timer timer, m4_error *err) {
  if (timers->count == timers->capacity) {
    int64_t capacity = timers->capacity ? 2 * timers->capacity : 64;
    sim_timer *larger = realloc(timers->heap, (size_t)capacity * sizeof *larger);
    if (!larger) return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld timers", (long long)capacity);
    timers->heap = larger;
    timers->capacity = capacity;
  }
  timer.number = timers->scheduled++;
  place_from(timers, timers->count++, timer);
  return M4_OK;
}

double sim_timers_next_ns(const sim_timers *timers) {
  return timers->count > 0 ? timers->heap[0].time_ns : INFINITY;
}

/* The last timer moves to the hole at `place`. */
static void close_hole(sim_timers *timers, int64_t place) {
  sim_timer last = timers->heap[--timers->count];
  int64_t child;
  if (place == timers->count) return;
  while ((child = 2 * place + 1) < timers->count) {
    if (child + 1 < timers->count && before(&timers->heap[child + 1], &timers->heap[child])) child++;
    if (!before(&timers->heap[child], &last)) break;
    timers->heap[place] = timers->heap[child];
    place = child;
  }
  place_from(timers, place, last);
}

sim_timer sim_timers_take(sim_timers *timers) {
  sim_timer first = timers->heap[0];
  close_hole(timers, 0);
  return first;
}

bool sim_timers_remove(sim_timers *timers, uint64_t number) {
  for (int64_t place = 0; place < timers->count; place++) {
    if (timers->heap[place].number != number || timers->heap[place].fixed) continue;
    close_hole(timers, place);
    return true;
  }
  return false;
}
