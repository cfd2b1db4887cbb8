/* A CUDA runtime without a GPU, for tests: streams are queues of jobs that nobody works on until somebody
 * waits, so that what is read or overwritten too early shows; device memory is far memory (far_memory.h);
 * kernels are the bodies of bodies.h in loops (host_kernels.h). There are two devices. */
#ifndef AG_TESTS_HOST_CUDA_H
#define AG_TESTS_HOST_CUDA_H

#include "tests/autograd/host_cuda/cuda_runtime_api.h"

/* Job number n from now on, counting those that a stream has worked off, meets an illegal address; 0: none.
 * As on a device every later call fails, too. Also from the environment: M4_FAR_FAULT=job:N; and
 * M4_FAR_FAULT=open: there is no device. */
void host_cuda_fail_job(long n);
/* Everything works again. */
void host_cuda_recover(void);
/* Jobs that wait in all streams. */
long host_cuda_waiting(void);

/* A job of a stream, with a copy of args[bytes <= 256]. */
cudaError_t host_cuda_add(cudaStream_t stream, void (*run)(const void *args), const void *args, size_t bytes);
/* For other libraries that work on a stream: they reach its runtime through it. */
typedef struct host_cuda_calls {
  cudaError_t (*synchronize)(cudaStream_t stream);
  void *(*near)(const void *address); /* far_near */
} host_cuda_calls;
static inline const host_cuda_calls *host_cuda_calls_of(cudaStream_t stream) {
  return *(const host_cuda_calls *const *)(const void *)stream;
}

#endif
