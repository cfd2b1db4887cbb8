/* Random networks and flows for tests that compare two ways of doing one thing. */
#ifndef RANDOM_NETWORK_H
#define RANDOM_NETWORK_H

#include "tests/sim/test_sim.h"

#include "base/philox.h"

static inline int64_t random_rate(m4_rng *rng) {
  static const int64_t rates[] = {1, 10, 25, 40, 100};
  return GBPS(rates[m4_rng_below(rng, 5)]);
}

/* A fabric whose three tiers have random rates, or all the same: then many links are full at one level. */
static inline sim_topology *random_fabric(m4_rng *rng) {
  int64_t rate = random_rate(rng);
  sim_clos shape = {3, 2, 3, 4, 2, rate, rate, rate, 1000};
  if (m4_rng_below(rng, 2)) {
    shape.fabric_rate_bps = random_rate(rng);
    shape.spine_rate_bps = random_rate(rng);
  }
  sim_topology *topology;
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_OK);
  return topology;
}

/* A row of switches with two hosts each and cables of any rate: long paths, bottlenecks that depend on each
 * other. */
static inline sim_topology *random_chain(m4_rng *rng) {
  enum { MOST = 24 };
  int32_t n = 2 + (int32_t)m4_rng_below(rng, MOST - 1);
  int32_t switches[MOST];
  sim_cable cables[3 * MOST];
  int32_t used = 0;
  for (int32_t i = 0; i < n; i++) {
    int64_t rate = 1000000 + (int64_t)m4_rng_below(rng, GBPS(10));
    switches[i] = 2 * n + i;
    cables[used++] = (sim_cable){2 * i, 2 * n + i, random_rate(rng), 1000};
    cables[used++] = (sim_cable){2 * i + 1, 2 * n + i, random_rate(rng), 1000};
    if (i > 0) cables[used++] = (sim_cable){2 * n + i - 1, 2 * n + i, rate, 500};
  }
  sim_topology *topology;
  assert_int_equal(sim_topology_create(&topology, 3 * n, switches, n, cables, used, NULL), M4_OK);
  return topology;
}

/* n_flows flows, sizes spread over five decades; starts are random up to last_start_ns, a third of them at
 * the instant of the flow before. */
static inline sim_scenario *random_scenario(m4_rng *rng, int64_t n_flows, int64_t last_start_ns) {
  sim_topology *topology = m4_rng_below(rng, 2) ? random_fabric(rng) : random_chain(rng);
  sim_flow *flows = calloc((size_t)n_flows, sizeof *flows);
  uint64_t hosts = (uint64_t)topology->n_hosts, few = 1 + m4_rng_below(rng, hosts - 1);
  int64_t start_ns = 0, gap_ns = 2 * last_start_ns / n_flows + 1;
  for (int64_t i = 0; i < n_flows; i++) {
    flows[i].src = (int32_t)m4_rng_below(rng, m4_rng_below(rng, 2) ? few : hosts);
    flows[i].dst = (int32_t)(((uint64_t)flows[i].src + 1 + m4_rng_below(rng, hosts - 1)) % hosts);
    static const uint64_t decades[] = {100, 1000, 10000, 100000, 1000000};
    flows[i].size_bytes = 1 + (int64_t)m4_rng_below(rng, decades[m4_rng_below(rng, 5)]);
    if (m4_rng_below(rng, 3)) start_ns += (int64_t)m4_rng_below(rng, (uint64_t)gap_ns);
    flows[i].start_ns = start_ns;
  }
  sim_scenario *scenario = scenario_of(topology, flows, n_flows);
  free(flows);
  return scenario;
}

#endif
