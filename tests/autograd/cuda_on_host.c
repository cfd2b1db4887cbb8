/* Loops over blocks and threads instead of a launch; products by plain loops. */
#include "tests/autograd/cuda_on_host.h"

#include "autograd/cuda/bodies.h"
#include "autograd/cuda/device.h"

#include <stdlib.h>
#include <string.h>

/* ---- kernels ---- */

static void run_each(ag_device *device, ag_each kernel, const void *args) {
  (void)device;
  switch (kernel) {
#define AG_EACH(name)                                                                                        \
  case AG_EACH_##name: {                                                                                     \
    const ag_##name##_args *a = args;                                                                        \
    for (int64_t block = 0; block < AG_EACH_BLOCKS(a->n); ++block)                                           \
      for (int32_t thread = 0; thread < AG_EACH_THREADS; ++thread)                                           \
        if (ag_cuda_element(block, thread) < a->n) ag_##name##_body(a, ag_cuda_element(block, thread));      \
    break;                                                                                                   \
  }
#define AG_BLOCK(name)
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  case AG_EACH_COUNT:
    break;
  }
}

/* Threads of a step run from the last to the first: a body that reads what another thread writes in the same
 * step shows. */
static void run_block(ag_device *device, ag_block kernel, const void *args) {
  (void)device;
  double shared[AG_SHARED_DOUBLES];
  switch (kernel) {
#define AG_EACH(name)
#define AG_BLOCK(name)                                                                                       \
  case AG_BLOCK_##name: {                                                                                    \
    const ag_##name##_args *a = args;                                                                        \
    for (int32_t row = 0; row < a->n_rows; ++row) {                                                          \
      memset(shared, 0x7f, sizeof shared);                                                                   \
      for (int step = 0; step < ag_##name##_steps; ++step)                                                   \
        for (int32_t thread = AG_BLOCK_THREADS - 1; thread >= 0; --thread)                                   \
          ag_##name##_body(a, row, thread, step, shared);                                                    \
    }                                                                                                        \
    break;                                                                                                   \
  }
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  case AG_BLOCK_COUNT:
    break;
  }
}

static void multiply(ag_device *device, const ag_product *p) {
  (void)device;
  for (int32_t i = 0; i < p->m; ++i)
    for (int32_t j = 0; j < p->n; ++j) {
      float sum = 0;
      for (int64_t k = 0; k < p->k; ++k) {
        float a = p->a_transposed ? p->a[k * p->a_stride + i] : p->a[(int64_t)i * p->a_stride + k];
        sum += a * p->b[k * p->b_stride + j];
      }
      float *c = &p->c[(int64_t)i * p->c_stride + j];
      *c = p->accumulate ? *c + sum : sum;
    }
}

/* ---- memory: the host's, but nobody is told ---- */

static void *take(const ag_backend *backend, size_t bytes) {
  (void)backend;
  return malloc(bytes ? bytes : 1);
}

static void give_back(const ag_backend *backend, void *memory) {
  (void)backend;
  free(memory);
}

static void copy(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  (void)backend;
  if (bytes) memcpy(to, from, bytes);
}

static void zero(const ag_backend *backend, void *memory, size_t bytes) {
  (void)backend;
  if (bytes) memset(memory, 0, bytes);
}

const ag_backend *cuda_on_host(void) {
  static float scalar;
  static ag_device device = {
      .run_each = run_each, .run_block = run_block, .multiply = multiply, .scalar = &scalar};
  static ag_backend backend = {.name = "cuda on the host",
                               .context = &device,
                               .alloc = take,
                               .free = give_back,
                               .upload = copy,
                               .download = copy,
                               .copy = copy,
                               .zero = zero};
  ag_cuda_fill(&backend);
  return &backend;
}
