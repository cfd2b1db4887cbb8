#include "base/team.h"

#include "testing.h"

#include <stdatomic.h>
#include <time.h>

enum { MAX_PARTS = 100, ROUNDS = 3000 };

typedef struct work {
  m4_team *team;
  int n_parts;
  atomic_int seen[MAX_PARTS];
  atomic_int leaders;
  int wrong_rounds;
  bool slow; /* rounds far apart: helpers fall asleep between them */
  atomic_int helpers_seen;
} work;

static void mark(void *arg, int part) {
  work *w = arg;
  atomic_fetch_add(&w->seen[part], 1);
}

static void nap(long ns) {
  nanosleep(&(struct timespec){0, ns}, NULL);
}

static void lead(void *arg) {
  work *w = arg;
  atomic_fetch_add(&w->leaders, 1);
  for (int round = 0; round < (w->slow ? 20 : ROUNDS); ++round) {
    for (int i = 0; i < MAX_PARTS; ++i) atomic_store(&w->seen[i], 0);
    w->n_parts = round % MAX_PARTS;
    m4_team_run(w->team, w->n_parts, mark, w);
    for (int i = 0; i < MAX_PARTS; ++i)
      w->wrong_rounds += atomic_load(&w->seen[i]) != (i < w->n_parts ? 1 : 0);
    if (m4_team_helpers(w->team) > atomic_load(&w->helpers_seen))
      atomic_store(&w->helpers_seen, m4_team_helpers(w->team));
    if (w->slow) nap(2000000);
  }
}

static void every_part_runs_once(void **state) {
  (void)state;
  for (int n_threads = 1; n_threads <= 4; ++n_threads) {
    m4_pool *pool;
    work w = {0};
    assert_int_equal(m4_pool_create(&pool, n_threads, NULL), M4_OK);
    assert_int_equal(m4_team_create(&w.team, NULL), M4_OK);
    for (int again = 0; again < 20; ++again) {
      w.slow = again == 0;
      m4_team_lead(w.team, pool, lead, &w);
      assert_int_equal(m4_team_helpers(w.team), 0);
    }
    assert_int_equal(atomic_load(&w.leaders), 20);
    assert_int_equal(w.wrong_rounds, 0);
    if (n_threads > 1) assert_true(atomic_load(&w.helpers_seen) > 0);
    assert_true(atomic_load(&w.helpers_seen) < n_threads);
    m4_team_free(w.team);
    m4_pool_free(pool);
  }
}

/* As in training: a few leaders on one pool, which help each other when they are through. */
enum { LEADERS = 3 };
typedef struct crew {
  m4_pool *pool;
  work works[LEADERS];
} crew;

static void lead_one(void *arg, size_t index, int worker) {
  (void)worker;
  crew *c = arg;
  if (index == 0) return;
  m4_team_lead(c->works[index].team, c->pool, lead, &c->works[index]);
}

static void leaders_share_a_pool(void **state) {
  (void)state;
  static crew c;
  assert_int_equal(m4_pool_create(&c.pool, LEADERS, NULL), M4_OK);
  for (int i = 0; i < LEADERS; ++i) assert_int_equal(m4_team_create(&c.works[i].team, NULL), M4_OK);
  for (int round = 0; round < 10; ++round) m4_parallel_for(c.pool, LEADERS, lead_one, &c);
  for (int i = 0; i < LEADERS; ++i) {
    assert_int_equal(c.works[i].wrong_rounds, 0);
    assert_int_equal(atomic_load(&c.works[i].leaders), i == 0 ? 0 : 10);
    m4_team_free(c.works[i].team);
  }
  m4_pool_free(c.pool);
}

static void without_team_or_pool_it_is_a_loop(void **state) {
  (void)state;
  work w = {0};
  m4_team_run(NULL, 5, mark, &w);
  for (int i = 0; i < MAX_PARTS; ++i) assert_int_equal(atomic_load(&w.seen[i]), i < 5);
  m4_team_lead(NULL, NULL, lead, &w);
  assert_int_equal(atomic_load(&w.leaders), 1);
  assert_int_equal(w.wrong_rounds, 0);
  assert_int_equal(m4_team_helpers(NULL), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_part_runs_once),
      cmocka_unit_test(leaders_share_a_pool),
      cmocka_unit_test(without_team_or_pool_it_is_a_loop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
