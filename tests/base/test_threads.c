#include "base/threads.h"

#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { MAX_WORKERS = 64 };

typedef struct visit {
  m4_pool *pool;
  atomic_int *seen;
  atomic_int busy[MAX_WORKERS]; /* calls now running as this worker */
  atomic_int misuse;            /* two calls with one worker number, or a number out of range */
  atomic_int inner_calls;
} visit;

static void enter(visit *v, int worker) {
  bool in_range = worker >= 0 && worker < m4_pool_threads(v->pool);
  if (!in_range || atomic_fetch_add(&v->busy[worker], 1) != 0) atomic_fetch_add(&v->misuse, 1);
}

static void leave(visit *v, int worker) {
  atomic_fetch_sub(&v->busy[worker], 1);
}

static void mark(void *arg, size_t index, int worker) {
  visit *v = arg;
  enter(v, worker);
  atomic_fetch_add(&v->seen[index], 1);
  leave(v, worker);
}

static void every_index_runs_once(void **state) {
  (void)state;
  for (int n_threads = 1; n_threads <= 8; n_threads += 7) {
    m4_pool *pool;
    assert_int_equal(m4_pool_create(&pool, n_threads, NULL), M4_OK);
    assert_int_equal(m4_pool_threads(pool), n_threads);
    for (size_t count = 0; count <= 10000; count = count * 10 + 1) {
      visit v = {.pool = pool, .seen = calloc(count + 1, sizeof(atomic_int))};
      m4_parallel_for(pool, count, mark, &v);
      for (size_t i = 0; i < count; ++i) assert_int_equal(atomic_load(&v.seen[i]), 1);
      assert_int_equal(atomic_load(&v.misuse), 0);
      free(v.seen);
    }
    m4_pool_free(pool);
  }
}

static void record_order(void *arg, size_t index, int worker) {
  size_t **next = arg;
  assert_int_equal(worker, 0);
  *(*next)++ = index;
}

static void without_a_pool_it_is_a_loop(void **state) {
  (void)state;
  size_t order[5], *next = order;
  m4_parallel_for(NULL, 5, record_order, &next);
  for (size_t i = 0; i < 5; ++i) assert_int_equal(order[i], i);
  assert_int_equal(m4_pool_threads(NULL), 1);
  m4_pool_free(NULL);
}

/* Indices are handed out in order: when index i starts, all smaller ones have started. */
typedef struct ordered {
  atomic_size_t started;
  atomic_int out_of_order;
} ordered;

static void check_order(void *arg, size_t index, int worker) {
  ordered *o = arg;
  (void)worker;
  size_t before = atomic_fetch_add(&o->started, 1);
  size_t slack = 4; /* other threads may be between taking an index and getting here */
  if (index > before + slack) atomic_fetch_add(&o->out_of_order, 1);
}

static void indices_come_in_order(void **state) {
  (void)state;
  m4_pool *pool;
  assert_int_equal(m4_pool_create(&pool, 4, NULL), M4_OK);
  ordered o = {0};
  m4_parallel_for(pool, 20000, check_order, &o);
  assert_int_equal(atomic_load(&o.out_of_order), 0);
  m4_pool_free(pool);
}

static void count_inner(void *arg, size_t index, int worker) {
  visit *v = arg;
  (void)index;
  enter(v, worker);
  atomic_fetch_add(&v->inner_calls, 1);
  leave(v, worker);
}

static void run_innermost(void *arg, size_t index, int worker) {
  visit *outer = arg;
  (void)worker, (void)index;
  visit inner = {.pool = outer->pool};
  m4_parallel_for(outer->pool, 5, count_inner, &inner);
  atomic_fetch_add(&outer->inner_calls, atomic_load(&inner.inner_calls));
  atomic_fetch_add(&outer->misuse, atomic_load(&inner.misuse));
}

static void run_inner(void *arg, size_t index, int worker) {
  visit *outer = arg;
  enter(outer, worker);
  visit inner = {.pool = outer->pool};
  m4_parallel_for(outer->pool, 3 + index % 5, run_innermost, &inner);
  atomic_fetch_add(&outer->inner_calls, atomic_load(&inner.inner_calls));
  atomic_fetch_add(&outer->misuse, atomic_load(&inner.misuse));
  leave(outer, worker);
}

static void calls_nest_three_deep(void **state) {
  (void)state;
  for (int n_threads = 2; n_threads <= 32; n_threads *= 4) {
    m4_pool *pool;
    assert_int_equal(m4_pool_create(&pool, n_threads, NULL), M4_OK);
    visit v = {.pool = pool};
    m4_parallel_for(pool, 200, run_inner, &v);
    assert_int_equal(atomic_load(&v.inner_calls), 200 * 5 * 5); /* 3..7 inner calls, 5 on average, of 5 */
    assert_int_equal(atomic_load(&v.misuse), 0);
    m4_pool_free(pool);
  }
}

/* Two indices that wait for each other finish only when two threads work: proves that an idle caller helps a
 * nested call. */
typedef struct meeting {
  m4_pool *pool;
  atomic_int arrived;
  atomic_int missed;
} meeting;

static void meet(void *arg, size_t index, int worker) {
  meeting *m = arg;
  (void)index, (void)worker;
  atomic_fetch_add(&m->arrived, 1);
  for (int tries = 0; atomic_load(&m->arrived) < 2; ++tries) {
    if (tries == 10000) {
      atomic_fetch_add(&m->missed, 1);
      return;
    }
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
}

static void second_index_nests(void *arg, size_t index, int worker) {
  meeting *m = arg;
  (void)worker;
  if (index == 0) return;
  nanosleep(&(struct timespec){0, 20000000}, NULL); /* the other thread has run out of work by now */
  m4_parallel_for(m->pool, 2, meet, m);
}

static void idle_threads_help_nested_calls(void **state) {
  (void)state;
  m4_pool *pool;
  assert_int_equal(m4_pool_create(&pool, 2, NULL), M4_OK);
  for (int i = 0; i < 10; ++i) {
    meeting m = {.pool = pool};
    m4_parallel_for(pool, 2, second_index_nests, &m);
    assert_int_equal(atomic_load(&m.missed), 0);
  }
  m4_pool_free(pool);
}

static void *outside_caller(void *arg) {
  visit *outer = arg;
  for (int i = 0; i < 50; ++i) {
    visit v = {.pool = outer->pool};
    m4_parallel_for(outer->pool, 20, run_inner, &v);
    if (atomic_load(&v.inner_calls) != 20 * 5 * 5) atomic_fetch_add(&outer->misuse, 1);
    atomic_fetch_add(&outer->misuse, atomic_load(&v.misuse));
  }
  return NULL;
}

static void several_threads_share_a_pool(void **state) {
  (void)state;
  m4_pool *pool;
  assert_int_equal(m4_pool_create(&pool, 3, NULL), M4_OK);
  visit v = {.pool = pool};
  pthread_t callers[4];
  for (int i = 0; i < 4; ++i) assert_int_equal(pthread_create(&callers[i], NULL, outside_caller, &v), 0);
  for (int i = 0; i < 4; ++i) pthread_join(callers[i], NULL);
  assert_int_equal(atomic_load(&v.misuse), 0);
  m4_pool_free(pool);
}

static void thread_counts_are_checked(void **state) {
  (void)state;
  m4_pool *pool;
  m4_error err = {0};
  assert_int_equal(m4_pool_create(&pool, -1, &err), M4_USAGE);
  assert_null(pool);
  assert_int_equal(m4_pool_create(&pool, 1000000, &err), M4_USAGE);
  assert_int_equal(m4_pool_create(&pool, 0, &err), M4_OK);
  assert_true(m4_pool_threads(pool) >= 1);
  m4_pool_free(pool);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_index_runs_once),          cmocka_unit_test(without_a_pool_it_is_a_loop),
      cmocka_unit_test(indices_come_in_order),          cmocka_unit_test(calls_nest_three_deep),
      cmocka_unit_test(idle_threads_help_nested_calls), cmocka_unit_test(several_threads_share_a_pool),
      cmocka_unit_test(thread_counts_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
