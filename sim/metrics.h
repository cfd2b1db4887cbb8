/* How far a simulation's FCTs are from the truth of its scenario. Knows engine results and base/accuracy.
 * Source: simulation.md 9. */
#ifndef SIM_METRICS_H
#define SIM_METRICS_H

#include "base/accuracy.h"
#include "sim/engine.h"

/* Compares the flows that finished in both worlds. scenario->truth_fct_ns must be there. M4_MEMORY. */
m4_status sim_compare(const sim_scenario *scenario, const sim_result *result, m4_accuracy *accuracy,
                      m4_error *err);
/* The same with another run as the truth. */
m4_status sim_compare_results(const sim_scenario *scenario, const sim_result *result, const sim_result *truth,
                              m4_accuracy *accuracy, m4_error *err);

/* What is reported as the FCT of a finished flow: whole ns. */
int64_t sim_reported_fct_ns(const sim_result *result, int64_t flow);
/* Of a finished flow: reported FCT / ideal FCT. */
double sim_slowdown(const sim_scenario *scenario, const sim_result *result, int64_t flow);

/* All flows as one application (simulation.md 7.3). Zero-initialise before the first flow is added. */
typedef struct sim_application {
  int64_t n_flows;
  double start_ns,
      end_ns; /* first start; end of the last flow: its release and reported FCT; INFINITY: never */
  double bytes;
} sim_application;
void sim_application_add(sim_application *all, const sim_scenario *scenario, const sim_result *result,
                         int64_t flow);
sim_application sim_application_of(const sim_scenario *scenario, const sim_result *result);
/* From the first start to the end; NAN when a flow never finished or there are none. */
double sim_application_time_ns(const sim_application *all);
double sim_application_completion_ns(const sim_scenario *scenario,
                                     const sim_result *result); /* of a whole run */

#endif
