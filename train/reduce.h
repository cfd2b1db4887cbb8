/* Gradients of several devices and several processes become one sum, the same bits on all of them: the left
 * fold over processes, their devices and the blocks of each, as if one device had computed every block.
 * Between GPUs through NCCL (gather, then a sum in that order), else through host memory and MPI. Knows
 * autograd and ranks. */
#ifndef TRAIN_REDUCE_H
#define TRAIN_REDUCE_H

#include "autograd/device.h"
#include "base/ranks.h"

typedef struct tr_reduce tr_reduce;

/* The backends of this process's devices [n_devices], float32; copied. ranks: NULL = one process. Every
 * process calls, with the same length (elements of a block) and at most most_blocks blocks per device and
 * call. *note (may be NULL): why NCCL is not used, as long as the reduce lives; else NULL. M4_USAGE:
 * processes with different numbers of devices; M4_MEMORY. */
m4_status tr_reduce_create(tr_reduce **reduce, const ag_backend *const *backends, int n_devices,
                           m4_ranks *ranks, int most_blocks, size_t length, const char **note, m4_error *err);
void tr_reduce_free(tr_reduce *reduce); /* NULL accepted */

/* totals[d] += all blocks, in order. totals[n_devices]: equal everywhere, in each device's memory.
 * blocks[d][n_blocks[d]] in each device's memory; their number may differ. Every process calls. */
m4_status tr_reduce_sum(tr_reduce *reduce, float *const *totals, const float *const *const *blocks,
                        const int *n_blocks, m4_error *err);

#endif
