/* Random networks, settings and flows: every run ends and is the same when repeated; with PFC and without
 * drops everything arrives and the books balance. */
#include "tests/sim/packet/test_packet.h"

#include "base/philox.h"
#include "sim/packet/state.h"

enum { N_RUNS = 150, MAX_FLOWS = 60, MAX_HOSTS = 12 };

/* A chain of switches with hosts at each; some links are faster, some slower or longer. */
static sim_topology *random_topology(m4_rng *rng, int32_t n_hosts) {
  static const int64_t rates[] = {10, 10, 25, 40, 100};
  int32_t n_switches = 1 + (int32_t)m4_rng_below(rng, 7), switches[8], n_cables = 0;
  sim_cable cables[MAX_HOSTS + 8];
  for (int32_t i = 0; i < n_switches; i++) switches[i] = n_hosts + i;
  for (int32_t i = 0; i < n_hosts; i++)
    cables[n_cables++] = (sim_cable){i, switches[m4_rng_below(rng, (uint64_t)n_switches)],
                                     GBPS(rates[m4_rng_below(rng, 5)]), 1 + (int64_t)m4_rng_below(rng, 5000)};
  for (int32_t i = 1; i < n_switches; i++)
    cables[n_cables++] = (sim_cable){switches[i - 1], switches[i], GBPS(rates[m4_rng_below(rng, 5)]),
                                     1 + (int64_t)m4_rng_below(rng, 300000)};
  sim_topology *topology = NULL;
  assert_int_equal(
      sim_topology_create(&topology, n_hosts + n_switches, switches, n_switches, cables, n_cables, NULL),
      M4_OK);
  return topology;
}

static pkt_settings random_settings(m4_rng *rng) {
  static const pkt_cc_mode modes[] = {PKT_CC_DCTCP, PKT_CC_DCQCN, PKT_CC_TIMELY, PKT_CC_HPCC};
  static const int64_t rates[] = {10, 25, 40, 100};
  pkt_settings s;
  int cc = (int)m4_rng_below(rng, 4);
  const double p1[] = {20, 15, 50, 90}, p2[] = {0, 40, 120, 50};
  assert_int_equal(pkt_settings_for(&s, modes[cc], 20 + (double)m4_rng_below(rng, 400),
                                    500 + (int64_t)m4_rng_below(rng, 60000), p1[cc], p2[cc], NULL),
                   M4_OK);
  s.max_rate_bps = m4_rng_below(rng, 2) ? GBPS(10) : GBPS(40);
  s.var_window = m4_rng_below(rng, 2);
  s.has_window = cc == 3 || m4_rng_below(rng, 4) > 0;
  s.enable_pfc = m4_rng_below(rng, 2);
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

static int64_t random_flows(m4_rng *rng, pkt_flow *flows, int32_t n_hosts) {
  int64_t n = 1 + (int64_t)m4_rng_below(rng, MAX_FLOWS), start = 0;
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

static void assert_books_balance(const pkt_sim *sim) {
  for (int32_t i = 0; i < sim->topology->n_switches; i++) {
    assert_int_equal(sim->switches[i].used_bytes, 0);
    assert_int_equal(sim->switches[i].headroom_used, 0);
    assert_int_equal(sim->switches[i].out_bytes, 0);
  }
  for (int32_t i = 0; i < sim->topology->n_links; i++) {
    const pkt_port *port = &sim->ports[i];
    assert_int_equal(port->data.bytes + port->urgent.bytes + port->ingress_bytes + port->headroom_used, 0);
    assert_false(port->paused || port->peer_paused);
  }
}

static void run_once(uint32_t run, int64_t *fct_ns) {
  m4_rng rng = m4_rng_make(7, M4_RNG_TEST, run);
  pkt_flow flows[MAX_FLOWS];
  int32_t n_hosts = 2 + (int32_t)m4_rng_below(&rng, MAX_HOSTS - 1);
  sim_topology *topology = random_topology(&rng, n_hosts);
  sim_routing *routing = NULL;
  pkt_settings settings = random_settings(&rng);
  int64_t n_flows = random_flows(&rng, flows, n_hosts);
  pkt_sim *sim = NULL;
  m4_error err = {0};
  assert_int_equal(sim_routing_create(&routing, topology, NULL), M4_OK);
  if (pkt_create(&sim, topology, routing, &settings, NULL, &err) != M4_OK)
    fail_msg("run %u: %s", run, err.what);
  assert_int_equal(pkt_submit(sim, flows, n_flows, NULL), M4_OK);
  int64_t n_completed = run_until(sim, INT64_MAX, fct_ns);
  pkt_counters counters = pkt_count(sim);
  if (settings.enable_pfc && counters.drops == 0) {
    assert_int_equal(n_completed, n_flows);
    int64_t fct_of_none = -1;
    run_until(sim, pkt_now_ns(sim) + 1000000000, &fct_of_none); /* what is still on the wires */
    assert_books_balance(sim);
  }
  for (int64_t i = 0; i < n_flows; i++) assert_true(fct_ns[i] == -1 || fct_ns[i] > 0);
  pkt_free(sim);
  sim_routing_free(routing);
  sim_topology_free(topology);
}

static void test_random_runs(void **state) {
  (void)state;
  for (uint32_t run = 0; run < N_RUNS; run++) {
    int64_t *first = no_fcts(MAX_FLOWS), *second = no_fcts(MAX_FLOWS);
    run_once(run, first);
    run_once(run, second);
    assert_memory_equal(first, second, MAX_FLOWS * sizeof *first);
    free(first);
    free(second);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_runs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
