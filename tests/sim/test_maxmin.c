/* Max-min fairness on random networks: feasible, every flow has a full link on which nobody is faster, and
 * the rates are those of filling from scratch; after any mixture of joining, leaving and link changes. */
#include "tests/sim/random_network.h"

#include "sim/flowsim/maxmin.h"
#include "tests/sim/plain/plain_maxmin.h"

#include <math.h>

enum { MAX_FLOWS = 200, MOST_FLOWS = 1500 }; /* at random; of any test */

/* The two ways side by side, and what both have been told. */
typedef struct pair {
  sim_scenario *scenario;
  sim_maxmin *fair;
  plain_maxmin *plain;
  bool active[MOST_FLOWS];
  double rate[MOST_FLOWS]; /* as the lists of changed flows tell */
  double *capacity;        /* [n_links] bytes/ns */
} pair;

static pair make_pair(sim_scenario *scenario) {
  pair made = {.scenario = scenario};
  const sim_topology *topology = scenario->topology;
  made.capacity = calloc((size_t)topology->n_links, sizeof *made.capacity);
  for (int32_t link = 0; link < topology->n_links; link++)
    made.capacity[link] = (double)topology->links[link].rate_bps / 8e9;
  assert_int_equal(sim_maxmin_create(&made.fair, topology, SIM_MAX_PATH, NULL), M4_OK);
  assert_int_equal(sim_maxmin_reserve(made.fair, (int32_t)scenario->n_flows, NULL), M4_OK);
  assert_int_equal(plain_maxmin_create(&made.plain, topology, scenario->flows, scenario->n_flows, NULL),
                   M4_OK);
  return made;
}

static void free_pair(pair *both) {
  sim_maxmin_free(both->fair);
  plain_maxmin_free(both->plain);
  sim_scenario_free(both->scenario);
  free(both->capacity);
}

static void toggle(pair *both, int64_t flow) {
  const sim_flow *facts = &both->scenario->flows[flow];
  if (both->active[flow]) {
    sim_maxmin_remove(both->fair, (int32_t)flow);
    plain_maxmin_remove(both->plain, flow);
  } else {
    assert_int_equal(sim_maxmin_add(both->fair, (int32_t)flow, facts->links, facts->n_links, NULL), M4_OK);
    plain_maxmin_add(both->plain, flow);
    both->rate[flow] = 0;
  }
  both->active[flow] = !both->active[flow];
}

static void set_capacity(pair *both, int32_t link, double bytes_per_ns) {
  sim_maxmin_set_capacity(both->fair, link, bytes_per_ns);
  plain_maxmin_set_capacity(both->plain, link, bytes_per_ns);
  both->capacity[link] = bytes_per_ns;
}

/* Every flow in the list has another rate than before, and every flow that has is in the list. */
static int32_t update(pair *both) {
  const int32_t *changed;
  int32_t n = sim_maxmin_update(both->fair, &changed);
  for (int32_t i = 0; i < n; i++) both->rate[changed[i]] = sim_maxmin_rate(both->fair, changed[i]);
  for (int32_t i = 0; i < both->scenario->n_flows; i++)
    if (both->active[i]) assert_true(both->rate[i] == sim_maxmin_rate(both->fair, i));
  plain_maxmin_fill(both->plain);
  return n;
}

typedef struct load {
  double used, fastest;
} load;

static void check_fair(const pair *both) {
  const sim_scenario *scenario = both->scenario;
  load *loads = calloc((size_t)scenario->topology->n_links, sizeof *loads);
  for (int64_t i = 0; i < scenario->n_flows; i++)
    for (int32_t hop = 0; both->active[i] && hop < scenario->flows[i].n_links; hop++) {
      load *mine = &loads[scenario->flows[i].links[hop]];
      mine->used += both->rate[i];
      mine->fastest = fmax(mine->fastest, both->rate[i]);
    }
  for (int32_t link = 0; link < scenario->topology->n_links; link++)
    assert_true(loads[link].used <= both->capacity[link] * (1 + 1e-12));
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    bool bottleneck = !both->active[i];
    for (int32_t hop = 0; hop < scenario->flows[i].n_links && !bottleneck; hop++) {
      int32_t link = scenario->flows[i].links[hop];
      bool full = loads[link].used >= both->capacity[link] * (1 - 1e-12);
      bottleneck = full && both->rate[i] >= loads[link].fastest * (1 - 1e-12);
    }
    assert_true(bottleneck);
  }
  free(loads);
}

static void check_plain(const pair *both) {
  for (int64_t i = 0; i < both->scenario->n_flows; i++) {
    double expected = plain_maxmin_rate(both->plain, i);
    if (both->active[i] && !(fabs(both->rate[i] - expected) <= 1e-9 * expected))
      fail_msg("flow %lld has rate %.17g, filling from scratch gives %.17g", (long long)i, both->rate[i],
               expected);
  }
}

/* One to five things change at a time. */
static void changes_by_chance(void **state) {
  (void)state;
  m4_rng rng = m4_rng_make(7, M4_RNG_TEST, 0);
  for (int round = 0; round < 120; round++) {
    int64_t n_flows = 1 + (int64_t)m4_rng_below(&rng, MAX_FLOWS);
    pair both = make_pair(random_scenario(&rng, n_flows, 0));
    for (int step = 0; step < 150; step++) {
      for (uint64_t change = m4_rng_below(&rng, 5) + 1; change > 0; change--)
        if (m4_rng_below(&rng, 8) > 0)
          toggle(&both, (int64_t)m4_rng_below(&rng, (uint64_t)n_flows));
        else
          set_capacity(&both, (int32_t)m4_rng_below(&rng, (uint64_t)both.scenario->topology->n_links),
                       0.125 * (double)m4_rng_below(&rng, 20));
      update(&both);
      check_fair(&both);
      check_plain(&both);
    }
    free_pair(&both);
  }
}

/* A large fabric on which a few hosts have most of the flows: links with dozens of flows that are set free
 * and limited again at each change. */
static void busy_hosts(void **state) {
  (void)state;
  enum { FLOWS = MOST_FLOWS, AT_FIRST = 1000, STEPS = 600 };
  m4_rng rng = m4_rng_make(9, M4_RNG_TEST, 0);
  const sim_clos shape = {4, 4, 16, 16, 16, GBPS(10), GBPS(20), GBPS(10), 1000};
  sim_topology *topology;
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_OK);
  double hosts = topology->n_hosts;
  sim_flow flows[FLOWS] = {0};
  for (int i = 0; i < FLOWS; i++) {
    flows[i].size_bytes = 1;
    flows[i].src = (int32_t)(hosts * pow(m4_rng_uniform(&rng), 3));
    do flows[i].dst = (int32_t)(hosts * pow(m4_rng_uniform(&rng), 3));
    while (flows[i].dst == flows[i].src);
  }
  pair both = make_pair(scenario_of(topology, flows, FLOWS));
  for (int64_t i = 0; i < AT_FIRST; i++) toggle(&both, i);
  for (int step = 0; step < STEPS; step++) {
    toggle(&both, (int64_t)m4_rng_below(&rng, FLOWS));
    update(&both);
    check_plain(&both);
  }
  check_fair(&both);
  free_pair(&both);
}

/* Rates must not depend on the order in which flows joined, but for rounding. */
static void order_does_not_matter(void **state) {
  (void)state;
  m4_rng rng = m4_rng_make(8, M4_RNG_TEST, 0);
  sim_scenario *scenario = random_scenario(&rng, MAX_FLOWS, 0);
  pair up = make_pair(scenario), down = make_pair(scenario);
  for (int64_t i = 0; i < MAX_FLOWS; i++) {
    toggle(&up, i);
    toggle(&down, MAX_FLOWS - 1 - i);
  }
  assert_int_equal(update(&up), MAX_FLOWS);
  assert_int_equal(update(&down), MAX_FLOWS);
  for (int64_t i = 0; i < MAX_FLOWS; i++) assert_true(fabs(up.rate[i] - down.rate[i]) <= 1e-14 * up.rate[i]);
  assert_int_equal(update(&up), 0);
  down.scenario = NULL;
  free_pair(&down);
  free_pair(&up);
}

/* What has no link with slower neighbours in common is not touched. */
static void far_away_nothing_changes(void **state) {
  (void)state;
  const sim_flow flows[] = {{.src = 0, .dst = 1, .size_bytes = 1},
                            {.src = 2, .dst = 3, .size_bytes = 1},
                            {.src = 0, .dst = 2, .size_bytes = 1},
                            {.src = 1, .dst = 3, .size_bytes = 1}};
  pair both = make_pair(scenario_of(training_fabric(), flows, 4));
  toggle(&both, 0);
  toggle(&both, 1);
  assert_int_equal(update(&both), 2);
  toggle(&both, 3); /* shares host 3's downlink with flow 1; flow 0 keeps host 1's */
  assert_int_equal(update(&both), 2);
  toggle(&both, 2); /* shares host 0's uplink with flow 0 */
  assert_int_equal(update(&both), 2);
  toggle(&both, 2);
  assert_int_equal(update(&both), 1);
  free_pair(&both);
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
  pair both = make_pair(scenario_of(topology, flows, 3));
  for (int64_t i = 0; i < 3; i++) toggle(&both, i);
  update(&both);
  const double expected[] = {0.5, 0.5, 2.5};
  for (int64_t i = 0; i < 3; i++) assert_true(both.rate[i] == expected[i]);
  set_capacity(&both, 6, 0); /* the 8 Gbps link goes down */
  update(&both);
  const double after[] = {0, 0, 3};
  for (int64_t i = 0; i < 3; i++) assert_true(both.rate[i] == after[i]);
  set_capacity(&both, 6, 1); /* and comes back */
  update(&both);
  for (int64_t i = 0; i < 3; i++) assert_true(both.rate[i] == expected[i]);
  free_pair(&both);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(changes_by_chance), cmocka_unit_test(busy_hosts),
                                     cmocka_unit_test(order_does_not_matter),
                                     cmocka_unit_test(far_away_nothing_changes),
                                     cmocka_unit_test(a_case_by_hand)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
