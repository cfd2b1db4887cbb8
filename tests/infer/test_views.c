/* infer/session: what can be asked of a running session, and networks that change under its flows. */
#include "infer/session.h"

#include "nn/init.h"
#include "nn/m4_inputs.h"
#include "tests/infer/golden_model.h"

#include <math.h>

enum { LINKS = 12, HIDDEN = 16 };
static const double IDEAL_NS = 45000.0;

/* Both auxiliary heads, random weights. */
static m4_model *model_with_heads(void) {
  m4_widths widths = {.hidden = HIDDEN,
                      .gcn_hidden = 24,
                      .gcn_layers = 2,
                      .head_hidden = HIDDEN,
                      .aux_hidden = HIDDEN,
                      .has_size_head = true,
                      .has_queue_head = true};
  m4_model *model;
  assert_int_equal(m4_model_create(&model, widths, ag_cpu_backend(AG_F32), NULL), M4_OK);
  m4_model_init(model, 3);
  ((float *)model->size_head.bias2->data)[0] += 0.5f; /* away from the clamps */
  ((float *)model->queue_head.bias2->data)[0] += 2.0f;
  return model;
}

static inf_session *session_of(const m4_model *model) {
  inf_session *session;
  assert_int_equal(inf_session_create(&session, model, LINKS, NULL, NULL), M4_OK);
  return session;
}

static void arrive(inf_session *session, double time_ns, int64_t tag, int32_t first, int32_t n_links) {
  int32_t path[LINKS];
  for (int32_t i = 0; i < n_links; ++i) path[i] = first + i;
  const inf_flow flow = {tag, 50000, IDEAL_NS, path, n_links, GOLDEN_PARAMS};
  assert_int_equal(inf_arrive(session, time_ns, &flow, NULL), M4_OK);
}

/* A lone flow on two links, straight through m4_event: its arrival, then what the heads say at time_us. */
static void by_hand(const m4_model *model, double time_us, double *share, double *queue_bytes) {
  m4_arena memory, tape_memory;
  m4_state state;
  ag_tape *tape;
  assert_int_equal(m4_arena_init(&memory, 1 << 20, NULL), M4_OK);
  assert_int_equal(m4_arena_init(&tape_memory, 1 << 22, NULL), M4_OK);
  assert_int_equal(m4_state_create(&state, model, &memory, 1, 2, NULL), M4_OK);
  assert_int_equal(ag_tape_create(&tape, model->backend, &tape_memory, NULL), M4_OK);
  m4_state_init_flow(&state, model, 0, m4_size_feature_of(50000, model->size_feature), 2, GOLDEN_PARAMS);
  m4_state_init_link(&state, model, 0);
  m4_state_init_link(&state, model, 1);
  const int32_t rows[] = {0, 1}, offset[] = {0, 2, 3, 4}, index[] = {1, 2, 0, 0};
  const float label = 0;
  m4_event_data event = {.n_flows = 1,
                         .n_links = 2,
                         .n_edges = 2,
                         .flow_rows = rows,
                         .link_rows = rows,
                         .neighbour_offset = offset,
                         .neighbour_index = index};
  m4_event(model, tape, &state, &event, 0.0, NULL);
  event.dt_us = time_us;
  event.n_size_labels = event.n_queue_labels = 1;
  event.size_labels = event.queue_labels = &label;
  event.queue_rows = rows + 1;
  m4_event_aux aux;
  m4_event(model, tape, &state, &event, 0.0, &aux);
  assert_int_equal(ag_tape_status(tape, NULL), M4_OK);
  *share = ((const float *)aux.size_prediction->data)[0];
  *queue_bytes = pow(((const float *)aux.queue_prediction->data)[0], 3);
  ag_tape_free(tape);
  m4_arena_free(&tape_memory);
  m4_arena_free(&memory);
}

static void the_heads_speak_as_in_training(void **state) {
  (void)state;
  m4_model *model = model_with_heads();
  inf_session *session = session_of(model);
  double share, queue_bytes, expected_share, expected_bytes;
  arrive(session, 0.0, 1, 0, 2);
  by_hand(model, 20.0, &expected_share, &expected_bytes);
  assert_int_equal(inf_remaining(session, 20000.0, 1, &share, NULL), M4_OK);
  assert_int_equal(inf_queue(session, 20000.0, 1, &queue_bytes, NULL), M4_OK);
  assert_true(expected_share > 0 && expected_share < 1 && expected_bytes > 0);
  assert_true(fabs(share - expected_share) < 1e-6);
  assert_true(fabs(queue_bytes - expected_bytes) < 1e-5 * expected_bytes);
  assert_int_equal(inf_queue(session, 20000.0, 9, &queue_bytes, NULL), M4_OK);
  assert_true(queue_bytes == 0); /* nobody there */
  inf_session_free(session);
  m4_model_free(model);
}

static double finish_of(const inf_session *session) {
  double finish_ns;
  int64_t tag;
  assert_true(inf_next(session, &finish_ns, &tag));
  return finish_ns;
}

static void looking_changes_nothing(void **state) {
  (void)state;
  m4_model *model = model_with_heads();
  inf_session *watched = session_of(model), *plain = session_of(model);
  for (int i = 0; i < 20; ++i) {
    double value;
    arrive(watched, 1000.0 * i, i, i % 8, 4);
    arrive(plain, 1000.0 * i, i, i % 8, 4);
    assert_int_equal(inf_remaining(watched, 1000.0 * i + 500.0, i / 2, &value, NULL), M4_OK);
    assert_true(value >= 0 && value <= 1);
    assert_int_equal(inf_queue(watched, 1000.0 * i, i % 8, &value, NULL), M4_OK);
    assert_true(value >= 0);
    assert_true(finish_of(watched) == finish_of(plain));
  }
  assert_int_equal(inf_sharers(watched, 5), 19);
  assert_int_equal(inf_sharers(watched, 77), -1);
  inf_session_free(plain);
  inf_session_free(watched);
  m4_model_free(model);
}

static void wrong_questions(void **state) {
  (void)state;
  m4_model *model = golden_model(), *with_heads = model_with_heads();
  model->widths.has_size_head = model->widths.has_queue_head = false;
  inf_session *headless = session_of(model), *session = session_of(with_heads);
  m4_error err = {0};
  double value;
  arrive(headless, 0.0, 1, 0, 2);
  assert_int_equal(inf_remaining(headless, 0.0, 1, &value, &err), M4_USAGE);
  assert_non_null(strstr(err.what, "no head"));
  assert_int_equal(inf_queue(headless, 0.0, 1, &value, &err), M4_USAGE);
  arrive(session, 100.0, 1, 0, 2);
  assert_int_equal(inf_remaining(session, 100.0, 2, &value, &err), M4_USAGE);
  assert_int_equal(inf_remaining(session, 99.0, 1, &value, &err), M4_USAGE);
  assert_int_equal(inf_remaining(session, INFINITY, 1, &value, &err), M4_USAGE);
  assert_int_equal(inf_queue(session, 100.0, -1, &value, &err), M4_USAGE);
  assert_int_equal(inf_queue(session, 100.0, LINKS, &value, &err), M4_USAGE);
  assert_int_equal(inf_change_ideal(session, 100.0, 2, 5.0, &err), M4_USAGE);
  assert_int_equal(inf_change_ideal(session, 99.0, 1, 5.0, &err), M4_USAGE);
  assert_int_equal(inf_change_ideal(session, 100.0, 1, NAN, &err), M4_USAGE);
  inf_session_free(session);
  inf_session_free(headless);
  m4_model_free(with_heads);
  m4_model_free(model);
}

/* Half way through, the rest goes at a third of the pace; then not at all for a while; then as at first. */
static void the_rest_goes_at_the_new_pace(void **state) {
  (void)state;
  m4_model *model = golden_model();
  inf_session *session = session_of(model);
  arrive(session, 1000.0, 1, 0, 3);
  double whole_ns = finish_of(session) - 1000.0, half = 1000.0 + whole_ns / 2;
  assert_int_equal(inf_change_ideal(session, half, 1, 3 * IDEAL_NS, NULL), M4_OK);
  assert_true(fabs(finish_of(session) - (half + 1.5 * whole_ns)) < 1e-3);
  double later = half + 0.75 * whole_ns; /* a quarter is left */
  assert_int_equal(inf_change_ideal(session, later, 1, INFINITY, NULL), M4_OK);
  assert_true(isinf(finish_of(session)));
  assert_int_equal(inf_change_ideal(session, later + 5e6, 1, IDEAL_NS, NULL), M4_OK);
  assert_true(fabs(finish_of(session) - (later + 5e6 + 0.25 * whole_ns)) < 1e-3);
  inf_session_free(session);
  m4_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_heads_speak_as_in_training), cmocka_unit_test(looking_changes_nothing),
      cmocka_unit_test(wrong_questions), cmocka_unit_test(the_rest_goes_at_the_new_pace)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
