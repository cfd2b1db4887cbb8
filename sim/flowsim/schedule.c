/* See schedule.h. */
#include "sim/flowsim/schedule.h"

#include <stdlib.h>
#include <string.h>

m4_status sim_schedule_reserve(sim_schedule *schedule, int64_t count, m4_error *err) {
  if (schedule->end + count <= schedule->capacity) return M4_OK;
  int64_t used = schedule->end - schedule->first;
  if (schedule->first > 0)
    memmove(schedule->items, schedule->items + schedule->first, (size_t)used * sizeof *schedule->items);
  schedule->end = used;
  schedule->first = 0;
  if (2 * used + count <= schedule->capacity) return M4_OK;
  int64_t capacity = 2 * (used + count);
  sim_scheduled *larger = realloc(schedule->items, (size_t)capacity * sizeof *larger);
  if (!larger) return m4_fail(err, M4_MEMORY, "flowsim", "no memory for %lld arrivals", (long long)capacity);
  schedule->items = larger;
  schedule->capacity = capacity;
  return M4_OK;
}

void sim_schedule_free(sim_schedule *schedule) {
  free(schedule->items);
  *schedule = (sim_schedule){0};
}
