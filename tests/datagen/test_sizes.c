/* Size tables: both conventions, means of the shipped tables, rounding, drawing, hostile files. */
#include "tests/datagen/support.h"

#include "datagen/workload/sizes.h"

#include <math.h>

/* Checks the mean of a table against the published one, and that draws have it too. */
static void check_table(const char *path, dg_size_form form, double mean, double tolerance) {
  dg_sizes *sizes;
  assert_ok(dg_sizes_read(&sizes, path, form, err));
  if (fabs(sizes->mean_bytes - mean) > tolerance)
    fail_msg("%s: mean %.3f, expected %.3f", path, sizes->mean_bytes, mean);
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  double sum = 0, squares = 0;
  const int n_draws = 400000;
  for (int i = 0; i < n_draws; ++i) {
    double size = (double)dg_size_draw(sizes, &rng);
    sum += size;
    squares += size * size;
  }
  double drawn = sum / n_draws, noise = sqrt((squares / n_draws - drawn * drawn) / n_draws);
  if (fabs(drawn - mean) > 4 * noise + 1)
    fail_msg("%s: drawn mean %.1f +- %.1f, table %.1f", path, drawn, noise, mean);
  dg_sizes_free(sizes);
}

static void test_shipped_means(void **state) {
  (void)state;
  check_table(SHIPPED("cdf/homa_w1_fb_memcached.txt"), DG_SIZE_ATOMS, 189.2, 0.05);
  check_table(SHIPPED("cdf/homa_w2_google_search.txt"), DG_SIZE_ATOMS, 441.6, 0.05);
  check_table(SHIPPED("cdf/homa_w3_google_all.txt"), DG_SIZE_ATOMS, 2927.7, 0.05);
  check_table(SHIPPED("cdf/homa_w4_fb_hadoop.txt"), DG_SIZE_ATOMS, 127796.6, 0.05);
  check_table(SHIPPED("cdf/homa_w5_websearch_dctcp.txt"), DG_SIZE_ATOMS, 2564689.7, 0.05);
  check_table(SHIPPED("cdf-standin/webserver_like.txt"), DG_SIZE_LINEAR, 92217, 0.5);
  check_table(SHIPPED("cdf-standin/hadoop_like.txt"), DG_SIZE_LINEAR, 568826, 0.5);
  check_table(SHIPPED("cdf-standin/cachefollower_like.txt"), DG_SIZE_LINEAR, 609019, 0.5);
}

/* A percentage table with mass below its first row: 10 % at 100 bytes, then linear to 300. */
static void test_percent_and_first_row(void **state) {
  dg_sizes *sizes;
  const char *path = write_text(*state, "percent.txt", "100 10\n200 50\n300 100\n");
  assert_ok(dg_sizes_read(&sizes, path, DG_SIZE_LINEAR, err));
  assert_float_equal(sizes->mean_bytes, 0.1 * 100 + 0.4 * 150 + 0.5 * 250, 1e-9);
  m4_rng rng = m4_rng_make(2, M4_RNG_TEST, 0);
  int at_first = 0, below_200 = 0;
  for (int i = 0; i < 100000; ++i) {
    int64_t size = dg_size_draw(sizes, &rng);
    assert_in_range(size, 100, 300);
    at_first += size == 100;
    below_200 += size < 200;
  }
  assert_in_range(at_first, 9700, 10600); /* 10 % and the few that round to it */
  assert_in_range(below_200, 49200, 50600);
  dg_sizes_free(sizes);
}

static void test_atoms_are_atoms(void **state) {
  dg_sizes *sizes;
  const char *path = write_text(*state, "atoms.txt", "# two sizes\n7 0.25\n\n11 1\n");
  assert_ok(dg_sizes_read(&sizes, path, DG_SIZE_ATOMS, err));
  assert_float_equal(sizes->mean_bytes, 10, 1e-12);
  m4_rng rng = m4_rng_make(3, M4_RNG_TEST, 0);
  int small = 0;
  for (int i = 0; i < 100000; ++i) {
    int64_t size = dg_size_draw(sizes, &rng);
    assert_true(size == 7 || size == 11);
    small += size == 7;
  }
  assert_in_range(small, 24400, 25600);
  dg_sizes_free(sizes);
}

static void test_rounding(void **state) {
  (void)state;
  assert_int_equal(dg_size_round(0.3), 10);
  assert_int_equal(dg_size_round(0), 10);
  assert_int_equal(dg_size_round(1), 1);
  assert_int_equal(dg_size_round(1.5), 2);
  assert_int_equal(dg_size_round(999.4), 999);
  assert_int_equal(dg_size_round(999.6), 999);
  assert_int_equal(dg_size_round(1000.6), 1001);
  assert_int_equal(dg_size_round(5000000), 4999999);
}

static void test_hostile_files(void **state) {
  const struct {
    const char *text, *place, *what;
  } cases[] = {{"", "", "no rows"},
               {"# only a comment\n", "", "no rows"},
               {"10 0.5\n20 0.9\n", ":2", "must end at exactly"},
               {"10 0.5\n10 1\n", ":2", "does not increase"},
               {"10 0.5\n9 1\n", ":2", "does not increase"},
               {"10 50\n\n20 50\n30 100\n", ":3", "does not increase"},
               {"10 -0.1\n20 1\n", ":1", "not in 0..1"},
               {"10 50\n20 101\n", ":2", "not in 0..1"},
               {"-1 0\n20 1\n", ":1", "not in 0..1e12"},
               {"1e300 1\n", ":1", "not in 0..1e12"},
               {"nan 1\n", ":1", ""},
               {"10 inf\n", ":1", ""},
               {"10\n", ":1", ""},
               {"10 1 7\n", ":1", ""},
               {"ten 1\n", ":1", ""},
               {"0 0.5\n0.5 1\n", "", "below one byte"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    dg_sizes *sizes = (dg_sizes *)&sizes;
    m4_error error = {0};
    const char *path = write_text(*state, "hostile.txt", cases[i].text);
    assert_int_equal(dg_sizes_read(&sizes, path, DG_SIZE_LINEAR, &error), M4_DATA);
    assert_null(sizes);
    assert_non_null(strstr(error.where, "hostile.txt"));
    assert_non_null(strstr(error.where, cases[i].place));
    if (!strstr(error.what, cases[i].what)) fail_msg("case %zu: %s", i, error.what);
  }
  dg_sizes *sizes;
  m4_error error = {0};
  assert_int_equal(dg_sizes_read(&sizes, "/nonexistent/table", DG_SIZE_LINEAR, &error), M4_IO);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_shipped_means),
                                     cmocka_unit_test(test_percent_and_first_row),
                                     cmocka_unit_test(test_atoms_are_atoms), cmocka_unit_test(test_rounding),
                                     cmocka_unit_test(test_hostile_files)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
