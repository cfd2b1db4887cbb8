/* Flows that are announced but have not arrived yet, in (time, flow) order. Knows base. */
#ifndef SIM_LEARNED_PENDING_H
#define SIM_LEARNED_PENDING_H

#include "base/status.h"

#include <stdint.h>

typedef struct sim_arrival {
  double time_ns;
  int64_t flow;
} sim_arrival;

/* Zero-initialise before use. */
typedef struct sim_pending {
  sim_arrival *arrivals; /* [first .. first + count - 1], ascending */
  int64_t first, count, capacity;
} sim_pending;

void sim_pending_free(sim_pending *pending);
m4_status sim_pending_add(sim_pending *pending, sim_arrival arrival, m4_error *err);
/* NULL when empty. */
const sim_arrival *sim_pending_next(const sim_pending *pending);
void sim_pending_drop(sim_pending *pending); /* the next one; there must be one */

#endif
