/* Inside autograd/cuda/: where kernels are started. kernels.cu does it on a device; in tests a stand-in for
 * the CUDA runtime does it on the host. */
#ifndef AG_CUDA_LAUNCH_H
#define AG_CUDA_LAUNCH_H

#include "autograd/cuda/device.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Starts one kernel with its arguments (copied) in stream order; an error here is one of the launch itself.
 */
cudaError_t ag_cuda_launch_each(cudaStream_t stream, ag_each kernel, const void *args);
cudaError_t ag_cuda_launch_block(cudaStream_t stream, ag_block kernel, const void *args);

#ifdef __cplusplus
}
#endif

#endif
