/* Results while a simulation runs: flows.partial.csv gets a row when a flow completes, in completion order,
 * and is on disk within a second. It goes when the complete flows.csv is there, and stays when the program
 * dies. Knows output. */
#ifndef SIM_LIVE_H
#define SIM_LIVE_H

#include "sim/engine.h"

typedef struct sim_live sim_live;

/* Makes dir when it is missing. M4_IO. */
m4_status sim_live_open(sim_live **live, const char *dir, m4_error *err);
/* A flow of the run has finished. Once a second all rows that are due are written, so that a fast simulation
 * does not wait for its output. A full disk shows when the run is written. */
void sim_live_update(sim_live *live, const sim_scenario *scenario, const sim_result *result);
/* NULL accepted. complete: all results are in flows.csv. */
void sim_live_close(sim_live *live, bool complete);

#endif
