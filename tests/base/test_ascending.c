/* Ascending lists against a plain array of flags. */
#include "base/ascending.h"
#include "base/philox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

enum { N = 40, STEPS = 4000 };

static void keeps_order_through_random_changes(void **state) {
  (void)state;
  int32_t items[N];
  bool present[N] = {false};
  m4_ascending list = {items, 0};
  m4_rng rng = m4_rng_make(3, M4_RNG_TEST, 0);
  for (int step = 0; step < STEPS; ++step) {
    int32_t item = (int32_t)m4_rng_below(&rng, N);
    if (present[item])
      m4_ascending_remove(&list, item);
    else
      m4_ascending_insert(&list, item);
    present[item] = !present[item];
    int64_t place = 0;
    for (int32_t i = 0; i < N; ++i) {
      assert_int_equal(m4_ascending_place(&list, i), place);
      if (present[i]) assert_int_equal(list.items[place++], i);
    }
    assert_int_equal(list.count, place);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_order_through_random_changes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
