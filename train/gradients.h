/* The gradient of a step: its norms, and clipping. Knows nn. Source: training.md 10, anchors.md B.1. */
#ifndef TRAIN_GRADIENTS_H
#define TRAIN_GRADIENTS_H

#include "train/state.h"

/* Every number in one pass; the norms of groups are means over the tensors of a group. M4_MEMORY. */
m4_status tr_gradient_norms(tr_norms *norms, const m4_model *model, const ag_grads *grads, m4_error *err);

/* Scales everything so that the global norm is at most `limit`. True when it was larger. Same rule as
 * PyTorch's clip_grad_norm_: factor limit / (norm + 1e-6). Elements are limited by ag_grads_limit. */
bool tr_clip_norm(ag_grads *grads, double norm, double limit);

#endif
