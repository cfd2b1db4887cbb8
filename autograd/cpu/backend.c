/* The CPU backend: memory, array helpers and the two constant kernel tables. Matrix products: gemm.c; ops:
 * autograd/ops. */
#include "autograd/backend.h"
#include "autograd/cpu/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef AG_BLAS
#include <cblas.h>
#include <pthread.h>
#endif

static void *cpu_alloc(const ag_backend *backend, size_t bytes) {
  (void)backend;
  size_t rounded = (bytes + 63) / 64 * 64;
  return rounded < bytes ? NULL : aligned_alloc(64, rounded ? rounded : 64);
}

static void cpu_free(const ag_backend *backend, void *memory) {
  (void)backend;
  free(memory);
}

static void cpu_copy(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  (void)backend;
  if (bytes) memcpy(to, from, bytes);
}

static void cpu_zero(const ag_backend *backend, void *memory, size_t bytes) {
  (void)backend;
  if (bytes) memset(memory, 0, bytes);
}

#define AG_NO_BF16
#define AG_KERNELS "autograd/cpu/arrays.h"
#include "autograd/cpu/each_type.h"

#ifdef AG_BLAS /* OpenBLAS chooses its kernels by the number of rows */
#define SHARED(suffix) .row_bits = false
#else
#define SHARED(suffix) .row_bits = true, .add_product_rows = ag_add_product_rows_##suffix
#endif

/* suffix: of the element type; products: of the matrix products. */
#define FIELDS(suffix, products)                                                                             \
  .host_memory = true, .alloc = cpu_alloc, .free = cpu_free, .upload = cpu_copy, .download = cpu_copy,       \
  .copy = cpu_copy, .zero = cpu_zero, .add_constant = ag_add_constant_##suffix,                              \
  .all_finite = ag_all_finite_##suffix, .transpose = ag_transpose_##suffix,                                  \
  .add_product = ag_add_product_##products, .add_rows = ag_add_rows_##suffix, .add = ag_add_##suffix,        \
  .scale = ag_scale_array_##suffix, .limit = ag_limit_##suffix, .squares = ag_squares_##suffix,              \
  .adam = ag_adam_##suffix, SHARED(products)

static const ag_backend cpu_f32 = {.name = "cpu",
                                   FIELDS(f32, f32),
                                   .dtype = AG_F32,
                                   .kernels = {
#define AG_OP(name, inputs, text) [AG_OP_##name] = {ag_##name##_forward_f32, ag_##name##_backward_f32},
#include "autograd/ops.def"
#undef AG_OP
                                   }};

static const ag_backend cpu_f64 = {.name = "cpu",
                                   FIELDS(f64, f64),
                                   .dtype = AG_F64,
                                   .kernels = {
#define AG_OP(name, inputs, text) [AG_OP_##name] = {ag_##name##_forward_f64, ag_##name##_backward_f64},
#include "autograd/ops.def"
#undef AG_OP
                                   }};

/* ---- bf16 products ---- */

#ifdef AG_BF16
/* Pairs of rows share 32 bits. */
static size_t packed_bytes(int32_t rows, int32_t cols) {
  return ((size_t)rows + 1) / 2 * (size_t)cols * sizeof(uint32_t);
}

static const ag_backend cpu_bf16 = {.name = "cpu with bf16 products",
                                    FIELDS(f32, bf16),
                                    .dtype = AG_F32,
                                    .packed_bytes = packed_bytes,
                                    .pack = ag_pack_bf16,
                                    .kernels = {
#define AG_OP(name, inputs, text) [AG_OP_##name] = {ag_##name##_forward_bf16, ag_##name##_backward_bf16},
#include "autograd/ops.def"
#undef AG_OP
                                    }};

const ag_backend *ag_cpu_bf16_backend(void) {
  return __builtin_cpu_supports("avx512bf16") ? &cpu_bf16 : NULL;
}
#else
const ag_backend *ag_cpu_bf16_backend(void) {
  return NULL;
}
#endif

/* ---- the usual ones ---- */

#ifdef AG_BLAS
/* One thread per product: threads carry samples, and two threads make small products slower. */
static void use_one_blas_thread(void) {
  openblas_set_num_threads(1);
}

static void start_blas(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, use_one_blas_thread);
}
#else
static void start_blas(void) {}
#endif

const ag_backend *ag_cpu_backend(ag_dtype dtype) {
  start_blas();
  return dtype == AG_F64 ? &cpu_f64 : &cpu_f32;
}
