/* One GPU: opening, failures, memory, uploads and downloads. Products are in products.c, kernels in
 * kernels.cu. */
#include "autograd/cuda/runtime.h"

#include "autograd/cuda/launch.h"
#include "autograd/cuda/products.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAGING_SLOT_BYTES = 1 << 20, LANDING_BYTES = 1 << 16 };

static ag_cuda *cuda_of(const ag_backend *backend) {
  return (ag_cuda *)backend->context;
}

/* ---- failures ---- */

void ag_cuda_fail(ag_cuda *cuda, const char *what, const char *error) {
  pthread_mutex_lock(&cuda->lock);
  if (!cuda->failed)
    snprintf(cuda->failure, sizeof cuda->failure, "%s: %s (launch %lld, the last one: %s)", what, error,
             (long long)cuda->n_launches, cuda->last_launch);
  cuda->failed = true;
  pthread_mutex_unlock(&cuda->lock);
}

bool ag_cuda_went_well(ag_cuda *cuda, cudaError_t error, const char *what) {
  if (error != cudaSuccess) ag_cuda_fail(cuda, what, cudaGetErrorString(error));
  return error == cudaSuccess;
}

static bool choose(ag_cuda *cuda) {
  return !cuda->failed && ag_cuda_went_well(cuda, cudaSetDevice(cuda->number), "choosing the device");
}

bool ag_cuda_begin(ag_cuda *cuda, const char *what) {
  if (!choose(cuda)) return false;
  ++cuda->n_launches;
  cuda->last_launch = what;
  return true;
}

static m4_status status(const ag_backend *backend, m4_error *err) {
  ag_cuda *cuda = cuda_of(backend);
  if (!cuda->failed) return M4_OK;
  m4_fail(err, M4_IO, backend->name, "%s", cuda->failure);
  return m4_hint(err, M4_IO,
                 "with CUDA_LAUNCH_BLOCKING=1 in the environment the launch is the one that failed");
}

/* ---- kernels ---- */

static void run_each(ag_device *device, ag_each kernel, const void *args) {
  static const char *const names[] = {
#define AG_EACH(name) #name,
#define AG_BLOCK(name)
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  };
  ag_cuda *cuda = (ag_cuda *)device;
  if (ag_cuda_begin(cuda, names[kernel]))
    ag_cuda_went_well(cuda, ag_cuda_launch_each(cuda->stream, kernel, args), "starting a kernel");
}

static void run_block(ag_device *device, ag_block kernel, const void *args) {
  static const char *const names[] = {
#define AG_EACH(name)
#define AG_BLOCK(name) #name,
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  };
  ag_cuda *cuda = (ag_cuda *)device;
  if (ag_cuda_begin(cuda, names[kernel]))
    ag_cuda_went_well(cuda, ag_cuda_launch_block(cuda->stream, kernel, args), "starting a kernel");
}

/* ---- memory: from the device's pool, which keeps what is given back ---- */

static void *take(const ag_backend *backend, size_t bytes) {
  ag_cuda *cuda = cuda_of(backend);
  void *memory = NULL;
  if (!choose(cuda)) return NULL;
  cudaError_t error = cudaMallocAsync(&memory, bytes ? bytes : 1, cuda->stream);
  if (error == cudaSuccess) return memory;
  cudaGetLastError(); /* being out of memory is the caller's failure, not the device's */
  if (error != cudaErrorMemoryAllocation) ag_cuda_went_well(cuda, error, "taking memory");
  return NULL;
}

static void give_back(const ag_backend *backend, void *memory) {
  ag_cuda *cuda = cuda_of(backend);
  if (memory && choose(cuda)) ag_cuda_went_well(cuda, cudaFreeAsync(memory, cuda->stream), "freeing memory");
}

static void upload(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  ag_cuda *cuda = cuda_of(backend);
  if (bytes == 0 || !ag_cuda_begin(cuda, "upload")) return;
  pthread_mutex_lock(&cuda->lock);
  cudaError_t error = ag_staging_upload(&cuda->staging, cuda->stream, to, from, bytes);
  pthread_mutex_unlock(&cuda->lock);
  ag_cuda_went_well(cuda, error, "uploading");
}

/* Small values land in pinned memory, which the device reaches without the driver's detour. */
static cudaError_t fetch(ag_cuda *cuda, void *to, const void *from, size_t bytes) {
  void *place = bytes <= LANDING_BYTES ? cuda->landing : to;
  cudaError_t error = cudaMemcpyAsync(place, from, bytes, cudaMemcpyDeviceToHost, cuda->stream);
  if (error == cudaSuccess) error = cudaStreamSynchronize(cuda->stream);
  if (error == cudaSuccess && place != to) memcpy(to, place, bytes);
  return error;
}

static void download(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  ag_cuda *cuda = cuda_of(backend);
  if (bytes == 0) return;
  if (ag_cuda_begin(cuda, "download")) {
    pthread_mutex_lock(&cuda->lock);
    cudaError_t error = fetch(cuda, to, from, bytes);
    pthread_mutex_unlock(&cuda->lock);
    ag_cuda_went_well(cuda, error, "waiting for the device");
  }
  if (cuda->failed) memset(to, 0xff, bytes);
}

static void copy(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  ag_cuda *cuda = cuda_of(backend);
  if (bytes > 0 && ag_cuda_begin(cuda, "copy"))
    ag_cuda_went_well(cuda, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, cuda->stream),
                      "copying");
}

static void zero(const ag_backend *backend, void *memory, size_t bytes) {
  ag_cuda *cuda = cuda_of(backend);
  if (bytes > 0 && ag_cuda_begin(cuda, "zero"))
    ag_cuda_went_well(cuda, cudaMemsetAsync(memory, 0, bytes, cuda->stream), "zeroing");
}

void ag_cuda_fill_memory(ag_backend *backend) {
  backend->name = cuda_of(backend)->name;
  backend->alloc = take;
  backend->free = give_back;
  backend->upload = upload;
  backend->download = download;
  backend->copy = copy;
  backend->zero = zero;
  backend->status = status;
}

/* ---- opening ---- */

static bool is_there(int number, char *why, size_t why_bytes) {
  int n_devices = 0;
  cudaError_t error = cudaGetDeviceCount(&n_devices);
  if (error == cudaSuccess && number < n_devices) return true;
  if (error == cudaSuccess)
    snprintf(why, why_bytes, "no CUDA backend: there is no device %d, only %d", number, n_devices);
  else
    snprintf(why, why_bytes, "no CUDA backend: no device: %s", cudaGetErrorString(error));
  return false;
}

/* Memory that is given back stays with the pool. */
static cudaError_t keep_memory(int number) {
  cudaMemPool_t pool;
  uint64_t all = UINT64_MAX;
  cudaError_t error = cudaDeviceGetDefaultMemPool(&pool, number);
  return error == cudaSuccess ? cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all) : error;
}

static cudaError_t start(ag_cuda *cuda) {
  cudaError_t error = cudaSetDevice(cuda->number);
  if (error == cudaSuccess) error = keep_memory(cuda->number);
  if (error == cudaSuccess) error = cudaStreamCreateWithFlags(&cuda->stream, cudaStreamNonBlocking);
  if (error == cudaSuccess) error = ag_staging_create(&cuda->staging, STAGING_SLOT_BYTES);
  if (error == cudaSuccess) error = cudaHostAlloc(&cuda->landing, LANDING_BYTES, cudaHostAllocDefault);
  if (error == cudaSuccess)
    error = cudaMalloc((void **)&cuda->device.scalars, AG_DEVICE_SCALARS * sizeof(float));
  return error;
}

ag_cuda *ag_cuda_open(int number, ag_gemm gemm, char *why, size_t why_bytes) {
  if (!is_there(number, why, why_bytes)) return NULL;
  ag_cuda *cuda = (ag_cuda *)calloc(1, sizeof *cuda);
  if (!cuda) {
    snprintf(why, why_bytes, "no CUDA backend: no host memory");
    return NULL;
  }
  cuda->device.run_each = run_each;
  cuda->device.run_block = run_block;
  cuda->device.multiply = ag_cuda_multiply;
  cuda->number = number;
  cuda->last_launch = "none";
  snprintf(cuda->name, sizeof cuda->name, "cuda:%d", number);
  pthread_mutex_init(&cuda->lock, NULL);
  cudaError_t error = start(cuda);
  if (error == cudaSuccess && ag_cuda_start_products(cuda, gemm)) return cuda;
  snprintf(why, why_bytes, "no CUDA backend: %s does not start: %s", cuda->name,
           error == cudaSuccess ? "cuBLAS fails" : cudaGetErrorString(error));
  ag_cuda_close(cuda);
  return NULL;
}

void ag_cuda_close(ag_cuda *cuda) {
  if (!cuda) return;
  cudaSetDevice(cuda->number);
  if (cuda->stream) cudaStreamSynchronize(cuda->stream);
  ag_cuda_stop_products(cuda);
  ag_staging_free(&cuda->staging);
  if (cuda->landing) cudaFreeHost(cuda->landing);
  if (cuda->device.scalars) cudaFree(cuda->device.scalars);
  if (cuda->stream) cudaStreamDestroy(cuda->stream);
  pthread_mutex_destroy(&cuda->lock);
  free(cuda);
}
