/* Inside autograd/cuda/: a ring of pinned host memory for uploads. The host copies into it and goes on; the
 * device reads it when the stream comes to that. A slot is written again only after the device has passed the
 * end of its last use. Knows the CUDA runtime only; calls for one ring come one at a time. */
#ifndef AG_CUDA_STAGING_H
#define AG_CUDA_STAGING_H

#include <cuda_runtime_api.h>

#include <stdbool.h>
#include <stddef.h>

enum { AG_STAGING_SLOTS = 8 };

/* Zero-initialise before use. */
typedef struct ag_staging {
  unsigned char *memory;         /* [AG_STAGING_SLOTS * slot_bytes], pinned */
  size_t slot_bytes, used_bytes; /* of the slot that is being filled */
  int slot;
  cudaEvent_t passed[AG_STAGING_SLOTS]; /* the device is through with what the slot held */
  bool waiting[AG_STAGING_SLOTS];       /* passed has been recorded */
} ag_staging;

/* slot_bytes: a multiple of 64. */
cudaError_t ag_staging_create(ag_staging *staging, size_t slot_bytes);
void ag_staging_free(ag_staging *staging);
/* to (device) = from (host), in stream order; from may change at once. Waits only for a slot that the device
 * has not passed yet, that is after AG_STAGING_SLOTS - 1 full slots. */
cudaError_t ag_staging_upload(ag_staging *staging, cudaStream_t stream, void *to, const void *from,
                              size_t bytes);

#endif
