/* Changes single values of a shard that stays a valid HDF5 file. */
#ifndef TESTS_DATASET_EDIT_H
#define TESTS_DATASET_EDIT_H

#include "tests/dataset/synthetic.h"

#include <hdf5.h>
#include <string.h>

static inline void overwrite(hid_t file, const char *path, hsize_t index, const void *value, hid_t type) {
  hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT), space = H5Dget_space(dataset);
  hsize_t one = 1;
  hid_t memory = H5Screate_simple(1, &one, NULL);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, &index, NULL, &one, NULL);
  assert_true(H5Dwrite(dataset, type, memory, space, H5P_DEFAULT, value) >= 0);
  H5Sclose(memory);
  H5Sclose(space);
  H5Dclose(dataset);
}

static inline void overwrite_int(hid_t file, const char *path, hsize_t index, int64_t value) {
  overwrite(file, path, index, &value, H5T_NATIVE_INT64);
}

static inline void replace_text(hid_t file, const char *object, const char *name, const char *text) {
  hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, strlen(text) + 1);
  H5Adelete_by_name(file, object, name, H5P_DEFAULT);
  hid_t attribute = H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(H5Awrite(attribute, type, text) >= 0);
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
}

static inline void replace_number(hid_t file, const char *name, uint64_t value) {
  hid_t attribute = H5Aopen(file, name, H5P_DEFAULT);
  assert_true(H5Awrite(attribute, H5T_NATIVE_UINT64, &value) >= 0);
  H5Aclose(attribute);
}

static inline void overwrite_real(hid_t file, const char *path, hsize_t row, hsize_t column, double value) {
  hid_t dataset = H5Dopen2(file, path, H5P_DEFAULT), space = H5Dget_space(dataset);
  hsize_t at[2] = {row, column}, one[2] = {1, 1};
  hid_t memory = H5Screate_simple(2, one, NULL);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, at, NULL, one, NULL);
  assert_true(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, &value) >= 0);
  H5Sclose(memory);
  H5Sclose(space);
  H5Dclose(dataset);
}

#endif
