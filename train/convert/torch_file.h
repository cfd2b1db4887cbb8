/* Weights in PyTorch's files: torch.save (plain state_dict, Lightning checkpoint), torch.jit.save. Knows
 * pickle, archive and the tensor type of nn. Source: anchors.md D.1, model.md 9. */
#ifndef TRAIN_CONVERT_TORCH_FILE_H
#define TRAIN_CONVERT_TORCH_FILE_H

#include "nn/safetensors.h"

/* Named tensors with memory of their own. Zero-initialise; free with tr_tensors_free. */
typedef struct tr_tensors {
  nn_tensor *tensors; /* [count] */
  int32_t count, capacity;
} tr_tensors;

/* Appends the float32 tensors of a file, names with `prefix` before them. A dict with an entry "state_dict"
 * gives that one's tensors, any other dict its own, a TorchScript module its attributes ("conv.lin.weight").
 * M4_IO, M4_DATA: unreadable, damaged or refused, naming the tensor; M4_MEMORY. */
m4_status tr_torch_read(tr_tensors *tensors, const char *path, const char *prefix, m4_error *err);
void tr_tensors_free(tr_tensors *tensors);

/* Writes a state_dict that torch.load reads: atomically, same tensors, same bytes. */
m4_status tr_torch_write(const char *path, const nn_tensor *tensors, int32_t count, m4_error *err);

#endif
