/* Developer tool: runs the packet simulator on scenario folders and compares every FCT with the folder's
 * fct.txt for equality. packet_check DIR...; exit 1 when any differs. */
#include "sim/backend.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Completes fct_ns[flow], -1 where a flow does not finish. */
static m4_status run(pkt_sim *sim, int64_t *fct_ns, m4_error *err) {
  for (;;) {
    bool completed;
    int64_t flow, time_ns;
    M4_TRY(pkt_advance(sim, INT64_MAX, &completed, &flow, &time_ns, err));
    if (!completed) return M4_OK;
    fct_ns[flow] = pkt_fct_ns(sim);
  }
}

static m4_status check(const char *dir, bool *equal, m4_error *err) {
  sim_scenario *scenario = NULL;
  pkt_sim *sim = NULL;
  M4_TRY(sim_scenario_read(&scenario, dir, err));
  int64_t *fct_ns = malloc(((size_t)scenario->n_flows + 1) * sizeof *fct_ns);
  for (int64_t i = 0; i < scenario->n_flows; i++) fct_ns[i] = -1;
  double start = seconds();
  m4_status status = pkt_create(&sim, scenario->topology, scenario->routing, &scenario->packet, NULL, err);
  if (status == M4_OK) status = sim_packet_submit(sim, scenario, err);
  if (status == M4_OK) status = run(sim, fct_ns, err);
  double wall = seconds() - start;
  if (status == M4_OK) {
    int64_t same = 0, first = -1;
    for (int64_t i = 0; i < scenario->n_flows; i++) {
      bool ok = scenario->truth_fct_ns && fct_ns[i] == scenario->truth_fct_ns[i];
      same += ok;
      if (!ok && (first < 0 || scenario->flows[i].start_ns < scenario->flows[first].start_ns)) first = i;
    }
    pkt_counters c = pkt_count(sim);
    printf("%-50s %lld/%lld equal  %.3f s  events %llu data %llu wire %llu drops %llu ecn %llu pauses %llu\n",
           dir, (long long)same, (long long)scenario->n_flows, wall, (unsigned long long)c.events,
           (unsigned long long)c.data_packets, (unsigned long long)c.wire_packets,
           (unsigned long long)c.drops, (unsigned long long)c.ecn_marks, (unsigned long long)c.pauses);
    if (first >= 0 && scenario->truth_fct_ns)
      printf("  first difference: flow %lld, %lld instead of %lld ns\n", (long long)scenario->flows[first].id,
             (long long)fct_ns[first], (long long)scenario->truth_fct_ns[first]);
    *equal = same == scenario->n_flows;
  }
  pkt_free(sim);
  free(fct_ns);
  sim_scenario_free(scenario);
  return status;
}

int main(int argc, char **argv) {
  int n_bad = 0;
  for (int i = 1; i < argc; i++) {
    m4_error err = {0};
    bool equal = false;
    if (check(argv[i], &equal, &err) != M4_OK) printf("%-50s %s: %s\n", argv[i], err.where, err.what);
    n_bad += !equal;
  }
  printf("%d of %d folders equal\n", argc - 1 - n_bad, argc - 1);
  return n_bad > 0;
}
