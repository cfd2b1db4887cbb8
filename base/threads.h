/* A pool of worker threads with one operation: run fn for every index. Knows status only.
 * Results must not depend on which worker runs an index: write to slots chosen by index, reduce afterwards in
 * index order. */
#ifndef M4_BASE_THREADS_H
#define M4_BASE_THREADS_H

#include "base/status.h"

#include <stddef.h>

typedef struct m4_pool m4_pool;

/* fn(arg, index, worker): worker is 0..n_threads-1 and unique among the calls running at one time in one
 * parallel_for: use it to pick scratch memory. */
typedef void (*m4_task_fn)(void *arg, size_t index, int worker);

/* n_threads >= 1 counts the calling thread; 0 means one per online core. */
m4_status m4_pool_create(m4_pool **pool, int n_threads, m4_error *err);
void m4_pool_free(m4_pool *pool); /* NULL accepted */
int m4_pool_threads(const m4_pool *pool);

/* Runs fn for index 0..count-1, handed out in order, one at a time; returns when all are done. The caller
 * works too. Calls may nest: an inner call uses whatever threads are idle and always makes progress by itself
 * (its worker numbers are again 0..n_threads-1, unique within the inner call). NULL pool: runs serially with
 * worker 0. */
void m4_parallel_for(m4_pool *pool, size_t count, m4_task_fn fn, void *arg);

#endif
