/* The CUDA backend's ops with a device that runs the kernel bodies on the host, thread by thread, in memory
 * that nobody else can touch (far_memory.h). Tests index arithmetic, op code and who uploads what, without a
 * GPU. Programs take it as --device cuda when M4_CUDA_PLUGIN names its plug-in, the target m4_far_plugin. */
#ifndef AG_TESTS_CUDA_ON_HOST_H
#define AG_TESTS_CUDA_ON_HOST_H

#include "autograd/backend.h"

const ag_backend *cuda_on_host(void);

#endif
