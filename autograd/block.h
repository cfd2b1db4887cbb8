/* What the backend is to know, in one piece: arrays of 4-byte numbers, filled on the host and sent by one
 * upload; on the CPU they are used where they are. Knows memory.h. */
#ifndef AG_BLOCK_H
#define AG_BLOCK_H

#include "autograd/memory.h"

/* Zero-initialise before use. */
typedef struct ag_block {
  const ag_backend *backend;
  int32_t *host, *there; /* [capacity] numbers here and in the backend's memory */
  size_t capacity, used;
} ag_block;

void ag_block_free(ag_block *block);
/* Empties the block and makes room for so many numbers. */
m4_status ag_block_begin(ag_block *block, const ag_backend *backend, size_t n_numbers, m4_error *err);
/* The next n numbers, to be filled. */
int32_t *ag_block_integers(ag_block *block, size_t n);
float *ag_block_reals(ag_block *block, size_t n);
void ag_block_send(ag_block *block);
/* Where the backend finds what was filled here. */
const void *ag_block_there(const ag_block *block, const void *here);

#endif
