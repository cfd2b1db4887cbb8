/* Timers come out by time, and in the order of scheduling at one instant. */
#include "sim/timers.h"

#include "tests/sim/test_sim.h"

#include <math.h>

static void nothing(void *arg) {
  (void)arg;
}

static void in_order(void **state) {
  (void)state;
  enum { N = 1000 };
  sim_timers timers = {0};
  int numbers[N];
  assert_true(sim_timers_next_ns(&timers) == INFINITY);
  for (int i = 0; i < N; i++) {
    const sim_timer timer = {.time_ns = i * 7919 % 101, .fn = nothing, .arg = &numbers[i]};
    assert_int_equal(sim_timers_add(&timers, timer, NULL), M4_OK);
  }
  sim_timer last = {.time_ns = -1};
  for (int i = 0; i < N; i++) {
    double next_ns = sim_timers_next_ns(&timers);
    sim_timer timer = sim_timers_take(&timers);
    assert_true(timer.time_ns == next_ns && timer.time_ns >= last.time_ns);
    if (timer.time_ns == last.time_ns) assert_true((int *)timer.arg > (int *)last.arg);
    assert_true((int *)timer.arg - numbers == (int64_t)timer.number);
    last = timer;
  }
  assert_int_equal(timers.count, 0);
  sim_timers_free(&timers);
}

/* Every third one is taken out, from anywhere; the others come out as if they had never been there. */
static void removed_ones_do_not_come(void **state) {
  (void)state;
  enum { N = 500 };
  sim_timers timers = {0};
  for (int i = 0; i < N; i++)
    assert_int_equal(sim_timers_add(&timers, (sim_timer){.time_ns = i * 7919 % 61, .fn = nothing}, NULL),
                     M4_OK);
  for (uint64_t number = 0; number < N; number += 3) {
    assert_true(sim_timers_remove(&timers, number));
    assert_false(sim_timers_remove(&timers, number));
  }
  assert_false(sim_timers_remove(&timers, N));
  sim_timer last = {.time_ns = -1};
  int64_t left = timers.count;
  assert_int_equal(left, N - (N + 2) / 3);
  while (timers.count > 0) {
    sim_timer timer = sim_timers_take(&timers);
    assert_true(timer.number % 3 != 0);
    assert_true(timer.time_ns > last.time_ns ||
                (timer.time_ns == last.time_ns && timer.number > last.number));
    last = timer;
    left--;
  }
  assert_int_equal(left, 0);
  sim_timers_free(&timers);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(in_order), cmocka_unit_test(removed_ones_do_not_come)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
