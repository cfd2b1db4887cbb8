/* Exchanges between GPUs through NCCL, which is loaded when the first one is wanted: machines without it use
 * the plug-in all the same. M4_NCCL_LIBRARY names another file. */
#include "autograd/cuda/plugin.h"
#include "autograd/cuda/runtime.h"

#include <dlfcn.h>
#include <nccl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(ncclUniqueId) == AG_EXCHANGE_ID_BYTES, "an exchange is named by NCCL's id");

/* name: a function of nccl.h; a call goes through library.name */
#define NCCL_FUNCTIONS(X)                                                                                    \
  X(ncclGetUniqueId)                                                                                         \
  X(ncclCommInitRank)                                                                                        \
  X(ncclCommDestroy)                                                                                         \
  X(ncclAllGather)                                                                                           \
  X(ncclGroupStart) X(ncclGroupEnd) X(ncclGetErrorString)

typedef struct nccl {
  void *library;
#define X(name) __typeof__(&(name)) name;
  NCCL_FUNCTIONS(X)
#undef X
} nccl;

typedef struct nccl_exchange {
  ag_exchange exchange; /* first: what callers see */
  nccl nccl;
  ag_cuda **members;
  ncclComm_t *comms;
} nccl_exchange;

static bool load(nccl *n, char *why, size_t why_bytes) {
  const char *chosen = getenv("M4_NCCL_LIBRARY");
  n->library = dlopen(chosen && chosen[0] ? chosen : "libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!n->library) {
    snprintf(why, why_bytes, "no NCCL: %.200s", dlerror());
    return false;
  }
  bool found = true;
#define X(name)                                                                                              \
  *(void **)&n->name = dlsym(n->library, #name);                                                             \
  found = found && n->name;
  NCCL_FUNCTIONS(X)
#undef X
  if (!found) snprintf(why, why_bytes, "no NCCL: its library lacks functions");
  return found;
}

static m4_status gather(ag_exchange *exchange, float *const *all, const float *const *mine, size_t n,
                        m4_error *err) {
  nccl_exchange *e = (nccl_exchange *)exchange;
  for (int d = 0; d < exchange->n_here; ++d) /* if one stayed away the others would wait for ever */
    if (!ag_cuda_begin(e->members[d], "gather"))
      return m4_fail(err, M4_IO, e->members[d]->name, "%s", e->members[d]->failure);
  ncclResult_t result = e->nccl.ncclGroupStart();
  for (int d = 0; d < exchange->n_here && result == ncclSuccess; ++d)
    result = e->nccl.ncclAllGather(mine[d], all[d], n, ncclFloat32, e->comms[d], e->members[d]->stream);
  ncclResult_t end = e->nccl.ncclGroupEnd();
  if (result == ncclSuccess) result = end;
  if (result == ncclSuccess) return M4_OK;
  return m4_fail(err, M4_IO, "NCCL", "gathering %zu values from %d devices: %s", n, exchange->n_members,
                 e->nccl.ncclGetErrorString(result));
}

static void close_exchange(ag_exchange *exchange) {
  nccl_exchange *e = (nccl_exchange *)exchange;
  for (int d = 0; e->comms && d < exchange->n_here; ++d)
    if (e->comms[d]) e->nccl.ncclCommDestroy(e->comms[d]);
  free(e->comms);
  free(e->members);
  free(e);
}

static ncclResult_t join(nccl_exchange *e, int first, ncclUniqueId id) {
  ncclResult_t result = e->nccl.ncclGroupStart();
  for (int d = 0; d < e->exchange.n_here && result == ncclSuccess; ++d) {
    cudaSetDevice(e->members[d]->number);
    result = e->nccl.ncclCommInitRank(&e->comms[d], e->exchange.n_members, id, first + d);
  }
  ncclResult_t end = e->nccl.ncclGroupEnd();
  return result == ncclSuccess ? end : result;
}

static ag_exchange *give_up(nccl_exchange *e, const char *what, char *why, size_t why_bytes) {
  snprintf(why, why_bytes, "no NCCL: %.200s", what);
  if (e) close_exchange(&e->exchange);
  return NULL;
}

ag_exchange *m4_cuda_exchange(const ag_backend *const *backends, int n_here, int first, int n_members,
                              unsigned char *id, char *why, size_t why_bytes) {
  nccl library;
  ncclUniqueId name;
  if (!load(&library, why, why_bytes)) return NULL;
  if (!backends) {
    ncclResult_t made = library.ncclGetUniqueId(&name);
    memcpy(id, &name, sizeof name);
    return made == ncclSuccess ? NULL : give_up(NULL, library.ncclGetErrorString(made), why, why_bytes);
  }
  nccl_exchange *e = calloc(1, sizeof *e);
  if (!e) return give_up(NULL, "no host memory", why, why_bytes);
  e->exchange = (ag_exchange){n_members, n_here, gather, close_exchange};
  e->nccl = library;
  e->members = calloc((size_t)n_here, sizeof(ag_cuda *));
  e->comms = calloc((size_t)n_here, sizeof *e->comms);
  if (!e->members || !e->comms) return give_up(e, "no host memory", why, why_bytes);
  for (int d = 0; d < n_here; ++d) e->members[d] = backends[d]->context;
  memcpy(&name, id, sizeof name);
  ncclResult_t joined = join(e, first, name);
  return joined == ncclSuccess ? &e->exchange
                               : give_up(e, library.ncclGetErrorString(joined), why, why_bytes);
}
