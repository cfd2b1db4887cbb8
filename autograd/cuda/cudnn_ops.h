/* Inside autograd/cuda/: layer norm and activations through cuDNN instead of own kernels. For comparison, not
 * for speed: cuDNN compiles a plan for every number of rows, and an event has any number. Dropout is not
 * among them: its masks must be f(seed, step, element), cuDNN's are its own. */
#ifndef AG_CUDA_CUDNN_OPS_H
#define AG_CUDA_CUDNN_OPS_H

#include "autograd/backend.h"

/* Replaces the ops in the table of a backend of this plug-in (environment: M4_CUDA_CUDNN=1). False, with a
 * line in why: no cuDNN. */
#ifdef AG_CUDNN
bool ag_cuda_use_cudnn(ag_backend *backend, char *why, size_t why_bytes);
#else
#include <stdio.h>
static inline bool ag_cuda_use_cudnn(ag_backend *backend, char *why, size_t why_bytes) {
  (void)backend;
  snprintf(why, why_bytes, "no CUDA backend: M4_CUDA_CUDNN=1, but the plug-in was built without cuDNN");
  return false;
}
#endif

#endif
