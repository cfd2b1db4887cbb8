/* Kernels and products of the CUDA backend on the host: loops over blocks and threads instead of a launch. */
#include "autograd/cuda/bodies.h"
#include "autograd/cuda/launch.h"
#include "tests/autograd/far_memory.h"
#include "tests/autograd/host_cuda/cublas_v2.h"
#include "tests/autograd/host_cuda/host_cuda.h"

#include <stdlib.h>
#include <string.h>

/* ---- arguments ---- */

/* A copy of a kernel's arguments whose pointers lead to the bytes. Any word that looks like a far address is
 * one: they are above all counts and seeds. */
enum { MOST_WORDS = 32 };
static void fetch(void *near, const void *args, size_t bytes) {
  uintptr_t words[MOST_WORDS];
  memcpy(words, args, bytes);
  for (size_t i = 0; i < bytes / sizeof *words; ++i) words[i] = (uintptr_t)far_near((const void *)words[i]);
  memcpy(near, words, bytes);
}

/* ---- kernels ---- */

#define AG_EACH(name)                                                                                        \
  static void name##_job(const void *args) {                                                                 \
    ag_##name##_args a;                                                                                      \
    fetch(&a, args, sizeof a);                                                                               \
    for (int64_t block = 0; block < AG_EACH_BLOCKS(a.n); ++block)                                            \
      for (int32_t thread = 0; thread < AG_EACH_THREADS; ++thread)                                           \
        if (ag_cuda_element(block, thread) < a.n) ag_##name##_body(&a, ag_cuda_element(block, thread));      \
  }
/* Threads of a step run from the last to the first: a body that reads what another thread writes in the same
 * step shows. */
#define AG_BLOCK(name)                                                                                       \
  static void name##_job(const void *args) {                                                                 \
    double shared[AG_SHARED_DOUBLES];                                                                        \
    ag_##name##_args a;                                                                                      \
    fetch(&a, args, sizeof a);                                                                               \
    for (int32_t row = 0; row < a.n_rows; ++row) {                                                           \
      memset(shared, 0x7f, sizeof shared);                                                                   \
      for (int step = 0; step < ag_##name##_steps; ++step)                                                   \
        for (int32_t thread = AG_BLOCK_THREADS - 1; thread >= 0; --thread)                                   \
          ag_##name##_body(&a, row, thread, step, shared);                                                   \
    }                                                                                                        \
  }
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK

cudaError_t ag_cuda_launch_each(cudaStream_t stream, ag_each kernel, const void *args) {
  switch (kernel) {
#define AG_EACH(name)                                                                                        \
  case AG_EACH_##name:                                                                                       \
    return host_cuda_add(stream, name##_job, args, sizeof(ag_##name##_args));
#define AG_BLOCK(name)
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  case AG_EACH_COUNT:
    break;
  }
  return cudaErrorInvalidValue;
}

cudaError_t ag_cuda_launch_block(cudaStream_t stream, ag_block kernel, const void *args) {
  switch (kernel) {
#define AG_EACH(name)
#define AG_BLOCK(name)                                                                                       \
  case AG_BLOCK_##name:                                                                                      \
    return host_cuda_add(stream, name##_job, args, sizeof(ag_##name##_args));
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  case AG_BLOCK_COUNT:
    break;
  }
  return cudaErrorInvalidValue;
}

/* ---- cuBLAS ---- */

struct cublasContext {
  cudaStream_t stream;
};

cublasStatus_t cublasCreate(cublasHandle_t *handle) {
  *handle = calloc(1, sizeof **handle);
  return *handle ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  free(handle);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t bytes) {
  (void)handle, (void)workspace, (void)bytes;
  return CUBLAS_STATUS_SUCCESS;
}

const char *cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS ? "CUBLAS_STATUS_SUCCESS" : "CUBLAS_STATUS_EXECUTION_FAILED";
}

/* Column-major, as cuBLAS: c [m, n] = a [m, k] b [k, n] + beta c; b_transposed: b is stored [n, k]. */
typedef struct product {
  const float *a, *b;
  float *c;
  int64_t a_stride, b_stride, c_stride;
  int32_t m, n, k, dropped_bits;
  float beta;
  int32_t b_transposed;
} product;

/* To the nearest number with fewer bits of mantissa, ties to even. */
static float round_off(float value, int32_t dropped_bits) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if (dropped_bits == 0 || value - value != 0) return value;
  uint32_t half = (uint32_t)1 << (dropped_bits - 1), odd = bits >> dropped_bits & 1;
  bits = (bits + half - 1 + odd) >> dropped_bits << dropped_bits;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Every element of c is the sum over k in ascending order, added to what was there. */
static void product_job(const void *args) {
  enum { STRIP = 256 };
  product p;
  fetch(&p, args, sizeof p);
  for (int32_t j = 0; j < p.n; ++j)
    for (int32_t first = 0; first < p.m; first += STRIP) {
      int32_t m = p.m - first < STRIP ? p.m - first : STRIP;
      float sums[STRIP] = {0}, *c = p.c + j * p.c_stride + first;
      for (int64_t k = 0; k < p.k; ++k) {
        const float *a = p.a + k * p.a_stride + first;
        float b =
            round_off(p.b_transposed ? p.b[k * p.b_stride + j] : p.b[j * p.b_stride + k], p.dropped_bits);
        for (int32_t i = 0; i < m; ++i)
          sums[i] += (p.dropped_bits ? round_off(a[i], p.dropped_bits) : a[i]) * b;
      }
      for (int32_t i = 0; i < m; ++i) c[i] = p.beta != 0 ? p.beta * c[i] + sums[i] : sums[i];
    }
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t a_as, cublasOperation_t b_as, int m,
                            int n, int k, const void *alpha, const void *a, cudaDataType a_type, int a_stride,
                            const void *b, cudaDataType b_type, int b_stride, const void *beta, void *c,
                            cudaDataType c_type, int c_stride, cublasComputeType_t compute,
                            cublasGemmAlgo_t algorithm) {
  (void)a_type, (void)b_type, (void)c_type, (void)algorithm;
  const product p = {.a = a,
                     .b = b,
                     .c = c,
                     .a_stride = a_stride,
                     .b_stride = b_stride,
                     .c_stride = c_stride,
                     .m = m,
                     .n = n,
                     .k = k,
                     .beta = *(const float *)beta,
                     .b_transposed = b_as == CUBLAS_OP_T,
                     .dropped_bits = compute == CUBLAS_COMPUTE_32F_FAST_TF32   ? 13
                                     : compute == CUBLAS_COMPUTE_32F_FAST_16BF ? 16
                                                                               : 0};
  bool known = a_as == CUBLAS_OP_N && *(const float *)alpha == 1 && a_stride >= m &&
               b_stride >= (p.b_transposed ? n : k) && c_stride >= m;
  if (!known || host_cuda_add(handle->stream, product_job, &p, sizeof p) != cudaSuccess)
    return CUBLAS_STATUS_EXECUTION_FAILED;
  return CUBLAS_STATUS_SUCCESS;
}
