/* safetensors <-> parameters: the reference's names and [out, in] shapes outside, [in, out] inside. Knows
 * m4.h. Source: contracts "Checkpoints", anchors.md B.3, model.md 2. Hostile files give one clear error,
 * never a crash. */
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H

#include "nn/m4.h"
#include "nn/metadata.h"

/* Creates a model with widths from the tensor shapes and loads it (float32 files; converted to the backend's
 * type). size_feature from the metadata when present. metadata may be NULL, or an empty list that receives
 * the notes of the file. Files without auxiliary heads or metadata load too; missing, extra or
 * misshapen tensors are M4_DATA, values that are not finite M4_NUMERIC, naming the tensor. */
m4_status m4_weights_load(m4_model **model, const ag_backend *backend, const char *path,
                          m4_metadata *metadata, m4_error *err);
/* Loads into an existing model of the same widths and heads. On failure the model may be half loaded. */
m4_status m4_weights_load_into(m4_model *model, const char *path, m4_metadata *metadata, m4_error *err);
/* Atomic. Widths, format, format_version and size_feature are added to the metadata. with_aux false leaves
 * the auxiliary heads out. M4_NUMERIC, naming the tensor, when a value is not finite: nothing is written
 * then. */
m4_status m4_weights_save(const m4_model *model, const char *path, const m4_metadata *metadata, bool with_aux,
                          m4_error *err);

/* Named float32 arrays in safetensors form, for optimizer state: same format, free names, tensors of at most
 * two dimensions (one dimension loads as one row). */
typedef struct m4_named_array {
  char name[128];
  int64_t rows, cols;
  float *data;
} m4_named_array;
m4_status m4_arrays_save(const char *path, const m4_named_array *arrays, int32_t count,
                         const m4_metadata *metadata, m4_error *err);
/* Allocates; free with m4_arrays_free. */
m4_status m4_arrays_load(const char *path, m4_named_array **arrays, int32_t *count, m4_metadata *metadata,
                         m4_error *err);
void m4_arrays_free(m4_named_array *arrays, int32_t count);

#endif
