/* Error statistics of one scenario; see metrics.h. */
#include "sim/metrics.h"

#include <math.h>
#include <stdlib.h>

int64_t sim_reported_fct_ns(const sim_result *result, int64_t flow) {
  return llround(result->fct_ns[flow]);
}

void sim_application_add(sim_application *all, const sim_scenario *scenario, const sim_result *result,
                         int64_t flow) {
  double start_ns = (double)scenario->flows[flow].start_ns;
  bool finished = !isnan(result->fct_ns[flow]);
  double end_ns = finished ? result->release_ns[flow] + (double)sim_reported_fct_ns(result, flow) : INFINITY;
  all->start_ns = all->n_flows > 0 ? fmin(all->start_ns, start_ns) : start_ns;
  all->end_ns = all->n_flows > 0 ? fmax(all->end_ns, end_ns) : end_ns;
  all->bytes += (double)scenario->flows[flow].size_bytes;
  all->n_flows++;
}

sim_application sim_application_of(const sim_scenario *scenario, const sim_result *result) {
  sim_application all = {0};
  for (int64_t flow = 0; flow < result->n_flows; flow++) sim_application_add(&all, scenario, result, flow);
  return all;
}

double sim_application_time_ns(const sim_application *all) {
  return all->n_flows > 0 && isfinite(all->end_ns) ? all->end_ns - all->start_ns : NAN;
}

double sim_application_completion_ns(const sim_scenario *scenario, const sim_result *result) {
  const sim_application all = sim_application_of(scenario, result);
  return sim_application_time_ns(&all);
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
