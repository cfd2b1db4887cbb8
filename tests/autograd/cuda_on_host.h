/* The CUDA backend without a GPU: all of the plug-in but nvcc's kernels, over a CUDA runtime that works on
 * the host, asynchronously, in memory that nobody else can touch (host_cuda/). Tests index arithmetic, op
 * code, who uploads what and who waits for what. Programs take it as --device cuda when M4_CUDA_PLUGIN names
 * its plug-in, the target m4_far_plugin. */
#ifndef AG_TESTS_CUDA_ON_HOST_H
#define AG_TESTS_CUDA_ON_HOST_H

#include "autograd/backend.h"

const ag_backend *cuda_on_host(void);

#endif
