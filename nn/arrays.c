/* Named float32 arrays in safetensors form (optimiser state). Knows safetensors; the interface is in
 * weights.h. */
#include "nn/safetensors.h"
#include "nn/weights.h"

#include <stdlib.h>
#include <string.h>

m4_status m4_arrays_save(const char *path, const m4_named_array *arrays, int32_t count,
                         const m4_metadata *metadata, m4_error *err) {
  nn_tensor *tensors = calloc(count > 0 ? (size_t)count : 1, sizeof *tensors);
  if (!tensors) return m4_fail(err, M4_MEMORY, path, "no memory for %d arrays", (int)count);
  for (int32_t i = 0; i < count; ++i)
    tensors[i] = (nn_tensor){.name = arrays[i].name,
                             .rank = 2,
                             .shape = {arrays[i].rows, arrays[i].cols},
                             .count = arrays[i].rows * arrays[i].cols,
                             .bytes = arrays[i].data};
  m4_status status = nn_safetensors_write(path, tensors, count, metadata, err);
  free(tensors);
  return status;
}

static m4_status copy_array(m4_named_array *array, const nn_tensor *tensor, const char *path, m4_error *err) {
  if (strlen(tensor->name) >= sizeof array->name)
    return m4_fail(err, M4_DATA, path, "tensor %.64s...: name too long", tensor->name);
  if (tensor->rank > 2)
    return m4_fail(err, M4_DATA, path, "tensor %s has more than two dimensions", tensor->name);
  strcpy(array->name, tensor->name);
  array->cols = tensor->rank > 0 ? tensor->shape[tensor->rank - 1] : 1;
  array->rows = tensor->rank > 1 ? tensor->shape[0] : 1;
  size_t bytes = (size_t)tensor->count * sizeof *array->data;
  array->data = malloc(bytes ? bytes : 1);
  if (!array->data) return m4_fail(err, M4_MEMORY, path, "no memory for tensor %s", tensor->name);
  memcpy(array->data, tensor->bytes, bytes);
  return M4_OK;
}

static m4_status copy_arrays(const nn_safetensors *content, const char *path, m4_named_array **arrays,
                             m4_error *err) {
  *arrays = calloc(content->n_tensors > 0 ? (size_t)content->n_tensors : 1, sizeof **arrays);
  if (!*arrays) return m4_fail(err, M4_MEMORY, path, "no memory for %d arrays", (int)content->n_tensors);
  for (int32_t i = 0; i < content->n_tensors; ++i) {
    m4_status status = copy_array(&(*arrays)[i], &content->tensors[i], path, err);
    if (status == M4_OK) continue;
    m4_arrays_free(*arrays, content->n_tensors);
    *arrays = NULL;
    return status;
  }
  return M4_OK;
}

m4_status m4_arrays_load(const char *path, m4_named_array **arrays, int32_t *count, m4_metadata *metadata,
                         m4_error *err) {
  *arrays = NULL;
  *count = 0;
  nn_safetensors content;
  M4_TRY(nn_safetensors_read(&content, path, err));
  m4_status status = copy_arrays(&content, path, arrays, err);
  if (status == M4_OK) {
    *count = content.n_tensors;
    if (metadata) {
      *metadata = content.metadata;
      memset(&content.metadata, 0, sizeof content.metadata);
    }
  }
  nn_safetensors_free(&content);
  return status;
}

void m4_arrays_free(m4_named_array *arrays, int32_t count) {
  if (!arrays) return;
  for (int32_t i = 0; i < count; ++i) free(arrays[i].data);
  free(arrays);
}
