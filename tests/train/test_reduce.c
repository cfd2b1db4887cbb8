/* Sums of gradients over devices and processes: the bits of one device that adds every block, on every
 * device, through NCCL (one for tests) and through host memory. Also run under mpirun, where blocks are
 * numbered over the ranks. */
#include "autograd/memory.h"
#include "tests/autograd/cmocka_all.h"
#include "train/reduce.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTH = 1000, MOST_BLOCKS = 3, MOST_DEVICES = 2 };

static m4_ranks *ranks;

/* Numbers whose sum depends on the order. */
static float value(int block, int i) {
  return (float)((i * 37 + block * 101) % 64 - 31) * (block % 3 == 1 ? 3e6f : 0.37f);
}

static float start_value(int i) {
  return 0.1f * (float)i;
}

typedef struct device {
  const ag_backend *backend;
  float *total, *blocks[MOST_BLOCKS];
} device;

static float *put(const ag_backend *backend, const float *values) {
  float *memory = ag_take(backend, LENGTH * sizeof *values);
  assert_non_null(memory);
  ag_upload(backend, memory, values, LENGTH * sizeof *values);
  return memory;
}

/* Blocks first_block, ... of a device. */
static void fill(device *d, int first_block, int n_blocks) {
  float values[LENGTH];
  for (int i = 0; i < LENGTH; ++i) values[i] = start_value(i);
  d->total = put(d->backend, values);
  for (int k = 0; k < n_blocks; ++k) {
    for (int i = 0; i < LENGTH; ++i) values[i] = value(first_block + k, i);
    d->blocks[k] = put(d->backend, values);
  }
}

static void empty(device *d) {
  ag_give_back(d->backend, d->total);
  for (int k = 0; k < MOST_BLOCKS; ++k) {
    if (d->blocks[k]) ag_give_back(d->backend, d->blocks[k]);
    d->blocks[k] = NULL;
  }
}

static void check_total(const device *d, int n_blocks) {
  float found[LENGTH];
  ag_download(d->backend, found, d->total, sizeof found);
  for (int i = 0; i < LENGTH; ++i) {
    float expected = start_value(i);
    for (int block = 0; block < n_blocks; ++block) expected += value(block, i);
    assert_memory_equal(&found[i], &expected, sizeof expected);
  }
}

static void sum_and_check(tr_reduce *reduce, device *devices, int n_devices, const int *n_blocks) {
  m4_error err = {0};
  int per_rank = 0, count = m4_ranks_count(ranks);
  for (int d = 0; d < n_devices; ++d) per_rank += n_blocks[d];
  int first = per_rank * m4_ranks_index(ranks);
  float *totals[MOST_DEVICES];
  const float *const *blocks[MOST_DEVICES];
  for (int d = 0; d < n_devices; first += n_blocks[d], ++d) {
    fill(&devices[d], first, n_blocks[d]);
    totals[d] = devices[d].total;
    blocks[d] = (const float *const *)devices[d].blocks;
  }
  assert_int_equal(tr_reduce_sum(reduce, totals, blocks, n_blocks, &err), M4_OK);
  for (int d = 0; d < n_devices; ++d) {
    check_total(&devices[d], per_rank * count);
    empty(&devices[d]);
  }
}

/* names[n]: devices; note: part of what must be said, NULL = NCCL is used. */
static void check_devices(const char *const *names, int n, const char *note) {
  static const int counts[][MOST_DEVICES] = {{1, 1}, {3, 2}, {0, 1}, {2, 0}, {0, 0}};
  m4_error err = {0};
  device devices[MOST_DEVICES] = {{0}};
  const ag_backend *backends[MOST_DEVICES];
  const char *said;
  tr_reduce *reduce;
  for (int d = 0; d < n; ++d) {
    assert_int_equal(ag_device_open(&backends[d], names[d], NULL, &err), M4_OK);
    devices[d].backend = backends[d];
  }
  assert_int_equal(tr_reduce_create(&reduce, backends, n, ranks, MOST_BLOCKS, LENGTH, &said, &err), M4_OK);
  if (note ? !said || !strstr(said, note) : said != NULL) fail_msg("said: %s", said ? said : "nothing");
  for (size_t i = 0; i < sizeof counts / sizeof *counts; ++i) sum_and_check(reduce, devices, n, counts[i]);
  tr_reduce_free(reduce);
  for (int d = 0; d < n; ++d) assert_int_equal(ag_backend_status(backends[d], NULL), M4_OK);
}

static void devices_add_up_through_nccl(void **state) {
  (void)state;
  if (m4_ranks_count(ranks) > 1) return; /* the NCCL for tests knows one process */
  setenv("M4_NCCL_LIBRARY", M4_BUILD_DIR "/tests/far/libnccl.so.2", 1);
  check_devices((const char *const[]){"cuda:0", "cuda:1"}, 2, NULL);
}

static void without_nccl_they_use_the_host(void **state) {
  (void)state;
  setenv("M4_NCCL_LIBRARY", "/nowhere/libnccl.so.2", 1);
  check_devices((const char *const[]){"cuda:0", "cuda:1"}, 2,
                "gradients go through host memory: no NCCL: /nowhere/libnccl.so.2: cannot open");
  setenv("M4_NCCL_LIBRARY", "libm.so.6", 1);
  check_devices((const char *const[]){"cuda:0", "cuda:1"}, 2, "its library lacks functions");
}

/* One device, one process: nothing to exchange, the blocks are added all the same. */
static void cpus_need_nothing(void **state) {
  (void)state;
  check_devices((const char *const[]){"cpu"}, 1, NULL);
  check_devices((const char *const[]){"cpu", "cpu"}, 2, NULL);
}

static void ranks_with_other_devices_are_refused(void **state) {
  (void)state;
  m4_error err = {0};
  if (m4_ranks_count(ranks) == 1) return;
  const ag_backend *backends[MOST_DEVICES];
  for (int d = 0; d < 2; ++d)
    assert_int_equal(ag_device_open(&backends[d], d ? "cuda:1" : "cuda:0", NULL, &err), M4_OK);
  tr_reduce *reduce = NULL;
  int mine = m4_ranks_index(ranks) == 0 ? 1 : 2;
  assert_int_equal(tr_reduce_create(&reduce, backends, mine, ranks, 1, LENGTH, NULL, &err), M4_USAGE);
  assert_non_null(strstr(err.what, "devices, another"));
  assert_null(reduce);
}

int main(void) {
  m4_error err = {0};
  setenv("M4_CUDA_PLUGIN", M4_BUILD_DIR "/tests/far/libm4cuda.so", 1);
  if (m4_ranks_join(&ranks, &err) != M4_OK) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(devices_add_up_through_nccl),
      cmocka_unit_test(without_nccl_they_use_the_host),
      cmocka_unit_test(cpus_need_nothing),
      cmocka_unit_test(ranks_with_other_devices_are_refused),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  m4_ranks_leave(ranks, failed ? M4_INTERNAL : M4_OK);
  return failed;
}
