/* infer/stack: sessions that step together against the same sessions on their own. */
#include "infer/stack.h"

#include "base/philox.h"
#include "nn/init.h"
#include "tests/infer/golden_model.h"

#include <math.h>

enum { LINKS = 24, PAIRS = 5, ROUNDS = 400, MOST_ACTIVE = 12 };

/* A session of the stack and its twin on its own, which live through the same events. */
typedef struct pair {
  inf_session *stacked, *alone;
  double now_ns;
  int64_t next_tag;
} pair;

static void expect_ok(m4_status status, const m4_error *err) {
  if (status != M4_OK) fail_msg("%s", err->what);
}

static void open_pair(pair *p, inf_stack *stack, const m4_model *model, inf_options options) {
  m4_error err = {0};
  *p = (pair){0};
  expect_ok(inf_stack_session(&p->stacked, stack, LINKS, &options, &err), &err);
  expect_ok(inf_session_create(&p->alone, model, LINKS, &options, &err), &err);
  for (int32_t link = 0; link < LINKS; ++link) {
    inf_set_link_rate(p->stacked, link, 10000000000);
    inf_set_link_rate(p->alone, link, 10000000000);
  }
}

static void close_pair(pair *p) {
  inf_session_free(p->stacked);
  inf_session_free(p->alone);
}

static void arrive(pair *p, m4_rng *rng) {
  int32_t path[4], n = 1 + (int32_t)m4_rng_below(rng, 4), first = (int32_t)m4_rng_below(rng, LINKS - 4);
  for (int32_t i = 0; i < n; ++i) path[i] = first + i;
  inf_flow flow = {p->next_tag++, 1000 + (int64_t)m4_rng_below(rng, 100000), 20000.0 + 100.0 * n, path, n,
                   GOLDEN_PARAMS};
  m4_error err = {0};
  expect_ok(inf_arrive(p->stacked, p->now_ns, &flow, &err), &err);
  expect_ok(inf_arrive(p->alone, p->now_ns, &flow, &err), &err);
}

/* The next event: at the same instant as the last one every now and then. */
static void live(pair *p, m4_rng *rng) {
  double finish_ns;
  int64_t tag;
  if (m4_rng_below(rng, 4) > 0) p->now_ns += (double)m4_rng_below(rng, 20000);
  bool any = inf_next(p->alone, &finish_ns, &tag);
  if (!any || (inf_n_active(p->alone) < MOST_ACTIVE && m4_rng_below(rng, 2) == 0)) {
    arrive(p, rng);
    return;
  }
  assert_int_equal(inf_complete(p->stacked, p->now_ns, tag, NULL), M4_OK);
  assert_int_equal(inf_complete(p->alone, p->now_ns, tag, NULL), M4_OK);
}

static void assert_equal_predictions(const pair *p) {
  assert_int_equal(inf_n_active(p->stacked), inf_n_active(p->alone));
  for (int32_t i = 0; i < inf_n_active(p->alone); ++i) {
    double a, b, release_ns;
    int64_t tag = inf_active_tag(p->alone, i);
    assert_true(inf_prediction(p->stacked, tag, &a, &release_ns));
    assert_true(inf_prediction(p->alone, tag, &b, &release_ns));
#ifdef AG_BLAS /* the last bits of a row depend on how many rows are multiplied together */
    assert_true(fabs(a - b) <= 1e-3 * b);
#else
    assert_true(a == b);
#endif
  }
}

/* Sessions sit out rounds, leave, and others come to their rows. */
static void follow(const m4_model *model, inf_options options) {
  inf_stack *stack;
  pair pairs[PAIRS];
  m4_error err = {0};
  m4_rng rng = m4_rng_make(5, M4_RNG_TEST, options.link_reset_off);
  expect_ok(inf_stack_create(&stack, model, &err), &err);
  for (int i = 0; i < PAIRS; ++i) open_pair(&pairs[i], stack, model, options);
  for (int round = 0; round < ROUNDS; ++round) {
    for (int i = 0; i < PAIRS; ++i)
      if (m4_rng_below(&rng, 5) > 0) live(&pairs[i], &rng);
    expect_ok(inf_stack_step(stack, &err), &err);
    for (int i = 0; i < PAIRS; ++i) {
      assert_false(inf_waits(pairs[i].stacked));
      expect_ok(inf_outcome(pairs[i].stacked, &err), &err);
      assert_equal_predictions(&pairs[i]);
    }
    if (round % 50 != 49) continue;
    int leaver = (int)m4_rng_below(&rng, PAIRS);
    close_pair(&pairs[leaver]);
    open_pair(&pairs[leaver], stack, model, options);
  }
  inf_stack_counters counters = inf_stack_count(stack);
  assert_true(counters.updates > counters.steps); /* some were computed together */
  for (int i = 0; i < PAIRS; ++i) close_pair(&pairs[i]);
  inf_stack_free(stack);
}

static void stacked_sessions_are_as_alone(void **state) {
  follow(*state, (inf_options){0});
  follow(*state, (inf_options){.global_scope = true});
  follow(*state, (inf_options){.link_reset_off = true});
  follow(*state, (inf_options){.arrivals_only = true});
}

static void so_are_those_with_a_fluid(void **state) {
  (void)state;
  m4_widths widths = {
      .hidden = 12, .gcn_hidden = 16, .gcn_layers = 2, .head_hidden = 8, .n_fluid = M4_N_FLUID};
  m4_model *model;
  m4_error err = {0};
  expect_ok(m4_model_create(&model, widths, ag_cpu_backend(AG_F32), &err), &err);
  m4_model_init(model, 3);
  follow(model, (inf_options){0});
  m4_model_free(model);
}

static inf_flow flow_on(const int32_t *link, int64_t tag, const float *params) {
  return (inf_flow){tag, 50000, 45000.0, link, 1, params};
}

static void one_spoiled_session_harms_nobody(void **state) {
  inf_stack *stack;
  inf_session *good, *bad;
  const int32_t link = 3;
  float spoiled[M4_N_PARAMS] = {NAN};
  m4_error err = {0};
  double slowdown, release_ns;
  expect_ok(inf_stack_create(&stack, *state, &err), &err);
  expect_ok(inf_stack_session(&good, stack, LINKS, NULL, &err), &err);
  expect_ok(inf_stack_session(&bad, stack, LINKS, NULL, &err), &err);
  const inf_flow fine = flow_on(&link, 1, GOLDEN_PARAMS), broken = flow_on(&link, 1, spoiled);
  assert_int_equal(inf_arrive(good, 10, &fine, NULL), M4_OK);
  assert_int_equal(inf_arrive(bad, 10, &broken, NULL), M4_OK);
  expect_ok(inf_stack_step(stack, &err), &err);
  assert_int_equal(inf_outcome(good, &err), M4_OK);
  assert_int_equal(inf_outcome(bad, &err), M4_NUMERIC);
  assert_true(inf_prediction(good, 1, &slowdown, &release_ns) && slowdown >= 1);
  inf_session_free(bad);
  inf_session_free(good);
  inf_stack_free(stack);
}

static void waiting_sessions_take_no_events(void **state) {
  inf_stack *stack;
  inf_session *session, *other;
  const int32_t link = 0;
  double finish_ns;
  int64_t tag;
  m4_error err = {0};
  expect_ok(inf_stack_create(&stack, *state, &err), &err);
  expect_ok(inf_stack_step(stack, &err), &err); /* nobody waits */
  expect_ok(inf_stack_session(&session, stack, LINKS, NULL, &err), &err);
  expect_ok(inf_stack_session(&other, stack, LINKS, NULL, &err), &err);
  const inf_flow first = flow_on(&link, 1, GOLDEN_PARAMS), second = flow_on(&link, 2, GOLDEN_PARAMS);
  assert_int_equal(inf_arrive(session, 10, &first, NULL), M4_OK);
  assert_int_equal(inf_arrive(other, 10, &first, NULL), M4_OK);
  assert_true(inf_waits(session));
  assert_false(inf_next(session, &finish_ns, &tag));
  assert_int_equal(inf_arrive(session, 10, &second, &err), M4_USAGE);
  assert_int_equal(inf_complete(session, 10, 1, &err), M4_USAGE);
  inf_session_free(other); /* who leaves waits no longer */
  expect_ok(inf_stack_step(stack, &err), &err);
  assert_int_equal(inf_stack_count(stack).updates, 1);
  assert_true(inf_next(session, &finish_ns, &tag) && tag == 1);
  assert_int_equal(inf_complete(session, finish_ns, 1, NULL), M4_OK);
  assert_false(inf_waits(session)); /* nothing is left to update */
  inf_session_free(session);
  assert_int_equal(inf_stack_session(&session, stack, 0, NULL, &err), M4_USAGE);
  inf_stack_free(stack);
}

static int load(void **state) {
  *state = golden_model();
  return 0;
}

static int unload(void **state) {
  m4_model_free(*state);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stacked_sessions_are_as_alone),
      cmocka_unit_test(so_are_those_with_a_fluid),
      cmocka_unit_test(one_spoiled_session_harms_nobody),
      cmocka_unit_test(waiting_sessions_take_no_events),
  };
  return cmocka_run_group_tests(tests, load, unload);
}
