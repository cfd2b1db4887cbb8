/* Flows that wait for other flows: read from a file, checked, asked by the engine. Knows scenario.
 *
 * The file is text, one waiting flow a line, '#' starts a comment:
 *
 *     FLOW DELAY_NS CAUSE [CAUSE ...]
 *
 * or JSON, told by its first character; delay_ns may be missing (0):
 *
 *     [{"flow": FLOW, "delay_ns": DELAY_NS, "after": [CAUSE, ...]}, ...]
 *
 * All are flow ids of flows.txt. FLOW starts DELAY_NS (>= 0) after the last of its causes has completed, but
 * not before its own start in flows.txt. Flows that are not listed as FLOW start as flows.txt says. */
#ifndef SIM_DAG_H
#define SIM_DAG_H

#include "sim/scenario.h"

typedef struct sim_dag {
  int64_t n_flows;
  int64_t *n_causes;       /* [n_flows] by flow index; 0 = waits for nobody */
  int64_t *delay_ns;       /* [n_flows] */
  int64_t *begin, *effect; /* who waits for flow f: effect[begin[f]] .. effect[begin[f+1]-1] */
} sim_dag;

/* Reads path or path.gz. M4_DATA with "FILE:LINE" or "FILE: entry N" (from 1): unknown id, negative delay, a
 * flow listed twice or waiting for nobody, flows that wait for each other in a circle. Free with
 * sim_dag_free. */
m4_status sim_dag_read(sim_dag **dag, const char *path, const sim_scenario *scenario, m4_error *err);
void sim_dag_free(sim_dag *dag); /* NULL accepted */

#endif
