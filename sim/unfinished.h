/* The flows that a run has left unfinished, with the back end's reasons. Part of the engine. */
#ifndef SIM_UNFINISHED_H
#define SIM_UNFINISHED_H

#include "sim/engine.h"

/* Fills result->unfinished after a run to the end. causes_left: [n_flows] what each flow still waits for in a
 * graph of flows, NULL without one. M4_MEMORY. */
m4_status sim_list_unfinished(sim_result *result, const sim_backend *backend, const int64_t *causes_left,
                              m4_error *err);

#endif
