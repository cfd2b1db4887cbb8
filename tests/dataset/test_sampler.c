/* Which busy periods are drawn, how they are split, and the list as a file (training.md 6.3). */
#include "data/sampler.h"
#include "tests/dataset/synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Light scenarios: hundreds of short busy periods; one scenario is unfinished. */
static const synthetic_options LIGHT = {.seed = 31, .n_hosts = 8, .n_flows = 120, .mean_gap_ns = 300000};
static const ds_sampling_options BALANCED = {.method = DS_BALANCED,
                                             .n_samples = 4000,
                                             .active_limit = 150,
                                             .train_frac = 0.9,
                                             .batch_size = 4,
                                             .seed = 1};
enum { N_SCENARIOS = 6 };

static ds_dataset *dataset; /* shared by the tests of this program */

static int open_light(void **state) {
  if (scratch_make(state) != 0) return -1;
  synthetic_options unfinished = LIGHT;
  unfinished.last_unfinished = true;
  synthetic_shard(scratch_path(state, "1.h5"), "light", N_SCENARIOS, LIGHT);
  synthetic_shard(scratch_path(state, "2.h5"), "unfinished", 1, unfinished);
  m4_error err = {0};
  return ds_open(&dataset, *state, &err) == M4_OK ? 0 : -1;
}

static int close_light(void **state) {
  ds_close(dataset);
  return scratch_remove(state);
}

static int64_t usable_periods(void) {
  return ds_scenario_first_period(dataset, N_SCENARIOS);
}

static ds_split draw(ds_sampling_options options) {
  m4_error err = {0};
  ds_split split;
  assert_ok(ds_split_draw(&split, dataset, &options, &err), &err);
  return split;
}

static void test_everything_is_drawn(void **state) {
  (void)state;
  ds_split split = draw(BALANCED);
  int64_t n = usable_periods();
  assert_true(n > 100);
  assert_int_equal(split.n_train + split.n_val, n);
  assert_int_equal(split.n_train, (int64_t)((double)n * 0.9 / 4) * 4);
  assert_int_equal(split.n_skipped_scenarios, 1);
  assert_int_equal(split.n_filtered, 0);
  uint8_t *seen = calloc((size_t)ds_n_periods(dataset), 1);
  for (int64_t i = 0; i < split.n_train; ++i) assert_int_equal(seen[split.train[i]]++, 0);
  for (int64_t i = 0; i < split.n_val; ++i) assert_int_equal(seen[split.val[i]]++, 0);
  for (int64_t p = 0; p < ds_n_periods(dataset); ++p) assert_int_equal(seen[p], p < n);
  free(seen);
  ds_split_free(&split);
}

static void test_same_seed_same_split(void **state) {
  (void)state;
  ds_sampling_options options = BALANCED;
  options.n_samples = 80;
  ds_split a = draw(options), b = draw(options);
  options.seed = 2;
  ds_split c = draw(options);
  assert_int_equal(a.n_train, 72);
  assert_int_equal(a.n_val, 8);
  assert_memory_equal(a.train, b.train, 72 * sizeof *a.train);
  assert_memory_equal(a.val, b.val, 8 * sizeof *a.val);
  assert_memory_not_equal(a.train, c.train, 72 * sizeof *a.train);
  ds_split_free(&a);
  ds_split_free(&b);
  ds_split_free(&c);
}

/* One draw per seed; how often each number of flows is hit against what its weight asks for, as a chi-square
 * per degree of freedom. */
static double chi_square(ds_sampling method, const double *weight_of_length, int max_length) {
  ds_sampling_options options = BALANCED;
  options.method = method, options.n_samples = 1, options.train_frac = 1, options.batch_size = 1;
  double *hits = calloc((size_t)max_length + 1, sizeof *hits),
         *expected = calloc((size_t)max_length + 1, sizeof *expected);
  double total = 0, chi = 0;
  enum { DRAWS = 4000 };
  for (int64_t p = 0; p < usable_periods(); ++p) {
    int length = ds_period(dataset, p).n_flows;
    expected[length] += weight_of_length[length];
    total += weight_of_length[length];
  }
  for (uint64_t seed = 0; seed < DRAWS; ++seed) {
    options.seed = seed;
    ds_split split = draw(options);
    hits[ds_period(dataset, split.train[0]).n_flows]++;
    ds_split_free(&split);
  }
  int freedom = -1;
  for (int i = 1; i <= max_length; ++i) {
    if (expected[i] == 0) continue;
    double mean = expected[i] / total * DRAWS;
    chi += (hits[i] - mean) * (hits[i] - mean) / mean;
    freedom++;
  }
  free(expected);
  free(hits);
  assert_true(freedom >= 3);
  return chi / freedom;
}

static void test_weights(void **state) {
  (void)state;
  static const int64_t edges[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 50, 100, 500};
  int max_length = 0;
  for (int64_t p = 0; p < usable_periods(); ++p)
    if (ds_period(dataset, p).n_flows > max_length) max_length = ds_period(dataset, p).n_flows;
  double *uniform = calloc((size_t)max_length + 1, sizeof *uniform),
         *weighted = calloc((size_t)max_length + 1, sizeof *weighted),
         *balanced = calloc((size_t)max_length + 1, sizeof *balanced);
  for (int i = 1; i <= max_length; ++i) {
    uniform[i] = 1;
    weighted[i] = i;
    int64_t low = 1, high = INT64_MAX, members = 0;
    for (size_t e = 0; e < sizeof edges / sizeof *edges; ++e) {
      if (edges[e] <= i) low = edges[e];
      if (edges[e] > i && edges[e] < high) high = edges[e];
    }
    for (int64_t p = 0; p < usable_periods(); ++p)
      members += ds_period(dataset, p).n_flows >= low && ds_period(dataset, p).n_flows < high;
    if (members) balanced[i] = 1.0 / (double)members;
  }
  /* seeds are fixed: these numbers never change; 2.5 is beyond the 99.9 % quantile for 4 and more degrees */
  assert_true(chi_square(DS_UNIFORM, uniform, max_length) < 2.5);
  assert_true(chi_square(DS_WEIGHTED, weighted, max_length) < 2.5);
  assert_true(chi_square(DS_BALANCED, balanced, max_length) < 2.5);
  assert_true(chi_square(DS_UNIFORM, weighted, max_length) > 10); /* and the test can tell them apart */
  free(uniform);
  free(weighted);
  free(balanced);
}

static void test_limit(void **state) {
  (void)state;
  ds_sampling_options options = BALANCED;
  options.active_limit = 3;
  ds_split split = draw(options);
  int64_t below = 0;
  for (int64_t p = 0; p < usable_periods(); ++p) below += ds_period(dataset, p).max_active < 3;
  assert_int_equal(split.n_train + split.n_val, below);
  assert_int_equal(split.n_filtered, usable_periods() - below);
  assert_true(split.n_filtered > 0);
  for (int64_t i = 0; i < split.n_train; ++i) assert_true(ds_period(dataset, split.train[i]).max_active < 3);
  ds_split_free(&split);
  m4_error err = {0};
  options.active_limit = 1;
  assert_int_equal(ds_split_draw(&split, dataset, &options, &err), M4_DATA);
  assert_non_null(strstr(err.what, "no busy period"));
  assert_true(err.hint[0] != '\0');
}

static void test_split_by_scenario(void **state) {
  (void)state;
  ds_sampling_options options = BALANCED;
  options.split_by = DS_SPLIT_SCENARIO;
  options.train_frac = 0.7;
  for (options.seed = 0; options.seed < 20; ++options.seed) {
    ds_split split = draw(options);
    bool trains[N_SCENARIOS + 1] = {false};
    assert_int_equal(split.n_train % options.batch_size, 0);
    assert_true(split.n_train > 0 && split.n_val > 0);
    assert_true((double)split.n_train <= 0.7 * (double)usable_periods());
    assert_true((double)split.n_train >= 0.4 * (double)usable_periods());
    for (int64_t i = 0; i < split.n_train; ++i) trains[ds_period(dataset, split.train[i]).scenario] = true;
    for (int64_t i = 0; i < split.n_val; ++i) assert_false(trains[ds_period(dataset, split.val[i]).scenario]);
    ds_split_free(&split);
  }
}

static void test_wrong_options(void **state) {
  (void)state;
  m4_error err = {0};
  ds_split split;
  ds_sampling_options wrong[6];
  for (int i = 0; i < 6; ++i) wrong[i] = BALANCED;
  static const int64_t falling[] = {3, 2};
  wrong[0].n_samples = 0;
  wrong[1].active_limit = 0;
  wrong[2].batch_size = 0;
  wrong[3].train_frac = 1.5;
  wrong[4].train_frac = 0.0 / 0.0;
  wrong[5].bins = falling, wrong[5].n_bins = 2;
  for (int i = 0; i < 6; ++i) assert_int_equal(ds_split_draw(&split, dataset, &wrong[i], &err), M4_USAGE);
  ds_sampling_options huge_batch = BALANCED;
  huge_batch.batch_size = 100000;
  assert_int_equal(ds_split_draw(&split, dataset, &huge_batch, &err), M4_DATA);
}

/* ---- data_list.json ---- */

static void assert_list_refused(const char *path, const char *text, const char *message) {
  m4_error err = {0};
  ds_split split;
  save_bytes(path, (const unsigned char *)text, strlen(text));
  assert_int_equal(ds_split_read(&split, dataset, path, &err), M4_DATA);
  if (!strstr(err.what, message)) fail_msg("\"%s\" expected, got %s", message, err.what);
  assert_null(split.train);
}

static void test_list(void **state) {
  ds_split split = draw(BALANCED), again;
  m4_error err = {0};
  const char *path = scratch_path(state, "data_list.json");
  assert_ok(ds_split_write(&split, dataset, "star \"8\"", UINT64_MAX, path, &err), &err);
  assert_ok(ds_split_read(&again, dataset, path, &err), &err);
  assert_int_equal(again.n_train, split.n_train);
  assert_int_equal(again.n_val, split.n_val);
  assert_memory_equal(again.train, split.train, (size_t)split.n_train * sizeof *split.train);
  assert_memory_equal(again.val, split.val, (size_t)split.n_val * sizeof *split.val);
  ds_split_free(&again);
  ds_split_free(&split);
  assert_int_equal(ds_split_write(&split, dataset, "x", 1, scratch_path(state, "no/list.json"), &err), M4_IO);
  assert_int_equal(ds_split_read(&again, dataset, scratch_path(state, "none.json"), &err), M4_IO);

  char text[1024];
  const char *rows[][2] = {
      {"[\"nobody\",\"t\",0,1]", "no scenario"},     {"[\"light0\",\"t\",99999,1]", "no busy period"},
      {"[\"light0\",\"t\",-1,1]", "no busy period"}, {"[\"light0\",\"t\",0,9999]", "flows, not"},
      {"[\"light0\",\"t\",0]", "row is not"},        {"7", "row is not"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; ++i) {
    snprintf(text, sizeof text, "{\"dataset_hash\":\"%s\",\"train\":[%s],\"val\":[],\"test\":[]}",
             ds_hash(dataset), rows[i][0]);
    assert_list_refused(path, text, rows[i][1]);
  }
  assert_list_refused(path, "{\"dataset_hash\":\"0\",\"train\":[],\"val\":[],\"test\":[]}", "was drawn from");
  assert_list_refused(path, "{\"train\":[],\"val\":[],\"test\":[]}", "missing");
  assert_list_refused(path, "{\"dataset_hash\":", "line 1");
  snprintf(text, sizeof text, "{\"dataset_hash\":\"%s\",\"train\":[],\"val\":{},\"test\":[]}",
           ds_hash(dataset));
  assert_list_refused(path, text, "not a list");
}

static void test_epoch_order(void **state) {
  (void)state;
  enum { N = 500 };
  int64_t first[N], again[N], next[N];
  bool seen[N] = {false};
  ds_epoch_order(first, N, 9, 0);
  ds_epoch_order(again, N, 9, 0);
  ds_epoch_order(next, N, 9, 1);
  assert_memory_equal(first, again, sizeof first);
  assert_memory_not_equal(first, next, sizeof first);
  for (int i = 0; i < N; ++i) {
    assert_in_range(first[i], 0, N - 1);
    assert_false(seen[first[i]]);
    seen[first[i]] = true;
  }
  ds_epoch_order(first, 0, 9, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_everything_is_drawn),
      cmocka_unit_test(test_same_seed_same_split),
      cmocka_unit_test(test_weights),
      cmocka_unit_test(test_limit),
      cmocka_unit_test(test_split_by_scenario),
      cmocka_unit_test(test_wrong_options),
      cmocka_unit_test(test_list),
      cmocka_unit_test(test_epoch_order),
  };
  return cmocka_run_group_tests(tests, open_light, close_light);
}
