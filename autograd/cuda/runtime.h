/* Inside autograd/cuda/: one GPU as the plug-in runs it: a stream, cuBLAS, uploads through pinned memory.
 * Everything is started without waiting; only downloads wait.
 *
 * Failures. CUDA reports what went wrong in a kernel at some later call, and from then on everything fails.
 * So the first failure is kept with what is known about it, nothing more is started on the device, downloads
 * give NaN, and ag_backend.status reports it. */
#ifndef AG_CUDA_RUNTIME_H
#define AG_CUDA_RUNTIME_H

#include "autograd/cuda/device.h"
#include "autograd/cuda/staging.h"
#include "autograd/device.h"

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <pthread.h>
#include <stdatomic.h>

typedef struct ag_cuda {
  ag_device device; /* first: what ops see */
  int number;
  char name[32]; /* "cuda:0" */
  cudaStream_t stream;
  cublasHandle_t blas;
  cublasComputeType_t compute; /* of products */
  void *blas_workspace;
  struct ag_cudnn *cudnn; /* NULL unless asked for (cudnn_ops.h) */
  pthread_mutex_t lock;   /* for staging, landing and failure */
  ag_staging staging;
  void *landing; /* pinned; small downloads arrive here */
  atomic_bool failed;
  char failure[256];
  atomic_llong n_launches;
  _Atomic(const char *) last_launch;
} ag_cuda;

/* A running device. On failure NULL, and why[why_bytes] says what is missing. */
ag_cuda *ag_cuda_open(int number, ag_gemm gemm, char *why, size_t why_bytes);
void ag_cuda_close(ag_cuda *cuda); /* NULL accepted */

/* Memory calls and status of a backend whose context is an ag_cuda. */
void ag_cuda_fill_memory(ag_backend *backend);

/* True when `error` is none; otherwise the first failure is kept: "WHAT: the error's text". */
bool ag_cuda_went_well(ag_cuda *cuda, cudaError_t error, const char *what);
/* Keeps a failure that CUDA did not report. */
void ag_cuda_fail(ag_cuda *cuda, const char *what, const char *error);
/* False after a failure; otherwise makes the device the calling thread's and counts a launch of that name. */
bool ag_cuda_begin(ag_cuda *cuda, const char *what);

#endif
