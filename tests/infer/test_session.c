/* infer/session: rules of the online simulation, options, mistakes of callers. */
#include "infer/session.h"

#include "nn/init.h"
#include "tests/infer/golden_model.h"

#include <math.h>

enum { LINKS = 40 };

static inf_session *session_of(const m4_model *model, inf_options options) {
  inf_session *session = NULL;
  m4_error err = {0};
  if (inf_session_create(&session, model, LINKS, &options, &err) != M4_OK) fail_msg("%s", err.what);
  return session;
}

/* A flow of 50 kB over `n_links` links from `first` on. */
static void arrive(inf_session *session, double time_ns, int64_t tag, int32_t first, int32_t n_links) {
  int32_t path[LINKS];
  for (int32_t i = 0; i < n_links; ++i) path[i] = first + i;
  inf_flow flow = {tag, 50000, 45000.0, path, n_links, GOLDEN_PARAMS};
  m4_error err = {0};
  if (inf_arrive(session, time_ns, &flow, &err) != M4_OK) fail_msg("%s", err.what);
}

static void complete(inf_session *session, double time_ns, int64_t tag) {
  assert_int_equal(inf_complete(session, time_ns, tag, NULL), M4_OK);
}

static double slowdown(const inf_session *session, int64_t tag) {
  double value = 0, release_ns;
  assert_true(inf_prediction(session, tag, &value, &release_ns));
  return value;
}

static void prediction_is_release_plus_slowdown_times_ideal(void **state) {
  inf_session *session = session_of(*state, (inf_options){0});
  double finish_ns, value, release_ns;
  int64_t tag;
  assert_false(inf_next(session, &finish_ns, &tag));
  arrive(session, 1000.0, 7, 0, 3);
  assert_true(inf_next(session, &finish_ns, &tag));
  assert_int_equal(tag, 7);
  assert_true(inf_prediction(session, 7, &value, &release_ns));
  assert_true(value >= 1.0 && release_ns == 1000.0);
  assert_true(finish_ns == 1000.0 + value * 45000.0);
  assert_true(inf_clock(session) == 1000.0);
  complete(session, finish_ns, 7);
  assert_false(inf_next(session, &finish_ns, &tag));
  assert_false(inf_prediction(session, 7, &value, &release_ns));
  inf_counters counters = inf_count(session);
  assert_int_equal(counters.events, 2);
  assert_int_equal(counters.updates, 1); /* nothing was left to update at the completion */
  assert_int_equal(counters.largest_component, 4);
  inf_session_free(session);
}

/* Two flows in one spot give equal predictions: the lower tag is first. */
static void ties_go_to_the_lowest_tag(void **state) {
  inf_session *session = session_of(*state, (inf_options){0});
  arrive(session, 0.0, 9, 0, 2);
  arrive(session, 0.0, 4, 10, 2);
  double finish_ns;
  int64_t tag;
  assert_true(slowdown(session, 9) == slowdown(session, 4));
  assert_true(inf_next(session, &finish_ns, &tag));
  assert_int_equal(tag, 4);
  inf_session_free(session);
}

/* What happens elsewhere in the network changes no bit; neither do slots and labels used before. */
static void components_do_not_touch_each_other(void **state) {
  inf_session *alone = session_of(*state, (inf_options){0}), *busy = session_of(*state, (inf_options){0});
  for (int i = 0; i < 10; ++i) arrive(busy, 0.0, 100 + i, 20 + i % 3, 4);
  for (int i = 0; i < 5; ++i) complete(busy, 0.0, 100 + 2 * i);
  for (int i = 0; i < 6; ++i) {
    arrive(alone, 1000.0 * i, i, i, 3);
    arrive(busy, 1000.0 * i, i, i, 3);
    complete(busy, 1000.0 * i, i % 2 ? 100 + i : i);
    if (i % 2 == 0) complete(alone, 1000.0 * i, i);
    arrive(busy, 1000.0 * i + 1.0, 200 + i, 30, 2);
  }
  for (int i = 1; i < 6; i += 2) assert_true(slowdown(alone, i) == slowdown(busy, i));
  inf_session_free(busy);
  inf_session_free(alone);
}

static void global_scope_updates_everybody(void **state) {
  inf_session *session = session_of(*state, (inf_options){.global_scope = true});
  arrive(session, 0.0, 1, 0, 2);
  arrive(session, 0.0, 2, 10, 2);
  inf_counters counters = inf_count(session);
  assert_int_equal(counters.updated_flows, 3);
  assert_int_equal(counters.updated_links, 6);
  inf_session_free(session);
}

/* A link that becomes idle forgets; with the option it remembers. */
static void idle_links_are_reset(void **state) {
  for (int off = 0; off < 2; ++off) {
    inf_session *session = session_of(*state, (inf_options){.link_reset_off = off != 0});
    arrive(session, 0.0, 1, 0, 2);
    double fresh = slowdown(session, 1);
    complete(session, 50000.0, 1);
    arrive(session, 60000.0, 2, 0, 2);
    assert_int_equal(slowdown(session, 2) == fresh, !off);
    inf_session_free(session);
  }
}

static void arrivals_only_skips_completions(void **state) {
  inf_session *session = session_of(*state, (inf_options){.arrivals_only = true}),
              *both = session_of(*state, (inf_options){0});
  inf_session *sessions[] = {session, both};
  double before[2], after[2];
  for (int i = 0; i < 2; ++i) {
    arrive(sessions[i], 0.0, 1, 0, 2);
    arrive(sessions[i], 5000.0, 2, 1, 2);
    before[i] = slowdown(sessions[i], 2);
    complete(sessions[i], 40000.0, 1);
    after[i] = slowdown(sessions[i], 2);
  }
  assert_true(before[0] == before[1] && before[0] == after[0] && before[1] != after[1]);
  assert_int_equal(inf_count(session).updates, 2);
  assert_int_equal(inf_count(both).updates, 3);
  inf_session_free(both);
  inf_session_free(session);
}

/* Without clamping a completion may lie in the past: accepted, and the time GRU is skipped. */
static void the_clock_may_be_set_back(void **state) {
  inf_session *session = session_of(*state, (inf_options){0});
  arrive(session, 0.0, 1, 0, 2);
  arrive(session, 9000.0, 2, 1, 2);
  complete(session, 8000.0, 1);
  assert_true(inf_clock(session) == 8000.0);
  arrive(session, 8500.0, 3, 1, 2);
  inf_session_free(session);
}

/* Hundreds of flows on one link: slots, tables and the tape's memory grow; earlier states survive. */
static void grows_with_the_load(void **state) {
  inf_session *session = session_of(*state, (inf_options){0});
  arrive(session, 0.0, -1, 30, 3); /* a component of its own */
  double before = slowdown(session, -1);
  for (int i = 0; i < 300; ++i) arrive(session, 10.0 * i, i, i % 8, 4);
  assert_int_equal(inf_count(session).largest_component, 311);
  assert_true(slowdown(session, -1) == before);
  complete(session, 3000.0, -1);
  for (int i = 0; i < 300; ++i) complete(session, 3000.0, 7 * i % 300);
  arrive(session, 4000.0, 1000, 30, 3);
  assert_true(slowdown(session, 1000) == before);
  inf_session_free(session);
}

/* Extreme widths: the memory set aside for an event is enough. */
static void any_widths_fit(void **state) {
  (void)state;
  static const int32_t widths[][4] = {
      {4, 100, 1, 1}, {4, 100, 4, 1}, {100, 1, 3, 1}, {4, 4, 1, 2000}, {5, 7, 12, 3}};
  for (size_t i = 0; i < sizeof widths / sizeof widths[0]; ++i) {
    m4_widths w = {.hidden = widths[i][0],
                   .gcn_hidden = widths[i][1],
                   .gcn_layers = widths[i][2],
                   .head_hidden = widths[i][3]};
    m4_model *model = NULL;
    assert_int_equal(m4_model_create(&model, w, ag_cpu_backend(i % 2 ? AG_F64 : AG_F32), NULL), M4_OK);
    m4_model_init(model, i);
    inf_session *session = session_of(model, (inf_options){0});
    for (int flow = 0; flow < 330; ++flow) arrive(session, 100.0 * flow, flow, 0, 6);
    inf_session_free(session);
    m4_model_free(model);
  }
}

static void spoiled_models_are_noticed(void **state) {
  (void)state;
  m4_model *model = golden_model();
  ((float *)model->fct_head.bias2->data)[0] = NAN;
  inf_session *session = session_of(model, (inf_options){0});
  const int32_t path[] = {1};
  const inf_flow flow = {12, 50000, 45000.0, path, 1, GOLDEN_PARAMS};
  m4_error err = {0};
  assert_int_equal(inf_arrive(session, 2000.0, &flow, &err), M4_NUMERIC);
  assert_non_null(strstr(err.what, "flow 12"));
  assert_non_null(strstr(err.what, "2000.000 ns"));
  inf_session_free(session);
  m4_model_free(model);
}

static void mistakes_of_callers_change_nothing(void **state) {
  inf_session *session = session_of(*state, (inf_options){0});
  arrive(session, 1000.0, 1, 0, 2);
  double before = slowdown(session, 1);
  const int32_t path[] = {3, LINKS, -1};
  const inf_flow good = {2, 50000, 45000.0, path, 1, GOLDEN_PARAMS};
  inf_flow bad[7];
  for (int i = 0; i < 7; ++i) bad[i] = good;
  bad[0].tag = 1;
  bad[1].size_bytes = 0;
  bad[2].ideal_fct_ns = 0.0;
  bad[3].ideal_fct_ns = NAN;
  bad[4].n_links = 0;
  bad[5].n_links = 2;      /* too large */
  bad[6].links = path + 2; /* negative */
  m4_error err = {0};
  for (int i = 0; i < 7; ++i) assert_int_equal(inf_arrive(session, 2000.0, &bad[i], &err), M4_USAGE);
  assert_int_equal(inf_arrive(session, 999.0, &good, &err), M4_USAGE);
  assert_int_equal(inf_arrive(session, NAN, &good, &err), M4_USAGE);
  assert_int_equal(inf_complete(session, 2000.0, 5, &err), M4_USAGE);
  assert_int_equal(inf_complete(session, INFINITY, 1, &err), M4_USAGE);
  assert_int_equal(inf_count(session).events, 1);
  assert_true(slowdown(session, 1) == before);
  assert_int_equal(inf_arrive(session, 2000.0, &good, &err), M4_OK);
  inf_session_free(session);
  assert_int_equal(inf_session_create(&session, *state, 0, NULL, &err), M4_USAGE);
  assert_null(session);
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
      cmocka_unit_test(prediction_is_release_plus_slowdown_times_ideal),
      cmocka_unit_test(ties_go_to_the_lowest_tag),
      cmocka_unit_test(components_do_not_touch_each_other),
      cmocka_unit_test(global_scope_updates_everybody),
      cmocka_unit_test(idle_links_are_reset),
      cmocka_unit_test(arrivals_only_skips_completions),
      cmocka_unit_test(the_clock_may_be_set_back),
      cmocka_unit_test(grows_with_the_load),
      cmocka_unit_test(any_widths_fit),
      cmocka_unit_test(spoiled_models_are_noticed),
      cmocka_unit_test(mistakes_of_callers_change_nothing),
  };
  return cmocka_run_group_tests(tests, load, unload);
}
