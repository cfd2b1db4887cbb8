/* What a simulation leaves behind: fct.txt, flows.csv, summary.json. Knows engine and metrics. Source:
 * contracts (m4-sim, OUT). */
#ifndef SIM_OUTPUT_H
#define SIM_OUTPUT_H

#include "sim/metrics.h"

/* Writes the three files into dir (made when missing), each atomically. errors: NULL without --compare.
 * M4_IO. */
m4_status sim_write_results(const char *dir, const sim_scenario *scenario, const char *backend,
                            const sim_result *result, const m4_accuracy *errors, m4_error *err);

#endif
