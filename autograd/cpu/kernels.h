/* Declarations of everything that exists once per element type: the kernels of ops.def, matrix products,
 * vector functions. */
#ifndef AG_CPU_KERNELS_H
#define AG_CPU_KERNELS_H

#include "autograd/backend.h"
#include "autograd/cpu/vector_math.h"

#define AG_OP(name, inputs, text)                                                                            \
  void ag_##name##_forward_f32(const ag_node *node);                                                         \
  void ag_##name##_forward_f64(const ag_node *node);                                                         \
  void ag_##name##_backward_f32(const ag_node *node, ag_grads *grads, void *scratch);                        \
  void ag_##name##_backward_f64(const ag_node *node, ag_grads *grads, void *scratch);
#include "autograd/ops.def"
#undef AG_OP

/* c [m, n] (+)= a [m, k] @ b [k, n], k > 0; row-major with row strides. */
void ag_gemm_f32(int32_t m, int32_t n, int32_t k, const float *a, int32_t a_stride, const float *b,
                 int32_t b_stride, bool accumulate, float *c, int32_t c_stride);
void ag_gemm_f64(int32_t m, int32_t n, int32_t k, const double *a, int32_t a_stride, const double *b,
                 int32_t b_stride, bool accumulate, double *c, int32_t c_stride);
/* ag_backend.add_product */
void ag_add_product_f32(const ag_backend *backend, void *product, const void *x, const void *dy, int32_t n,
                        int32_t in, int32_t out);
void ag_add_product_f64(const ag_backend *backend, void *product, const void *x, const void *dy, int32_t n,
                        int32_t in, int32_t out);
#ifdef AG_BF16
#define AG_OP(name, inputs, text)                                                                            \
  void ag_##name##_forward_bf16(const ag_node *node);                                                        \
  void ag_##name##_backward_bf16(const ag_node *node, ag_grads *grads, void *scratch);
#include "autograd/ops.def"
#undef AG_OP
void ag_pack_bf16(const ag_backend *backend, void *packed, const void *matrix, int32_t rows, int32_t cols);
void ag_add_product_bf16(const ag_backend *backend, void *product, const void *x, const void *dy, int32_t n,
                         int32_t in, int32_t out);
void ag_add_product_rows_bf16(const ag_backend *backend, void *product, const void *x, const void *dy,
                              int32_t n, int32_t in, int32_t out, int32_t first, int32_t end);
#endif
#ifndef AG_BLAS
/* ag_backend.add_product_rows */
void ag_add_product_rows_f32(const ag_backend *backend, void *product, const void *x, const void *dy,
                             int32_t n, int32_t in, int32_t out, int32_t first, int32_t end);
void ag_add_product_rows_f64(const ag_backend *backend, void *product, const void *x, const void *dy,
                             int32_t n, int32_t in, int32_t out, int32_t first, int32_t end);
#endif

#endif
