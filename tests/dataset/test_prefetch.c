/* Samples arrive in order, with any number of threads the same; an error arrives at its position. */
#include "base/arena.h"
#include "data/prefetch.h"
#include "tests/dataset/synthetic.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const synthetic_options STAR = {.seed = 41, .n_hosts = 8, .n_flows = 150, .mean_gap_ns = 60000};

static uint64_t hash_sample(const ds_item *item) {
  const m4_sample *s = item->sample;
  size_t n = (size_t)s->n_flows, n_events = (size_t)s->n_events;
  uint64_t hash = XXH64(s->size_feature, n * sizeof(float), (uint64_t)item->period);
  hash = XXH64(s->target_slowdown, n * sizeof(float), hash);
  hash = XXH64(s->path_link, (size_t)s->path_offset[n] * sizeof(int32_t), hash);
  hash = XXH64(s->dt_us, n_events * sizeof(float), hash);
  hash = XXH64(s->size_labels, (size_t)s->size_offset[n_events] * sizeof(float), hash);
  hash = XXH64(s->queue_labels, (size_t)s->queue_offset[n_events] * sizeof(float), hash);
  return XXH64(item->flowsim_fct_ns, n * sizeof(double), hash);
}

/* Every third period, then all backwards: repeats and jumps between scenarios. Returns the number of
 * positions. */
static int64_t make_order(const ds_dataset *dataset, int64_t **order) {
  int64_t n = ds_n_periods(dataset), count = 0;
  *order = malloc((size_t)(2 * n) * sizeof **order);
  for (int64_t p = 0; p < n; p += 3) (*order)[count++] = p;
  for (int64_t p = n - 1; p >= 0; --p) (*order)[count++] = p;
  return count;
}

/* Hashes everything delivered; holds up to `hold` items before giving them back. */
static uint64_t run(ds_dataset *dataset, const int64_t *order, int64_t count, int n_threads, int ahead,
                    int hold) {
  m4_error err = {0};
  ds_prefetch *prefetch;
  ds_item *held[16] = {NULL}, *item;
  uint64_t hash = 0;
  assert_ok(ds_prefetch_create(&prefetch, dataset, order, count, M4_SIZE_KILOBYTES, n_threads, ahead, &err),
            &err);
  for (int64_t i = 0; i < count; ++i) {
    ds_prefetch_return(prefetch, held[i % hold]);
    assert_ok(ds_prefetch_next(prefetch, &item, &err), &err);
    assert_non_null(item);
    assert_int_equal(item->position, i);
    assert_int_equal(item->period, order[i]);
    assert_int_equal(item->facts.n_flows, ds_period(dataset, order[i]).n_flows);
    hash = XXH64(&(uint64_t){hash_sample(item)}, 8, hash);
    held[i % hold] = item;
  }
  for (int h = 0; h < hold; ++h) ds_prefetch_return(prefetch, held[h]);
  assert_ok(ds_prefetch_next(prefetch, &item, &err), &err);
  assert_null(item);
  ds_prefetch_free(prefetch);
  return hash;
}

static void test_order(void **state) {
  const char *path = scratch_path(state, "order.h5");
  synthetic_shard(path, "s", 4, STAR);
  m4_error err = {0};
  ds_dataset *dataset;
  assert_ok(ds_open(&dataset, path, &err), &err);
  int64_t *order, count = make_order(dataset, &order);
  assert_true(count > 40);
  uint64_t expected = run(dataset, order, count, 1, 1, 1);
  assert_true(run(dataset, order, count, 4, 1, 1) == expected);
  assert_true(run(dataset, order, count, 4, 8, 1) == expected);
  assert_true(run(dataset, order, count, 3, 8, 7) == expected);
  run(dataset, order, 0, 2, 2, 1);
  free(order);
  ds_close(dataset);
}

/* One scenario of the shard lies about a size: its checksum is right, its content is not. */
static void spoil_last_flow(const char *path) {
  hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT),
        dataset = H5Dopen2(file, "flow/size_bytes", H5P_DEFAULT), space = H5Dget_space(dataset);
  hsize_t size, one = 1;
  H5Sget_simple_extent_dims(space, &size, NULL);
  hsize_t last = size - 1;
  hid_t memory = H5Screate_simple(1, &one, NULL);
  H5Sselect_hyperslab(space, H5S_SELECT_SET, &last, NULL, &one, NULL);
  assert_true(H5Dwrite(dataset, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, &(int64_t){-1}) >= 0);
  H5Sclose(memory);
  H5Sclose(space);
  H5Dclose(dataset);
  H5Fclose(file);
}

static void check_errors(ds_dataset *dataset, int n_threads) {
  int64_t *order, count = make_order(dataset, &order), n_bad = 0, n_good = 0;
  m4_error err = {0};
  ds_prefetch *prefetch;
  assert_ok(ds_prefetch_create(&prefetch, dataset, order, count, M4_SIZE_KILOBYTES, n_threads, 5, &err),
            &err);
  for (int64_t i = 0; i < count; ++i) {
    ds_item *item;
    bool is_bad = ds_period(dataset, order[i]).scenario == 2;
    memset(&err, 0, sizeof err);
    m4_status status = ds_prefetch_next(prefetch, &item, &err);
    assert_int_equal(status, is_bad ? M4_DATA : M4_OK);
    if (is_bad) {
      assert_null(item);
      assert_non_null(strstr(err.where, "flow/size_bytes"));
      n_bad++;
    } else {
      assert_int_equal(item->position, i);
      ds_prefetch_return(prefetch, item);
      n_good++;
    }
  }
  assert_true(n_bad > 5 && n_good > 5);
  ds_prefetch_free(prefetch);
  free(order);
}

static void test_errors(void **state) {
  const char *path = scratch_path(state, "errors.h5");
  synthetic_shard(path, "s", 3, STAR);
  spoil_last_flow(path);
  m4_error err = {0};
  ds_dataset *dataset;
  assert_ok(ds_open(&dataset, path, &err), &err);
  check_errors(dataset, 1);
  check_errors(dataset, 4);
  ds_prefetch *prefetch;
  ds_item *item;
  assert_ok(ds_prefetch_create(&prefetch, dataset, &(int64_t){-1}, 1, M4_SIZE_KILOBYTES, 1, 1, &err), &err);
  assert_int_equal(ds_prefetch_next(prefetch, &item, &err), M4_DATA);
  ds_prefetch_free(prefetch);
  assert_int_equal(ds_prefetch_create(&prefetch, dataset, NULL, 0, M4_SIZE_KILOBYTES, 0, 1, &err), M4_USAGE);
  assert_int_equal(ds_prefetch_create(&prefetch, dataset, NULL, 0, M4_SIZE_KILOBYTES, 1, 0, &err), M4_USAGE);
  ds_close(dataset);
}

/* Freed at every stage: right away, in the middle, with items still held. */
static void test_early_end(void **state) {
  const char *path = scratch_path(state, "early.h5");
  synthetic_shard(path, "s", 2, STAR);
  m4_error err = {0};
  ds_dataset *dataset;
  assert_ok(ds_open(&dataset, path, &err), &err);
  int64_t *order, count = make_order(dataset, &order);
  for (int taken = 0; taken < 12; ++taken) {
    ds_prefetch *prefetch;
    ds_item *item;
    assert_ok(ds_prefetch_create(&prefetch, dataset, order, count, M4_SIZE_KILOBYTES, 4, 16, &err), &err);
    for (int i = 0; i < taken; ++i) assert_ok(ds_prefetch_next(prefetch, &item, &err), &err);
    ds_prefetch_free(prefetch);
  }
  free(order);
  ds_close(dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_errors),
      cmocka_unit_test(test_early_end),
  };
  return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
