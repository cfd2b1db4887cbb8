/* The float sigmoid and tanh: error bounds over the whole range, special values, and equal bits at every
 * position of an array. */
#include "autograd/autograd.h"
#include "autograd/cpu/vector_math.h"
#include "tests/autograd/cmocka_all.h"

/* Every 64th float between 2^-40 and 200, both signs. */
static void errors_stay_within_bounds(void **state) {
  (void)state;
  const uint32_t first = 0x2B800000u, last = 0x43480000u;
  double sigmoid_error = 0, tanh_error = 0, tanh_relative = 0;
  for (uint32_t bits = first; bits <= last; bits += 64) {
    for (uint32_t sign = 0; sign < 2; ++sign) {
      uint32_t word = bits | sign << 31;
      float x;
      memcpy(&x, &word, sizeof x);
      double exact_tanh = tanh((double)x), error = fabs((double)ag_tanh_f32(x) - exact_tanh);
      sigmoid_error = fmax(sigmoid_error, fabs((double)ag_sigmoid_f32(x) - 1 / (1 + exp(-(double)x))));
      tanh_error = fmax(tanh_error, error);
      tanh_relative = fmax(tanh_relative, error / fabs(exact_tanh));
    }
  }
  print_message("largest errors: sigmoid %.3g, tanh %.3g, tanh relative %.3g\n", sigmoid_error, tanh_error,
                tanh_relative);
  assert_true(sigmoid_error < 1.5e-7);
  assert_true(tanh_error < 1.5e-7);
  assert_true(tanh_relative < 4e-7);
}

static void special_values(void **state) {
  (void)state;
  assert_true(ag_sigmoid_f32(0) == 0.5f && ag_tanh_f32(0) == 0);
  assert_true(ag_sigmoid_f32(INFINITY) == 1 && ag_tanh_f32(INFINITY) == 1 && ag_tanh_f32(-INFINITY) == -1);
  assert_true(ag_sigmoid_f32(-INFINITY) >= 0 && ag_sigmoid_f32(-INFINITY) < 1e-37f);
  assert_true(isnan(ag_sigmoid_f32(NAN)) && isnan(ag_tanh_f32(NAN)));
  assert_true(isnan(ag_sigmoid_f64((double)NAN)) && isnan(ag_tanh_f64((double)NAN)));
}

/* One array of 97 values must equal the 97 results one by one, whatever falls into vectors and tails. */
static void position_changes_no_bit(void **state) {
  (void)state;
  enum { N = 97 };
  float values[N];
  m4_arena arena;
  ag_tape *tape;
  assert_int_equal(m4_arena_init(&arena, 1 << 24, NULL), M4_OK);
  assert_int_equal(ag_tape_create(&tape, ag_cpu_backend(AG_F32), &arena, NULL), M4_OK);
  for (int i = 0; i < N; ++i) values[i] = (float)sin(i) * 4;
  ag_tensor *all = ag_constant(tape, 1, N, values);
  const float *sigmoid = ag_sigmoid(tape, all)->data, *tangent = ag_tanh(tape, all)->data;
  for (int i = 0; i < N; ++i) {
    ag_tensor *one = ag_constant(tape, 1, 1, values + i);
    assert_memory_equal(ag_sigmoid(tape, one)->data, sigmoid + i, sizeof(float));
    assert_memory_equal(ag_tanh(tape, one)->data, tangent + i, sizeof(float));
  }
  ag_tape_free(tape);
  m4_arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(errors_stay_within_bounds),
      cmocka_unit_test(special_values),
      cmocka_unit_test(position_changes_no_bit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
