/* What a simulation leaves behind: fct.txt, flows.csv, summary.json. Knows engine and metrics. Source:
 * contracts (m4-sim, OUT). */
#ifndef SIM_OUTPUT_H
#define SIM_OUTPUT_H

#include "sim/metrics.h"

#define SIM_FLOWS_CSV_HEADER "flow_id,src,dst,size_bytes,start_ns,fct_ns,ideal_fct_ns,slowdown\n"
/* One row under this header; fct_ns and slowdown are empty when the flow never finished. */
void sim_write_flow_row(FILE *out, const sim_scenario *scenario, const sim_result *result, int64_t flow);

/* One line of fct.txt, ns-3's nine columns, of a flow that finished. */
void sim_write_fct_row(FILE *out, const sim_scenario *scenario, const sim_result *result, int64_t flow);

/* M4_USAGE when results in out_dir would overwrite the scenario's own files: its fct.txt is the truth. */
m4_status sim_check_out_dir(const char *out_dir, const char *scenario_dir, m4_error *err);

/* summary.json alone. */
m4_status sim_write_summary(const char *dir, const sim_scenario *scenario, const char *backend,
                            const sim_result *result, const sim_application *application,
                            const m4_accuracy *errors, m4_error *err);

/* Writes the three files into dir (made when missing), each atomically. errors: NULL without --compare. The
 * scenario's warnings go into the summary. M4_IO. */
m4_status sim_write_results(const char *dir, const sim_scenario *scenario, const char *backend,
                            const sim_result *result, const m4_accuracy *errors, m4_error *err);

#endif
