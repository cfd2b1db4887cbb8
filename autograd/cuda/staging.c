/* The ring of pinned memory behind uploads. */
#include "autograd/cuda/staging.h"

#include <string.h>

enum { ALIGNMENT = 64 };

cudaError_t ag_staging_create(ag_staging *staging, size_t slot_bytes) {
  staging->slot_bytes = slot_bytes;
  cudaError_t error =
      cudaHostAlloc((void **)&staging->memory, AG_STAGING_SLOTS * slot_bytes, cudaHostAllocDefault);
  for (int i = 0; i < AG_STAGING_SLOTS && error == cudaSuccess; ++i)
    error = cudaEventCreateWithFlags(&staging->passed[i], cudaEventDisableTiming);
  return error;
}

void ag_staging_free(ag_staging *staging) {
  for (int i = 0; i < AG_STAGING_SLOTS; ++i)
    if (staging->passed[i]) cudaEventDestroy(staging->passed[i]);
  if (staging->memory) cudaFreeHost(staging->memory);
  *staging = (ag_staging){0};
}

static cudaError_t next_slot(ag_staging *staging, cudaStream_t stream) {
  cudaError_t error = cudaEventRecord(staging->passed[staging->slot], stream);
  staging->waiting[staging->slot] = true;
  staging->slot = (staging->slot + 1) % AG_STAGING_SLOTS;
  staging->used_bytes = 0;
  if (error == cudaSuccess && staging->waiting[staging->slot])
    error = cudaEventSynchronize(staging->passed[staging->slot]);
  return error;
}

/* Part of an upload, as much as goes into the slot. */
static cudaError_t upload_part(ag_staging *staging, cudaStream_t stream, void *to, const void *from,
                               size_t bytes) {
  unsigned char *place = staging->memory + (size_t)staging->slot * staging->slot_bytes + staging->used_bytes;
  memcpy(place, from, bytes);
  staging->used_bytes += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return cudaMemcpyAsync(to, place, bytes, cudaMemcpyHostToDevice, stream);
}

cudaError_t ag_staging_upload(ag_staging *staging, cudaStream_t stream, void *to, const void *from,
                              size_t bytes) {
  cudaError_t error = cudaSuccess;
  for (size_t done = 0; done < bytes && error == cudaSuccess;) {
    size_t wanted = bytes - done < staging->slot_bytes ? bytes - done : staging->slot_bytes;
    if (wanted > staging->slot_bytes - staging->used_bytes) error = next_slot(staging, stream);
    if (error == cudaSuccess)
      error = upload_part(staging, stream, (unsigned char *)to + done, (const unsigned char *)from + done,
                          wanted);
    done += wanted;
  }
  return error;
}
