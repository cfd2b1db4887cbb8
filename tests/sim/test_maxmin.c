/* Max-min fairness on random networks: feasible, and every flow has a full link on which nobody is faster. */
#include "tests/sim/test_sim.h"

#include "base/philox.h"
#include "sim/flowsim/maxmin.h"

#include <math.h>

enum { MAX_FLOWS = 200 };

/* Random flows on a fabric whose three tiers have random rates. */
static sim_scenario *random_scenario(m4_rng *rng, int64_t n_flows) {
  static const int64_t rates[] = {1, 10, 25, 40, 100};
  sim_clos shape = {3,
                    2,
                    3,
                    4,
                    2,
                    GBPS(rates[m4_rng_below(rng, 5)]),
                    GBPS(rates[m4_rng_below(rng, 5)]),
                    GBPS(rates[m4_rng_below(rng, 5)]),
                    1000};
  sim_topology *topology;
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_OK);
  sim_flow flows[MAX_FLOWS] = {0};
  for (int64_t i = 0; i < n_flows; i++) {
    flows[i].src = (int32_t)m4_rng_below(rng, (uint64_t)topology->n_hosts);
    flows[i].dst =
        (flows[i].src + 1 + (int32_t)m4_rng_below(rng, (uint64_t)topology->n_hosts - 1)) % topology->n_hosts;
    flows[i].size_bytes = 1;
  }
  return scenario_of(topology, flows, n_flows);
}

typedef struct load {
  double used, fastest;
} load;

static void check_fair(const sim_scenario *scenario, const sim_maxmin *fair, const bool *active) {
  const sim_topology *topology = scenario->topology;
  load *loads = calloc((size_t)topology->n_links, sizeof *loads);
  for (int64_t i = 0; i < scenario->n_flows; i++)
    for (int32_t hop = 0; active[i] && hop < scenario->flows[i].n_links; hop++) {
      load *mine = &loads[scenario->flows[i].links[hop]];
      mine->used += sim_maxmin_rate(fair, i);
      mine->fastest = fmax(mine->fastest, sim_maxmin_rate(fair, i));
    }
  for (int32_t link = 0; link < topology->n_links; link++)
    assert_true(loads[link].used <= (double)topology->links[link].rate_bps / 8e9 * (1 + 1e-12));
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    bool bottleneck = !active[i];
    for (int32_t hop = 0; hop < scenario->flows[i].n_links && !bottleneck; hop++) {
      int32_t link = scenario->flows[i].links[hop];
      bool full = loads[link].used >= (double)topology->links[link].rate_bps / 8e9 * (1 - 1e-12);
      bottleneck = full && sim_maxmin_rate(fair, i) >= loads[link].fastest * (1 - 1e-12);
    }
    assert_true(bottleneck);
  }
  free(loads);
}

static void random_sets_are_fair(void **state) {
  (void)state;
  m4_rng rng = m4_rng_make(7, M4_RNG_TEST, 0);
  for (int round = 0; round < 40; round++) {
    int64_t n_flows = 1 + (int64_t)m4_rng_below(&rng, MAX_FLOWS);
    sim_scenario *scenario = random_scenario(&rng, n_flows);
    sim_maxmin *fair;
    bool active[MAX_FLOWS] = {false};
    assert_int_equal(sim_maxmin_create(&fair, scenario->topology, scenario->flows, n_flows, NULL), M4_OK);
    for (int step = 0; step < 60; step++) { /* flows come and go */
      int64_t flow = (int64_t)m4_rng_below(&rng, (uint64_t)n_flows);
      active[flow] ? sim_maxmin_remove(fair, flow) : sim_maxmin_add(fair, flow);
      active[flow] = !active[flow];
      sim_maxmin_fill(fair);
      check_fair(scenario, fair, active);
    }
    sim_maxmin_free(fair);
    sim_scenario_free(scenario);
  }
}

/* Rates must not depend on the order in which flows joined. */
static void order_does_not_matter(void **state) {
  (void)state;
  m4_rng rng = m4_rng_make(8, M4_RNG_TEST, 0);
  sim_scenario *scenario = random_scenario(&rng, MAX_FLOWS);
  sim_maxmin *up, *down;
  assert_int_equal(sim_maxmin_create(&up, scenario->topology, scenario->flows, MAX_FLOWS, NULL), M4_OK);
  assert_int_equal(sim_maxmin_create(&down, scenario->topology, scenario->flows, MAX_FLOWS, NULL), M4_OK);
  for (int64_t i = 0; i < MAX_FLOWS; i++) {
    sim_maxmin_add(up, i);
    sim_maxmin_add(down, MAX_FLOWS - 1 - i);
  }
  sim_maxmin_fill(up);
  sim_maxmin_fill(down);
  for (int64_t i = 0; i < MAX_FLOWS; i++) assert_true(sim_maxmin_rate(up, i) == sim_maxmin_rate(down, i));
  sim_maxmin_free(up);
  sim_maxmin_free(down);
  sim_scenario_free(scenario);
}

/* A chain: the flow over both links shares each; the other flow of the wider link takes what is left. */
static void a_case_by_hand(void **state) {
  (void)state;
  const int32_t switches[] = {3, 4, 5};
  const sim_cable cables[] = {{0, 3, GBPS(100), 1},
                              {1, 4, GBPS(100), 1},
                              {2, 5, GBPS(100), 1},
                              {3, 4, GBPS(8), 1},
                              {4, 5, GBPS(24), 1}};
  const sim_flow flows[] = {{.src = 0, .dst = 2, .size_bytes = 1},
                            {.src = 0, .dst = 1, .size_bytes = 1},
                            {.src = 1, .dst = 2, .size_bytes = 1}};
  sim_topology *topology;
  assert_int_equal(sim_topology_create(&topology, 6, switches, 3, cables, 5, NULL), M4_OK);
  sim_scenario *scenario = scenario_of(topology, flows, 3);
  sim_maxmin *fair;
  assert_int_equal(sim_maxmin_create(&fair, topology, scenario->flows, 3, NULL), M4_OK);
  for (int64_t i = 0; i < 3; i++) sim_maxmin_add(fair, i);
  sim_maxmin_fill(fair);
  const double expected[] = {0.5, 0.5, 2.5};
  for (int64_t i = 0; i < 3; i++) assert_true(sim_maxmin_rate(fair, i) == expected[i]);
  sim_maxmin_set_capacity(fair, 6, 0); /* the 8 Gbps link goes down */
  sim_maxmin_fill(fair);
  const double after[] = {0, 0, 3};
  for (int64_t i = 0; i < 3; i++) assert_true(sim_maxmin_rate(fair, i) == after[i]);
  sim_maxmin_free(fair);
  sim_scenario_free(scenario);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(random_sets_are_fair),
                                     cmocka_unit_test(order_does_not_matter),
                                     cmocka_unit_test(a_case_by_hand)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
