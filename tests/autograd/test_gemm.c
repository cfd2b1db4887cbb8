/* The matrix product: against plain loops at awkward sizes, and the promise that a row does not depend on its
 * neighbours. */
#include "autograd/cpu/kernels.h"
#include "base/philox.h"
#include "tests/autograd/cmocka_all.h"

#include <stdlib.h>

static const int32_t row_counts[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 25, 30, 61};
static const int32_t shapes[][2] = {{1, 1},    {3, 1},    {1, 17},   {5, 15},   {200, 16},
                                    {213, 33}, {256, 31}, {257, 75}, {600, 130}}; /* k, n */
enum {
  N_ROWS = sizeof row_counts / sizeof *row_counts,
  N_SHAPES = sizeof shapes / sizeof *shapes,
  MAX_M = 61
};

static double *random_doubles(size_t n, uint32_t step) {
  double *values = malloc((n + 1) * sizeof *values);
  m4_rng rng = m4_rng_make(5, M4_RNG_TEST, step);
  for (size_t i = 0; i < n; ++i) values[i] = 2 * m4_rng_uniform(&rng) - 1;
  return values;
}

static float *to_floats(const double *from, size_t n) {
  float *values = malloc((n + 1) * sizeof *values);
  for (size_t i = 0; i < n; ++i) values[i] = (float)from[i];
  return values;
}

static double naive(const double *a, const double *b, int32_t n, int32_t k, int32_t i, int32_t j) {
  double sum = 0;
  for (int32_t s = 0; s < k; ++s) sum += a[i * k + s] * b[s * n + j];
  return sum;
}

/* Strides larger than the widths; the gaps must stay untouched. */
static void check_product(int32_t m, int32_t k, int32_t n, bool accumulate) {
  size_t stride = (size_t)n + 3, size = (size_t)m * stride;
  double *a = random_doubles((size_t)m * (size_t)k, 1), *b = random_doubles((size_t)k * (size_t)n, 2),
         *c = random_doubles(size, 3);
  float *af = to_floats(a, (size_t)m * (size_t)k), *bf = to_floats(b, (size_t)k * (size_t)n),
        *cf = to_floats(c, size);
  double *before = random_doubles(size, 3);
  ag_gemm_f64(m, n, k, a, k, b, n, accumulate, c, (int32_t)stride);
  ag_gemm_f32(m, n, k, af, k, bf, n, accumulate, cf, (int32_t)stride);
  for (int32_t i = 0; i < m; ++i) {
    for (int32_t j = 0; j < (int32_t)stride; ++j) {
      size_t at = (size_t)i * stride + (size_t)j;
      double expected = j >= n ? before[at] : (accumulate ? before[at] : 0) + naive(a, b, n, k, i, j);
      assert_true(fabs(c[at] - expected) <= (j >= n ? 0 : 1e-13 * k));
      assert_true(fabs((double)cf[at] - (j >= n ? (double)(float)expected : expected)) <=
                  (j >= n ? 0 : 4e-7 * k));
    }
  }
  free(a), free(b), free(c), free(af), free(bf), free(cf), free(before);
}

static void products_match_plain_loops(void **state) {
  (void)state;
  for (int s = 0; s < N_SHAPES; ++s)
    for (int r = 0; r < N_ROWS; ++r)
      for (int accumulate = 0; accumulate < 2; ++accumulate)
        check_product(row_counts[r], shapes[s][0], shapes[s][1], accumulate);
}

static void transposed_products_match_plain_loops(void **state) {
  (void)state;
  enum { N = 300, IN = 37, OUT = 21 };
  double *x = random_doubles(N * IN, 1), *dy = random_doubles(N * OUT, 2), *sum = random_doubles(IN * OUT, 3);
  float *xf = to_floats(x, N * IN), *dyf = to_floats(dy, N * OUT), *sumf = to_floats(sum, IN * OUT);
  double *before = random_doubles(IN * OUT, 3);
  ag_cpu_backend(AG_F64)->add_product(ag_cpu_backend(AG_F64), sum, x, dy, N, IN, OUT);
  ag_cpu_backend(AG_F32)->add_product(ag_cpu_backend(AG_F32), sumf, xf, dyf, N, IN, OUT);
  for (int32_t i = 0; i < IN; ++i) {
    for (int32_t j = 0; j < OUT; ++j) {
      double expected = before[i * OUT + j];
      for (int32_t k = 0; k < N; ++k) expected += x[k * IN + i] * dy[k * OUT + j];
      assert_true(fabs(sum[i * OUT + j] - expected) < 1e-12);
      assert_true(fabs((double)sumf[i * OUT + j] - expected) < 1e-4);
    }
  }
  free(x), free(dy), free(sum), free(xf), free(dyf), free(sumf), free(before);
}

/* The same row, alone and among others, at every position: the same bits. */
static void rows_do_not_depend_on_neighbours(void **state) {
  (void)state;
#ifdef AG_BLAS
  skip(); /* portable builds do not promise it */
#endif
  for (int s = 0; s < N_SHAPES; ++s) {
    int32_t k = shapes[s][0], n = shapes[s][1];
    double *ad = random_doubles((size_t)MAX_M * (size_t)k, 1), *bd = random_doubles((size_t)k * (size_t)n, 2);
    float *a = to_floats(ad, (size_t)MAX_M * (size_t)k), *b = to_floats(bd, (size_t)k * (size_t)n);
    float *alone = malloc((size_t)MAX_M * (size_t)n * sizeof *alone),
          *together = malloc((size_t)MAX_M * (size_t)n * sizeof *together);
    for (int32_t i = 0; i < MAX_M; ++i) ag_gemm_f32(1, n, k, a + i * k, k, b, n, false, alone + i * n, n);
    for (int r = 0; r < N_ROWS; ++r) {
      int32_t m = row_counts[r], first = MAX_M - m;
      ag_gemm_f32(m, n, k, a + first * k, k, b, n, false, together, n);
      assert_memory_equal(together, alone + first * n, (size_t)m * (size_t)n * sizeof *together);
    }
    free(ad), free(bd), free(a), free(b), free(alone), free(together);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(products_match_plain_loops),
      cmocka_unit_test(transposed_products_match_plain_loops),
      cmocka_unit_test(rows_do_not_depend_on_neighbours),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
