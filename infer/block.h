/* What one step tells the backend, in one piece: arrays of 4-byte numbers, filled on the host and sent by one
 * upload; on the CPU they are used where they are. Knows autograd. */
#ifndef INFER_BLOCK_H
#define INFER_BLOCK_H

#include "autograd/memory.h"

/* Zero-initialise before use. */
typedef struct inf_block {
  const ag_backend *backend;
  int32_t *host, *there; /* [capacity] numbers here and in the backend's memory */
  size_t capacity, used;
} inf_block;

void inf_block_free(inf_block *block);
/* Empties the block and makes room for so many numbers. */
m4_status inf_block_begin(inf_block *block, const ag_backend *backend, size_t n_numbers, m4_error *err);
/* The next n numbers, to be filled. */
int32_t *inf_block_integers(inf_block *block, size_t n);
float *inf_block_reals(inf_block *block, size_t n);
void inf_block_send(inf_block *block);
/* Where the backend finds what was filled here. */
const void *inf_block_there(const inf_block *block, const void *here);

#endif
