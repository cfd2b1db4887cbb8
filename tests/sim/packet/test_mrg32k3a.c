/* The random streams: the jump matrices published with RngStreams, and values computed with
 * arbitrary-precision integers. */
#include "tests/sim/test_sim.h"

#include "sim/packet/mrg32k3a.h"

static void test_jump_matrices(void **state) {
  (void)state;
  const uint64_t first[3][3] = {{2427906178u, 3580155704u, 949770784u},
                                {226153695u, 1230515664u, 3580155704u},
                                {1988835001u, 986791581u, 1230515664u}};
  const uint64_t second[3][3] = {{1464411153u, 277697599u, 1610723613u},
                                 {32183930u, 1464411153u, 1022607788u},
                                 {2824425944u, 32183930u, 2093834863u}};
  pkt_random random;
  pkt_random_init(&random, 0);
  assert_memory_equal(random.first_jump, first, sizeof first);
  assert_memory_equal(random.second_jump, second, sizeof second);
}

static void test_values(void **state) {
  (void)state;
  const struct {
    uint64_t stream;
    double value;
  } cases[] = {{0u, 0.816532044168251},
               {1u, 0.835150073680844},
               {92u, 0.5631343764560182},
               {418u, 0.8598472745735742},
               {123456789u, 0.9605668051629085}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pkt_random random;
    pkt_random_init(&random, cases[i].stream);
    assert_true(pkt_random_uniform(&random) == cases[i].value);
  }
}

static void test_skipping_is_starting_later(void **state) {
  (void)state;
  pkt_random a, b;
  pkt_random_init(&a, 92);
  pkt_random_init(&b, 100);
  for (int i = 0; i < 5; i++) pkt_random_skip(&a);
  for (int i = 0; i < 3; i++) pkt_random_uniform(&a);
  assert_memory_equal(a.first, b.first, sizeof a.first);
  assert_memory_equal(a.second, b.second, sizeof a.second);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_jump_matrices), cmocka_unit_test(test_values),
                                     cmocka_unit_test(test_skipping_is_starting_later)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
