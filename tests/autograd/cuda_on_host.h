/* The CUDA backend's ops with a device that runs the kernel bodies on the host, thread by thread, in memory
 * that the tape must treat as the device's own. Tests index arithmetic, op code and who uploads what, without
 * a GPU. */
#ifndef AG_TESTS_CUDA_ON_HOST_H
#define AG_TESTS_CUDA_ON_HOST_H

#include "autograd/backend.h"

const ag_backend *cuda_on_host(void);

#endif
