/* The library for other programs: polling, views of flows and queues, changes of links to come. */
#include "tests/sim/api/api_test.h"

enum { RATE_MBPS = 10000 };

/* ---- polling ---- */

static void polling_gives_what_callbacks_give(void **state) {
  (void)state;
  for (int i = 0; i < API_N_BACKENDS; i++) {
    m4_sim sim = {0};
    api_create(&sim, api_backends[i]);
    int64_t flow;
    double fct_ns, last_ns = 0;
    for (int k = 0; k < 5; k++)
      assert_int_equal(m4_sim_add_flow(&sim, k, 7 + k, 3000 * (k + 1), NULL, NULL, NULL), 0);
    assert_int_equal(m4_sim_next(&sim, 1, &flow, &fct_ns), 0);
    assert_true(flow == -1 && isnan(fct_ns) && m4_sim_now(&sim) == 1);
    for (int k = 0; k < 5; k++) {
      assert_int_equal(m4_sim_next(&sim, INFINITY, &flow, &fct_ns), 0);
      assert_true(flow >= 0 && fct_ns > 0 && m4_sim_now(&sim) >= last_ns);
      assert_int_equal(m4_sim_in_flight(&sim), 4 - k);
      last_ns = m4_sim_now(&sim);
    }
    assert_int_equal(m4_sim_next(&sim, INFINITY, &flow, NULL), 0);
    assert_int_equal(flow, -1);
    m4_sim_free(&sim);
  }
}

/* ---- views ---- */

static void fluids_know_rates(void **state) {
  (void)state;
  m4_sim sim = {0};
  api_create(&sim, "flowsim");
  double value;
  for (int i = 0; i < 2; i++) assert_int_equal(m4_sim_add_flow(&sim, 1, 2, 100000, NULL, NULL, NULL), 0);
  assert_int_equal(m4_sim_run_until(&sim, 40000), 0);
  assert_int_equal(m4_sim_flow_rate(&sim, 0, &value), 0);
  assert_true(fabs(value - 5e9) < 1);
  assert_int_equal(m4_sim_remaining_bytes(&sim, 1, &value), 0);
  assert_true(fabs(value - 75000) < 1e-3);
  assert_int_equal(m4_sim_predicted_finish(&sim, 1, &value), 0);
  double fct_ns;
  int64_t flow;
  assert_int_equal(m4_sim_next(&sim, INFINITY, &flow, &fct_ns), 0);
  assert_int_equal(flow, 0);
  assert_int_equal(m4_sim_next(&sim, INFINITY, &flow, &fct_ns), 0);
  assert_true(fabs(fct_ns - value) < 1.5); /* ends of fluids are at least 1 ns apart */
  assert_int_equal(m4_sim_queue_bytes(&sim, 1, api_rack_of(1), &value), M4_SIM_USAGE);
  m4_sim_free(&sim);
}

static void m4_predicts(void **state) {
  (void)state;
  m4_sim sim = {0};
  api_create_with(&sim, "m4", WITH_HEADS);
  double slowdown, finish_ns, bytes, fct_ns;
  int64_t flow;
  for (int i = 0; i < API_N_BACKENDS; i++)
    assert_int_equal(m4_sim_add_flow(&sim, 1, 2 + i, 50000, NULL, NULL, NULL), 0);
  assert_int_equal(m4_sim_run_until(&sim, 1000), 0);
  assert_int_equal(m4_sim_predicted_slowdown(&sim, 1, &slowdown), 0);
  assert_true(slowdown >= 1);
  assert_int_equal(m4_sim_predicted_finish(&sim, 1, &finish_ns), 0);
  assert_true(finish_ns > 1000);
  assert_int_equal(m4_sim_remaining_bytes(&sim, 1, &bytes), 0);
  assert_true(bytes >= 0 && bytes <= 50000);
  assert_int_equal(m4_sim_queue_bytes(&sim, 1, api_rack_of(1), &bytes), 0);
  assert_true(bytes >= 0 && isfinite(bytes));
  assert_int_equal(m4_sim_flow_rate(&sim, 1, &bytes), M4_SIM_USAGE);
  assert_int_equal(m4_sim_next(&sim, INFINITY, &flow, &fct_ns), 0);
  assert_true(fct_ns > 0);
  assert_int_equal(m4_sim_predicted_slowdown(&sim, flow, &slowdown), M4_SIM_USAGE); /* complete */
  assert_non_null(strstr(m4_sim_error(&sim), "complete"));
  m4_sim_free(&sim);
}

/* Weights exported for inference may lack the auxiliary heads. */
static void weights_without_heads_say_so(void **state) {
  (void)state;
  m4_sim sim = {0};
  api_create(&sim, "m4");
  double value = 7;
  assert_int_equal(m4_sim_add_flow(&sim, 1, 2, 50000, NULL, NULL, NULL), 0);
  assert_int_equal(m4_sim_run_until(&sim, 0), 0);
  assert_int_equal(m4_sim_predicted_slowdown(&sim, 0, &value), 0);
  value = 7;
  assert_int_equal(m4_sim_remaining_bytes(&sim, 0, &value), M4_SIM_USAGE);
  assert_non_null(strstr(m4_sim_error(&sim), "no head"));
  assert_int_equal(m4_sim_queue_bytes(&sim, 1, api_rack_of(1), &value), M4_SIM_USAGE);
  assert_non_null(strstr(m4_sim_error(&sim), "no head"));
  assert_true(value == 7);
  m4_sim_free(&sim);
}

/* ---- links ---- */

/* A link at a tenth of its rate for a while, announced ahead. */
static void changes_can_be_announced(void **state) {
  (void)state;
  int32_t rack = api_rack_of(1);
  for (int i = 0; i < API_N_BACKENDS; i++) {
    double fct_ns[2];
    for (int degraded = 0; degraded < 2; degraded++) {
      m4_sim sim = {0};
      api_create(&sim, api_backends[i]);
      int64_t rate_bps = m4_sim_link_rate(&sim, 1, rack), flow;
      assert_int_equal(rate_bps, RATE_MBPS * INT64_C(1000000));
      if (degraded) {
        assert_int_equal(m4_sim_set_link_rate_at(&sim, 50000, 1, rack, rate_bps), 0);
        assert_int_equal(m4_sim_set_link_rate_at(&sim, 20000, 1, rack, rate_bps / 10), 0);
      }
      assert_int_equal(m4_sim_add_flow(&sim, 1, 2, 100000, NULL, NULL, NULL), 0);
      assert_int_equal(m4_sim_run_until(&sim, 30000), 0);
      assert_int_equal(m4_sim_link_rate(&sim, 1, rack), degraded ? rate_bps / 10 : rate_bps);
      assert_int_equal(m4_sim_next(&sim, INFINITY, &flow, &fct_ns[degraded]), 0);
      assert_int_equal(flow, 0);
      assert_int_equal(m4_sim_run_until(&sim, INFINITY), 0);
      assert_int_equal(m4_sim_link_rate(&sim, 1, rack), rate_bps);
      m4_sim_free(&sim);
    }
    /* nine tenths of 30 us are lost; a packet on its way may make it a little less or more */
    assert_true(fabs(fct_ns[1] - fct_ns[0] - 27000) < (i == 1 ? 15000 : 3000));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(polling_gives_what_callbacks_give),
                                     cmocka_unit_test(fluids_know_rates), cmocka_unit_test(m4_predicts),
                                     cmocka_unit_test(weights_without_heads_say_so),
                                     cmocka_unit_test(changes_can_be_announced)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
