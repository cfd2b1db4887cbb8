/* Many processes, one job: a thin seam over MPI. A process that was not started by mpirun is a single rank,
 * and no MPI call is made. Only ranks.c includes mpi.h. Knows status.
 *
 * Every function takes NULL for a single rank. All ranks must call the same functions in the same order (from
 * one thread): a rank that fails between two calls says so with m4_ranks_agree, it does not just return. */
#ifndef M4_BASE_RANKS_H
#define M4_BASE_RANKS_H

#include "base/status.h"

#include <stddef.h>

typedef struct m4_ranks m4_ranks;

/* Joins mpirun's job when the environment names one (OMPI_COMM_WORLD_SIZE, PMI_SIZE, PMIX_RANK); otherwise
 * *ranks is NULL. Call once, before threads are made. M4_USAGE: one of several processes, but built without
 * MPI. */
m4_status m4_ranks_join(m4_ranks **ranks, m4_error *err);

/* Ends the membership. `status` is what the program will exit with: after a failure that only this rank knows
 * of it does not wait for the others, mpirun ends them when this process exits. NULL accepted. */
void m4_ranks_leave(m4_ranks *ranks, m4_status status);

int m4_ranks_index(const m4_ranks *ranks); /* 0 .. count - 1 */
int m4_ranks_count(const m4_ranks *ranks);

/* True when messages for people should come from this process: rank 0, or a rank whose last failure the
 * others do not know of. */
int m4_ranks_speaks(const m4_ranks *ranks, m4_status status);

m4_status m4_ranks_barrier(m4_ranks *ranks, m4_error *err);

/* data[bytes] of rank `root` replaces everybody's. */
m4_status m4_ranks_broadcast(m4_ranks *ranks, void *data, size_t bytes, int root, m4_error *err);

/* all[count * bytes] = mine[bytes] of rank 0, of rank 1, ...; on every rank. M4_USAGE: more than 1 GiB per
 * rank. */
m4_status m4_ranks_gather(m4_ranks *ranks, void *all, const void *mine, size_t bytes, m4_error *err);

/* total[i] += blocks[0][i], blocks[1][i], ... of rank 0, then those of rank 1, and so on: one left fold in
 * rank and block order, so that the result has the bits of one rank that adds all the blocks. total[length]
 * must be the same on every rank before, and is after; n_blocks >= 0 may differ from rank to rank. */
m4_status m4_ranks_sum(m4_ranks *ranks, float *total, const float *const *blocks, int n_blocks, size_t length,
                       m4_error *err);

/* Everybody's status in, one answer out: M4_OK when all are M4_OK, otherwise status and error of the lowest
 * rank that failed, on every rank (named in `where` when there are several). */
m4_status m4_ranks_agree(m4_ranks *ranks, m4_status status, m4_error *err);

#endif
