/* One flow's story in a run: its path, who shared it and when, what the back end expected of the flow after
 * every event that mattered to it. A back end around another (flowsim, m4) that looks after each event, or a
 * probe in the packet simulator that sums up what its packets met. Knows backend. Source: anchors.md E. */
#ifndef SIM_EXPLAIN_H
#define SIM_EXPLAIN_H

#include "sim/engine.h"

typedef struct sim_explain sim_explain;

/* flow: index in the scenario, which must outlive the story. */
m4_status sim_explain_create(sim_explain **explain, const sim_scenario *scenario, int64_t flow,
                             m4_error *err);
void sim_explain_free(sim_explain *explain); /* NULL accepted */

/* Puts the watcher around *backend, which it owns from then on; results stay the same. For back ends that can
 * show a flow (view_flow). */
m4_status sim_explain_wrap(sim_explain *explain, sim_backend **backend, m4_error *err);
/* For sim_packet_backend. */
pkt_probe sim_explain_probe(sim_explain *explain);

/* After the run, for people and for programs. */
void sim_explain_text(FILE *out, const sim_explain *explain, const char *backend, const sim_result *result);
m4_status sim_explain_json(FILE *out, const sim_explain *explain, const char *backend,
                           const sim_result *result, m4_error *err);

#endif
