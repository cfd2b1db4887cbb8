/* A binary heap of timers; see timers.h. */
#include "sim/timers.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

void sim_timers_free(sim_timers *timers) {
  free(timers->heap);
  *timers = (sim_timers){0};
}

static bool before(const sim_timer *a, const sim_timer *b) {
  return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->number < b->number;
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
  int64_t place = timers->count++;
  for (; place > 0 && before(&timer, &timers->heap[(place - 1) / 2]); place = (place - 1) / 2)
    timers->heap[place] = timers->heap[(place - 1) / 2];
  timers->heap[place] = timer;
  return M4_OK;
}

double sim_timers_next_ns(const sim_timers *timers) {
  return timers->count > 0 ? timers->heap[0].time_ns : INFINITY;
}

sim_timer sim_timers_take(sim_timers *timers) {
  sim_timer first = timers->heap[0], last = timers->heap[--timers->count];
  int64_t place = 0, child;
  while ((child = 2 * place + 1) < timers->count) {
    if (child + 1 < timers->count && before(&timers->heap[child + 1], &timers->heap[child])) child++;
    if (!before(&timers->heap[child], &last)) break;
    timers->heap[place] = timers->heap[child];
    place = child;
  }
  if (timers->count > 0) timers->heap[place] = last;
  return first;
}
