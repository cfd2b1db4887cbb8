/* The tape: sticky failures and their messages, what is recorded, views, the finite check, memory limits. */
#include "autograd/backend.h"
#include "tests/autograd/cmocka_all.h"

typedef struct fixture {
  m4_arena arena;
  ag_tape *tape;
  ag_param weight, bias; /* [3, 2], [1, 2] */
} fixture;

static const float numbers[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static int set_up(void **state) {
  static fixture f;
  const ag_backend *cpu = ag_cpu_backend(AG_F32);
  memset(&f, 0, sizeof f);
  if (m4_arena_init(&f.arena, 1 << 20, NULL) || ag_tape_create(&f.tape, cpu, &f.arena, NULL)) return 1;
  if (ag_param_init(&f.weight, cpu, "weight", 3, 2, NULL) || ag_param_init(&f.bias, cpu, "bias", 1, 2, NULL))
    return 1;
  memcpy(f.weight.data, numbers, 6 * sizeof(float));
  ag_param_refresh(&f.weight, cpu);
  *state = &f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  ag_param_free(&f->weight, ag_cpu_backend(AG_F32));
  ag_param_free(&f->bias, ag_cpu_backend(AG_F32));
  ag_tape_free(f->tape);
  m4_arena_free(&f->arena);
  return 0;
}

/* The tape has failed with this status and names `word`; then it is usable again. */
static void expect_failure(fixture *f, m4_status status, const char *word) {
  m4_error err = {0};
  assert_int_equal(ag_tape_status(f->tape, &err), status);
  assert_int_equal(err.status, status);
  assert_non_null(strstr(err.what, word));
  ag_tape_reset_status(f->tape);
  assert_int_equal(ag_tape_status(f->tape, NULL), M4_OK);
}

static void first_failure_sticks(void **state) {
  fixture *f = *state;
  ag_tensor *narrow = ag_input(f->tape, 2, 2, numbers);
  assert_null(ag_linear(f->tape, narrow, &f->weight, &f->bias));
  assert_null(ag_relu(f->tape, narrow));      /* fine by itself, but the tape has failed */
  assert_null(ag_add(f->tape, NULL, narrow)); /* NULL is accepted */
  assert_null(ag_slice_rows(f->tape, NULL, 0, 1));
  ag_scatter(f->tape, NULL, NULL, NULL);
  ag_seed(f->tape, NULL, 1);
  assert_true(isnan(ag_item(f->tape, NULL)));
  assert_int_equal(ag_backward(f->tape, NULL, NULL), M4_INTERNAL);
  expect_failure(f, M4_INTERNAL, "op linear: x is [2, 2] but weight is [3, 2]");
}

static void impossible_arguments_are_refused(void **state) {
  fixture *f = *state;
  ag_tape *t = f->tape;
  ag_tensor *a = ag_input(t, 2, 3, numbers), *b = ag_input(t, 3, 2, numbers);
  float data[6] = {0};
  ag_table table = {.rows = 3, .cols = 2, .data = data},
           facts = {.rows = 3, .cols = 2, .data = data, .constant = true};
  const int32_t outside[1] = {3}, negative[1] = {-1}, offset[3] = {0, 1, 3}, backward_offset[3] = {0, 2, 1},
                index[3] = {0, 1, 2};
  ag_add(t, NULL, a), expect_failure(f, M4_INTERNAL, "op add: input 0 is missing");
  ag_add(t, a, b), expect_failure(f, M4_INTERNAL, "op add");
  ag_concat_rows(t, a, b), expect_failure(f, M4_INTERNAL, "widths 3 and 2");
  ag_concat_cols(t, a, b), expect_failure(f, M4_INTERNAL, "row counts 2 and 3");
  ag_linear(t, a, &f->weight, &f->weight), expect_failure(f, M4_INTERNAL, "must be [1, 2]");
  ag_linear2(t, a, &f->weight, NULL, b, &f->weight), expect_failure(f, M4_INTERNAL, "op linear2");
  ag_gru_cell(t, a, b, &f->weight, &f->weight, &f->bias, &f->bias),
      expect_failure(f, M4_INTERNAL, "op gru_cell");
  ag_layer_norm(t, a, &f->bias, &f->bias), expect_failure(f, M4_INTERNAL, "op layer_norm");
  ag_l1(t, a, numbers, NULL), expect_failure(f, M4_INTERNAL, "must be [n, 1]");
  ag_dropout(t, a, 1.0), expect_failure(f, M4_INTERNAL, "p is 1");
  ag_dropout(t, a, (double)NAN), expect_failure(f, M4_INTERNAL, "op dropout");
  ag_slice_rows(t, a, 1, 2), expect_failure(f, M4_INTERNAL, "rows 1 .. 2 are outside [2, 3]");
  ag_gather(t, &table, outside, 1), expect_failure(f, M4_INTERNAL, "outside the table [3, 2]");
  ag_gather(t, &table, negative, 1), expect_failure(f, M4_INTERNAL, "op gather");
  ag_scatter(t, &table, index, a), expect_failure(f, M4_INTERNAL, "op scatter");
  ag_segment_sum(t, a, 2, offset, index, NULL, NULL), expect_failure(f, M4_INTERNAL, "bad lists");
  ag_segment_sum(t, b, 2, backward_offset, index, NULL, NULL), expect_failure(f, M4_INTERNAL, "bad lists");
  ag_tape_record(t, true);
  ag_scatter(t, &facts, index, b), expect_failure(f, M4_INTERNAL, "constant table");
}

static void other_element_type_is_refused(void **state) {
  fixture *f = *state;
  ag_tape *wide;
  assert_int_equal(ag_tape_create(&wide, ag_cpu_backend(AG_F64), &f->arena, NULL), M4_OK);
  assert_null(ag_linear(wide, ag_input(wide, 2, 3, numbers), &f->weight, NULL));
  m4_error err = {0};
  assert_int_equal(ag_tape_status(wide, &err), M4_INTERNAL);
  assert_non_null(strstr(err.what, "element type"));
  ag_tape_free(wide);
}

static void missing_kernels_are_told(void **state) {
  fixture *f = *state;
  ag_backend partial = *ag_cpu_backend(AG_F32);
  ag_tape *tape;
  partial.name = "partial";
  partial.kernels[AG_OP_tanh].backward = NULL;
  assert_false(ag_supports(&partial, AG_OP_tanh));
  assert_int_equal(ag_tape_create(&tape, &partial, &f->arena, NULL), M4_OK);
  assert_null(ag_tanh(tape, ag_input(tape, 1, 1, numbers)));
  m4_error err = {0};
  assert_int_equal(ag_tape_status(tape, &err), M4_INTERNAL);
  assert_non_null(strstr(err.what, "backend partial has no such op"));
  ag_tape_free(tape);
}

/* A backend whose memory the host may not read: elements must come from its own allocator and be given back.
 */
static int device_allocations;
static void *device_alloc(const ag_backend *backend, size_t bytes) {
  (void)backend;
  ++device_allocations;
  return ag_cpu_backend(AG_F32)->alloc(ag_cpu_backend(AG_F32), bytes);
}
static void device_free(const ag_backend *backend, void *memory) {
  --device_allocations;
  ag_cpu_backend(AG_F32)->free(backend, memory);
}

static void device_elements_leave_the_host_arena_alone(void **state) {
  fixture *f = *state;
  ag_backend device = *ag_cpu_backend(AG_F32);
  ag_tape *tape;
  device.host_memory = false;
  device.alloc = device_alloc;
  device.free = device_free;
  assert_int_equal(ag_tape_create(&tape, &device, &f->arena, NULL), M4_OK);
  assert_int_equal(device_allocations, 1);
  ag_mark mark = ag_tape_mark(tape);
  ag_tensor *y = ag_sum(tape, ag_linear(tape, ag_input(tape, 4, 3, numbers), &f->weight, &f->bias));
  assert_true(ag_item(tape, y) == 578);
  const unsigned char *element = y->data;
  assert_true(element < f->arena.base || element >= f->arena.base + f->arena.reserved_bytes);
  ag_tape_release(tape, mark);
  ag_tensor *again = ag_input(tape, 1, 3, numbers);
  assert_true((const unsigned char *)again->data < element); /* the device memory was given back too */
  ag_tape_free(tape);
  assert_int_equal(device_allocations, 0);
}

static void full_arena_is_an_error_with_advice(void **state) {
  fixture *f = *state;
  m4_error err = {0};
  ag_tensor *x = ag_input(f->tape, 2, 3, numbers);
  while (x) x = ag_concat_rows(f->tape, x, x);
  assert_int_equal(ag_tape_status(f->tape, &err), M4_MEMORY);
  assert_non_null(strstr(err.what, "arena is full"));
  assert_true(err.hint[0] != '\0');
}

static void finite_check_names_the_op(void **state) {
  fixture *f = *state;
  const float infinite[3] = {1, INFINITY, 0};
  ag_tape_check_finite(f->tape, true);
  ag_tensor *x = ag_constant(f->tape, 1, 3, infinite);
  assert_null(ag_linear(f->tape, x, &f->weight, &f->bias));
  expect_failure(f, M4_NUMERIC, "op linear: output [1, 2]");
  ag_tape_check_finite(f->tape, false);
  assert_non_null(ag_linear(f->tape, x, &f->weight, &f->bias));
}

static void finite_check_covers_gradients(void **state) {
  fixture *f = *state;
  ag_tape_check_finite(f->tape, true);
  ag_tape_record(f->tape, true);
  ag_tensor *y = ag_linear(f->tape, ag_input(f->tape, 1, 3, numbers), &f->weight, &f->bias);
  ag_seed(f->tape, ag_scale(f->tape, y, 1e30), 1e30);
  assert_int_equal(ag_backward(f->tape, NULL, NULL), M4_NUMERIC);
  expect_failure(f, M4_NUMERIC, "op scale: gradient");
}

static void a_table_without_gradient_is_told(void **state) {
  fixture *f = *state;
  float data[6] = {0};
  const int32_t rows[2] = {2, 0};
  ag_table table = {.rows = 3, .cols = 2, .data = data};
  ag_tape_record(f->tape, true);
  ag_seed(f->tape, ag_gather(f->tape, &table, rows, 2), 1);
  assert_int_equal(ag_backward(f->tape, NULL, NULL), M4_INTERNAL);
  expect_failure(f, M4_INTERNAL, "ag_table_grad first");
  ag_tape_clear(f->tape);
  table.constant = true;
  ag_tensor *facts = ag_gather(f->tape, &table, rows, 2);
  assert_false(facts->needs_grad);
  assert_int_equal(ag_backward(f->tape, NULL, NULL), M4_OK);
}

/* Inference leaves no nodes: nothing to walk back, and needs_grad stays off. */
static void nothing_is_recorded_when_off(void **state) {
  fixture *f = *state;
  ag_tensor *y = ag_linear(f->tape, ag_input(f->tape, 1, 3, numbers), &f->weight, &f->bias);
  assert_false(y->needs_grad);
  ag_seed(f->tape, y, 1);
  assert_null(y->grad);
}

static void linear_without_bias(void **state) {
  fixture *f = *state;
  const float expected[4] = {22, 28, 49, 64}; /* [1 2 3; 4 5 6] [1 2; 3 4; 5 6] */
  ag_tensor *y = ag_linear(f->tape, ag_input(f->tape, 2, 3, numbers), &f->weight, NULL);
  assert_memory_equal(y->data, expected, sizeof expected);
}

static void views_share_values_and_gradients(void **state) {
  fixture *f = *state;
  ag_tape_record(f->tape, true);
  ag_tensor *x = ag_input(f->tape, 4, 3, numbers);
  ag_tensor *y = ag_linear(f->tape, x, &f->weight, &f->bias);
  ag_tensor *inner = ag_slice_rows(f->tape, ag_slice_rows(f->tape, y, 1, 3), 1, 1); /* row 2 */
  assert_ptr_equal(inner->data, (float *)y->data + 4);
  ag_seed(f->tape, inner, 2);
  assert_ptr_equal(inner->grad, (float *)y->grad + 4);
  const float expected[8] = {0, 0, 0, 0, 2, 2, 0, 0};
  assert_memory_equal(y->grad, expected, sizeof expected);
  assert_non_null(ag_slice_rows(f->tape, y, 4, 0)); /* an empty view at the end */
}

static void scalars(void **state) {
  fixture *f = *state;
  ag_tensor *x = ag_input(f->tape, 3, 1, numbers);
  const float target[3] = {2, NAN, 5}, weight[3] = {1, 0, 0.5f};
  assert_true(ag_item(f->tape, ag_sum(f->tape, x)) == 6);
  assert_true(ag_item(f->tape, ag_l1(f->tape, x, target, weight)) ==
              2); /* an unlabelled row may hold any target */
  assert_true(isnan(ag_item(f->tape, x)));
}

static void dropout_without_probability_is_the_input(void **state) {
  fixture *f = *state;
  ag_tensor *x = ag_input(f->tape, 2, 3, numbers);
  ag_tape_set_rng(f->tape, (ag_rng_state){1, 2, 40});
  assert_ptr_equal(ag_dropout(f->tape, x, 0), x);
  assert_int_equal(ag_tape_rng(f->tape).next_index, 40);
  ag_dropout(f->tape, x, 0.5);
  assert_int_equal(ag_tape_rng(f->tape).next_index, 46);
}

static void bad_parameters_are_refused(void **state) {
  (void)state;
  ag_param param;
  char name[200];
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  assert_int_equal(ag_param_init(&param, ag_cpu_backend(AG_F32), name, 2, 2, NULL), M4_INTERNAL);
  assert_int_equal(ag_param_init(&param, ag_cpu_backend(AG_F32), "n", 0, 2, NULL), M4_INTERNAL);
  ag_param_free(&param, ag_cpu_backend(AG_F32));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(first_failure_sticks),
      TEST(impossible_arguments_are_refused),
      TEST(other_element_type_is_refused),
      TEST(missing_kernels_are_told),
      TEST(device_elements_leave_the_host_arena_alone),
      TEST(full_arena_is_an_error_with_advice),
      TEST(finite_check_names_the_op),
      TEST(finite_check_covers_gradients),
      TEST(a_table_without_gradient_is_told),
      TEST(nothing_is_recorded_when_off),
      TEST(linear_without_bias),
      TEST(views_share_values_and_gradients),
      TEST(scalars),
      TEST(dropout_without_probability_is_the_input),
      TEST(bad_parameters_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
