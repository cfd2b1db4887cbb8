/* Profiles: what is counted, in which order it is listed, and a trace that is JSON. */
#include "autograd/profile.h"
#include "tests/autograd/cmocka_all.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 20, IN = 24, OUT = 36, EVENTS = 30 };

typedef struct setup {
  m4_arena arena;
  ag_tape *tape;
  ag_param weight, bias;
  ag_grads *grads;
  ag_profile *profile;
  float x[ROWS * IN];
} setup;

static void open_setup(setup *s, int64_t most_spans) {
  const ag_backend *backend = ag_cpu_backend(AG_F32);
  memset(s, 0, sizeof *s);
  for (int i = 0; i < ROWS * IN; ++i) s->x[i] = (float)i / (ROWS * IN);
  assert_int_equal(m4_arena_init(&s->arena, 1 << 24, NULL), M4_OK);
  assert_int_equal(ag_tape_create(&s->tape, backend, &s->arena, NULL), M4_OK);
  assert_int_equal(ag_param_init(&s->weight, backend, "weight", IN, OUT, NULL), M4_OK);
  assert_int_equal(ag_param_init(&s->bias, backend, "bias", 1, OUT, NULL), M4_OK);
  ag_param *params[] = {&s->weight, &s->bias};
  assert_int_equal(ag_grads_create(&s->grads, backend, params, 2, NULL), M4_OK);
  assert_int_equal(ag_profile_create(&s->profile, most_spans, NULL), M4_OK);
}

static void close_setup(setup *s) {
  ag_profile_free(s->profile);
  ag_grads_free(s->grads);
  ag_param_free(&s->weight, ag_cpu_backend(AG_F32));
  ag_param_free(&s->bias, ag_cpu_backend(AG_F32));
  ag_tape_free(s->tape);
  m4_arena_free(&s->arena);
}

/* EVENTS times linear and sigmoid, forward and backward. */
static void work(setup *s) {
  ag_tape_record(s->tape, true);
  for (int e = 0; e < EVENTS; ++e) {
    ag_tensor *y = ag_linear(s->tape, ag_constant(s->tape, ROWS, IN, s->x), &s->weight, &s->bias);
    ag_seed(s->tape, ag_sigmoid(s->tape, y), 1);
  }
  assert_int_equal(ag_backward(s->tape, s->grads, NULL), M4_OK);
  ag_grads_finish(s->grads);
}

static const ag_profile_row *find(const ag_profile_row *rows, int n, const char *name,
                                  const char *direction) {
  for (int i = 0; i < n; ++i)
    if (strcmp(rows[i].name, name) == 0 && strcmp(rows[i].direction, direction) == 0) return &rows[i];
  fail_msg("no row %s %s", name, direction);
  return NULL;
}

static void calls_times_and_products_are_counted(void **state) {
  (void)state;
  setup s;
  ag_profile_row rows[AG_PROFILE_ROWS];
  open_setup(&s, 0);
  work(&s); /* off */
  assert_int_equal(ag_profile_rows(s.profile, rows), 0);
  ag_tape_profile(s.tape, s.profile);
  ag_grads_profile(s.grads, s.profile);
  ag_tape_clear(s.tape);
  int64_t begin_ns = ag_profile_now_ns();
  work(&s);
  int64_t elapsed_ns = ag_profile_now_ns() - begin_ns, sum_ns = 0;
  int n = ag_profile_rows(s.profile, rows);
  assert_int_equal(n, 5);
  double flops = 2.0 * EVENTS * ROWS * IN * OUT;
  assert_int_equal(find(rows, n, "linear", "forward")->calls, EVENTS);
  assert_true(find(rows, n, "linear", "forward")->flops == flops);
  assert_true(find(rows, n, "linear", "backward")->flops == flops);
  assert_int_equal(find(rows, n, "sigmoid", "backward")->calls, EVENTS);
  assert_true(find(rows, n, "sigmoid", "forward")->flops == 0);
  assert_int_equal(find(rows, n, "weight gradients", "backward")->calls, 2); /* a full block and the rest */
  assert_true(find(rows, n, "weight gradients", "backward")->flops == flops);
  for (int i = 0; i < n; ++i) {
    assert_true(rows[i].ns >= 0 && (i == 0 || rows[i].ns <= rows[i - 1].ns));
    sum_ns += rows[i].ns;
  }
  assert_true(sum_ns <= elapsed_ns);
  close_setup(&s);
}

static void merging_adds(void **state) {
  (void)state;
  setup s;
  ag_profile *total;
  ag_profile_row rows[AG_PROFILE_ROWS];
  open_setup(&s, 0);
  ag_tape_profile(s.tape, s.profile);
  work(&s);
  assert_int_equal(ag_profile_create(&total, 0, NULL), M4_OK);
  ag_profile_merge(total, s.profile);
  ag_profile_merge(total, s.profile);
  int n = ag_profile_rows(total, rows);
  assert_int_equal(find(rows, n, "linear", "forward")->calls, 2 * EVENTS);
  ag_profile_free(total);
  close_setup(&s);
}

static void the_trace_is_json(void **state) {
  (void)state;
  const char *path = M4_BUILD_DIR "/tests/test_profile_trace.json";
  setup s;
  json_error_t why;
  open_setup(&s, 50);
  ag_tape_profile(s.tape, s.profile);
  ag_profile_span(s.profile, "all of it", 0, ag_profile_now_ns());
  work(&s);
  ag_profile *profiles[] = {NULL, s.profile};
  assert_int_equal(ag_profile_write_trace(profiles, 2, path, NULL), M4_OK);
  json_t *trace = json_load_file(path, 0, &why), *events = json_object_get(trace, "traceEvents");
  assert_int_equal(json_array_size(events), 50); /* no more than asked for */
  json_t *first = json_array_get(events, 0), *second = json_array_get(events, 1);
  assert_string_equal(json_string_value(json_object_get(first, "name")), "all of it");
  assert_string_equal(json_string_value(json_object_get(second, "name")), "linear forward");
  assert_int_equal(json_integer_value(json_object_get(second, "tid")), 1);
  assert_true(json_number_value(json_object_get(second, "dur")) >= 0);
  json_decref(trace);
  m4_error err = {0};
  assert_int_equal(ag_profile_write_trace(profiles, 2, "/nowhere/trace.json", &err), M4_IO);
  assert_true(err.what[0] != '\0');
  close_setup(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(calls_times_and_products_are_counted),
      cmocka_unit_test(merging_adds),
      cmocka_unit_test(the_trace_is_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
