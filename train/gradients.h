/* The gradient of a step: its norms, and clipping. Knows nn. Source: training.md 10, anchors.md B.1. */
#ifndef TRAIN_GRADIENTS_H
#define TRAIN_GRADIENTS_H

#include "train/state.h"

/* Every number in one pass; the norms of groups are means over the tensors of a group. */
tr_norms tr_gradient_norms(const m4_model *model, ag_grads *grads);

/* Limits every element to [-limit, limit]. True when one was beyond. */
bool tr_clip_values(const m4_model *model, ag_grads *grads, double limit);
/* Scales everything so that the global norm is at most `limit`. True when it was larger. Same rule as
 * PyTorch's clip_grad_norm_: factor limit / (norm + 1e-6). */
bool tr_clip_norm(const m4_model *model, ag_grads *grads, double norm, double limit);

#endif
