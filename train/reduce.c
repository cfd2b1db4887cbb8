/* Sums over devices and processes in one order, through NCCL or host memory. */
#include "train/reduce.h"

#include "autograd/backend.h"
#include "autograd/memory.h"

#include <stdio.h>
#include <stdlib.h>

struct tr_reduce {
  const ag_backend **backends; /* [n_devices] */
  int n_devices, n_members, most_blocks;
  m4_ranks *ranks;
  size_t length;
  char note[448];
  /* NCCL, or NULL. Per device: own blocks [most_blocks, length], everybody's [n_members, most_blocks, length]
   */
  ag_exchange *exchange;
  float **mine, **all;
  /* host memory: a total, and blocks of all devices [n_devices * most_blocks] one after another */
  float *host_total, *host_blocks;
};

/* ---- making ---- */

/* Every process has as many devices. */
static m4_status compare_devices(const tr_reduce *r, m4_error *err) {
  int count = m4_ranks_count(r->ranks);
  int32_t mine = r->n_devices, *all = calloc((size_t)count, sizeof *all);
  if (!all) return m4_fail(err, M4_MEMORY, NULL, "no memory to add gradients");
  m4_status status = m4_ranks_gather(r->ranks, all, &mine, sizeof mine, err);
  for (int i = 0; i < count && status == M4_OK; ++i)
    if (all[i] != mine)
      status =
          m4_fail(err, M4_USAGE, "training.devices", "rank %d has %d devices, another %d", i, all[i], mine);
  free(all);
  return status;
}

/* All or nobody: a process without NCCL keeps the others from it. Every process makes a name, though only
 * rank 0's counts: who opens an exchange waits for the others, and must know before that all can. */
static m4_status try_exchange(tr_reduce *r, m4_error *err) {
  unsigned char id[AG_EXCHANGE_ID_BYTES] = {0};
  m4_error reason = {0};
  M4_TRY(compare_devices(r, err));
  m4_status opened = m4_ranks_agree(r->ranks, ag_exchange_name(id, &reason), &reason);
  M4_TRY(m4_ranks_broadcast(r->ranks, id, sizeof id, 0, err));
  if (r->n_members > 1 && opened == M4_OK)
    opened = ag_exchange_open(&r->exchange, r->backends, r->n_devices,
                              m4_ranks_index(r->ranks) * r->n_devices, r->n_members, id, &reason);
  if (m4_ranks_agree(r->ranks, opened, &reason) == M4_OK) return M4_OK;
  ag_exchange_close(r->exchange);
  r->exchange = NULL;
  snprintf(r->note, sizeof r->note, "gradients go through host memory: %s", reason.what);
  return M4_OK;
}

static bool take_device_memory(tr_reduce *r) {
  size_t bytes = (size_t)r->most_blocks * r->length * sizeof(float);
  r->mine = calloc((size_t)r->n_devices, sizeof *r->mine);
  r->all = calloc((size_t)r->n_devices, sizeof *r->all);
  bool good = r->mine && r->all;
  for (int d = 0; d < r->n_devices && good; ++d) {
    r->mine[d] = ag_take(r->backends[d], bytes);
    r->all[d] = ag_take(r->backends[d], bytes * (size_t)r->n_members);
    good = r->mine[d] && r->all[d];
    if (good) ag_zero(r->backends[d], r->mine[d], bytes);
  }
  return good;
}

static bool take_memory(tr_reduce *r) {
  if (r->exchange) return take_device_memory(r);
  r->host_total = calloc(r->length, sizeof *r->host_total);
  r->host_blocks = calloc((size_t)r->n_devices * (size_t)r->most_blocks * r->length, sizeof *r->host_blocks);
  return r->host_total && r->host_blocks;
}

static bool all_on_devices(const tr_reduce *r) {
  for (int d = 0; d < r->n_devices; ++d)
    if (ag_on_host(r->backends[d])) return false;
  return true;
}

m4_status tr_reduce_create(tr_reduce **reduce, const ag_backend *const *backends, int n_devices,
                           m4_ranks *ranks, int most_blocks, size_t length, const char **note,
                           m4_error *err) {
  tr_reduce *r = *reduce = calloc(1, sizeof *r);
  if (note) *note = NULL;
  if (!r) return m4_fail(err, M4_MEMORY, NULL, "no memory to add gradients");
  r->n_devices = n_devices;
  r->ranks = ranks;
  r->most_blocks = most_blocks;
  r->length = length;
  r->n_members = n_devices * m4_ranks_count(ranks);
  r->backends = calloc((size_t)n_devices, sizeof *r->backends);
  for (int d = 0; d < n_devices && r->backends; ++d) r->backends[d] = backends[d];
  m4_status status = r->backends ? M4_OK : M4_MEMORY;
  if (status == M4_OK && all_on_devices(r)) status = try_exchange(r, err);
  if (status == M4_OK && !take_memory(r)) status = M4_MEMORY;
  if (status == M4_MEMORY)
    m4_fail(err, M4_MEMORY, NULL, "no memory to add gradients of %d devices", n_devices);
  if (note && r->note[0]) *note = r->note;
  if (status == M4_OK) return M4_OK;
  tr_reduce_free(r);
  *reduce = NULL;
  return status;
}

void tr_reduce_free(tr_reduce *r) {
  if (!r) return;
  for (int d = 0; d < r->n_devices; ++d) {
    if (r->mine) ag_give_back(r->backends[d], r->mine[d]);
    if (r->all) ag_give_back(r->backends[d], r->all[d]);
  }
  ag_exchange_close(r->exchange);
  free(r->mine);
  free(r->all);
  free(r->host_total);
  free(r->host_blocks);
  free(r->backends);
  free(r);
}

/* ---- through NCCL ---- */

static m4_status sum_on_devices(tr_reduce *r, float *const *totals, const float *const *const *blocks,
                                const int *n_blocks, m4_error *err) {
  size_t bytes = r->length * sizeof(float);
  int32_t *counts = calloc((size_t)r->n_members, sizeof *counts),
          *mine = calloc((size_t)r->n_devices, sizeof *mine);
  m4_status status = counts && mine ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory to add gradients");
  for (int d = 0; d < r->n_devices && status == M4_OK; ++d) {
    mine[d] = n_blocks[d];
    for (int k = 0; k < n_blocks[d]; ++k)
      ag_copy(r->backends[d], r->mine[d] + (size_t)k * r->length, blocks[d][k], bytes);
  }
  if (status == M4_OK)
    status = m4_ranks_gather(r->ranks, counts, mine, (size_t)r->n_devices * sizeof *mine, err);
  if (status == M4_OK)
    status = r->exchange->gather(r->exchange, r->all, (const float *const *)r->mine,
                                 (size_t)r->most_blocks * r->length, err);
  for (int d = 0; d < r->n_devices && status == M4_OK; ++d)
    for (int m = 0; m < r->n_members; ++m) {
      const ag_backend *backend = r->backends[d];
      const float *theirs = r->all[d] + (size_t)m * (size_t)r->most_blocks * r->length;
      if (counts[m] > 0) backend->add_rows(backend, totals[d], theirs, NULL, counts[m], (int32_t)r->length);
    }
  free(counts);
  free(mine);
  return status;
}

/* ---- through host memory ---- */

static m4_status sum_on_host(tr_reduce *r, float *const *totals, const float *const *const *blocks,
                             const int *n_blocks, m4_error *err) {
  size_t bytes = r->length * sizeof(float), n = 0;
  const float **fetched = calloc((size_t)r->n_devices * (size_t)r->most_blocks + 1, sizeof *fetched);
  if (!fetched) return m4_fail(err, M4_MEMORY, NULL, "no memory to add gradients");
  for (int d = 0; d < r->n_devices; ++d)
    for (int k = 0; k < n_blocks[d]; ++k) {
      fetched[n] = r->host_blocks + n * r->length;
      ag_download(r->backends[d], r->host_blocks + n * r->length, blocks[d][k], bytes);
      ++n;
    }
  ag_download(r->backends[0], r->host_total, totals[0], bytes);
  m4_status status = m4_ranks_sum(r->ranks, r->host_total, fetched, (int)n, r->length, err);
  for (int d = 0; d < r->n_devices && status == M4_OK; ++d)
    ag_upload(r->backends[d], totals[d], r->host_total, bytes);
  free(fetched);
  return status;
}

m4_status tr_reduce_sum(tr_reduce *r, float *const *totals, const float *const *const *blocks,
                        const int *n_blocks, m4_error *err) {
  M4_TRY((r->exchange ? sum_on_devices : sum_on_host)(r, totals, blocks, n_blocks, err));
  for (int d = 0; d < r->n_devices; ++d) M4_TRY(ag_backend_status(r->backends[d], err));
  return M4_OK;
}
