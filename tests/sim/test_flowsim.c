/* flowSim: the oracle's completion times, limits that do not matter, simple cases by hand, header bytes, link
 * changes; equal to the plain way on random scenarios. */
#include "tests/sim/random_network.h"

#include "base/file.h"
#include "sim/engine.h"
#include "tests/sim/plain/plain_flowsim.h"

#include <math.h>

static sim_result run_flowsim(const sim_scenario *scenario, int64_t header_bytes) {
  sim_backend *backend;
  sim_result result;
  const sim_flowsim_options options = {.header_bytes = header_bytes};
  assert_int_equal(sim_flowsim_backend(&backend, scenario, &options, NULL), M4_OK);
  assert_int_equal(sim_run(scenario, backend, NULL, NULL, &result, NULL), M4_OK);
  sim_backend_free(backend);
  return result;
}

/* flow_id,truth,ideal,flowsim,m4: an independent implementation, printed to 0.001 ns. Not rounded here: all
 * flows must agree. */
static void oracle_times_are_met(void **state) {
  (void)state;
  static const char *const folders[] = {"0", "1", "5"};
  for (int i = 0; i < 3; i++) {
    char path[512];
    char *text;
    size_t length;
    sim_scenario *scenario;
    snprintf(path, sizeof path, "%s/%s", NS3_DATA, folders[i]);
    assert_int_equal(sim_scenario_read(&scenario, path, NULL), M4_OK);
    snprintf(path, sizeof path, "%s/%s/oracle.csv", NS3_DATA, folders[i]);
    assert_int_equal(m4_file_read(path, 1 << 26, &text, &length, NULL), M4_OK);
    sim_result result = run_flowsim(scenario, 0);
    int64_t checked = 0;
    for (char *line = strtok(strchr(text, '\n'), "\n"); line; line = strtok(NULL, "\n"), checked++) {
      long long id, truth, ideal;
      double expected;
      assert_int_equal(sscanf(line, "%lld,%lld,%lld,%lf", &id, &truth, &ideal, &expected), 4);
      assert_int_equal(ideal, scenario->flows[id].ideal_fct_ns);
      if (!(fabs(result.fct_ns[id] - expected) <= 1e-6 * expected))
        fail_msg("scenario %s flow %lld: %.3f ns, expected %.3f ns", folders[i], id, result.fct_ns[id],
                 expected);
    }
    assert_int_equal(checked, scenario->n_flows);
    assert_int_equal(result.n_finished, scenario->n_flows);
    assert_int_equal(result.events, 2 * scenario->n_flows);
    sim_result_free(&result);
    sim_scenario_free(scenario);
    free(text);
  }
}

/* Stopping every few microseconds, and being told of flows only when they arrive, must not change a bit. */
static void limits_do_not_change_results(void **state) {
  (void)state;
  sim_scenario *scenario;
  assert_int_equal(sim_scenario_read(&scenario, NS3_DATA "/5", NULL), M4_OK);
  sim_result whole = run_flowsim(scenario, 0);
  sim_backend *backend;
  assert_int_equal(sim_flowsim_backend(&backend, scenario, NULL, NULL), M4_OK);
  const double step_ns = 7777.7;
  int64_t finished = 0, cursor = 0;
  for (double limit = (double)scenario->flows[0].start_ns; finished < scenario->n_flows; limit += step_ns) {
    for (; cursor < scenario->n_flows && (double)scenario->flows[cursor].start_ns <= limit + step_ns / 2;
         cursor++) {
      double time_ns = (double)scenario->flows[cursor].start_ns; /* due now, or within half a step */
      assert_int_equal(backend->ops->submit(backend, &cursor, &time_ns, 1, NULL), M4_OK);
    }
    bool found = true;
    sim_completion done;
    while (found) {
      assert_int_equal(backend->ops->advance(backend, limit, &found, &done, NULL), M4_OK);
      if (!found) break;
      assert_true(done.time_ns <= limit);
      assert_true(done.fct_ns == whole.fct_ns[done.flow]);
      assert_int_equal(done.flow, whole.order[finished]);
      finished++;
    }
  }
  sim_backend_free(backend);
  sim_result_free(&whole);
  sim_scenario_free(scenario);
}

/* Two equal flows into one host, one 40 us later. 10 Gbps = 1.25 B/ns. */
static void sharing_by_hand(void **state) {
  (void)state;
  const sim_flow flows[] = {{.src = 0, .dst = 3, .size_bytes = 100000},
                            {.src = 1, .dst = 3, .size_bytes = 100000, .start_ns = 40000}};
  sim_scenario *scenario = scenario_of(training_fabric(), flows, 2);
  sim_result result = run_flowsim(scenario, 0);
  const double base = 2000 + 1048 * 0.8;
  /* 50000 B are left when the second starts; both run at half rate until the first is done, at 120 us. */
  assert_true(fabs(result.fct_ns[0] - (120000 + base)) < 1e-6);
  assert_true(fabs(result.fct_ns[1] - (120000 + base)) < 1e-6); /* done at 160 us */
  sim_result_free(&result);

  result = run_flowsim(scenario, 48); /* sizes grow by 100 x 48 B */
  assert_true(fabs(result.fct_ns[0] - ((104800 + 104800 - 50000) / 1.25 + base)) < 1e-6);
  sim_result_free(&result);
  sim_scenario_free(scenario);
}

static void a_failed_link_stops_its_flows(void **state) {
  (void)state;
  const sim_flow flows[] = {{.src = 0, .dst = 3, .size_bytes = 100000},
                            {.src = 1, .dst = 2, .size_bytes = 100000}};
  const double base = 2000 + 1048 * 0.8; /* a flow is complete when it has arrived */
  sim_scenario *scenario = scenario_of(training_fabric(), flows, 2);
  sim_backend *backend;
  assert_int_equal(sim_flowsim_backend(&backend, scenario, NULL, NULL), M4_OK);
  const int64_t ids[] = {0, 1};
  const double times[] = {0, 0};
  const int32_t link = scenario->flows[0].links[0];
  bool found;
  sim_completion done;
  assert_int_equal(backend->ops->submit(backend, ids, times, 2, NULL), M4_OK);
  assert_int_equal(backend->ops->advance(backend, 40000, &found, &done, NULL), M4_OK);
  assert_false(found);
  assert_int_equal(backend->ops->change_link(backend, link, 0, 40000, NULL), M4_OK);
  assert_int_equal(backend->ops->advance(backend, INFINITY, &found, &done, NULL), M4_OK);
  assert_true(found && done.flow == 1 && done.time_ns == 80000 + base);
  assert_int_equal(backend->ops->advance(backend, INFINITY, &found, &done, NULL), M4_OK);
  assert_false(found);
  assert_int_equal(backend->ops->change_link(backend, link, GBPS(5), 100000, NULL), M4_OK);
  assert_int_equal(backend->ops->change_link(backend, link, GBPS(10), 120000, NULL), M4_OK);
  assert_int_equal(backend->ops->change_link(backend, link, 0, 119999, NULL), M4_USAGE); /* out of order */
  assert_int_equal(backend->ops->advance(backend, 110000, &found, &done, NULL), M4_OK);
  assert_false(found);
  assert_int_equal(backend->ops->change_link(backend, -1, 0, 140000, NULL), M4_USAGE);
  assert_int_equal(backend->ops->change_link(backend, link, -1, 140000, NULL), M4_USAGE);
  assert_int_equal(backend->ops->change_link(backend, link, 0, NAN, NULL), M4_USAGE);
  assert_int_equal(backend->ops->change_link(backend, link, 0, INFINITY, NULL), M4_USAGE);
  assert_int_equal(backend->ops->advance(backend, INFINITY, &found, &done, NULL), M4_OK);
  /* 50000 B were left at 40 us; 12500 B pass at 5 Gbit/s */
  assert_true(found && done.flow == 0 && done.time_ns == 120000 + 37500 / 1.25 + base);
  assert_true(done.fct_ns == done.time_ns);
  assert_int_equal(backend->ops->submit(backend, ids, times, 1, NULL), M4_USAGE); /* the past */
  sim_backend_free(backend);
  sim_scenario_free(scenario);
}

/* ---- against the plain way ---- */

enum { MAX_CHANGES = 12 };

typedef struct link_change {
  double time_ns;
  int32_t link;
  int64_t rate_bps;
} link_change;

/* Random changes; the last ones repair everything. */
static int random_changes(m4_rng *rng, const sim_topology *topology, double last_ns, link_change *changes) {
  int n = (int)m4_rng_below(rng, MAX_CHANGES / 2);
  for (int i = 0; i < n; i++) {
    int32_t link = (int32_t)m4_rng_below(rng, (uint64_t)topology->n_links);
    changes[i] = (link_change){floor(last_ns * i / n), link, 0};
    if (m4_rng_below(rng, 2)) changes[i].rate_bps = 1 + (int64_t)m4_rng_below(rng, GBPS(40));
    changes[n + i] = (link_change){last_ns + 1000.5 * i, link, topology->links[link].rate_bps};
  }
  return 2 * n;
}

/* Runs everything to the end, links changing on the way: announced, or each at its time. */
static void run_with_changes(sim_backend *backend, const link_change *changes, int n_changes, bool announced,
                             double *fct_ns) {
  const sim_scenario *scenario = backend->scenario;
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    double time_ns = (double)scenario->flows[i].start_ns;
    fct_ns[i] = NAN;
    assert_int_equal(backend->ops->submit(backend, &i, &time_ns, 1, NULL), M4_OK);
  }
  for (int i = 0; announced && i < n_changes; i++)
    assert_int_equal(
        backend->ops->change_link(backend, changes[i].link, changes[i].rate_bps, changes[i].time_ns, NULL),
        M4_OK);
  for (int i = announced ? n_changes : 0; i <= n_changes; i++) {
    bool found = true;
    while (found) {
      sim_completion done;
      double limit_ns = i < n_changes ? changes[i].time_ns : INFINITY;
      assert_int_equal(backend->ops->advance(backend, limit_ns, &found, &done, NULL), M4_OK);
      if (found) fct_ns[done.flow] = done.fct_ns;
    }
    if (i < n_changes)
      assert_int_equal(
          backend->ops->change_link(backend, changes[i].link, changes[i].rate_bps, changes[i].time_ns, NULL),
          M4_OK);
  }
}

static void check_equal(const double *fct_ns, const double *expected, int64_t n, int round) {
  for (int64_t i = 0; i < n; i++)
    if (!(fabs(fct_ns[i] - expected[i]) <= 1e-9 * expected[i]))
      fail_msg("round %d flow %lld: %.9f ns, the plain way %.9f ns", round, (long long)i, fct_ns[i],
               expected[i]);
}

static void random_scenarios_equal_the_plain_way(void **state) {
  (void)state;
  enum { FLOWS = 400, ROUNDS = 60 };
  m4_rng rng = m4_rng_make(9, M4_RNG_TEST, 0);
  for (int round = 0; round < ROUNDS; round++) {
    int64_t n_flows = 1 + (int64_t)m4_rng_below(&rng, FLOWS);
    static const int64_t spreads[] = {0, 100000, 1000000, 10000000};
    int64_t spread_ns = spreads[m4_rng_below(&rng, 4)];
    sim_scenario *scenario = random_scenario(&rng, n_flows, spread_ns);
    link_change changes[MAX_CHANGES];
    int n_changes = random_changes(&rng, scenario->topology, (double)spread_ns + 50000, changes);
    double fct_ns[FLOWS], expected[FLOWS];
    const sim_flowsim_options options = {.header_bytes = round % 2 ? 48 : 0};
    sim_backend *backend, *plain;
    assert_int_equal(plain_flowsim_backend(&plain, scenario, &options, NULL), M4_OK);
    run_with_changes(plain, changes, n_changes, false, expected);
    for (int announced = 0; announced < 2; announced++) {
      assert_int_equal(sim_flowsim_backend(&backend, scenario, &options, NULL), M4_OK);
      run_with_changes(backend, changes, n_changes, announced, fct_ns);
      check_equal(fct_ns, expected, n_flows, round);
      sim_backend_free(backend);
    }
    sim_backend_free(plain);
    sim_scenario_free(scenario);
  }
}

/* Ends within one nanosecond of each other: at least a nanosecond apart, the lowest id first. */
static void equal_flows_end_one_by_one(void **state) {
  (void)state;
  enum { N = 40 };
  sim_flow flows[N] = {0};
  for (int i = 0; i < N; i++) flows[i] = (sim_flow){.src = 1 + i % 31, .dst = 0, .size_bytes = 10000};
  sim_scenario *scenario = scenario_of(training_fabric(), flows, N);
  sim_result result = run_flowsim(scenario, 0);
  sim_backend *plain;
  double expected[N];
  assert_int_equal(plain_flowsim_backend(&plain, scenario, NULL, NULL), M4_OK);
  run_with_changes(plain, NULL, 0, false, expected);
  check_equal(result.fct_ns, expected, N, 0);
  sim_backend_free(plain);
  sim_result_free(&result);
  sim_scenario_free(scenario);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(oracle_times_are_met),
                                     cmocka_unit_test(limits_do_not_change_results),
                                     cmocka_unit_test(sharing_by_hand),
                                     cmocka_unit_test(a_failed_link_stops_its_flows),
                                     cmocka_unit_test(random_scenarios_equal_the_plain_way),
                                     cmocka_unit_test(equal_flows_end_one_by_one)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
