/* Links that slow down, fail and return: a slow link is a slow link from the start, traffic goes around a
 * failed one, nothing crosses it, what is lost comes again, and without a change of rate nothing changes at
 * all. */
#include "tests/sim/packet/random_network.h"

#include "sim/packet/state.h"

enum { N_RUNS = 80, MS = 1000000 };

/* Two hosts and a third behind one switch. */
static sim_topology *star(int64_t last_rate_bps) {
  const int32_t switches[] = {3};
  const sim_cable cables[] = {{0, 3, GBPS(40), 1000}, {1, 3, GBPS(40), 1000}, {2, 3, last_rate_bps, 1000}};
  sim_topology *topology = NULL;
  assert_int_equal(sim_topology_create(&topology, 4, switches, 1, cables, 3, NULL), M4_OK);
  return topology;
}

static pkt_settings settings_of(pkt_cc_mode cc) {
  pkt_settings s;
  bool learns_rtt = cc == PKT_CC_TIMELY;
  assert_int_equal(pkt_settings_for(&s, cc, 400, 30000,
                                    learns_rtt          ? 50
                                    : cc == PKT_CC_HPCC ? 90
                                                        : 20,
                                    learns_rtt ? 120 : 40, NULL),
                   M4_OK);
  s.n_ecn = 3;
  s.max_rate_bps = GBPS(40);
  for (int i = 0; i < 3; i++)
    s.ecn[i] = (pkt_ecn_row){(const int64_t[]){GBPS(10), GBPS(25), GBPS(40)}[i], 20, 40, 0.5};
  return s;
}

static const pkt_flow two_flows[] = {{.tag = 0,
                                      .src = 0,
                                      .dst = 2,
                                      .priority = 3,
                                      .source_port = 10000,
                                      .destination_port = 100,
                                      .size_bytes = 300000,
                                      .start_ns = 10},
                                     {.tag = 1,
                                      .src = 1,
                                      .dst = 2,
                                      .priority = 3,
                                      .source_port = 10000,
                                      .destination_port = 100,
                                      .size_bytes = 123456,
                                      .start_ns = 5000}};

/* A network and a simulation of the two flows on it. */
typedef struct rig {
  sim_topology *topology;
  sim_routing *routing;
  pkt_settings settings;
  pkt_sim *sim;
  int64_t fct_ns[2];
} rig;

static void build(rig *r, sim_topology *topology, pkt_cc_mode cc, int64_t n_flows) {
  *r = (rig){.topology = topology, .settings = settings_of(cc), .fct_ns = {-1, -1}};
  assert_int_equal(sim_routing_create(&r->routing, topology, NULL), M4_OK);
  assert_int_equal(pkt_create(&r->sim, topology, r->routing, &r->settings, NULL, NULL), M4_OK);
  assert_int_equal(pkt_submit(r->sim, two_flows, n_flows, NULL), M4_OK);
}

static void tear_down(rig *r) {
  pkt_free(r->sim);
  sim_routing_free(r->routing);
  sim_topology_free(r->topology);
}

/* Both directions of cable number `cable`. */
static void change(pkt_sim *sim, int32_t cable, int64_t rate_bps, int64_t time_ns) {
  for (int32_t link = 2 * cable; link < 2 * cable + 2; link++)
    assert_int_equal(pkt_change_link(sim, link, rate_bps, time_ns, NULL), M4_OK);
}

static void test_slower_from_the_start(void **state) {
  (void)state;
  const pkt_cc_mode modes[] = {PKT_CC_DCTCP, PKT_CC_DCQCN, PKT_CC_TIMELY, PKT_CC_HPCC};
  const int64_t rates[] = {GBPS(10), GBPS(25), GBPS(40)};
  for (int i = 0; i < 12; i++) {
    rig slow, slowed;
    build(&slow, star(rates[i % 3]), modes[i / 3], 2);
    build(&slowed, star(GBPS(40)), modes[i / 3], 2);
    change(slowed.sim, 2, rates[i % 3], 0);
    assert_int_equal(run_until(slow.sim, INT64_MAX, slow.fct_ns), 2);
    assert_int_equal(run_until(slowed.sim, INT64_MAX, slowed.fct_ns), 2);
    assert_memory_equal(slow.fct_ns, slowed.fct_ns, sizeof slow.fct_ns);
    tear_down(&slow);
    tear_down(&slowed);
  }
}

/* At a tenth of the rate from the middle on, the rest takes about ten times as long. */
static void test_slower_on_the_way(void **state) {
  (void)state;
  rig r;
  build(&r, star(GBPS(40)), PKT_CC_DCTCP, 1);
  change(r.sim, 2, GBPS(4), 32000); /* about half of 300 kB at 40 Gb/s */
  assert_int_equal(run_until(r.sim, INT64_MAX, r.fct_ns), 1);
  assert_in_range(r.fct_ns[0], 300000, 400000);
  assert_int_equal(pkt_count(r.sim).lost, 0);
  tear_down(&r);
}

/* The only way fails and returns. */
static void test_failure_and_repair(void **state) {
  (void)state;
  for (int32_t cable = 0; cable < 3; cable += 2) {
    rig r;
    build(&r, star(GBPS(40)), PKT_CC_DCQCN, 1);
    change(r.sim, cable, 0, 20000);
    change(r.sim, cable, GBPS(40), 5 * MS);
    run_until(r.sim, 4 * MS, r.fct_ns);
    assert_int_equal(r.fct_ns[0], -1);
    assert_true(pkt_count(r.sim).lost > 0);
    assert_int_equal(run_until(r.sim, INT64_MAX, r.fct_ns), 1);
    assert_in_range(r.fct_ns[0], 5 * MS, 5 * MS + 100000);
    tear_down(&r);
  }
}

/* Without a repair the run ends. */
static void test_failure_for_ever(void **state) {
  (void)state;
  rig r;
  build(&r, star(GBPS(40)), PKT_CC_DCQCN, 2);
  change(r.sim, 0, 0, 20000);
  assert_int_equal(run_until(r.sim, INT64_MAX, r.fct_ns), 1);
  assert_int_equal(r.fct_ns[0], -1);
  assert_true(r.fct_ns[1] > 0);
  assert_true(pkt_now_ns(r.sim) < 10 * MS);
  change(r.sim, 0, GBPS(40), 50 * MS);
  assert_int_equal(run_until(r.sim, INT64_MAX, r.fct_ns), 1);
  assert_true(r.fct_ns[0] > 49 * MS);
  tear_down(&r);
}

/* Each failing direction alone: data or acknowledgements are lost, both come again. */
static void test_one_direction(void **state) {
  (void)state;
  for (int32_t link = 0; link < 6; link++) {
    if (link == 2 || link == 3) continue; /* the other host's */
    rig r;
    build(&r, star(GBPS(40)), PKT_CC_DCTCP, 1);
    assert_int_equal(pkt_change_link(r.sim, link, 0, 20000, NULL), M4_OK);
    assert_int_equal(pkt_change_link(r.sim, link, GBPS(40), 3 * MS, NULL), M4_OK);
    assert_int_equal(run_until(r.sim, INT64_MAX, r.fct_ns), 1);
    assert_true(pkt_count(r.sim).lost > 0);
    assert_in_range(r.fct_ns[0], 2 * MS, 4 * MS);
    tear_down(&r);
  }
}

/* A flow that starts while its host is cut off, and one whose destination is. */
static void test_start_without_a_path(void **state) {
  (void)state;
  for (int32_t cable = 0; cable < 3; cable += 2) {
    rig r;
    build(&r, star(GBPS(40)), PKT_CC_TIMELY, 1);
    change(r.sim, cable, 0, 0);
    change(r.sim, cable, GBPS(40), 2 * MS);
    assert_int_equal(run_until(r.sim, INT64_MAX, r.fct_ns), 1);
    assert_in_range(r.fct_ns[0], 2 * MS - 10, 3 * MS);
    tear_down(&r);
  }
}

/* Several ways: flows go around the failed cables, which carry nothing more. */
static void test_other_ways(void **state) {
  (void)state;
  sim_scenario *scenario = read_ns3("ft32_poisson/dctcp");
  const sim_topology *topology = scenario->topology;
  int32_t cable = 0; /* between two switches, the upper of which has more of them */
  while (!topology->is_switch[topology->links[2 * cable].from] ||
         !topology->is_switch[topology->links[2 * cable].to])
    cable++;
  for (; cable < topology->n_links / 2; cable++) {
    pkt_sim *sim = make_sim(scenario, NULL);
    int64_t *fct_ns = no_fcts(scenario->n_flows), fail_ns = scenario->flows[scenario->n_flows / 2].start_ns;
    submit_all(sim, scenario);
    change(sim, cable, 0, fail_ns);
    int64_t n = run_until(sim, fail_ns, fct_ns);
    uint64_t sent[] = {sim->ports[2 * cable].sent_bytes, sim->ports[2 * cable + 1].sent_bytes};
    n += run_until(sim, INT64_MAX, fct_ns);
    if (pkt_count(sim).drops == 0) assert_int_equal(n, scenario->n_flows);
    assert_int_equal(sim->ports[2 * cable].sent_bytes, sent[0]);
    assert_int_equal(sim->ports[2 * cable + 1].sent_bytes, sent[1]);
    for (int64_t i = 0; i < scenario->n_flows; i++) /* what was over before is as it was */
      if (scenario->flows[i].start_ns + scenario->truth_fct_ns[i] < fail_ns)
        assert_int_equal(fct_ns[i], scenario->truth_fct_ns[i]);
    free(fct_ns);
    pkt_free(sim);
  }
  sim_scenario_free(scenario);
}

/* Changes to the same rate, and changes after the end, are no changes. */
static void test_nothing_changes(void **state) {
  (void)state;
  static const char *const folders[] = {"ft32_poisson/dctcp", "incast8/dcqcn_pfc0_buf160", "parkinglot5/hpcc",
                                        "incast8_sync/timely"};
  for (int i = 0; i < 4; i++) {
    sim_scenario *scenario = read_ns3(folders[i]);
    pkt_sim *sim = make_sim(scenario, NULL);
    int64_t *fct_ns = no_fcts(scenario->n_flows);
    submit_all(sim, scenario);
    for (int32_t link = 0; link < scenario->topology->n_links; link++)
      for (int j = 0; j < 5; j++)
        assert_int_equal(pkt_change_link(sim, link, scenario->topology->links[link].rate_bps,
                                         scenario->flows[0].start_ns + j * 77777, NULL),
                         M4_OK);
    change(sim, 0, 0, scenario->packet.stop_time_ns - 1);
    run_until(sim, INT64_MAX, fct_ns);
    assert_truth(scenario, fct_ns);
    free(fct_ns);
    pkt_free(sim);
    sim_scenario_free(scenario);
  }
}

/* ---- random changes ---- */

/* Every link that failed returns at last. */
static void change_at_random(pkt_sim *sim, m4_rng *rng) {
  const sim_topology *topology = sim->topology;
  static const int64_t rates[] = {0, 0, GBPS(1), GBPS(5), GBPS(10), GBPS(100)};
  int64_t time_ns = 0;
  for (int i = 0; i < 20; i++) {
    int32_t link = (int32_t)m4_rng_below(rng, (uint64_t)topology->n_links);
    time_ns += (int64_t)m4_rng_below(rng, 200000);
    assert_int_equal(pkt_change_link(sim, link, rates[m4_rng_below(rng, 6)], time_ns, NULL), M4_OK);
    if (m4_rng_below(rng, 2))
      assert_int_equal(pkt_change_link(sim, link ^ 1, rates[m4_rng_below(rng, 6)], time_ns, NULL), M4_OK);
  }
  for (int32_t link = 0; link < topology->n_links; link++)
    assert_int_equal(pkt_change_link(sim, link, topology->links[link].rate_bps, time_ns + MS + link, NULL),
                     M4_OK);
}

static void assert_drained(const pkt_sim *sim) {
  for (int32_t i = 0; i < sim->topology->n_switches; i++)
    assert_int_equal(
        sim->switches[i].used_bytes + sim->switches[i].headroom_used + sim->switches[i].out_bytes, 0);
  for (int32_t i = 0; i < sim->topology->n_links; i++) {
    const pkt_port *port = &sim->ports[i];
    assert_int_equal(port->data.bytes + port->urgent.bytes + port->ingress_bytes + port->headroom_used, 0);
    assert_false(port->paused || port->peer_paused);
  }
}

static void run_random(uint32_t run, int64_t *fct_ns) {
  random_network net = make_network(9, run);
  m4_rng rng = m4_rng_make(10, M4_RNG_TEST, run);
  pkt_sim *sim = start_network(&net, NULL);
  change_at_random(sim, &rng);
  int64_t n_completed = run_until(sim, INT64_MAX, fct_ns);
  if (pkt_count(sim).drops == 0) assert_int_equal(n_completed, net.n_flows);
  run_until(sim, pkt_now_ns(sim) + 1000 * MS, fct_ns);
  assert_drained(sim);
  pkt_free(sim);
  free_network(&net);
}

static void test_random_changes(void **state) {
  (void)state;
  for (uint32_t run = 0; run < N_RUNS; run++) {
    int64_t *first = no_fcts(RANDOM_FLOWS), *second = no_fcts(RANDOM_FLOWS);
    run_random(run, first);
    run_random(run, second);
    assert_memory_equal(first, second, RANDOM_FLOWS * sizeof *first);
    free(first);
    free(second);
  }
}

static void test_refusals(void **state) {
  (void)state;
  rig r;
  build(&r, star(GBPS(40)), PKT_CC_DCTCP, 1);
  run_until(r.sim, 1000, r.fct_ns);
  assert_int_equal(pkt_change_link(r.sim, -1, 1, 1000, NULL), M4_USAGE);
  assert_int_equal(pkt_change_link(r.sim, 6, 1, 1000, NULL), M4_USAGE);
  assert_int_equal(pkt_change_link(r.sim, 0, -1, 1000, NULL), M4_USAGE);
  assert_int_equal(pkt_change_link(r.sim, 0, INT64_MAX, 1000, NULL), M4_USAGE);
  assert_int_equal(pkt_change_link(r.sim, 0, 1, 999, NULL), M4_USAGE);
  assert_int_equal(pkt_change_link(r.sim, 0, 1, INT64_MAX, NULL), M4_USAGE);
  assert_int_equal(pkt_change_link(r.sim, 0, GBPS(40), 1000, NULL), M4_OK);
  assert_int_equal(run_until(r.sim, INT64_MAX, r.fct_ns), 1);
  tear_down(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_slower_from_the_start),
                                     cmocka_unit_test(test_slower_on_the_way),
                                     cmocka_unit_test(test_failure_and_repair),
                                     cmocka_unit_test(test_failure_for_ever),
                                     cmocka_unit_test(test_one_direction),
                                     cmocka_unit_test(test_start_without_a_path),
                                     cmocka_unit_test(test_other_ways),
                                     cmocka_unit_test(test_nothing_changes),
                                     cmocka_unit_test(test_random_changes),
                                     cmocka_unit_test(test_refusals)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
