/* A libnccl.so.2 for tests: members of one process, devices of host_cuda. As there, calls of a group begin
 * together when it ends; each waits for the streams of all. */
#include "tests/autograd/host_cuda/host_cuda.h"
#include "tests/autograd/host_cuda/nccl.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CALLS = 16 };

struct ncclComm {
  int rank, n_ranks;
};

typedef struct call {
  const char *mine;
  char *all;
  size_t bytes;
  ncclComm_t comm;
  cudaStream_t stream;
} call;

static call calls[MOST_CALLS];
static int n_calls, depth;

ncclResult_t ncclGetUniqueId(ncclUniqueId *id) {
  memset(id, 'm', sizeof *id);
  return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t *comm, int n_ranks, ncclUniqueId id, int rank) {
  if (id.internal[127] != 'm' || rank < 0 || rank >= n_ranks) return ncclInvalidUsage;
  *comm = calloc(1, sizeof **comm);
  if (*comm) **comm = (struct ncclComm){rank, n_ranks};
  return *comm ? ncclSuccess : ncclInvalidUsage;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  free(comm);
  return ncclSuccess;
}

ncclResult_t ncclAllGather(const void *mine, void *all, size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
  if (depth == 0 || type != ncclFloat32 || n_calls == MOST_CALLS) return ncclInvalidUsage;
  calls[n_calls++] = (call){mine, all, 4 * count, comm, stream};
  return ncclSuccess;
}

ncclResult_t ncclGroupStart(void) {
  ++depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd(void) {
  int n = n_calls;
  if (--depth > 0 || n == 0) return ncclSuccess;
  n_calls = 0;
  for (int i = 0; i < n; ++i) {
    const host_cuda_calls *host = host_cuda_calls_of(calls[i].stream);
    if (calls[i].comm->n_ranks != n || host->synchronize(calls[i].stream) != cudaSuccess)
      return ncclInvalidUsage;
  }
  for (int to = 0; to < n; ++to)
    for (int from = 0; from < n; ++from) {
      const host_cuda_calls *host = host_cuda_calls_of(calls[to].stream);
      char *place = calls[to].all + (size_t)calls[from].comm->rank * calls[from].bytes;
      memcpy(host->near(place), host->near(calls[from].mine), calls[from].bytes);
    }
  return ncclSuccess;
}

const char *ncclGetErrorString(ncclResult_t result) {
  return result == ncclSuccess ? "no error" : "invalid usage";
}
