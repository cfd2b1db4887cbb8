/* The entry of libm4cuda.so. */
#include "autograd/cuda/plugin.h"

#include "autograd/cuda/cudnn_ops.h"
#include "autograd/cuda/runtime.h"

#include <stdio.h>
#include <stdlib.h>

const ag_backend *m4_cuda_backend(int version, int number, ag_gemm gemm, char *why, size_t why_bytes) {
  if (version != AG_PLUGIN_VERSION) {
    snprintf(why, why_bytes, "no CUDA backend: libm4cuda.so is of version %d, the program wants %d",
             AG_PLUGIN_VERSION, version);
    return NULL;
  }
  ag_backend *backend = calloc(1, sizeof *backend);
  if (backend) backend->context = ag_cuda_open(number, gemm, why, why_bytes);
  if (!backend || !backend->context) {
    free(backend);
    return NULL;
  }
  ag_cuda_fill_memory(backend);
  ag_cuda_fill(backend);
  const char *cudnn = getenv("M4_CUDA_CUDNN");
  if (!cudnn || cudnn[0] != '1' || ag_cuda_use_cudnn(backend, why, why_bytes)) return backend;
  ag_cuda_close(backend->context);
  free(backend);
  return NULL;
}
