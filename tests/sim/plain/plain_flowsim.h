/* flowSim the plain way: at every event all rates are filled from scratch and all flows looked at. The oracle
 * and the baseline of sim/flowsim. Differs in that a flow is handed out when its last byte leaves the fluid,
 * not a base delay later (its FCT includes it all the same), and links change at the clock only. */
#ifndef PLAIN_FLOWSIM_H
#define PLAIN_FLOWSIM_H

#include "sim/backend.h"

m4_status plain_flowsim_backend(sim_backend **backend, const sim_scenario *scenario,
                                const sim_flowsim_options *options, m4_error *err);

#endif
