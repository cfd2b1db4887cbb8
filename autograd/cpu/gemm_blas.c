/* Matrix products of the CPU backend on OpenBLAS, which picks its kernels at run time: for builds that must
 * run on any CPU (M4_NATIVE off; gemm.c is the other implementation). Knows nothing of ops. The bits of a row
 * may depend on the number of rows of the product: OpenBLAS chooses by shape. */
#include "autograd/cpu/kernels.h"

#include <cblas.h>

void ag_gemm_f32(int32_t m, int32_t n, int32_t k, const float *a, int32_t a_stride, const float *b,
                 int32_t b_stride, bool accumulate, float *c, int32_t c_stride) {
  if (m == 0 || n == 0) return;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, a_stride, b, b_stride, accumulate, c,
              c_stride);
}

void ag_gemm_f64(int32_t m, int32_t n, int32_t k, const double *a, int32_t a_stride, const double *b,
                 int32_t b_stride, bool accumulate, double *c, int32_t c_stride) {
  if (m == 0 || n == 0) return;
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, a_stride, b, b_stride, accumulate, c,
              c_stride);
}

void ag_add_product_f32(const ag_backend *backend, void *product, const void *x, const void *dy, int32_t n,
                        int32_t in, int32_t out) {
  (void)backend;
  if (n > 0)
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, in, out, n, 1, x, in, dy, out, 1, product, out);
}

void ag_add_product_f64(const ag_backend *backend, void *product, const void *x, const void *dy, int32_t n,
                        int32_t in, int32_t out) {
  (void)backend;
  if (n > 0)
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, in, out, n, 1, x, in, dy, out, 1, product, out);
}
