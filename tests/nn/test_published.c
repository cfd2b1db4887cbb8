/* test_published WEIGHTS: raw head outputs and states of the published checkpoint (model.md 10.1), tolerance
 * 1e-4. The weights are not part of the project: registered only when M4_PUBLISHED_WEIGHTS names them. */
#include "nn/m4_inputs.h"
#include "nn/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_FLOWS = 4, MOST_HOPS = 12 };
static const float params[M4_N_PARAMS] = {10, 10, 1, 0, 0, 0, 10};
static const double tolerance = 1e-4;

/* Flows of one busy period, all arriving before any departs. */
typedef struct snapshot {
  m4_model *model;
  m4_arena arena;
  ag_tape *tape;
  m4_sample sample;
  m4_state state;
  int32_t path_offset[MOST_FLOWS + 1], path_link[MOST_HOPS], arrival[MOST_FLOWS], departure[MOST_FLOWS];
  float dt_us[2 * MOST_FLOWS];
} snapshot;

static void open_snapshot(snapshot *s, m4_model *model, int32_t n_flows, const int64_t *size_bytes,
                          const int32_t *links, int32_t n_links) {
  memset(s, 0, sizeof *s);
  s->model = model;
  assert_int_equal(m4_arena_init(&s->arena, 1 << 26, NULL), M4_OK);
  assert_int_equal(ag_tape_create(&s->tape, model->backend, &s->arena, NULL), M4_OK);
  assert_int_equal(m4_state_create(&s->state, model, &s->arena, n_flows, n_links, NULL), M4_OK);
  for (int32_t i = 0; i < n_flows; i++) {
    s->arrival[i] = i;
    s->departure[i] = n_flows + i;
    s->path_offset[i + 1] = 3 * (i + 1);
    m4_state_init_flow(&s->state, model, i, m4_size_feature_of(size_bytes[i], M4_SIZE_KILOBYTES), 3, params);
  }
  memcpy(s->path_link, links, (size_t)n_flows * 3 * sizeof *links);
  for (int32_t i = 0; i < n_links; i++) m4_state_init_link(&s->state, model, i);
  s->sample = (m4_sample){.n_flows = n_flows,
                          .n_links = n_links,
                          .n_events = 2 * n_flows,
                          .path_offset = s->path_offset,
                          .path_link = s->path_link,
                          .arrival_event = s->arrival,
                          .departure_event = s->departure,
                          .dt_us = s->dt_us};
  assert_int_equal(m4_sample_build_events(&s->sample, &s->arena, NULL), M4_OK);
}

static void close_snapshot(snapshot *s) {
  ag_tape_free(s->tape);
  m4_arena_free(&s->arena);
}

static void run_event(snapshot *s, int32_t j, double dt_us) {
  m4_event_data event = s->sample.events[j];
  event.dt_us = dt_us;
  m4_event(s->model, s->tape, &s->state, &event, 0, NULL);
  assert_int_equal(ag_tape_status(s->tape, NULL), M4_OK);
}

static void expect_close(double value, double expected) {
  if (!(fabs(value - expected) < tolerance)) fail_msg("%.7f, expected %.7f", value, expected);
}

static void expect_head(snapshot *s, int32_t flow, double expected) {
  const ag_tensor *slowdown = m4_readout(s->model, s->tape, &s->state, &flow, 1, NULL, 0);
  assert_non_null(slowdown);
  expect_close((double)*(const float *)slowdown->data, expected);
}

static void expect_row(const ag_table *table, int32_t row, double a, double b, double c, double d) {
  const float *values = (const float *)table->data + (size_t)row * (size_t)table->cols;
  expect_close((double)values[0], a);
  expect_close((double)values[1], b);
  expect_close((double)values[2], c);
  expect_close((double)values[3], d);
}

static void test_one_flow(void **state) {
  static const struct {
    int64_t size_bytes;
    double alone, of_four;
  } cases[] = {{500, 0.8644395, 0.9541746}, {50000, 0.9744079, 1.3071676}, {1000000, 1.0098608, 1.3972657}};
  const int32_t links[] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const int64_t sizes[] = {cases[i].size_bytes, cases[i].size_bytes, cases[i].size_bytes,
                             cases[i].size_bytes};
    snapshot s;
    open_snapshot(&s, *state, 1, sizes, links, 3);
    run_event(&s, 0, 0);
    expect_head(&s, 0, cases[i].alone);
    close_snapshot(&s);
    open_snapshot(&s, *state, 4, sizes, links, 3);
    run_event(&s, 3, 0);
    for (int32_t f = 0; f < 4; f++) expect_head(&s, f, cases[i].of_four);
    close_snapshot(&s);
  }
}

static void test_two_events(void **state) {
  const int64_t sizes[] = {50000, 1000000};
  const int32_t links[] = {0, 1, 2, 3, 1, 4};
  snapshot s;
  open_snapshot(&s, *state, 2, sizes, links, 5);
  run_event(&s, 0, 0);
  expect_row(&s.state.flows, 0, 0.999894, -0.053706, 1.105079, -0.756943);
  expect_row(&s.state.links, 0, 0.258036, 0.070224, -0.882156, 0.476991);
  run_event(&s, 1, 10);
  expect_head(&s, 0, 1.3428643);
  expect_head(&s, 1, 1.5422270);
  expect_row(&s.state.flows, 0, 0.999679, 0.124841, 1.044542, -0.789693);
  expect_row(&s.state.flows, 1, 0.999768, 0.061371, 4.378807, -0.954473);
  expect_row(&s.state.links, 1, 0.049536, -0.405673, 0.721332, 0.501590);
  close_snapshot(&s);
}

static void test_deployed_count(void **state) {
  assert_int_equal(m4_model_count(*state), 1420201);
}

int main(int argc, char **argv) {
  m4_model *model;
  m4_error err = {0};
  if (argc != 2) return m4_exit_code(M4_USAGE);
  if (m4_weights_load(&model, ag_cpu_backend(AG_F32), argv[1], NULL, &err) != M4_OK) {
    print_error("%s: %s\n", err.where, err.what);
    return m4_exit_code(err.status);
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(test_deployed_count, model),
      cmocka_unit_test_prestate(test_one_flow, model),
      cmocka_unit_test_prestate(test_two_events, model),
  };
  int failures = cmocka_run_group_tests(tests, NULL, NULL);
  m4_model_free(model);
  return failures;
}
