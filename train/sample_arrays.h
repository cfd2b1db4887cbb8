/* A prepared sample as named float32 arrays, as safetensors holds them, and back. Whole numbers are stored as
 * float32, which is exact up to 2^24. Knows nn. */
#ifndef TRAIN_SAMPLE_ARRAYS_H
#define TRAIN_SAMPLE_ARRAYS_H

#include "nn/m4_inputs.h"
#include "nn/weights.h"

enum { TR_MAX_SAMPLE_ARRAYS = 16 };
typedef struct tr_arrays {
  m4_named_array items[TR_MAX_SAMPLE_ARRAYS];
  int32_t count;
} tr_arrays;

/* All of a sample but what m4_sample_build_events makes, also what m4_sample_cut_short hides. Free also after
 * a failure: M4_MEMORY, or M4_DATA for a sample with numbers beyond 2^24. */
m4_status tr_arrays_from_sample(tr_arrays *arrays, const m4_sample *sample, m4_error *err);
void tr_arrays_free(tr_arrays *arrays);

/* arena: zeroed, initialised here; freed by the caller whatever happens. M4_DATA for arrays that are no
 * sample.
 */
m4_status tr_sample_from_arrays(m4_sample *sample, const m4_named_array *arrays, int32_t n_arrays,
                                int64_t n_links, m4_arena *arena, m4_error *err);

#endif
