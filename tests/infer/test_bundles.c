/* infer/bundles: two links share a row exactly when the same flows came and went on both, in random traffic.
 */
#include "infer/bundles.h"

#include "base/philox.h"
#include "tests/base/testing.h"

enum { LINKS = 30, FLOWS = 12, PATH = 5, ROUNDS = 5000 };

/* What happened to a link since it was in its initial state, as one number. */
typedef struct traffic {
  inf_bundles bundles;
  uint64_t history[LINKS], next_name;
  int32_t count[LINKS], path[FLOWS][PATH];
  uint64_t name[FLOWS]; /* 0: not in the network */
  bool reset;
} traffic;

static uint64_t mix(uint64_t history, uint64_t happening) {
  uint64_t x = (history ^ happening) * UINT64_C(0x9e3779b97f4a7c15) + 1;
  return x ^ (x >> 29);
}

static void arrive(traffic *t, int flow, m4_rng *rng) {
  inf_bundle_copy copies[PATH];
  uint64_t base = ++t->next_name;
  t->name[flow] = base;
  uint32_t first = m4_rng_below(rng, LINKS);
  for (int i = 0; i < PATH; ++i)
    t->path[flow][i] = m4_rng_below(rng, 6) ? (int32_t)((first + (uint32_t)i) % LINKS) : (int32_t)first;
  assert_true(inf_bundles_join(&t->bundles, t->path[flow], PATH, copies) <= PATH);
  for (int link = 0; link < LINKS; ++link) {
    uint64_t times = 0;
    for (int i = 0; i < PATH; ++i) times += t->path[flow][i] == link;
    t->count[link] += (int32_t)times;
    if (times) t->history[link] = mix(t->history[link], base << 8 | times);
  }
}

static void leave(traffic *t, int flow) {
  for (int i = 0; i < PATH; ++i) --t->count[t->path[flow][i]];
  for (int link = 0; link < LINKS; ++link) {
    bool used = false;
    for (int i = 0; i < PATH; ++i) used = used || t->path[flow][i] == link;
    if (!used) continue;
    t->history[link] = mix(t->history[link], t->name[flow] << 8);
    if (t->count[link] > 0 || !t->reset) continue;
    t->history[link] = 0;
    inf_bundles_reset(&t->bundles, link);
  }
  t->name[flow] = 0;
}

static void check(const traffic *t) {
  int32_t members[LINKS + 1] = {0};
  for (int a = 0; a < LINKS; ++a) {
    ++members[t->bundles.row[a]];
    for (int b = 0; b < a; ++b)
      assert_int_equal(t->bundles.row[a] == t->bundles.row[b], t->history[a] == t->history[b]);
    if (t->reset && t->count[a] == 0) assert_int_equal(t->bundles.row[a], 0);
    if (t->reset && t->count[a] > 0) assert_true(t->bundles.row[a] > 0);
  }
  for (int row = 0; row <= LINKS; ++row) assert_int_equal(t->bundles.n_members[row], members[row]);
}

static void rows_are_histories(void **state) {
  (void)state;
  for (int reset = 0; reset < 2; ++reset) {
    traffic t = {.reset = reset != 0};
    m4_rng rng = m4_rng_make(5, M4_RNG_TEST, (uint32_t)reset);
    assert_int_equal(inf_bundles_init(&t.bundles, LINKS, t.reset, NULL), M4_OK);
    for (int round = 0; round < ROUNDS; ++round) {
      int flow = (int)m4_rng_below(&rng, FLOWS);
      if (t.name[flow])
        leave(&t, flow);
      else
        arrive(&t, flow, &rng);
      check(&t);
    }
    inf_bundles_free(&t.bundles);
  }
}

/* A path over idle links alone is one row; a second flow over part of it splits off that part with its state.
 */
static void a_part_is_split_off(void **state) {
  (void)state;
  inf_bundles bundles;
  inf_bundle_copy copies[4];
  assert_int_equal(inf_bundles_init(&bundles, 6, true, NULL), M4_OK);
  assert_int_equal(inf_bundles_join(&bundles, (const int32_t[]){0, 1, 2, 3}, 4, copies), 1);
  assert_int_equal(copies[0].from, 0);
  int32_t row = copies[0].to;
  assert_int_equal(bundles.n_members[row], 4);
  assert_int_equal(inf_bundles_join(&bundles, (const int32_t[]){4, 2, 3}, 3, copies), 2);
  assert_true(copies[0].from == 0 && copies[1].from == row && copies[1].to != row);
  assert_true(bundles.row[2] == bundles.row[3] && bundles.row[2] == copies[1].to && bundles.row[1] == row);
  assert_int_equal(inf_bundles_join(&bundles, (const int32_t[]){2, 3}, 2, copies), 0); /* the whole of it */
  inf_bundles_free(&bundles);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_histories),
                                     cmocka_unit_test(a_part_is_split_off)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
