/* Ranks of an MPI job, or the only one there is. Knows status only. Built when MPI is found, else
 * ranks_alone.c. */
#include "base/ranks.h"

#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK_BYTES = 1 << 24, CHUNK_FLOATS = 1 << 16, MAX_GATHER_BYTES = 1 << 30 };

struct m4_ranks {
  int index, count;
  bool all_failed; /* the last m4_ranks_agree ended in an error that everybody has */
};

int m4_ranks_index(const m4_ranks *ranks) {
  return ranks ? ranks->index : 0;
}

int m4_ranks_count(const m4_ranks *ranks) {
  return ranks ? ranks->count : 1;
}

int m4_ranks_speaks(const m4_ranks *ranks, m4_status status) {
  return m4_ranks_index(ranks) == 0 || (status != M4_OK && !ranks->all_failed);
}

/* ---- transport ---- */

/* Messages between neighbours need no distinction: each pair exchanges them in order. */
enum { TAG = 0 };

static m4_status check(int code, const char *call, m4_error *err) {
  if (code == MPI_SUCCESS) return M4_OK;
  char text[MPI_MAX_ERROR_STRING] = "unknown error";
  int length;
  MPI_Error_string(code, text, &length);
  return m4_fail(err, M4_IO, call, "MPI failed: %.256s", text);
}

static bool is_started_by_mpirun(void) {
  return getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMI_SIZE") || getenv("PMIX_RANK");
}

static m4_status start(m4_ranks *ranks, m4_error *err) {
  int level;
  M4_TRY(check(MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level), "MPI_Init_thread", err));
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  M4_TRY(check(MPI_Comm_size(MPI_COMM_WORLD, &ranks->count), "MPI_Comm_size", err));
  return check(MPI_Comm_rank(MPI_COMM_WORLD, &ranks->index), "MPI_Comm_rank", err);
}

static void finish(void) {
  MPI_Finalize();
}

/* A rank may be hours ahead of the others: after a moment of spinning it sleeps between looks. */
static m4_status wait_politely(MPI_Request *request, const char *call, m4_error *err) {
  enum { SPINS = 10000, MAX_PAUSE_NS = 20000000 };
  struct timespec pause = {.tv_nsec = 10000};
  int done = 0;
  for (int looks = 0; !done; ++looks) {
    M4_TRY(check(MPI_Test(request, &done, MPI_STATUS_IGNORE), call, err));
    if (done || looks < SPINS) continue;
    looks = SPINS;
    nanosleep(&pause, NULL);
    if (pause.tv_nsec < MAX_PAUSE_NS) pause.tv_nsec += pause.tv_nsec / 4;
  }
  return M4_OK;
}

static m4_status wait_for_all(m4_error *err) {
  MPI_Request request;
  M4_TRY(check(MPI_Ibarrier(MPI_COMM_WORLD, &request), "MPI_Ibarrier", err));
  return wait_politely(&request, "MPI_Ibarrier", err);
}

static m4_status broadcast(void *data, size_t bytes, int root, m4_error *err) {
  return check(MPI_Bcast(data, (int)bytes, MPI_BYTE, root, MPI_COMM_WORLD), "MPI_Bcast", err);
}

static m4_status gather(void *all, const void *mine, size_t bytes, m4_error *err) {
  int n = (int)bytes;
  return check(MPI_Allgather(mine, n, MPI_BYTE, all, n, MPI_BYTE, MPI_COMM_WORLD), "MPI_Allgather", err);
}

static m4_status send(const float *data, size_t length, int to, m4_error *err) {
  return check(MPI_Send(data, (int)length, MPI_FLOAT, to, TAG, MPI_COMM_WORLD), "MPI_Send", err);
}

static m4_status receive(float *data, size_t length, int from, m4_error *err) {
  return check(MPI_Recv(data, (int)length, MPI_FLOAT, from, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE),
               "MPI_Recv", err);
}

static m4_status find_lowest(int *value, m4_error *err) {
  MPI_Request request;
  int mine = *value;
  M4_TRY(check(MPI_Iallreduce(&mine, value, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD, &request), "MPI_Iallreduce",
               err));
  return wait_politely(&request, "MPI_Iallreduce", err);
}

/* ---- membership ---- */

m4_status m4_ranks_join(m4_ranks **ranks, m4_error *err) {
  *ranks = NULL;
  if (!is_started_by_mpirun()) return M4_OK;
  m4_ranks *made = calloc(1, sizeof *made);
  if (!made) return m4_fail(err, M4_MEMORY, "ranks", "no memory");
  m4_status status = start(made, err);
  if (status == M4_OK)
    *ranks = made;
  else
    free(made);
  return status;
}

void m4_ranks_leave(m4_ranks *ranks, m4_status status) {
  if (!ranks) return;
  if (status == M4_OK || ranks->all_failed) finish();
  free(ranks);
}

/* ---- exchange ---- */

m4_status m4_ranks_barrier(m4_ranks *ranks, m4_error *err) {
  return ranks ? wait_for_all(err) : M4_OK;
}

m4_status m4_ranks_broadcast(m4_ranks *ranks, void *data, size_t bytes, int root, m4_error *err) {
  if (!ranks) return M4_OK;
  for (size_t begin = 0; begin < bytes; begin += CHUNK_BYTES) {
    size_t length = bytes - begin < CHUNK_BYTES ? bytes - begin : CHUNK_BYTES;
    M4_TRY(broadcast((unsigned char *)data + begin, length, root, err));
  }
  return M4_OK;
}

m4_status m4_ranks_gather(m4_ranks *ranks, void *all, const void *mine, size_t bytes, m4_error *err) {
  if (ranks && bytes > MAX_GATHER_BYTES)
    return m4_fail(err, M4_USAGE, "ranks", "%zu bytes are too many to gather at once", bytes);
  if (ranks) return gather(all, mine, bytes, err);
  memcpy(all, mine, bytes);
  return M4_OK;
}

static void add_blocks(float *total, const float *const *blocks, int n_blocks, size_t begin, size_t length) {
  for (int block = 0; block < n_blocks; ++block) {
    const float *part = blocks[block] + begin;
    for (size_t i = 0; i < length; ++i) total[begin + i] += part[i];
  }
}

/* The running sum goes from rank to rank in chunks: rank 1 adds to chunk 0 while rank 0 adds to chunk 1. */
static m4_status pass_along(const m4_ranks *ranks, float *total, const float *const *blocks, int n_blocks,
                            size_t length, m4_error *err) {
  for (size_t begin = 0; begin < length; begin += CHUNK_FLOATS) {
    size_t chunk = length - begin < CHUNK_FLOATS ? length - begin : CHUNK_FLOATS;
    if (ranks->index > 0) M4_TRY(receive(total + begin, chunk, ranks->index - 1, err));
    add_blocks(total, blocks, n_blocks, begin, chunk);
    if (ranks->index + 1 < ranks->count) M4_TRY(send(total + begin, chunk, ranks->index + 1, err));
  }
  return M4_OK;
}

m4_status m4_ranks_sum(m4_ranks *ranks, float *total, const float *const *blocks, int n_blocks, size_t length,
                       m4_error *err) {
  if (!ranks) {
    add_blocks(total, blocks, n_blocks, 0, length);
    return M4_OK;
  }
  M4_TRY(pass_along(ranks, total, blocks, n_blocks, length, err));
  return m4_ranks_broadcast(ranks, total, length * sizeof *total, ranks->count - 1, err);
}

/* ---- consensus ---- */

m4_status m4_ranks_agree(m4_ranks *ranks, m4_status status, m4_error *err) {
  if (!ranks) return status;
  m4_error shared = {.status = status};
  if (status != M4_OK && err) shared = *err;
  int failed = status == M4_OK ? ranks->count : ranks->index;
  M4_TRY(find_lowest(&failed, err));
  ranks->all_failed = false;
  if (failed == ranks->count) return M4_OK;
  M4_TRY(broadcast(&shared, sizeof shared, failed, err));
  M4_TRY(broadcast(&status, sizeof status, failed, err));
  ranks->all_failed = true;
  if (err) *err = shared;
  char name[32];
  snprintf(name, sizeof name, "rank %d", failed);
  return ranks->count > 1 ? m4_within(err, status, name) : status;
}
