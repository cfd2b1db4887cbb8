/* Progress of many simulations on one line: flows done and left, time left, simulated time. Knows base. */
#ifndef SIM_METER_H
#define SIM_METER_H

#include "base/log.h"

typedef struct sim_meter sim_meter;

/* flows: of all simulations together. single: only one simulation runs at a time, so that its own clock can
 * be shown. */
m4_status sim_meter_create(sim_meter **meter, m4_log *log, uint64_t flows, bool single, m4_error *err);
void sim_meter_free(sim_meter *meter); /* ends the line; NULL accepted */

/* `flows` more flows of a simulation are done; its clock is at now_ns since its first arrival, and `left`
 * flows remain. Thread-safe and cheap. */
void sim_meter_add(sim_meter *meter, const char *backend, uint64_t flows, double now_ns, int64_t left);

#endif
