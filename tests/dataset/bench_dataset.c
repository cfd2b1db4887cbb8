/* How fast busy periods are written and read: bench_dataset FOLDER [scenarios] [flows]. Not a test. */
#include "base/arena.h"
#include "base/file.h"
#include "base/philox.h"
#include "tests/dataset/synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Periods in random order, as training asks for them. */
static void read_randomly(ds_dataset *dataset, m4_arena *arena, int64_t count, const char *what) {
  m4_error err = {0};
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  double begin = now_s();
  int64_t n_flows = 0;
  for (int64_t i = 0; i < count; ++i) {
    m4_period facts;
    int64_t period = (int64_t)m4_rng_below(&rng, (uint64_t)ds_n_periods(dataset));
    assert_ok(ds_read_period(dataset, period, arena, &facts, NULL, &err), &err);
    n_flows += facts.n_flows;
    m4_arena_release(arena, 0);
  }
  double seconds = now_s() - begin;
  printf("%s: %.0f periods/s, %.1f flows each\n", what, (double)count / seconds,
         (double)n_flows / (double)count);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  int n_scenarios = argc > 2 ? atoi(argv[2]) : 200, n_flows = argc > 3 ? atoi(argv[3]) : 2000;
  char path[4096];
  m4_error err = {0};
  if (m4_dir_make(argv[1], &err) != M4_OK) return 4;
  snprintf(path, sizeof path, "%s/bench.h5", argv[1]);
  synthetic_options star = {.seed = 1, .n_hosts = 64, .n_flows = n_flows, .mean_gap_ns = 6000};
  double begin = now_s();
  synthetic_shard(path, "s", n_scenarios, star);
  struct stat info;
  if (stat(path, &info) != 0) return 4;
  printf("%d scenarios of %d flows: %.1f s to invent and write, %.1f MB\n", n_scenarios, n_flows,
         now_s() - begin, (double)info.st_size / 1e6);
  ds_dataset *dataset;
  m4_arena arena;
  begin = now_s();
  assert_ok(ds_open(&dataset, path, &err), &err);
  assert_ok(m4_arena_init(&arena, (size_t)4 << 30, &err), &err);
  printf("open: %.3f s, %lld periods\n", now_s() - begin, (long long)ds_n_periods(dataset));
  read_randomly(dataset, &arena, 1000, "first 1000");
  read_randomly(dataset, &arena, 1000, "the same again");
  m4_arena_free(&arena);
  ds_close(dataset);
  return 0;
}
