/* What numpy writes: arrays and numbers inside of pickles, and .npy files, seen as sequences. Knows the
 * pickle reader. Source: training.md 6.1; numpy's NEP 1 (.npy). */
#ifndef DATA_PICKLE_NUMPY_H
#define DATA_PICKLE_NUMPY_H

#include "data/pickle/pickle.h"

enum { DS_NUMPY_MAX_RANK = 8 };

/* Names that a pickle of numpy arrays may mention; protocols 2 to 5. */
extern const ds_pickle_rules ds_numpy_rules;

/* Type of an array's elements, from "<i8", "|O" and the like. */
typedef struct ds_numpy_type {
  char kind; /* 'i' 'u' 'b' integers, 'f' reals, 'U' texts, 'O' values */
  int32_t bytes;
  bool big_endian;
} ds_numpy_type;
bool ds_numpy_type_of(ds_numpy_type *type, const char *text);

/* A list, a tuple or an array: count = shape[0] elements. Rank 0 is one value, rank above 1 a sequence of
 * sequences. Points into memory of what it was made from. */
typedef struct ds_sequence {
  int64_t count;
  int32_t rank;
  int64_t shape[DS_NUMPY_MAX_RANK];
  const ds_pickle_value *const *items; /* values in row-major order; NULL: numbers */
  const unsigned char *bytes;          /* numbers in row-major order */
  ds_numpy_type type;
} ds_sequence;

/* The questions below answer false when the value is something else. */
bool ds_sequence_of(ds_sequence *sequence, const ds_pickle_value *value);
bool ds_sequence_at(ds_sequence *inner, const ds_sequence *sequence, int64_t index);
/* Integers, and reals that are whole numbers below 2^53. */
bool ds_sequence_integer(int64_t *integer, const ds_sequence *sequence, int64_t index);
bool ds_sequence_real(double *real, const ds_sequence *sequence, int64_t index);
bool ds_sequence_text(const char **text, const ds_sequence *sequence, int64_t index);
bool ds_value_integer(int64_t *integer, const ds_pickle_value *value);

#endif
