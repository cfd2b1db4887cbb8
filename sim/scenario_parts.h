/* What the files of the scenario share and nobody else needs. */
#ifndef SIM_SCENARIO_PARTS_H
#define SIM_SCENARIO_PARTS_H

#include "sim/scenario.h"
#include "sim/text.h"

/* The largest start and FCT: integers up to here are exact in double (104 days in ns). */
#define SIM_MAX_TIME_NS    ((int64_t)1 << 53)
#define SIM_MAX_SIZE_BYTES ((int64_t)1 << 48)
enum { SIM_FIRST_SOURCE_PORT = 10000 }; /* of the first flow of a (source, destination) pair */

/* Writes what is wrong with a flow that comes after one started at previous_start_ns; false when nothing is.
 */
bool sim_flow_problem(const sim_topology *topology, const sim_flow *flow, int64_t previous_start_ns,
                      char what[160]);

/* A scenario folder without its flows (and fct.txt), and where these are. */
enum { SIM_MAX_PATH_BYTES = 4096 };
m4_status sim_scenario_read_network(sim_scenario **scenario, const char *dir, m4_error *err);
m4_status sim_scenario_flows_path(char path[SIM_MAX_PATH_BYTES], const char *dir, m4_error *err);

/* One flow of flows.txt from the current line; not its path and what follows from it. */
m4_status sim_read_flow_line(sim_text *text, const sim_topology *topology, int64_t previous_start_ns,
                             sim_flow *flow, m4_error *err);

/* Puts "flow ID: " before where an error happened. */
m4_status sim_flow_within(m4_error *err, m4_status status, const sim_flow *flow);

/* Both ideal FCTs of a flow whose path is known. M4_DATA: too large for its links. */
m4_status sim_fill_ideals(const sim_topology *topology, sim_flow *flow, m4_error *err);

/* Adds a warning for the user. M4_MEMORY. */
m4_status sim_scenario_warn(sim_scenario *scenario, m4_error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The 13 model parameters from the simulator settings (contracts: m4-sim, DIR). Names missing ECN rows in
 * *missing. */
void sim_params_from_settings(const pkt_settings *settings, double params[SIM_N_PARAMS], bool *missing);

#endif
