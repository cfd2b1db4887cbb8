/* Inside autograd/cuda/: short forms for op files. */
#ifndef AG_CUDA_HELPERS_H
#define AG_CUDA_HELPERS_H

#include "autograd/cuda/bodies.h"
#include "autograd/cuda/device.h"

static inline ag_device *ag_device_of(const ag_backend *backend) {
  return (ag_device *)backend->context;
}

/* AG_RUN(node->backend, gather, .n = ..., ...): runs an AG_EACH kernel; nothing when n is 0. */
#define AG_RUN(backend, name, ...)                                                                           \
  do {                                                                                                       \
    const ag_##name##_args args_ = {__VA_ARGS__};                                                            \
    if (args_.n > 0) ag_device_of(backend)->run_each(ag_device_of(backend), AG_EACH_##name, &args_);         \
  } while (0)
#define AG_RUN_BLOCKS(backend, name, ...)                                                                    \
  do {                                                                                                       \
    const ag_##name##_args args_ = {__VA_ARGS__};                                                            \
    if (args_.n_rows > 0) ag_device_of(backend)->run_block(ag_device_of(backend), AG_BLOCK_##name, &args_);  \
  } while (0)

static inline int64_t ag_count(const ag_tensor *tensor) {
  return (int64_t)tensor->rows * tensor->cols;
}

#endif
