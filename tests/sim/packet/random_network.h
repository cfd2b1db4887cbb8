/* Random networks, settings and flows for property tests: everything follows from (seed, run). */
#ifndef RANDOM_NETWORK_H
#define RANDOM_NETWORK_H

#include "tests/sim/packet/test_packet.h"

#include "base/philox.h"

enum { RANDOM_FLOWS = 60, RANDOM_HOSTS = 12, RANDOM_SWITCHES = 8 };

typedef struct random_network {
  sim_topology *topology;
  sim_routing *routing;
  pkt_settings settings;
  pkt_flow flows[RANDOM_FLOWS];
  int64_t n_flows;
  int32_t n_hosts;
} random_network;

/* Hosts at random switches; the switches are a chain, closed to a ring half of the time (two ways to go, some
 * of equal length). Some links are faster, some slower or longer. */
static inline sim_topology *random_topology(m4_rng *rng, int32_t n_hosts) {
  static const int64_t rates[] = {10, 10, 25, 40, 100};
  int32_t n_switches = 1 + (int32_t)m4_rng_below(rng, RANDOM_SWITCHES - 1), switches[RANDOM_SWITCHES];
  int32_t n_cables = 0;
  bool ring = n_switches > 2 && m4_rng_below(rng, 2);
  sim_cable cables[RANDOM_HOSTS + RANDOM_SWITCHES];
  for (int32_t i = 0; i < n_switches; i++) switches[i] = n_hosts + i;
  for (int32_t i = 0; i < n_hosts; i++)
    cables[n_cables++] = (sim_cable){i, switches[m4_rng_below(rng, (uint64_t)n_switches)],
                                     GBPS(rates[m4_rng_below(rng, 5)]), 1 + (int64_t)m4_rng_below(rng, 5000)};
  for (int32_t i = 1; i < n_switches + ring; i++)
    cables[n_cables++] =
        (sim_cable){switches[i - 1], switches[i % n_switches], GBPS(rates[m4_rng_below(rng, 5)]),
                    1 + (int64_t)m4_rng_below(rng, 300000)};
  sim_topology *topology = NULL;
  assert_int_equal(
      sim_topology_create(&topology, n_hosts + n_switches, switches, n_switches, cables, n_cables, NULL),
      M4_OK);
  return topology;
}

/* `cc`: 0 DCTCP, 1 DCQCN, 2 TIMELY, 3 HPCC. */
static inline pkt_settings random_settings(m4_rng *rng, int cc, bool enable_pfc) {
  static const pkt_cc_mode modes[] = {PKT_CC_DCTCP, PKT_CC_DCQCN, PKT_CC_TIMELY, PKT_CC_HPCC};
  static const int64_t rates[] = {10, 25, 40, 100};
  static const double p1[] = {20, 15, 50, 90}, p2[] = {0, 40, 120, 50};
  pkt_settings s;
  assert_int_equal(pkt_settings_for(&s, modes[cc], 20 + (double)m4_rng_below(rng, 400),
                                    500 + (int64_t)m4_rng_below(rng, 60000), p1[cc], p2[cc], NULL),
                   M4_OK);
  s.max_rate_bps = m4_rng_below(rng, 2) ? GBPS(10) : GBPS(40);
  s.var_window = m4_rng_below(rng, 2);
  s.has_window = cc == 3 || m4_rng_below(rng, 4) > 0;
  s.enable_pfc = enable_pfc;
  s.flow_limit = m4_rng_below(rng, 3) ? 0 : 1 + (int64_t)m4_rng_below(rng, 3);
  s.hosts_per_group = 1 + (int64_t)m4_rng_below(rng, 4);
  s.stop_time_ns = 3000000000;
  s.n_ecn = 4;
  for (int i = 0; i < 4; i++) {
    int64_t k = 1 + (int64_t)m4_rng_below(rng, 50);
    s.ecn[i] = (pkt_ecn_row){GBPS(rates[i]), k, k + (int64_t)m4_rng_below(rng, 50),
                             0.25 * (double)m4_rng_below(rng, 5)};
  }
  return s;
}

static inline int64_t random_flows(m4_rng *rng, pkt_flow *flows, int32_t n_hosts) {
  int64_t n = 1 + (int64_t)m4_rng_below(rng, RANDOM_FLOWS), start = 0;
  for (int64_t i = 0; i < n; i++) {
    int32_t src = (int32_t)m4_rng_below(rng, (uint64_t)n_hosts);
    int32_t dst = (src + 1 + (int32_t)m4_rng_below(rng, (uint64_t)n_hosts - 1)) % n_hosts;
    start += m4_rng_below(rng, 2) ? 0 : (int64_t)m4_rng_below(rng, 50000);
    flows[i] = (pkt_flow){.tag = i,
                          .src = src,
                          .dst = dst,
                          .priority = 3,
                          .source_port = (uint16_t)(10000 + i),
                          .destination_port = 100,
                          .size_bytes = 1 + (int64_t)m4_rng_below(rng, m4_rng_below(rng, 3) ? 3000 : 300000),
                          .start_ns = start};
  }
  return n;
}

/* Congestion controls and PFC take turns: 8 runs have each with each. */
static inline random_network make_network(uint64_t seed, uint32_t run) {
  m4_rng rng = m4_rng_make(seed, M4_RNG_TEST, run);
  random_network net = {.n_hosts = 2 + (int32_t)m4_rng_below(&rng, RANDOM_HOSTS - 1)};
  net.topology = random_topology(&rng, net.n_hosts);
  assert_int_equal(sim_routing_create(&net.routing, net.topology, NULL), M4_OK);
  net.settings = random_settings(&rng, (int)(run % 4), run / 4 % 2 == 0);
  net.n_flows = random_flows(&rng, net.flows, net.n_hosts);
  return net;
}

static inline void free_network(random_network *net) {
  sim_routing_free(net->routing);
  sim_topology_free(net->topology);
}

static inline pkt_sim *start_network(const random_network *net, const pkt_probe *probe) {
  pkt_sim *sim = NULL;
  m4_error err = {0};
  if (pkt_create(&sim, net->topology, net->routing, &net->settings, probe, &err) != M4_OK)
    fail_msg("%s", err.what);
  assert_int_equal(pkt_submit(sim, net->flows, net->n_flows, NULL), M4_OK);
  return sim;
}

#endif
