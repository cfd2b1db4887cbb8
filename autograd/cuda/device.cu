/* The real device: one stream, cuBLAS for products, a launch per kernel. Exports the plug-in's entry. Errors
 * of CUDA are remembered by the runtime and end the run at the next download; nothing here prints or exits.
 */
#include "autograd/cuda/bodies.h"
#include "autograd/cuda/device.h"
#include "autograd/device.h"

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- kernels ---- */

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

/* ---- the device ---- */

typedef struct cuda_device {
  ag_device device; /* first: what ops see */
  cudaStream_t stream;
  cublasHandle_t blas;
} cuda_device;

static cudaStream_t stream_of(ag_device *device) {
  return ((cuda_device *)device)->stream;
}

static void run_each(ag_device *device, ag_each kernel, const void *args) {
  cudaStream_t stream = stream_of(device);
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
}

static void run_block(ag_device *device, ag_block kernel, const void *args) {
  cudaStream_t stream = stream_of(device);
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
}

/* cuBLAS is column-major: a row-major product is the product of the transposes in the other order. */
static void multiply(ag_device *device, const ag_product *p) {
  const float one = 1.0f, beta = p->accumulate ? 1.0f : 0.0f;
  cublasSgemm(((cuda_device *)device)->blas, CUBLAS_OP_N, p->a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, p->n,
              p->m, p->k, &one, p->b, p->b_stride, p->a, p->a_stride, &beta, p->c, p->c_stride);
}

/* ---- memory ---- */

static cudaStream_t stream_of_backend(const ag_backend *backend) {
  return stream_of((ag_device *)backend->context);
}

static void *take(const ag_backend *backend, size_t bytes) {
  void *memory = NULL;
  (void)backend;
  return cudaMalloc(&memory, bytes ? bytes : 1) == cudaSuccess ? memory : NULL;
}

static void give_back(const ag_backend *backend, void *memory) {
  (void)backend;
  cudaFree(memory);
}

static void upload(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_of_backend(backend));
  cudaStreamSynchronize(stream_of_backend(backend));
}

/* After an error of the device the host sees NaN, which its checks find. */
static void download(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  cudaError_t error = cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_of_backend(backend));
  if (error == cudaSuccess) error = cudaStreamSynchronize(stream_of_backend(backend));
  if (error != cudaSuccess) memset(to, 0xff, bytes);
}

static void copy(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream_of_backend(backend));
}

static void zero(const ag_backend *backend, void *memory, size_t bytes) {
  cudaMemsetAsync(memory, 0, bytes, stream_of_backend(backend));
}

/* ---- the entry ---- */

static ag_backend *give_up(cuda_device *device, const char *what, cudaError_t error, char *why,
                           size_t why_bytes) {
  snprintf(why, why_bytes, "no CUDA backend: %s: %s", what, cudaGetErrorString(error));
  free(device);
  return NULL;
}

/* Products that add in one fixed order: no split over k, no TF32. */
static bool start_blas(cuda_device *device) {
  return cublasCreate(&device->blas) == CUBLAS_STATUS_SUCCESS &&
         cublasSetStream(device->blas, device->stream) == CUBLAS_STATUS_SUCCESS &&
         cublasSetMathMode(device->blas, CUBLAS_PEDANTIC_MATH) == CUBLAS_STATUS_SUCCESS;
}

extern "C" const ag_backend *m4_cuda_backend(int version, int number, char *why, size_t why_bytes) {
  if (version != AG_PLUGIN_VERSION) {
    snprintf(why, why_bytes, "no CUDA backend: libm4cuda.so is of version %d, the program wants %d",
             AG_PLUGIN_VERSION, version);
    return NULL;
  }
  int n_devices = 0;
  cudaError_t error = cudaGetDeviceCount(&n_devices);
  if (error != cudaSuccess) return give_up(NULL, "no device", error, why, why_bytes);
  if (number >= n_devices)
    return give_up(NULL, "there are fewer devices", cudaErrorInvalidDevice, why, why_bytes);
  error = cudaSetDevice(number);
  if (error != cudaSuccess) return give_up(NULL, "cannot use the device", error, why, why_bytes);
  cuda_device *device = (cuda_device *)calloc(1, sizeof *device);
  ag_backend *backend = (ag_backend *)calloc(1, sizeof *backend);
  if (!device || !backend) return give_up(device, "host memory", cudaErrorMemoryAllocation, why, why_bytes);
  device->device.run_each = run_each;
  device->device.run_block = run_block;
  device->device.multiply = multiply;
  error = cudaStreamCreate(&device->stream);
  if (error == cudaSuccess) error = cudaMalloc((void **)&device->device.scalar, sizeof(float));
  if (error != cudaSuccess) return give_up(device, "cannot start", error, why, why_bytes);
  if (!start_blas(device)) return give_up(device, "cuBLAS does not start", cudaErrorUnknown, why, why_bytes);
  backend->name = "cuda";
  backend->context = device;
  backend->alloc = take;
  backend->free = give_back;
  backend->upload = upload;
  backend->download = download;
  backend->copy = copy;
  backend->zero = zero;
  ag_cuda_fill(backend);
  return backend;
}
