/* Fluid features: rates against hand-made cases and the conditions of max-min fairness, what the four numbers
 * say. */
#include "nn/m4_fluid.h"

#include "nn/m4_inputs.h"
#include "tests/nn/synthetic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void assert_near(double value, double expected) {
  if (fabs(value - expected) > 1e-6 * fmax(1.0, fabs(expected)))
    fail_msg("%.9g, expected %.9g", value, expected);
}

static const float *step(m4_fluid *fluid, const int32_t *rows, int32_t n_rows, double now_ns) {
  assert_int_equal(m4_fluid_step(fluid, rows, n_rows, now_ns, NULL), M4_OK);
  return fluid->features;
}

/* Three flows: A on link 0, B on links 0 and 1, C on link 1. Capacities 1 and 4 bytes/ns. */
static void test_two_links(void **state) {
  (void)state;
  m4_fluid fluid;
  assert_int_equal(m4_fluid_init(&fluid, 3, 2, NULL), M4_OK);
  fluid.links[0].capacity = 1.0;
  fluid.links[1].capacity = 4.0;
  const int32_t links[] = {0, 1}, rows[] = {0, 1, 2};
  m4_fluid_start(&fluid, 0, 0.0, 1000.0, 2000.0, links, 1);
  m4_fluid_start(&fluid, 1, 0.0, 1000.0, 2000.0, links, 2);
  m4_fluid_start(&fluid, 2, 0.0, 7000.0, 2000.0, links + 1, 1);
  const float *features = step(&fluid, rows, 3, 0.0);
  assert_near(fluid.flows[0].rate, 0.5);
  assert_near(fluid.flows[1].rate, 0.5);
  assert_near(fluid.flows[2].rate, 3.5);
  assert_near(features[0], log(1.5)); /* 2000 ns instead of 1000 for the bytes: 1000 later than 2000 */
  assert_near(features[1], 0.0);
  assert_near(features[2], 0.5);
  assert_near(features[3], 1.0);
  assert_near(features[10], 3.5 / 4.0);
  features = step(&fluid, rows, 3, 1000.0);
  assert_near(features[3], 0.5);
  assert_near(features[1], log(1.5));
  assert_near(features[0], log(1.5)); /* nothing changed: the estimate stays */
  features = step(&fluid, rows, 3, 10000.0);
  assert_near(features[3], 0.0); /* the fluid is done at 2000, the flow is not */
  assert_near(features[0], log(1.5));
  assert_near(features[1], log(6.0));
  assert_near(features[2], 0.0);
  assert_near(fluid.flows[2].rate, 0.0);
  m4_fluid_free(&fluid);
}

/* Every flow has a link of its path that is full and where nobody is faster; no link is overfull. */
static void check_max_min(const m4_fluid *fluid, const m4_event_data *event) {
  double sum[64] = {0}, fastest[64] = {0};
  assert_true(fluid->n_links <= 64);
  for (int32_t i = 0; i < event->n_flows; i++) {
    const m4_fluid_flow *flow = &fluid->flows[event->flow_rows[i]];
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      sum[flow->links[hop]] += flow->rate;
      fastest[flow->links[hop]] = fmax(fastest[flow->links[hop]], flow->rate);
    }
  }
  for (int32_t l = 0; l < fluid->n_links; l++) assert_true(sum[l] <= fluid->links[l].capacity * (1 + 1e-9));
  for (int32_t i = 0; i < event->n_flows; i++) {
    const m4_fluid_flow *flow = &fluid->flows[event->flow_rows[i]];
    bool settled = flow->remaining_bytes <= 0.0; /* takes nothing any more */
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      int32_t l = flow->links[hop];
      settled |= sum[l] >= fluid->links[l].capacity * (1 - 1e-9) && flow->rate >= fastest[l] * (1 - 1e-9);
    }
    assert_true(settled);
  }
}

static void test_rates_are_max_min_fair(void **state) {
  (void)state;
  m4_arena arena;
  assert_int_equal(m4_arena_init(&arena, (size_t)1 << 28, NULL), M4_OK);
  for (uint64_t seed = 1; seed <= 5; seed++) {
    const synthetic_plan plan = {
        .seed = seed, .n_flows = 150, .n_links = 30, .n_hops = 4, .active_flows = 25};
    m4_period period = synthetic_period(&plan, &arena);
    m4_sample *sample;
    assert_int_equal(m4_sample_from_period(&sample, &period, M4_SIZE_KILOBYTES, &arena, NULL), M4_OK);
    m4_fluid fluid;
    assert_int_equal(m4_fluid_init(&fluid, sample->n_flows, sample->n_links, NULL), M4_OK);
    for (int32_t l = 0; l < sample->n_links; l++) fluid.links[l].capacity = 1.0 + l % 5;
    for (int32_t i = 0; i < sample->n_flows; i++)
      m4_fluid_start(&fluid, i, 0.0, 1e5, 1e5, sample->path_link + sample->path_offset[i],
                     sample->path_offset[i + 1] - sample->path_offset[i]);
    for (int32_t j = 0; j < sample->n_events; j++) {
      if (sample->events[j].n_flows == 0) continue;
      step(&fluid, sample->events[j].flow_rows, sample->events[j].n_flows, 10.0 * j);
      check_max_min(&fluid, &sample->events[j]);
    }
    m4_fluid_free(&fluid);
    m4_arena_release(&arena, 0);
  }
  m4_arena_free(&arena);
}

/* A flow that is alone all its life has slowdown 1 at its last event. */
static void test_alone(void **state) {
  (void)state;
  m4_arena arena;
  assert_int_equal(m4_arena_init(&arena, (size_t)1 << 24, NULL), M4_OK);
  const int64_t id = 4, size = 50000, start = 77, fct = 60000, ideal = 45000,
                rate[2] = {10000000000, 40000000000};
  const int32_t path[3] = {0, 2}, link[2] = {9, 3};
  const float params[M4_N_PARAMS] = {0};
  const m4_period period = {.n_flows = 1,
                            .flow_id = &id,
                            .size_bytes = &size,
                            .start_ns = &start,
                            .fct_ns = &fct,
                            .ideal_fct_ns = &ideal,
                            .params = params,
                            .path_offset = path,
                            .path_link = link,
                            .path_rate_bps = rate};
  m4_sample *sample;
  assert_int_equal(m4_sample_from_period(&sample, &period, M4_SIZE_KILOBYTES, &arena, NULL), M4_OK);
  const float *last = m4_sample_last_fluid(sample, 0);
  const float alone[M4_N_FLUID] = {0, 0, 1, 1};
  assert_memory_equal(last, alone, sizeof alone);
  m4_arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_two_links),
      cmocka_unit_test(test_rates_are_max_min_fair),
      cmocka_unit_test(test_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
