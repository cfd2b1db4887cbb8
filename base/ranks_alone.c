/* Ranks in a build without MPI: always one, *ranks is always NULL. Knows status only. */
#include "base/ranks.h"

#include <stdlib.h>
#include <string.h>

m4_status m4_ranks_join(m4_ranks **ranks, m4_error *err) {
  *ranks = NULL;
  const char *size = getenv("OMPI_COMM_WORLD_SIZE");
  if (!size) size = getenv("PMI_SIZE");
  if (!size || atoi(size) < 2) return M4_OK;
  m4_status status = m4_fail(err, M4_USAGE, "mpirun", "this program was built without MPI");
  return m4_hint(err, status, "install libopenmpi-dev and openmpi-bin and build again, or leave mpirun out");
}

void m4_ranks_leave(m4_ranks *ranks, m4_status status) {
  (void)ranks, (void)status;
}

int m4_ranks_index(const m4_ranks *ranks) {
  (void)ranks;
  return 0;
}

int m4_ranks_count(const m4_ranks *ranks) {
  (void)ranks;
  return 1;
}

int m4_ranks_speaks(const m4_ranks *ranks, m4_status status) {
  (void)ranks, (void)status;
  return 1;
}

m4_status m4_ranks_barrier(m4_ranks *ranks, m4_error *err) {
  (void)ranks, (void)err;
  return M4_OK;
}

m4_status m4_ranks_broadcast(m4_ranks *ranks, void *data, size_t bytes, int root, m4_error *err) {
  (void)ranks, (void)data, (void)bytes, (void)root, (void)err;
  return M4_OK;
}

m4_status m4_ranks_gather(m4_ranks *ranks, void *all, const void *mine, size_t bytes, m4_error *err) {
  (void)ranks, (void)err;
  memcpy(all, mine, bytes);
  return M4_OK;
}

m4_status m4_ranks_sum(m4_ranks *ranks, float *total, const float *const *blocks, int n_blocks, size_t length,
                       m4_error *err) {
  (void)ranks, (void)err;
  for (int block = 0; block < n_blocks; ++block)
    for (size_t i = 0; i < length; ++i) total[i] += blocks[block][i];
  return M4_OK;
}

m4_status m4_ranks_agree(m4_ranks *ranks, m4_status status, m4_error *err) {
  (void)ranks, (void)err;
  return status;
}
