/* Flows of a scenario folder that come and go: read when their time has come, written as they complete,
 * forgotten. Memory follows the flows in flight (closed loop: and those waiting for a place), not the flows
 * listed. Knows scenario, engine, output. */
#ifndef SIM_STREAM_H
#define SIM_STREAM_H

#include "sim/backend.h"
#include "sim/engine.h"

typedef struct sim_stream sim_stream;

/* Reads the folder but for its flows, of which the number is checked only. M4_DATA with file and line also
 * later, when a flow is read: the checks are those of sim_scenario_read, ids must ascend, and paths have 16
 * links at most. */
m4_status sim_stream_open(sim_stream **stream, const char *dir, m4_error *err);
void sim_stream_free(sim_stream *stream); /* NULL accepted; unfinished files go */

/* The network, with places for flows: to set a limit and to make a back end (flowsim). */
sim_scenario *sim_stream_scenario(sim_stream *stream);
int64_t sim_stream_count(const sim_stream *stream); /* flows listed */

/* Simulates all flows on a fresh back end: fct.txt and flows.csv (both in completion order; flows that never
 * finish come last in flows.csv) and summary.json in out_dir. As sim_run otherwise. */
m4_status sim_stream_run(sim_stream *stream, sim_backend *backend, const char *out_dir,
                         sim_progress_fn progress, void *ctx, sim_result *result, m4_error *err);

#endif
