/* sim/learned/pending: announced flows come out in (time, flow) order. */
#include "sim/learned/pending.h"

#include "base/philox.h"
#include "tests/sim/test_sim.h"

static void comes_out_in_order(void **state) {
  (void)state;
  sim_pending pending = {0};
  assert_null(sim_pending_next(&pending));
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  double now = 0;
  int64_t added = 0, dropped = 0;
  sim_arrival last = {0, -1};
  while (dropped < 5000) {
    if (added < 5000 && m4_rng_below(&rng, 2)) {
      double time = now + (double)m4_rng_below(&rng, 6);
      assert_int_equal(sim_pending_add(&pending, (sim_arrival){time, 5000 - added++}, NULL), M4_OK);
    } else if (sim_pending_next(&pending)) {
      sim_arrival next = *sim_pending_next(&pending);
      sim_pending_drop(&pending);
      ++dropped;
      assert_true(next.time_ns >= last.time_ns);
      for (int64_t i = 0; i < pending.count; ++i) {
        const sim_arrival *other = &pending.arrivals[pending.first + i];
        assert_true(other->time_ns > next.time_ns ||
                    (other->time_ns == next.time_ns && other->flow > next.flow));
      }
      now = next.time_ns;
      last = next;
    }
    assert_int_equal(pending.count, added - dropped);
  }
  assert_true(pending.capacity < 5000); /* room of dropped ones is used again */
  sim_pending_free(&pending);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(comes_out_in_order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
