/* Ranks: run alone (one rank, no MPI), and by ctest under mpirun with two ranks. Every check holds for any
 * number of ranks. `test_ranks fail` ends with an error on the last rank. */
#include "base/ranks.h"
#include "tests/base/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 200003, BLOCKS_PER_RANK = 3 };

static m4_ranks *ranks;

static void test_place(void **state) {
  (void)state;
  const char *size = getenv("OMPI_COMM_WORLD_SIZE");
  assert_int_equal(m4_ranks_count(ranks), size ? atoi(size) : 1);
  assert_true(m4_ranks_index(ranks) >= 0 && m4_ranks_index(ranks) < m4_ranks_count(ranks));
  assert_int_equal(m4_ranks_speaks(ranks, M4_OK), m4_ranks_index(ranks) == 0);
  assert_int_equal(m4_ranks_barrier(ranks, NULL), M4_OK);
}

static void test_broadcast(void **state) {
  (void)state;
  enum { BYTES = (1 << 24) + 5 }; /* more than one chunk */
  int last = m4_ranks_count(ranks) - 1;
  unsigned char *data = malloc(BYTES);
  assert_non_null(data);
  memset(data, m4_ranks_index(ranks) == last ? 77 : 1, BYTES);
  assert_int_equal(m4_ranks_broadcast(ranks, data, BYTES, last, NULL), M4_OK);
  for (size_t i = 0; i < BYTES; ++i)
    if (data[i] != 77) fail_msg("byte %zu is %d", i, data[i]);
  free(data);
}

static void test_gather(void **state) {
  (void)state;
  int count = m4_ranks_count(ranks);
  double mine[2] = {m4_ranks_index(ranks), 0.25 + m4_ranks_index(ranks)};
  double *all = malloc((size_t)count * sizeof mine);
  assert_non_null(all);
  assert_int_equal(m4_ranks_gather(ranks, all, mine, sizeof mine, NULL), M4_OK);
  for (int i = 0; i < count; ++i) assert_true(all[2 * i] == i && all[2 * i + 1] == 0.25 + i);
  if (ranks) assert_int_equal(m4_ranks_gather(ranks, all, mine, (size_t)1 << 31, NULL), M4_USAGE);
  free(all);
}

/* Numbers whose sum depends on the order of additions. */
static float term(int block, size_t i) {
  return (float)sin(1.0 + block * 131 + (double)i) * powf(10, (float)((block + (int)(i % 7)) % 6));
}

/* Rank r has blocks r*3 .. r*3+2 (the last rank one less): every rank gets the left fold over all of them. */
static void test_sum(void **state) {
  (void)state;
  int index = m4_ranks_index(ranks), count = m4_ranks_count(ranks), n_all = count * BLOCKS_PER_RANK - 1;
  float *total = malloc(LENGTH * sizeof *total), *memory = malloc(BLOCKS_PER_RANK * LENGTH * sizeof *memory);
  assert_true(total && memory);
  const float *blocks[BLOCKS_PER_RANK];
  for (int b = 0; b < BLOCKS_PER_RANK; ++b) {
    blocks[b] = memory + (size_t)b * LENGTH;
    for (size_t i = 0; i < LENGTH; ++i) memory[(size_t)b * LENGTH + i] = term(index * BLOCKS_PER_RANK + b, i);
  }
  for (size_t i = 0; i < LENGTH; ++i) total[i] = 0.5f;
  int mine = BLOCKS_PER_RANK - (index == count - 1);
  assert_int_equal(m4_ranks_sum(ranks, total, blocks, mine, LENGTH, NULL), M4_OK);
  int differs_backwards = 0;
  for (size_t i = 0; i < LENGTH; ++i) {
    float expected = 0.5f, backwards = 0.5f;
    for (int b = 0; b < n_all; ++b) expected += term(b, i);
    for (int b = n_all - 1; b >= 0; --b) backwards += term(b, i);
    if (memcmp(&total[i], &expected, sizeof expected) != 0)
      fail_msg("%zu: %a, not %a", i, total[i], expected);
    differs_backwards += expected != backwards;
  }
  assert_true(differs_backwards > 0); /* or the order would not be tested */
  assert_int_equal(m4_ranks_sum(ranks, total, NULL, 0, LENGTH, NULL), M4_OK);
  free(total);
  free(memory);
}

static void test_agree(void **state) {
  (void)state;
  m4_error error = {0};
  assert_int_equal(m4_ranks_agree(ranks, M4_OK, &error), M4_OK);
  int last = m4_ranks_count(ranks) - 1;
  m4_status status = M4_OK;
  if (m4_ranks_index(ranks) == last) status = m4_fail(&error, M4_DATA, "file.h5", "seven is not %d", 8);
  assert_int_equal(m4_ranks_agree(ranks, status, &error), M4_DATA);
  assert_int_equal(error.status, M4_DATA);
  assert_string_equal(error.what, "seven is not 8");
  assert_non_null(strstr(error.where, "file.h5"));
  assert_true(last == 0 || strstr(error.where, "rank"));
  assert_int_equal(m4_ranks_speaks(ranks, M4_DATA), m4_ranks_index(ranks) == 0);
  assert_int_equal(m4_ranks_agree(ranks, M4_OK, NULL), M4_OK);
}

/* The last rank alone knows of a failure while the others wait: mpirun ends the job with its exit code. */
static int fail_alone(void) {
  m4_status status = M4_OK;
  if (m4_ranks_index(ranks) == m4_ranks_count(ranks) - 1) status = M4_DATA;
  if (status == M4_OK) status = m4_ranks_barrier(ranks, NULL);
  m4_ranks_leave(ranks, status);
  return m4_exit_code(status);
}

int main(int argc, char **argv) {
  (void)argv;
  m4_error error = {0};
  if (m4_ranks_join(&ranks, &error) != M4_OK) {
    fprintf(stderr, "%s: %s\n", error.where, error.what);
    return m4_exit_code(error.status);
  }
  if (argc > 1) return fail_alone();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_place), cmocka_unit_test(test_broadcast),
                                     cmocka_unit_test(test_gather), cmocka_unit_test(test_sum),
                                     cmocka_unit_test(test_agree)};
  int failures = cmocka_run_group_tests(tests, NULL, NULL);
  m4_ranks_leave(ranks, M4_OK);
  return failures;
}
