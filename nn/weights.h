/* safetensors <-> parameters: the reference's names and [out, in] shapes outside, [in, out] inside. Knows m4.h.
 * Source: contracts "Checkpoints", anchors.md B.3, model.md 2. Hostile files give one clear error, never a crash. */
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H

#include "nn/m4.h"

/* A string -> string list for __metadata__. */
typedef struct m4_metadata { char **keys, **values; int32_t count; } m4_metadata;
const char *m4_metadata_get(const m4_metadata *metadata, const char *key); /* NULL when absent */
m4_status m4_metadata_set(m4_metadata *metadata, const char *key, const char *value, m4_error *err); /* copies */
void m4_metadata_free(m4_metadata *metadata);

/* Creates a model with widths from the tensor shapes and loads it (float32 files; converted to the backend's type). size_feature from
 * the metadata when present. metadata may be NULL. Files without auxiliary heads or metadata load too; missing, extra, misshapen or
 * non-finite tensors are M4_DATA naming the tensor. */
m4_status m4_weights_load(m4_model **model, const ag_backend *backend, const char *path, m4_metadata *metadata, m4_error *err);
/* Loads into an existing model of the same widths. */
m4_status m4_weights_load_into(m4_model *model, const char *path, m4_metadata *metadata, m4_error *err);
/* Atomic. Widths, format, format_version and size_feature are added to the metadata. with_aux false leaves the auxiliary heads out. */
m4_status m4_weights_save(const m4_model *model, const char *path, const m4_metadata *metadata, bool with_aux, m4_error *err);

/* Named float32 arrays in safetensors form, for optimizer state: same format, free names. */
typedef struct m4_named_array { char name[128]; int64_t rows, cols; float *data; } m4_named_array;
m4_status m4_arrays_save(const char *path, const m4_named_array *arrays, int32_t count, const m4_metadata *metadata, m4_error *err);
/* Allocates; free with m4_arrays_free. */
m4_status m4_arrays_load(const char *path, m4_named_array **arrays, int32_t *count, m4_metadata *metadata, m4_error *err);
void m4_arrays_free(m4_named_array *arrays, int32_t count);

#endif
