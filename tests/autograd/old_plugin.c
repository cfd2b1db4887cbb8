/* A libm4cuda.so from another release: refuses every program of this one. */
#include "autograd/cuda/plugin.h"

#include <stdio.h>

const ag_backend *m4_cuda_backend(int version, int number, ag_gemm gemm, char *why, size_t why_bytes) {
  (void)number, (void)gemm;
  snprintf(why, why_bytes, "no CUDA backend: libm4cuda.so is of version %d, the program wants %d",
           version - 1, version);
  return NULL;
}
