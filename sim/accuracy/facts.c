/* Measures a scenario; see facts.h. */
#include "sim/accuracy/facts.h"

#include <math.h>
#include <stdlib.h>

const char *acc_cc_name(pkt_cc_mode cc) {
  switch (cc) {
  case PKT_CC_DCTCP:
    return "DCTCP";
  case PKT_CC_DCQCN:
    return "DCQCN";
  case PKT_CC_TIMELY:
    return "TIMELY";
  case PKT_CC_HPCC:
    return "HPCC";
  }
  return "?";
}

/* seconds [n_links] gets how long each link sends payload. */
static double busiest(const sim_scenario *scenario, double *seconds) {
  double largest = 0;
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    const sim_flow *flow = &scenario->flows[i];
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      double *link = &seconds[flow->links[hop]];
      *link += 8 * (double)flow->size_bytes / (double)scenario->topology->links[flow->links[hop]].rate_bps;
      largest = fmax(largest, *link);
    }
  }
  return largest;
}

static m4_status measure_load(double *load, const sim_scenario *scenario, m4_error *err) {
  double *seconds = calloc((size_t)scenario->topology->n_links + 1, sizeof *seconds);
  if (!seconds) return m4_fail(err, M4_MEMORY, scenario->name, "no memory for the loads of links");
  int64_t span_ns = scenario->truth_end_ns - (scenario->n_flows > 0 ? scenario->flows[0].start_ns : 0);
  *load = span_ns > 0 ? 1e9 * busiest(scenario, seconds) / (double)span_ns : NAN;
  free(seconds);
  return M4_OK;
}

/* Gaps of no time at all have no logarithm and are left out. */
static double measure_burstiness(const sim_scenario *scenario) {
  double sum = 0, squares = 0, n = 0;
  for (int64_t i = 1; i < scenario->n_flows; i++) {
    double gap = (double)(scenario->flows[i].start_ns - scenario->flows[i - 1].start_ns);
    if (gap <= 0) continue;
    double value = log(gap);
    sum += value;
    squares += value * value;
    n++;
  }
  return n > 1 ? sqrt(fmax(squares / n - sum * sum / (n * n), 0)) : NAN;
}

m4_status acc_facts_of(acc_facts *facts, const sim_scenario *scenario, m4_error *err) {
  *facts = (acc_facts){.cc = scenario->packet.cc,
                       .hosts = (double)scenario->topology->n_hosts,
                       .buffer_kb = (double)scenario->packet.buffer_kib,
                       .window_bytes = (double)scenario->packet.window_bytes,
                       .burstiness = measure_burstiness(scenario)};
  return measure_load(&facts->load, scenario, err);
}
