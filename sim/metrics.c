/* Error statistics of one scenario; see metrics.h. */
#include "sim/metrics.h"

#include <math.h>
#include <stdlib.h>

int64_t sim_reported_fct_ns(const sim_result *result, int64_t flow) {
  return llround(result->fct_ns[flow]);
}

double sim_application_completion_ns(const sim_scenario *scenario, const sim_result *result) {
  if (result->n_flows == 0 || result->n_finished < result->n_flows) return NAN;
  double end_ns = 0;
  for (int64_t flow = 0; flow < result->n_flows; flow++)
    end_ns = fmax(end_ns, result->release_ns[flow] + (double)sim_reported_fct_ns(result, flow));
  return end_ns - (double)scenario->flows[0].start_ns;
}

double sim_slowdown(const sim_scenario *scenario, const sim_result *result, int64_t flow) {
  return (double)sim_reported_fct_ns(result, flow) / (double)scenario->flows[flow].ideal_fct_ns;
}

/* True FCT of a flow, from another run or from the scenario's file; negative: never finished. */
static double true_fct_ns(const sim_scenario *scenario, const sim_result *truth, int64_t flow) {
  if (!truth) return (double)scenario->truth_fct_ns[flow];
  return isnan(truth->fct_ns[flow]) ? -1 : (double)sim_reported_fct_ns(truth, flow);
}

/* The flows that finished in both worlds. */
static int64_t collect(const sim_scenario *scenario, const sim_result *result, const sim_result *truth,
                       m4_outcome *outcomes) {
  int64_t n = 0;
  for (int64_t flow = 0; flow < result->n_flows; flow++) {
    double true_ns = true_fct_ns(scenario, truth, flow);
    if (isnan(result->fct_ns[flow]) || true_ns < 0) continue;
    outcomes[n++] = (m4_outcome){scenario->flows[flow].size_bytes, (double)sim_reported_fct_ns(result, flow),
                                 true_ns, (double)scenario->flows[flow].ideal_fct_ns};
  }
  return n;
}

m4_status sim_compare_results(const sim_scenario *scenario, const sim_result *result, const sim_result *truth,
                              m4_accuracy *accuracy, m4_error *err) {
  m4_outcome *outcomes = calloc((size_t)result->n_flows + 1, sizeof *outcomes);
  if (!outcomes)
    return m4_fail(err, M4_MEMORY, scenario->name, "no memory to compare %lld flows",
                   (long long)result->n_flows);
  m4_status status = m4_accuracy_of(outcomes, collect(scenario, result, truth, outcomes), accuracy, err);
  free(outcomes);
  return status;
}

m4_status sim_compare(const sim_scenario *scenario, const sim_result *result, m4_accuracy *accuracy,
                      m4_error *err) {
  return sim_compare_results(scenario, result, NULL, accuracy, err);
}
