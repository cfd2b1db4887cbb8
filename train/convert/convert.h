/* Between PyTorch's files and ours. Knows torch_file and nn. Source: model.md 2 and 9. */
#ifndef TRAIN_CONVERT_CONVERT_H
#define TRAIN_CONVERT_CONVERT_H

#include "base/status.h"

/* `from`: a folder with the reference's TorchScript files, a file of torch.save (state_dict or Lightning
 * checkpoint), or a safetensors file; told apart by content. `to`: NAME.safetensors or NAME.pt, by ending.
 * What is written is always one whole model: missing, extra and misshapen tensors are M4_DATA naming them.
 * M4_USAGE: another ending. Nothing is written on failure. */
m4_status tr_convert(const char *from, const char *to, m4_error *err);

#endif
