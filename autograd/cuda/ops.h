/* Inside autograd/cuda/: the pairs that fill the op table, and the helpers. */
#ifndef AG_CUDA_OPS_H
#define AG_CUDA_OPS_H

#include "autograd/backend.h"

#define AG_OP(name, inputs, text)                                                                            \
  void ag_cuda_##name##_forward(const ag_node *node);                                                        \
  void ag_cuda_##name##_backward(const ag_node *node, ag_grads *grads, void *scratch);
#include "autograd/ops.def"
#undef AG_OP

void ag_cuda_fill_update(ag_backend *backend); /* update.c */
void ag_cuda_add_product(const ag_backend *backend, void *product, const void *x, const void *dy, int32_t n,
                         int32_t in, int32_t out);

#endif
