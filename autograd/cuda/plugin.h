/* Inside autograd/cuda/ and its tests: what libm4cuda.so exports (autograd/device.h, ag_plugin_fn). */
#ifndef AG_CUDA_PLUGIN_H
#define AG_CUDA_PLUGIN_H

#include "autograd/device.h"

const ag_backend *m4_cuda_backend(int version, int number, ag_gemm gemm, char *why, size_t why_bytes);
/* nccl.c; absent where the plug-in was built without NCCL's header (ag_exchange_fn). */
ag_exchange *m4_cuda_exchange(const ag_backend *const *backends, int n_here, int first, int n_members,
                              unsigned char *id, char *why, size_t why_bytes);

#endif
