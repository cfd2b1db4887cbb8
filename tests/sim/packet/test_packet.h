/* What the packet simulator's tests share: scenario folders of the original, running one through pkt_*. */
#ifndef TEST_PACKET_H
#define TEST_PACKET_H

#include "sim/backend.h"
#include "tests/sim/test_sim.h"

static inline sim_scenario *read_ns3(const char *folder) {
  char path[512];
  m4_error err = {0};
  sim_scenario *scenario = NULL;
  snprintf(path, sizeof path, "%s/ns3/%s", M4_TEST_DATA, folder);
  if (sim_scenario_read(&scenario, path, &err) != M4_OK) fail_msg("%s: %s", err.where, err.what);
  assert_non_null(scenario->truth_fct_ns);
  return scenario;
}

static inline pkt_sim *make_sim(const sim_scenario *scenario, const pkt_probe *probe) {
  pkt_sim *sim = NULL;
  m4_error err = {0};
  if (pkt_create(&sim, scenario->topology, scenario->routing, &scenario->packet, probe, &err) != M4_OK)
    fail_msg("%s: %s", err.where, err.what);
  return sim;
}

static inline void submit_all(pkt_sim *sim, const sim_scenario *scenario) {
  assert_int_equal(sim_packet_submit(sim, scenario, NULL), M4_OK);
}

/* Runs to limit_ns; stores FCTs and returns how many flows completed. */
static inline int64_t run_until(pkt_sim *sim, int64_t limit_ns, int64_t *fct_ns) {
  int64_t n_completed = 0;
  for (;;) {
    bool completed;
    int64_t flow, time_ns;
    m4_error err = {0};
    if (pkt_advance(sim, limit_ns, &completed, &flow, &time_ns, &err) != M4_OK)
      fail_msg("%s: %s", err.where, err.what);
    if (!completed) return n_completed;
    assert_true(time_ns <= limit_ns && time_ns == pkt_now_ns(sim));
    assert_int_equal(fct_ns[flow], -1);
    fct_ns[flow] = pkt_fct_ns(sim);
    n_completed++;
  }
}

static inline int64_t *no_fcts(int64_t n_flows) {
  int64_t *fct_ns = malloc((size_t)n_flows * sizeof *fct_ns);
  for (int64_t i = 0; i < n_flows; i++) fct_ns[i] = -1;
  return fct_ns;
}

static inline void assert_truth(const sim_scenario *scenario, const int64_t *fct_ns) {
  for (int64_t i = 0; i < scenario->n_flows; i++)
    if (fct_ns[i] != scenario->truth_fct_ns[i])
      fail_msg("%s: flow %lld takes %lld instead of %lld ns", scenario->name,
               (long long)scenario->flows[i].id, (long long)fct_ns[i], (long long)scenario->truth_fct_ns[i]);
}

#endif
