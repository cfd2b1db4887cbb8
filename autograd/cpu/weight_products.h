/* Products with a weight, as op kernels ask for them; the bf16 pair is in gemm_bf16.c. */
#ifndef AG_CPU_WEIGHT_PRODUCTS_H
#define AG_CPU_WEIGHT_PRODUCTS_H

#include "autograd/cpu/kernels.h"

/* times_weight: y [n, cols] (+)= x [n, in] @ columns first .. first+cols-1 of weight.
 * times_transposed: dx [n, in] += dy [n, out] @ weight^T. Rows have strides. */
#define AG_DEFINE_WEIGHT_PRODUCTS(type, real)                                                                \
  static inline void ag_times_weight_##type(int32_t n, const real *x, const ag_param *weight, int32_t first, \
                                            int32_t cols, bool accumulate, real *y, int32_t y_stride) {      \
    ag_gemm_##type(n, cols, weight->rows, x, weight->rows, (const real *)weight->data + first, weight->cols, \
                   accumulate, y, y_stride);                                                                 \
  }                                                                                                          \
  static inline void ag_times_transposed_##type(int32_t n, const real *dy, const ag_param *weight,           \
                                                real *dx) {                                                  \
    ag_gemm_##type(n, weight->rows, weight->cols, dy, weight->cols, ag_param_transposed(weight),             \
                   weight->rows, true, dx, weight->rows);                                                    \
  }
AG_DEFINE_WEIGHT_PRODUCTS(f32, float)
AG_DEFINE_WEIGHT_PRODUCTS(f64, double)
#undef AG_DEFINE_WEIGHT_PRODUCTS

#ifdef AG_BF16
void ag_times_weight_bf16(int32_t n, const float *x, const ag_param *weight, int32_t first, int32_t cols,
                          bool accumulate, float *y, int32_t y_stride);
void ag_times_transposed_bf16(int32_t n, const float *dy, const ag_param *weight, float *dx);
#endif

#endif
