/* ag_gemm_rates: the matrix product of the CPU backend beside OpenBLAS on one core, at the shapes of the
 * model. */
#include "autograd/cpu/kernels.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef void (*product_fn)(int32_t m, int32_t n, int32_t k, const float *a, const float *b, float *c);

static void own(int32_t m, int32_t n, int32_t k, const float *a, const float *b, float *c) {
  ag_gemm_f32(m, n, k, a, k, b, n, false, c, n);
}

static void blas(int32_t m, int32_t n, int32_t k, const float *a, const float *b, float *c) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 0, c, n);
}

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Best of 9 batches of about 50 Mflop, in flop per ns. */
static double rate(product_fn product, int32_t m, int32_t n, int32_t k, const float *a, const float *b,
                   float *c) {
  double flops = 2.0 * m * n * k, best = 0;
  int repeats = 1 + (int)(5e7 / flops);
  for (int batch = 0; batch < 9; ++batch) {
    double start = now_ns();
    for (int i = 0; i < repeats; ++i) product(m, n, k, a, b, c);
    double gflops = flops * repeats / (now_ns() - start);
    best = gflops > best ? gflops : best;
  }
  return best;
}

int main(void) {
  static const int32_t rows[] = {1, 4, 8, 10, 30, 60, 120, 500},
                       shapes[][2] = {{200, 600}, {600, 200}, {200, 200}, {200, 300}, {300, 300}};
  enum { ELEMENTS = 600 * 600 };
  float *a = malloc(ELEMENTS * sizeof *a), *b = malloc(ELEMENTS * sizeof *b),
        *c = malloc(ELEMENTS * sizeof *c);
  if (!a || !b || !c) return fprintf(stderr, "no memory\n"), 1;
  for (int i = 0; i < ELEMENTS; ++i) a[i] = b[i] = 0.01f * (float)(i % 100), c[i] = 0;
  openblas_set_num_threads(1);
  printf("OpenBLAS runs as %s\n%5s %5s %5s %14s %18s\n", openblas_get_corename(), "rows", "in", "out",
         "own GFLOP/s", "OpenBLAS GFLOP/s");
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; ++s)
    for (size_t r = 0; r < sizeof rows / sizeof *rows; ++r)
      printf("%5d %5d %5d %14.1f %18.1f\n", rows[r], shapes[s][0], shapes[s][1],
             rate(own, rows[r], shapes[s][1], shapes[s][0], a, b, c),
             rate(blas, rows[r], shapes[s][1], shapes[s][0], a, b, c));
  free(a), free(b), free(c);
  return 0;
}
