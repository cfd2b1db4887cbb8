/* The backend's memory, for rooms that keep tables and event lists there: on the CPU any memory, on a device
 * the device's. Knows autograd.h. */
#ifndef AG_MEMORY_H
#define AG_MEMORY_H

#include "autograd/autograd.h"

/* The host may read and write the backend's memory. */
bool ag_on_host(const ag_backend *backend);
const char *ag_backend_name(const ag_backend *backend); /* "cpu", "cuda:0" */
/* A row's bits do not depend on the rows computed with it. */
bool ag_row_bits(const ag_backend *backend);

void *ag_take(const ag_backend *backend, size_t bytes);     /* NULL: there is none left */
void ag_give_back(const ag_backend *backend, void *memory); /* NULL accepted */
void ag_zero(const ag_backend *backend, void *memory, size_t bytes);
/* Host memory on one side; what was queued on the device before is done first. */
void ag_upload(const ag_backend *backend, void *to, const void *from_host, size_t bytes);
void ag_download(const ag_backend *backend, void *to_host, const void *from, size_t bytes);
void ag_copy(const ag_backend *backend, void *to, const void *from, size_t bytes); /* both the backend's */

/* Memory of the backend that goes with the tape's elements: until the tape is released below it. NULL when
 * the tape has failed or has no room left (which makes it fail). */
void *ag_tape_take(ag_tape *tape, size_t bytes);

/* Float32 values that lie in the backend's memory as a tensor of the tape's type; they must live as long as
 * the tape's nodes. */
ag_tensor *ag_values(ag_tape *tape, int32_t rows, int32_t cols, const float *values);

#endif
