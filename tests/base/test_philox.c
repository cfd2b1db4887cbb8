/* Known answers of Random123 (kat_vectors, philox4x32 with 10 rounds), and the numbers drawn from the blocks.
 */
#include "base/philox.h"

#include "testing.h"

#include <math.h>

static void check_block(const uint32_t counter[4], const uint32_t key[2], const uint32_t expected[4]) {
  uint32_t out[4];
  m4_philox4x32(counter, key, out);
  assert_memory_equal(out, expected, sizeof out);
}

static void known_answers(void **state) {
  (void)state;
  check_block((uint32_t[]){0, 0, 0, 0}, (uint32_t[]){0, 0},
              (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  check_block((uint32_t[]){0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
              (uint32_t[]){0xffffffff, 0xffffffff},
              (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  check_block((uint32_t[]){0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
              (uint32_t[]){0xa4093822, 0x299f31d0},
              (uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

/* (seed, purpose, step, index) all reach the block: seed is the key, index, step and purpose the counter. */
static void every_coordinate_counts(void **state) {
  (void)state;
  uint32_t out[4];
  m4_philox4x32((uint32_t[]){0x55667788, 0x11223344, 9, M4_RNG_SHUFFLE}, (uint32_t[]){0xddeeff00, 0xaabbccdd},
                out);
  uint64_t drawn = m4_random_u64(0xaabbccddddeeff00u, M4_RNG_SHUFFLE, 9, 0x1122334455667788u);
  assert_true(drawn == (((uint64_t)out[1] << 32) | out[0]));
  uint64_t base = m4_random_u64(1, M4_RNG_TEST, 1, 1);
  assert_true(base != m4_random_u64(2, M4_RNG_TEST, 1, 1));
  assert_true(base != m4_random_u64(1, M4_RNG_INIT, 1, 1));
  assert_true(base != m4_random_u64(1, M4_RNG_TEST, 2, 1));
  assert_true(base != m4_random_u64(1, M4_RNG_TEST, 1, 2));
}

static void a_sequence_is_its_indices(void **state) {
  (void)state;
  m4_rng rng = m4_rng_make(5, M4_RNG_WORKLOAD, 3);
  for (uint64_t i = 0; i < 100; ++i) {
    m4_rng copy = rng;
    assert_true(m4_rng_u64(&rng) == m4_random_u64(5, M4_RNG_WORKLOAD, 3, i));
    assert_true(m4_rng_uniform(&copy) == m4_random_uniform(5, M4_RNG_WORKLOAD, 3, i));
  }
}

/* Bounds are six standard errors of the sample moments. */
static void moments(void **state) {
  (void)state;
  enum { N = 200000 };
  m4_rng rng = m4_rng_make(7, M4_RNG_TEST, 0);
  double uniform_sum = 0, normal_sum = 0, normal_squares = 0;
  for (int i = 0; i < N; ++i) {
    double u = m4_rng_uniform(&rng), x = m4_rng_normal(&rng);
    assert_true(u >= 0 && u < 1 && isfinite(x));
    uniform_sum += u;
    normal_sum += x;
    normal_squares += x * x;
  }
  assert_true(fabs(uniform_sum / N - 0.5) < 6 * sqrt(1.0 / 12 / N));
  assert_true(fabs(normal_sum / N) < 6 * sqrt(1.0 / N));
  assert_true(fabs(normal_squares / N - 1) < 6 * sqrt(2.0 / N));
}

static void below_stays_below_and_is_even(void **state) {
  (void)state;
  enum { N = 70000, BOUND = 7 };
  m4_rng rng = m4_rng_make(7, M4_RNG_TEST, 1);
  int counts[BOUND] = {0};
  for (int i = 0; i < N; ++i) {
    uint64_t value = m4_rng_below(&rng, BOUND);
    assert_true(value < BOUND);
    ++counts[value];
  }
  double sd = sqrt(N * (1.0 / BOUND) * (1 - 1.0 / BOUND));
  for (int i = 0; i < BOUND; ++i) assert_true(fabs(counts[i] - (double)N / BOUND) < 6 * sd);
  assert_true(m4_rng_below(&rng, 1) == 0);
  for (int i = 0; i < 100; ++i) assert_true(m4_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_answers),
      cmocka_unit_test(every_coordinate_counts),
      cmocka_unit_test(a_sequence_is_its_indices),
      cmocka_unit_test(moments),
      cmocka_unit_test(below_stays_below_and_is_even),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
