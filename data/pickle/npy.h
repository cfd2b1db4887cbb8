/* .npy files of numpy: one array in one file, object arrays included. Knows the pickle reader and files. */
#ifndef DATA_PICKLE_NPY_H
#define DATA_PICKLE_NPY_H

#include "data/pickle/numpy.h"

/* An array and the memory it lies in. Zero-initialise; free with ds_npy_free. */
typedef struct ds_npy {
  ds_sequence values;
  char *text; /* the file */
  m4_arena arena;
} ds_npy;

/* Reads path (or path.gz). M4_DATA: not a .npy file, damaged, or an array of something else than numbers,
 * texts and the values that numpy.h accepts; an array of rank above 1 in Fortran order. */
m4_status ds_npy_read(ds_npy *array, const char *path, m4_error *err);
/* The same from memory: text must outlive the array. */
m4_status ds_npy_parse(ds_npy *array, const char *text, size_t length, m4_error *err);
void ds_npy_free(ds_npy *array);

#endif
