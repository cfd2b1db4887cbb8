/* One job at a time, published as a ticket: generation, number of parts and next part in one atomic word.
 * Whoever raises the ticket owns that part. The leader never waits for a helper that has not taken a part.
 * Knows threads. */
#include "base/team.h"

#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { SPINS_BEFORE_SLEEP = 1500, SPINS_BEFORE_YIELD = 20000, CACHE_LINE = 64 };

struct m4_team {
  alignas(CACHE_LINE) atomic_uint_fast64_t ticket; /* generation << 32 | parts << 16 | next part */
  m4_part_fn fn;
  void *arg;
  alignas(CACHE_LINE) atomic_int done; /* parts finished */
  atomic_int helpers, sleepers;
  atomic_bool ended;
  pthread_mutex_t mutex; /* for sleeping only */
  pthread_cond_t wake;
};

m4_status m4_team_create(m4_team **team, m4_error *err) {
  *team = aligned_alloc(CACHE_LINE, sizeof **team);
  if (!*team) return m4_fail(err, M4_MEMORY, NULL, "no memory for a team of threads");
  atomic_init(&(*team)->ticket, 0);
  atomic_init(&(*team)->done, 0);
  atomic_init(&(*team)->helpers, 0);
  atomic_init(&(*team)->sleepers, 0);
  atomic_init(&(*team)->ended, true);
  pthread_mutex_init(&(*team)->mutex, NULL);
  pthread_cond_init(&(*team)->wake, NULL);
  return M4_OK;
}

void m4_team_free(m4_team *team) {
  if (!team) return;
  pthread_cond_destroy(&team->wake);
  pthread_mutex_destroy(&team->mutex);
  free(team);
}

static void pause_briefly(void) {
#ifdef __x86_64__
  __builtin_ia32_pause();
#endif
}

/* ---- parts ---- */

static int parts_of(uint64_t ticket) {
  return (int)(ticket >> 16 & 0xffff);
}
static int next_of(uint64_t ticket) {
  return (int)(ticket & 0xffff);
}

static bool take_part(m4_team *team, int *part) {
  uint64_t ticket = atomic_load(&team->ticket);
  while (next_of(ticket) < parts_of(ticket)) {
    if (!atomic_compare_exchange_weak(&team->ticket, &ticket, ticket + 1)) continue;
    *part = next_of(ticket);
    return true;
  }
  return false;
}

static void wake_sleepers(m4_team *team) {
  if (atomic_load(&team->sleepers) == 0) return;
  pthread_mutex_lock(&team->mutex);
  pthread_cond_broadcast(&team->wake);
  pthread_mutex_unlock(&team->mutex);
}

int m4_team_helpers(m4_team *team) {
  return team ? atomic_load_explicit(&team->helpers, memory_order_relaxed) : 0;
}

void m4_team_run(m4_team *team, int n_parts, m4_part_fn fn, void *arg) {
  if (n_parts < 2 || m4_team_helpers(team) == 0) {
    for (int part = 0; part < n_parts; ++part) fn(arg, part);
    return;
  }
  team->fn = fn;
  team->arg = arg;
  atomic_store_explicit(&team->done, 0, memory_order_relaxed);
  uint64_t generation = (atomic_load_explicit(&team->ticket, memory_order_relaxed) >> 32) + 1;
  atomic_store(&team->ticket, generation << 32 | (uint64_t)n_parts << 16);
  wake_sleepers(team);
  int part, own = 0;
  for (; take_part(team, &part); ++own) fn(arg, part);
  atomic_fetch_add(&team->done, own);
  for (int spins = 0; atomic_load_explicit(&team->done, memory_order_acquire) < n_parts; ++spins)
    spins < SPINS_BEFORE_YIELD ? pause_briefly() : (void)sched_yield();
}

/* ---- helpers ---- */

static bool work_open(m4_team *team) {
  uint64_t ticket = atomic_load(&team->ticket);
  return next_of(ticket) < parts_of(ticket) || atomic_load(&team->ended);
}

static void sleep_until_work(m4_team *team) {
  pthread_mutex_lock(&team->mutex);
  atomic_fetch_add(&team->sleepers, 1);
  while (!work_open(team)) pthread_cond_wait(&team->wake, &team->mutex);
  atomic_fetch_sub(&team->sleepers, 1);
  pthread_mutex_unlock(&team->mutex);
}

static void help(m4_team *team) {
  atomic_fetch_add(&team->helpers, 1);
  for (int idle = 0, part; !atomic_load(&team->ended);) {
    if (take_part(team, &part)) {
      team->fn(team->arg, part);
      atomic_fetch_add_explicit(&team->done, 1, memory_order_release);
      idle = 0;
    } else if (++idle < SPINS_BEFORE_SLEEP) {
      pause_briefly();
    } else {
      sleep_until_work(team);
      idle = 0;
    }
  }
  atomic_fetch_sub(&team->helpers, 1);
}

/* ---- joining ---- */

typedef struct session {
  m4_team *team;
  void (*fn)(void *arg);
  void *arg;
} session;

/* Index 0 leads; every other index is a place for a helper. */
static void take_place(void *arg, size_t index, int worker) {
  (void)worker;
  const session *s = arg;
  if (index > 0) {
    help(s->team);
    return;
  }
  s->fn(s->arg);
  atomic_store(&s->team->ended, true);
  wake_sleepers(s->team);
}

void m4_team_lead(m4_team *team, m4_pool *pool, void (*fn)(void *arg), void *arg) {
  int n_threads = m4_pool_threads(pool);
  if (!team || n_threads == 1) {
    fn(arg);
    return;
  }
  session s = {team, fn, arg};
  atomic_store(&team->ended, false);
  m4_parallel_for(pool, (size_t)n_threads, take_place, &s);
}
