/* Pseudo-random but consistent scenarios: a star of hosts around one switch, invented completion times,
 * received bytes that grow linearly. Computed with other means than the code under test. */
#ifndef TESTS_DATASET_SYNTHETIC_H
#define TESTS_DATASET_SYNTHETIC_H

#include "data/dataset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct synthetic_options {
  uint64_t seed;
  int32_t n_hosts, n_flows;
  int64_t mean_gap_ns; /* between arrivals: small = long busy periods */
  bool last_unfinished;
} synthetic_options;

/* A scenario with all arrays in `arena`. `name` is kept, not copied. */
ds_scenario synthetic_scenario(m4_arena *arena, const char *name, synthetic_options options);

/* The 2 * n_flows events in order; an unfinished flow departs at INT64_MAX. */
typedef struct synthetic_event {
  int64_t time_ns, flow;
  int is_arrival;
} synthetic_event;
synthetic_event *synthetic_events(m4_arena *arena, const ds_scenario *scenario);

/* Bytes of flow f at a time: what the received rows hold. */
int64_t synthetic_received(const ds_scenario *scenario, int64_t flow, int64_t time_ns);

/* Writes scenarios "PREFIX0".. to a shard; options.seed counts up. Fails the test on error. */
void synthetic_shard(const char *path, const char *prefix, int n_scenarios, synthetic_options options);

/* A fresh folder for a test program's files; removed by scratch_remove. scratch_path joins (static buffers,
 * four in turn). */
int scratch_make(void **state);
int scratch_remove(void **state);
const char *scratch_path(void **state, const char *name);

/* Whole file into malloc'ed memory, and back. */
unsigned char *load_bytes(const char *path, size_t *length);
void save_bytes(const char *path, const unsigned char *bytes, size_t length);

#define assert_ok(expr, err)                                                                                 \
  do {                                                                                                       \
    m4_status status_ = (expr);                                                                              \
    if (status_ != M4_OK) fail_msg("%s: %s", (err)->where, (err)->what);                                     \
  } while (0)

#endif
