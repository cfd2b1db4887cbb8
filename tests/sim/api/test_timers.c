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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(in_order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
