/* What is to be called when: a heap in (time, order of scheduling). Knows base. */
#ifndef SIM_TIMERS_H
#define SIM_TIMERS_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct sim_timer {
  double time_ns;
  uint64_t number; /* filled in by sim_timers_add */
  void (*fn)(void *arg);
  void *arg;
  bool fixed; /* cannot be removed */
} sim_timer;

/* Zero-initialise before use. */
typedef struct sim_timers {
  sim_timer *heap; /* [count], smallest first */
  int64_t count, capacity;
  uint64_t scheduled;
} sim_timers;

void sim_timers_free(sim_timers *timers);
m4_status sim_timers_add(sim_timers *timers, sim_timer timer, m4_error *err);
/* Takes the timer with this number out; false when it is not there (called already, taken out before) or
 * fixed. */
bool sim_timers_remove(sim_timers *timers, uint64_t number);
double sim_timers_next_ns(const sim_timers *timers); /* INFINITY when empty */
sim_timer sim_timers_take(sim_timers *timers);       /* the next one; there must be one */

#endif
