/* What the CUDA backend's ops need of a device: to run the kernels of kernels.def, to multiply matrices,
 * memory. runtime.c is the real one; the tests run the bodies on the host. */
#ifndef AG_CUDA_DEVICE_H
#define AG_CUDA_DEVICE_H

#include "autograd/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ag_each {
#define AG_EACH(name) AG_EACH_##name,
#define AG_BLOCK(name)
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  AG_EACH_COUNT
} ag_each;

typedef enum ag_block {
#define AG_EACH(name)
#define AG_BLOCK(name) AG_BLOCK_##name,
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  AG_BLOCK_COUNT
} ag_block;

/* c [m, n] = a [m, k] b [k, n] + beta c, row-major with row strides; a_transposed: a is stored [k, m]. */
typedef struct ag_product {
  int32_t m, n, k;
  const float *a, *b;
  float *c;
  int32_t a_stride, b_stride, c_stride;
  bool a_transposed, accumulate;
} ag_product;

/* The first field of an ag_backend's context. args: the ag_<name>_args of the kernel. */
typedef struct ag_device {
  void (*run_each)(struct ag_device *device, ag_each kernel, const void *args);
  void (*run_block)(struct ag_device *device, ag_block kernel, const void *args);
  void (*multiply)(struct ag_device *device, const ag_product *product);
  float *scalars; /* [AG_DEVICE_SCALARS] in device memory, for reductions whose results the host wants */
} ag_device;
enum { AG_DEVICE_SCALARS = 4096 };

/* Fills the helpers and the op table of a backend whose memory calls, name and context are set. */
void ag_cuda_fill(ag_backend *backend);

#ifdef __cplusplus
}
#endif

#endif
