/* Golden files as PyTorch's script writes them: HDF5, weights beside them as safetensors. */
#include "nn/weights.h"
#include "tests/nn/golden.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = 1 << 26 };

struct golden_file {
  hid_t handle;
  char path[512];
  m4_arena arena;
};

const char *golden_path(const golden_file *file) {
  return file->path;
}

m4_arena *golden_arena(golden_file *file) {
  return &file->arena;
}

m4_status golden_open(golden_file **result, const char *path, m4_error *err) {
  *result = NULL;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  golden_file *file = calloc(1, sizeof *file);
  if (!file) return m4_fail(err, M4_MEMORY, path, "no memory");
  strncpy(file->path, path, sizeof file->path - 1);
  file->handle = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  m4_status status = m4_arena_init(&file->arena, (size_t)1 << 32, err);
  if (status == M4_OK && file->handle < 0) status = m4_fail(err, M4_IO, path, "cannot be read as HDF5");
  if (status == M4_OK)
    *result = file;
  else
    golden_close(file);
  return status;
}

void golden_close(golden_file *file) {
  if (!file) return;
  if (file->handle >= 0) H5Fclose(file->handle);
  m4_arena_free(&file->arena);
  free(file);
}

static int64_t dataset_size(hid_t dataset) {
  hid_t space = H5Dget_space(dataset);
  if (space < 0) return -1;
  hssize_t size = H5Sget_simple_extent_npoints(space);
  H5Sclose(space);
  return size > MOST_VALUES ? -1 : (int64_t)size;
}

m4_status golden_read(golden_file *file, const char *name, double **values, int64_t *count, m4_error *err) {
  hid_t dataset = H5Dopen2(file->handle, name, H5P_DEFAULT);
  if (dataset < 0) return m4_fail(err, M4_DATA, file->path, "no dataset %s", name);
  m4_status status = M4_OK;
  *count = dataset_size(dataset);
  *values = *count < 0 ? NULL : m4_arena_calloc(&file->arena, (size_t)*count, sizeof **values);
  if (!*values)
    status = m4_fail(err, M4_DATA, file->path, "%s is too large", name);
  else if (*count > 0 && H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, *values) < 0)
    status = m4_fail(err, M4_DATA, file->path, "%s cannot be read", name);
  H5Dclose(dataset);
  return status;
}

m4_status golden_attribute(golden_file *file, const char *name, double *value, m4_error *err) {
  hid_t attribute = H5Aopen(file->handle, name, H5P_DEFAULT);
  if (attribute < 0) return m4_fail(err, M4_DATA, file->path, "no attribute %s", name);
  herr_t done = H5Aread(attribute, H5T_NATIVE_DOUBLE, value);
  H5Aclose(attribute);
  return done < 0 ? m4_fail(err, M4_DATA, file->path, "attribute %s cannot be read", name) : M4_OK;
}

m4_status golden_model(golden_file *file, m4_model **model, const ag_backend *backend,
                       const char *weights_path, m4_error *err) {
  (void)file;
  return m4_weights_load(model, backend, weights_path, NULL, err);
}
