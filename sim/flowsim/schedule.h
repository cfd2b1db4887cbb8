/* Things announced for times to come, in the order of their times. Knows base only. */
#ifndef SIM_FLOWSIM_SCHEDULE_H
#define SIM_FLOWSIM_SCHEDULE_H

#include "base/status.h"

#include <math.h>
#include <stdint.h>

typedef struct sim_scheduled {
  double time_ns;
  int64_t what; /* a flow or a link */
  double value;
} sim_scheduled;

/* Zero-initialise before use. */
typedef struct sim_schedule {
  sim_scheduled *items; /* [first .. end-1], times do not decrease */
  int64_t first, end, capacity;
} sim_schedule;

/* Room for count more; the room of what was taken is used again. */
m4_status sim_schedule_reserve(sim_schedule *schedule, int64_t count, m4_error *err);
void sim_schedule_free(sim_schedule *schedule); /* zeroed structs are accepted */

static inline double sim_schedule_next_ns(const sim_schedule *schedule) {
  return schedule->first < schedule->end ? schedule->items[schedule->first].time_ns : INFINITY;
}
/* Time of the last one, -INFINITY when there is none. */
static inline double sim_schedule_last_ns(const sim_schedule *schedule) {
  return schedule->first < schedule->end ? schedule->items[schedule->end - 1].time_ns : -INFINITY;
}
/* The caller has reserved room and keeps the order. */
static inline void sim_schedule_add(sim_schedule *schedule, sim_scheduled item) {
  schedule->items[schedule->end++] = item;
}
static inline sim_scheduled sim_schedule_take(sim_schedule *schedule) { /* there must be one */
  return schedule->items[schedule->first++];
}

#endif
