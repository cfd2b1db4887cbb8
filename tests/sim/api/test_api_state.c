/* The library for other programs: polling, views of flows and queues, changes of links to come, and misuse
 * that must be refused or harmless. */
#include "sim/m4_sim.h"

#include "tests/sim/test_sim.h"

#include <math.h>

#define TOPOLOGY   NS3_DATA "/0/topology.txt"
#define CHECKPOINT M4_TEST_DATA "/golden/m4_sim.safetensors"
#define WITH_HEADS M4_TEST_DATA "/golden/m4_small.safetensors"

enum { RATE_MBPS = 10000 };
static const char *const backends[] = {"flowsim", "packet", "m4"};

static m4_sim *create_with(const char *backend, const char *checkpoint) {
  const m4_sim_options options = {.topology_path = TOPOLOGY,
                                  .config_path = NS3_DATA "/0/config.txt",
                                  .backend = backend,
                                  .checkpoint_path = checkpoint};
  char error[512];
  m4_sim *sim;
  if (m4_sim_create(&sim, &options, error, sizeof error) != M4_SIM_OK) fail_msg("%s", error);
  return sim;
}

static m4_sim *create(const char *backend) {
  return create_with(backend, CHECKPOINT);
}

static int32_t rack_of(int32_t host) {
  sim_topology *topology;
  assert_int_equal(sim_topology_read(&topology, TOPOLOGY, NULL), M4_OK);
  int32_t rack = topology->links[topology->port_link[topology->port_begin[host]]].to;
  sim_topology_free(topology);
  return rack;
}

/* ---- polling ---- */

static void polling_gives_what_callbacks_give(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) {
    m4_sim *sim = create(backends[i]);
    int64_t flow;
    double fct_ns, last_ns = 0;
    for (int k = 0; k < 5; k++)
      assert_int_equal(m4_sim_add_flow(sim, k, 7 + k, 3000 * (k + 1), NULL, NULL, NULL), 0);
    assert_int_equal(m4_sim_next(sim, 1, &flow, &fct_ns), 0);
    assert_true(flow == -1 && isnan(fct_ns) && m4_sim_now(sim) == 1);
    for (int k = 0; k < 5; k++) {
      assert_int_equal(m4_sim_next(sim, INFINITY, &flow, &fct_ns), 0);
      assert_true(flow >= 0 && fct_ns > 0 && m4_sim_now(sim) >= last_ns);
      assert_int_equal(m4_sim_in_flight(sim), 4 - k);
      last_ns = m4_sim_now(sim);
    }
    assert_int_equal(m4_sim_next(sim, INFINITY, &flow, NULL), 0);
    assert_int_equal(flow, -1);
    m4_sim_free(sim);
  }
}

/* ---- views ---- */

static void fluids_know_rates(void **state) {
  (void)state;
  m4_sim *sim = create("flowsim");
  double value;
  for (int i = 0; i < 2; i++) assert_int_equal(m4_sim_add_flow(sim, 1, 2, 100000, NULL, NULL, NULL), 0);
  assert_int_equal(m4_sim_run_until(sim, 40000), 0);
  assert_int_equal(m4_sim_flow_rate(sim, 0, &value), 0);
  assert_true(fabs(value - 5e9) < 1);
  assert_int_equal(m4_sim_remaining_bytes(sim, 1, &value), 0);
  assert_true(fabs(value - 75000) < 1e-3);
  assert_int_equal(m4_sim_predicted_finish(sim, 1, &value), 0);
  double fct_ns;
  int64_t flow;
  assert_int_equal(m4_sim_next(sim, INFINITY, &flow, &fct_ns), 0);
  assert_int_equal(flow, 0);
  assert_int_equal(m4_sim_next(sim, INFINITY, &flow, &fct_ns), 0);
  assert_true(fabs(fct_ns - value) < 1.5); /* ends of fluids are at least 1 ns apart */
  assert_int_equal(m4_sim_queue_bytes(sim, 1, rack_of(1), &value), M4_SIM_USAGE);
  m4_sim_free(sim);
}

static void m4_predicts(void **state) {
  (void)state;
  m4_sim *sim = create_with("m4", WITH_HEADS);
  double slowdown, finish_ns, bytes, fct_ns;
  int64_t flow;
  for (int i = 0; i < 3; i++) assert_int_equal(m4_sim_add_flow(sim, 1, 2 + i, 50000, NULL, NULL, NULL), 0);
  assert_int_equal(m4_sim_run_until(sim, 1000), 0);
  assert_int_equal(m4_sim_predicted_slowdown(sim, 1, &slowdown), 0);
  assert_true(slowdown >= 1);
  assert_int_equal(m4_sim_predicted_finish(sim, 1, &finish_ns), 0);
  assert_true(finish_ns > 1000);
  assert_int_equal(m4_sim_remaining_bytes(sim, 1, &bytes), 0);
  assert_true(bytes >= 0 && bytes <= 50000);
  assert_int_equal(m4_sim_queue_bytes(sim, 1, rack_of(1), &bytes), 0);
  assert_true(bytes >= 0 && isfinite(bytes));
  assert_int_equal(m4_sim_flow_rate(sim, 1, &bytes), M4_SIM_USAGE);
  assert_int_equal(m4_sim_next(sim, INFINITY, &flow, &fct_ns), 0);
  assert_true(fct_ns > 0);
  assert_int_equal(m4_sim_predicted_slowdown(sim, flow, &slowdown), M4_SIM_USAGE); /* complete */
  assert_non_null(strstr(m4_sim_error(sim), "complete"));
  m4_sim_free(sim);
}

/* Weights exported for inference may lack the auxiliary heads. */
static void weights_without_heads_say_so(void **state) {
  (void)state;
  m4_sim *sim = create("m4");
  double value = 7;
  assert_int_equal(m4_sim_add_flow(sim, 1, 2, 50000, NULL, NULL, NULL), 0);
  assert_int_equal(m4_sim_run_until(sim, 0), 0);
  assert_int_equal(m4_sim_predicted_slowdown(sim, 0, &value), 0);
  value = 7;
  assert_int_equal(m4_sim_remaining_bytes(sim, 0, &value), M4_SIM_USAGE);
  assert_non_null(strstr(m4_sim_error(sim), "no head"));
  assert_int_equal(m4_sim_queue_bytes(sim, 1, rack_of(1), &value), M4_SIM_USAGE);
  assert_non_null(strstr(m4_sim_error(sim), "no head"));
  assert_true(value == 7);
  m4_sim_free(sim);
}

/* ---- links ---- */

/* A link at a tenth of its rate for a while, announced ahead. */
static void changes_can_be_announced(void **state) {
  (void)state;
  int32_t rack = rack_of(1);
  for (int i = 0; i < 3; i++) {
    double fct_ns[2];
    for (int degraded = 0; degraded < 2; degraded++) {
      m4_sim *sim = create(backends[i]);
      int64_t rate_bps = m4_sim_link_rate(sim, 1, rack), flow;
      assert_int_equal(rate_bps, RATE_MBPS * INT64_C(1000000));
      if (degraded) {
        assert_int_equal(m4_sim_set_link_rate_at(sim, 50000, 1, rack, rate_bps), 0);
        assert_int_equal(m4_sim_set_link_rate_at(sim, 20000, 1, rack, rate_bps / 10), 0);
      }
      assert_int_equal(m4_sim_add_flow(sim, 1, 2, 100000, NULL, NULL, NULL), 0);
      assert_int_equal(m4_sim_run_until(sim, 30000), 0);
      assert_int_equal(m4_sim_link_rate(sim, 1, rack), degraded ? rate_bps / 10 : rate_bps);
      assert_int_equal(m4_sim_next(sim, INFINITY, &flow, &fct_ns[degraded]), 0);
      assert_int_equal(flow, 0);
      assert_int_equal(m4_sim_run_until(sim, INFINITY), 0);
      assert_int_equal(m4_sim_link_rate(sim, 1, rack), rate_bps);
      m4_sim_free(sim);
    }
    /* nine tenths of 30 us are lost; a packet on its way may make it a little less or more */
    assert_true(fabs(fct_ns[1] - fct_ns[0] - 27000) < (i == 1 ? 15000 : 3000));
  }
}

static void links_that_cannot_change(void **state) {
  (void)state;
  int32_t rack = rack_of(1);
  m4_sim *sim = create("flowsim");
  assert_int_equal(m4_sim_run_until(sim, 100), 0);
  assert_int_equal(m4_sim_set_link_rate_at(sim, 99, 1, rack, 1), M4_SIM_USAGE);
  assert_int_equal(m4_sim_set_link_rate_at(sim, NAN, 1, rack, 1), M4_SIM_USAGE);
  assert_int_equal(m4_sim_set_link_rate_at(sim, INFINITY, 1, rack, 1), M4_SIM_USAGE);
  assert_int_equal(m4_sim_set_link_rate_at(sim, 200, 1, rack, -1), M4_SIM_USAGE);
  assert_int_equal(m4_sim_set_link_rate_at(sim, 200, 1, 2, 1), M4_SIM_USAGE);
  assert_int_equal(m4_sim_link_rate(sim, 1, 2), -1);
  assert_int_equal(m4_sim_set_link_rate_at(sim, 200, 1, rack, 5), 0);
  m4_sim_free(sim); /* with a change to come */
}

/* ---- misuse ---- */

static void numbers_are_used_once(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) {
    m4_sim *sim = create(backends[i]);
    double value;
    int64_t flow;
    assert_int_equal(m4_sim_predicted_finish(sim, 0, &value), M4_SIM_USAGE);
    assert_int_equal(m4_sim_predicted_finish(sim, -1, &value), M4_SIM_USAGE);
    assert_int_equal(m4_sim_predicted_finish(sim, INT64_MAX, &value), M4_SIM_USAGE);
    assert_int_equal(m4_sim_add_flow(sim, 1, 2, 1000, NULL, NULL, &flow), 0);
    assert_int_equal(m4_sim_run_until(sim, INFINITY), 0);
    assert_int_equal(m4_sim_remaining_bytes(sim, flow, &value), M4_SIM_USAGE);
    assert_int_equal(m4_sim_add_flow(sim, 1, 2, 1000, NULL, NULL, &flow), 0);
    assert_int_equal(flow, 1);
    m4_sim_free(sim);
  }
}

static void count_call(void *arg) {
  ++*(int *)arg;
}

static void timers_are_cancelled_once(void **state) {
  (void)state;
  m4_sim *sim = create("flowsim");
  int calls = 0;
  int64_t early, late;
  assert_int_equal(m4_sim_schedule(sim, 10, count_call, &calls, &early), 0);
  assert_int_equal(m4_sim_schedule(sim, 20, count_call, &calls, &late), 0);
  assert_int_equal(m4_sim_cancel(sim, late), 0);
  assert_int_equal(m4_sim_cancel(sim, late), M4_SIM_USAGE);
  assert_int_equal(m4_sim_run_until(sim, INFINITY), 0);
  assert_true(calls == 1 && m4_sim_now(sim) == 10);
  assert_int_equal(m4_sim_cancel(sim, early), M4_SIM_USAGE);
  assert_int_equal(m4_sim_cancel(sim, -1), M4_SIM_USAGE);
  assert_int_equal(m4_sim_cancel(sim, 12345), M4_SIM_USAGE);
  m4_sim_free(sim);
}

typedef struct suicide {
  m4_sim *sim;
  int calls;
} suicide;

static void free_it(void *arg, int64_t flow, double fct_ns) {
  suicide *self = arg;
  (void)flow, (void)fct_ns;
  self->calls++;
  m4_sim_free(self->sim);
  m4_sim_free(self->sim); /* once more: it still stands until the run is over */
  assert_int_equal(m4_sim_add_flow(self->sim, 1, 2, 1000, NULL, NULL, NULL), M4_SIM_USAGE);
  assert_non_null(strstr(m4_sim_error(self->sim), "freed"));
}

static void a_callback_may_free(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) {
    suicide self = {.sim = create(backends[i])};
    for (int k = 0; k < 3; k++)
      assert_int_equal(m4_sim_add_flow(self.sim, k, 9 + k, 1000, free_it, &self, NULL), 0);
    assert_int_equal(m4_sim_run_until(self.sim, INFINITY), 0);
    assert_int_equal(self.calls, 1);
  }
}

static void nothing_is_refused(void **state) {
  (void)state;
  double value;
  int64_t number;
  assert_int_equal(m4_sim_add_flow(NULL, 1, 2, 3, NULL, NULL, NULL), M4_SIM_USAGE);
  assert_int_equal(m4_sim_schedule(NULL, 1, count_call, NULL, NULL), M4_SIM_USAGE);
  assert_int_equal(m4_sim_cancel(NULL, 1), M4_SIM_USAGE);
  assert_int_equal(m4_sim_set_link_rate(NULL, 1, 2, 3), M4_SIM_USAGE);
  assert_int_equal(m4_sim_set_link_rate_at(NULL, 1, 1, 2, 3), M4_SIM_USAGE);
  assert_int_equal(m4_sim_link_rate(NULL, 1, 2), -1);
  assert_int_equal(m4_sim_run_until(NULL, 1), M4_SIM_USAGE);
  assert_int_equal(m4_sim_next(NULL, 1, &number, &value), M4_SIM_USAGE);
  assert_int_equal(m4_sim_predicted_slowdown(NULL, 1, &value), M4_SIM_USAGE);
  assert_int_equal(m4_sim_queue_bytes(NULL, 1, 2, &value), M4_SIM_USAGE);
  assert_true(isnan(m4_sim_now(NULL)) && m4_sim_in_flight(NULL) == 0);
  assert_true(strlen(m4_sim_error(NULL)) > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(polling_gives_what_callbacks_give),
                                     cmocka_unit_test(fluids_know_rates),
                                     cmocka_unit_test(m4_predicts),
                                     cmocka_unit_test(weights_without_heads_say_so),
                                     cmocka_unit_test(changes_can_be_announced),
                                     cmocka_unit_test(links_that_cannot_change),
                                     cmocka_unit_test(numbers_are_used_once),
                                     cmocka_unit_test(timers_are_cancelled_once),
                                     cmocka_unit_test(a_callback_may_free),
                                     cmocka_unit_test(nothing_is_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
