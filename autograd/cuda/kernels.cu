/* The kernels of kernels.def, and their launches. The only file that nvcc compiles. */
#include "autograd/cuda/bodies.h"
#include "autograd/cuda/launch.h"

#include <cuda_runtime.h>

#define AG_EACH(name)                                                                                        \
  static __global__ void name##_kernel(const ag_##name##_args args) {                                        \
    int64_t i = ag_cuda_element(blockIdx.x, (int32_t)threadIdx.x);                                           \
    if (i < args.n) ag_##name##_body(&args, i);                                                              \
  }
#define AG_BLOCK(name)                                                                                       \
  static __global__ void name##_kernel(const ag_##name##_args args) {                                        \
    __shared__ double shared[AG_SHARED_DOUBLES];                                                             \
    for (int step = 0; step < ag_##name##_steps; ++step) {                                                   \
      ag_##name##_body(&args, (int32_t)blockIdx.x, (int32_t)threadIdx.x, step, shared);                      \
      __syncthreads();                                                                                       \
    }                                                                                                        \
  }
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK

extern "C" cudaError_t ag_cuda_launch_each(cudaStream_t stream, ag_each kernel, const void *args) {
  switch (kernel) {
#define AG_EACH(name)                                                                                        \
  case AG_EACH_##name: {                                                                                     \
    const ag_##name##_args *a = (const ag_##name##_args *)args;                                              \
    name##_kernel<<<(unsigned)AG_EACH_BLOCKS(a->n), AG_EACH_THREADS, 0, stream>>>(*a);                       \
    break;                                                                                                   \
  }
#define AG_BLOCK(name)
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  case AG_EACH_COUNT:
    break;
  }
  return cudaGetLastError();
}

extern "C" cudaError_t ag_cuda_launch_block(cudaStream_t stream, ag_block kernel, const void *args) {
  switch (kernel) {
#define AG_EACH(name)
#define AG_BLOCK(name)                                                                                       \
  case AG_BLOCK_##name: {                                                                                    \
    const ag_##name##_args *a = (const ag_##name##_args *)args;                                              \
    name##_kernel<<<(unsigned)a->n_rows, AG_BLOCK_THREADS, 0, stream>>>(*a);                                 \
    break;                                                                                                   \
  }
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  case AG_BLOCK_COUNT:
    break;
  }
  return cudaGetLastError();
}
