/* What a pickle of PyTorch may say. Knows data's pickle reader. Source: anchors.md D.1. */
#ifndef TRAIN_CONVERT_TORCH_NAMES_H
#define TRAIN_CONVERT_TORCH_NAMES_H

#include "data/pickle/pickle.h"

#define TR_TORCH_TENSOR "torch._utils _rebuild_tensor_v2" /* the call that stands for a tensor */

extern const ds_pickle_rules tr_torch_rules;

/* What torch saves of a storage: 'storage', its class, its name, device, length; NULL when `value` is none.
 */
const ds_pickle_value *tr_torch_storage(const ds_pickle_value *value);

#endif
