/* The safetensors file format: named float32 tensors and string notes, read strictly and written atomically.
 * Knows base and metadata; no idea of models. Source: anchors.md B.3, D.1.
 *
 * A file is a u64 header length, a JSON header, then the tensors' bytes: little endian, row-major, back to
 * back. */
#ifndef NN_SAFETENSORS_H
#define NN_SAFETENSORS_H

#include "nn/metadata.h"

#include <stddef.h>

enum { NN_MAX_RANK = 4 };

/* One tensor of float32 values. */
typedef struct nn_tensor {
  const char *name;
  int32_t rank; /* 0: a single number */
  int64_t shape[NN_MAX_RANK];
  int64_t count;     /* product of the shape */
  const void *bytes; /* [count] float32, at any address: read with memcpy */
} nn_tensor;

/* A file in memory. Names and bytes of the tensors belong to it. */
typedef struct nn_safetensors {
  nn_tensor *tensors; /* [n_tensors] in file order of their bytes */
  int32_t n_tensors;
  m4_metadata metadata;
  char *file;            /* private */
  struct json_t *header; /* private */
} nn_safetensors;

/* Reads and checks a whole file: sizes before anything is allocated from them, every byte of the buffer owned
 * by exactly one tensor, dtype F32, finite values. M4_IO: cannot be read; M4_DATA: anything wrong inside,
 * naming the tensor; M4_NUMERIC: a value that is not finite. Free with nn_safetensors_free (after a failure
 * there is nothing to free). */
m4_status nn_safetensors_read(nn_safetensors *content, const char *path, m4_error *err);
void nn_safetensors_free(nn_safetensors *content); /* zeroed structs are accepted */
/* NULL when absent. */
const nn_tensor *nn_safetensors_find(const nn_safetensors *content, const char *name);
/* "[600, 200]" for messages. */
void nn_shape_text(char *out, size_t out_bytes, const nn_tensor *tensor);

/* Writes atomically (base/file.h). metadata may be NULL. Names and notes must be UTF-8 and names unique
 * (M4_DATA); non-finite values are refused (M4_NUMERIC), because they could not be read back. */
m4_status nn_safetensors_write(const char *path, const nn_tensor *tensors, int32_t n_tensors,
                               const m4_metadata *metadata, m4_error *err);

#endif
