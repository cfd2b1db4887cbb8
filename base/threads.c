/* Thread pool: a list of open jobs that idle threads join. Knows status only.
 *
 * Every parallel_for is one job on its caller's stack. The caller works on it as worker 0; pool threads join
 * the oldest open job with indices left. A caller whose indices are all handed out, but not all done, helps
 * with jobs opened after its own: those are the nested calls it is waiting for. Waiting only ever depends on
 * jobs opened later, so there is no deadlock. */
#include "base/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_THREADS = 4096 };

typedef struct job {
  m4_task_fn fn;
  void *arg;
  size_t count;
  atomic_size_t next_index;
  /* the rest is guarded by the pool's mutex */
  uint64_t id;      /* rises with the time of opening */
  int joined;       /* helpers that ever joined: the last worker number given out */
  int running;      /* helpers inside */
  struct job *next; /* next newer open job */
} job;

struct m4_pool {
  pthread_mutex_t mutex;
  pthread_cond_t changed; /* a job was opened or finished, or the pool stops */
  job *oldest;
  uint64_t next_id;
  bool stopping;
  int n_threads; /* with the caller */
  int n_started;
  pthread_t threads[];
};

static void work_on(job *work, int worker) {
  size_t index;
  while ((index = atomic_fetch_add_explicit(&work->next_index, 1, memory_order_relaxed)) < work->count)
    work->fn(work->arg, index, worker);
}

/* The oldest job opened after `after_id` that can use another thread; NULL when none. Mutex held. */
static job *find_open(const m4_pool *pool, uint64_t after_id) {
  for (job *work = pool->oldest; work; work = work->next) {
    bool has_indices = atomic_load_explicit(&work->next_index, memory_order_relaxed) < work->count;
    if (work->id > after_id && has_indices && work->joined + 1 < pool->n_threads) return work;
  }
  return NULL;
}

/* Mutex held on entry and exit, not between. */
static void help_with(m4_pool *pool, job *work) {
  int worker = ++work->joined;
  ++work->running;
  pthread_mutex_unlock(&pool->mutex);
  work_on(work, worker);
  pthread_mutex_lock(&pool->mutex);
  if (--work->running == 0) pthread_cond_broadcast(&pool->changed);
}

static void *pool_thread(void *arg) {
  m4_pool *pool = arg;
  pthread_mutex_lock(&pool->mutex);
  while (!pool->stopping) {
    job *work = find_open(pool, 0);
    if (work)
      help_with(pool, work);
    else
      pthread_cond_wait(&pool->changed, &pool->mutex);
  }
  pthread_mutex_unlock(&pool->mutex);
  return NULL;
}

m4_status m4_pool_create(m4_pool **pool, int n_threads, m4_error *err) {
  *pool = NULL;
  if (n_threads < 0 || n_threads > MAX_THREADS)
    return m4_fail(err, M4_USAGE, NULL, "%d threads, allowed are 0 (one per core) to %d", n_threads,
                   MAX_THREADS);
  if (n_threads == 0) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    n_threads = cores < 1 ? 1 : cores > MAX_THREADS ? MAX_THREADS : (int)cores;
  }
  m4_pool *made = calloc(1, sizeof *made + (size_t)(n_threads - 1) * sizeof made->threads[0]);
  if (!made) return m4_fail(err, M4_MEMORY, NULL, "no memory for a pool of %d threads", n_threads);
  pthread_mutex_init(&made->mutex, NULL);
  pthread_cond_init(&made->changed, NULL);
  made->n_threads = n_threads;
  made->next_id = 1;
  while (made->n_started < n_threads - 1) {
    int failure = pthread_create(&made->threads[made->n_started], NULL, pool_thread, made);
    if (failure) {
      m4_pool_free(made);
      return m4_fail(err, M4_MEMORY, NULL, "cannot start %d threads: %s", n_threads, strerror(failure));
    }
    ++made->n_started;
  }
  *pool = made;
  return M4_OK;
}

void m4_pool_free(m4_pool *pool) {
  if (!pool) return;
  pthread_mutex_lock(&pool->mutex);
  pool->stopping = true;
  pthread_cond_broadcast(&pool->changed);
  pthread_mutex_unlock(&pool->mutex);
  for (int i = 0; i < pool->n_started; ++i) pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->changed);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

int m4_pool_threads(const m4_pool *pool) {
  return pool ? pool->n_threads : 1;
}

static void open_job(m4_pool *pool, job *work) {
  pthread_mutex_lock(&pool->mutex);
  work->id = pool->next_id++;
  job **end = &pool->oldest;
  while (*end) end = &(*end)->next;
  *end = work;
  pthread_cond_broadcast(&pool->changed);
  pthread_mutex_unlock(&pool->mutex);
}

/* Nobody joins any more; waits for those inside and makes itself useful meanwhile. */
static void close_job(m4_pool *pool, job *work) {
  pthread_mutex_lock(&pool->mutex);
  job **place = &pool->oldest;
  while (*place != work) place = &(*place)->next;
  *place = work->next;
  while (work->running > 0) {
    job *newer = find_open(pool, work->id);
    if (newer)
      help_with(pool, newer);
    else
      pthread_cond_wait(&pool->changed, &pool->mutex);
  }
  pthread_mutex_unlock(&pool->mutex);
}

void m4_parallel_for(m4_pool *pool, size_t count, m4_task_fn fn, void *arg) {
  if (!pool || pool->n_threads == 1 || count < 2) {
    for (size_t index = 0; index < count; ++index) fn(arg, index, 0);
    return;
  }
  job work = {.fn = fn, .arg = arg, .count = count};
  atomic_init(&work.next_index, 0);
  open_job(pool, &work);
  work_on(&work, 0);
  close_job(pool, &work);
}
