/* One upload. Knows memory.h. */
#include "autograd/block.h"

#include <stdlib.h>
#include <string.h>

void ag_block_free(ag_block *block) {
  if (block->there != block->host) ag_give_back(block->backend, block->there);
  free(block->host);
  memset(block, 0, sizeof *block);
}

m4_status ag_block_begin(ag_block *block, const ag_backend *backend, size_t n_numbers, m4_error *err) {
  block->used = 0;
  if (n_numbers <= block->capacity) return M4_OK;
  ag_block_free(block);
  block->backend = backend;
  block->host = malloc(2 * n_numbers * sizeof *block->host);
  if (block->host)
    block->there = ag_on_host(backend) ? block->host : ag_take(backend, 2 * n_numbers * sizeof *block->host);
  if (!block->there) {
    ag_block_free(block);
    return m4_fail(err, M4_MEMORY, NULL, "no memory for an event of %zu numbers", n_numbers);
  }
  block->capacity = 2 * n_numbers;
  return M4_OK;
}

int32_t *ag_block_integers(ag_block *block, size_t n) {
  int32_t *place = block->host + block->used;
  block->used += n;
  return place;
}

float *ag_block_reals(ag_block *block, size_t n) {
  _Static_assert(sizeof(float) == sizeof(int32_t), "one block for both");
  return (float *)(void *)ag_block_integers(block, n);
}

void ag_block_send(ag_block *block) {
  if (block->there != block->host)
    ag_upload(block->backend, block->there, block->host, block->used * sizeof *block->host);
}

const void *ag_block_there(const ag_block *block, const void *here) {
  return here ? block->there + ((const int32_t *)here - block->host) : NULL;
}
