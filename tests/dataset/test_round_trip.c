/* What was written comes back, whole and by busy period; the same content gives the same bytes; impossible
 * facts are refused. */
#include "base/arena.h"
#include "data/schema.h"
#include "tests/dataset/synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

static const synthetic_options STAR = {.seed = 11, .n_hosts = 8, .n_flows = 60, .mean_gap_ns = 40000};
static const size_t ARENA_BYTES = (size_t)64 << 20;

static m4_arena new_arena(void) {
  m4_arena arena;
  m4_error err = {0};
  assert_ok(m4_arena_init(&arena, ARENA_BYTES, &err), &err);
  return arena;
}

#define assert_same(a, b, field, count)                                                                      \
  assert_memory_equal((a)->field, (b)->field, (size_t)(count) * sizeof *(a)->field)

static void assert_same_scenario(const ds_scenario *a, const ds_scenario *b) {
  assert_string_equal(a->name, b->name);
  assert_memory_equal(a->params, b->params, sizeof a->params);
  assert_int_equal(a->n_nodes, b->n_nodes);
  assert_int_equal(a->n_links, b->n_links);
  assert_int_equal(a->n_flows, b->n_flows);
  assert_int_equal(a->n_periods, b->n_periods);
  int64_t n = a->n_flows, p = a->n_periods;
  assert_same(a, b, node_is_switch, a->n_nodes);
  assert_same(a, b, link_from, a->n_links);
  assert_same(a, b, link_to, a->n_links);
  assert_same(a, b, link_rate_bps, a->n_links);
  assert_same(a, b, link_delay_ns, a->n_links);
  assert_same(a, b, flow_id, n);
  assert_same(a, b, size_bytes, n);
  assert_same(a, b, start_ns, n);
  assert_same(a, b, fct_ns, n);
  assert_same(a, b, ideal_fct_ns, n);
  assert_same(a, b, src, n);
  assert_same(a, b, dst, n);
  assert_same(a, b, flowsim_fct_ns, n);
  assert_same(a, b, path_offset, n + 1);
  assert_same(a, b, path_link, a->path_offset[n]);
  assert_same(a, b, queue_bytes, a->path_offset[n]);
  assert_same(a, b, received_offset, 2 * n + 1);
  assert_same(a, b, received_bytes, a->received_offset[2 * n]);
  assert_same(a, b, period_flow_offset, p + 1);
  assert_same(a, b, period_event_offset, p + 1);
  assert_same(a, b, period_flow, a->period_flow_offset[p]);
  assert_same(a, b, period_event, a->period_event_offset[p]);
  assert_same(a, b, period_start_ns, p);
  assert_same(a, b, period_end_ns, p);
  assert_same(a, b, period_max_active, p);
}

static void test_scenarios(void **state) {
  const char *path = scratch_path(state, "scenarios.h5");
  synthetic_shard(path, "s", 5, STAR);
  m4_error err = {0};
  ds_dataset *dataset;
  assert_ok(ds_open(&dataset, path, &err), &err);
  assert_int_equal(ds_n_scenarios(dataset), 5);
  m4_arena arena = new_arena();
  int64_t periods = 0;
  for (int32_t i = 0; i < 5; ++i) {
    synthetic_options options = STAR;
    options.seed += (uint64_t)i;
    ds_scenario expected = synthetic_scenario(&arena, ds_scenario_name(dataset, i), options), got;
    assert_ok(ds_read_scenario(dataset, i, &arena, &got, &err), &err);
    assert_same_scenario(&expected, &got);
    assert_true(ds_scenario_usable(dataset, i));
    assert_int_equal(ds_scenario_first_period(dataset, i), periods);
    assert_int_equal(ds_find_scenario(dataset, expected.name), i);
    periods += expected.n_periods;
    m4_arena_release(&arena, 0);
  }
  assert_true(periods > 20);
  assert_int_equal(ds_n_periods(dataset), periods);
  assert_int_equal(ds_find_scenario(dataset, "s5"), -1);
  ds_scenario none;
  assert_int_equal(ds_read_scenario(dataset, 5, &arena, &none, &err), M4_DATA);
  m4_arena_free(&arena);
  ds_close(dataset);
}

static void check_flows(const ds_scenario *s, const int32_t *flow, const m4_period *facts,
                        const double *flowsim) {
  for (int32_t i = 0; i < facts->n_flows; ++i) {
    int32_t f = flow[i];
    assert_int_equal(facts->flow_id[i], s->flow_id[f]);
    assert_int_equal(facts->size_bytes[i], s->size_bytes[f]);
    assert_int_equal(facts->start_ns[i], s->start_ns[f]);
    assert_int_equal(facts->fct_ns[i], s->fct_ns[f]);
    assert_int_equal(facts->ideal_fct_ns[i], s->ideal_fct_ns[f]);
    assert_true(flowsim[i] == s->flowsim_fct_ns[f]);
    for (int k = 0; k < M4_N_PARAMS; ++k)
      assert_true(facts->params[i * M4_N_PARAMS + k] == (float)s->params[k]);
    assert_int_equal(facts->path_offset[i], 2 * i);
    assert_int_equal(facts->path_offset[i + 1], 2 * i + 2);
    for (int hop = 0; hop < 2; ++hop) {
      assert_int_equal(facts->path_link[2 * i + hop], s->path_link[2 * f + hop]);
      assert_int_equal(facts->queue_bytes[2 * i + hop], s->queue_bytes[2 * f + hop]);
    }
  }
}

/* The rows of a period hold its own active flows only: computed again from the facts. */
static void check_rows(const ds_scenario *s, int64_t segment, const m4_period *facts, m4_arena *arena) {
  const int32_t *flow = s->period_flow + s->period_flow_offset[segment];
  const int64_t *event = s->period_event + s->period_event_offset[segment];
  const synthetic_event *events = synthetic_events(arena, s);
  int *is_active = m4_arena_calloc(arena, (size_t)s->n_flows, sizeof *is_active);
  int64_t at = 0, next = 0;
  for (int32_t j = 0; j < 2 * facts->n_flows; ++j) {
    for (; next <= event[j]; ++next) is_active[events[next].flow] = events[next].is_arrival;
    assert_int_equal(facts->received_offset[j], at);
    for (int32_t i = 0; i < facts->n_flows; ++i)
      if (is_active[flow[i]])
        assert_int_equal(facts->received_bytes[at++],
                         synthetic_received(s, flow[i], events[event[j]].time_ns));
    assert_int_equal(facts->received_offset[j + 1], at);
  }
}

static void check_all_periods(const char *path, synthetic_options options) {
  m4_error err = {0};
  ds_dataset *dataset;
  assert_ok(ds_open(&dataset, path, &err), &err);
  m4_arena arena = new_arena();
  for (int64_t i = 0; i < ds_n_periods(dataset); ++i) {
    ds_period_info info = ds_period(dataset, i);
    synthetic_options own = options;
    own.seed += (uint64_t)info.scenario;
    ds_scenario s = synthetic_scenario(&arena, "expected", own);
    m4_period facts;
    const double *flowsim;
    assert_ok(ds_read_period(dataset, i, &arena, &facts, &flowsim, &err), &err);
    assert_int_equal(facts.n_flows, info.n_flows);
    assert_int_equal(facts.n_flows,
                     s.period_flow_offset[info.segment + 1] - s.period_flow_offset[info.segment]);
    assert_int_equal(info.max_active, s.period_max_active[info.segment]);
    check_flows(&s, s.period_flow + s.period_flow_offset[info.segment], &facts, flowsim);
    check_rows(&s, info.segment, &facts, &arena);
    m4_arena_release(&arena, 0);
  }
  m4_period none;
  assert_int_equal(ds_read_period(dataset, ds_n_periods(dataset), &arena, &none, NULL, &err), M4_DATA);
  m4_arena_free(&arena);
  ds_close(dataset);
}

static void test_periods(void **state) {
  synthetic_shard(scratch_path(state, "periods.h5"), "s", 3, STAR);
  check_all_periods(scratch_path(state, "periods.h5"), STAR);
}

/* Rows beyond one chunk and one block. */
static void test_long_periods(void **state) {
  synthetic_options busy = {.seed = 5, .n_hosts = 12, .n_flows = 1500, .mean_gap_ns = 9000};
  synthetic_shard(scratch_path(state, "long.h5"), "s", 1, busy);
  check_all_periods(scratch_path(state, "long.h5"), busy);
}

static void test_same_bytes(void **state) {
  size_t first_length, second_length;
  synthetic_shard(scratch_path(state, "first.h5"), "s", 3, STAR);
  sleep(1); /* a stored time would differ */
  synthetic_shard(scratch_path(state, "second.h5"), "s", 3, STAR);
  unsigned char *first = load_bytes(scratch_path(state, "first.h5"), &first_length);
  unsigned char *second = load_bytes(scratch_path(state, "second.h5"), &second_length);
  assert_int_equal(first_length, second_length);
  assert_memory_equal(first, second, first_length);
  free(first);
  free(second);
}

static void hash_of(char hash[17], const char *path) {
  m4_error err = {0};
  ds_dataset *dataset;
  assert_ok(ds_open(&dataset, path, &err), &err);
  memcpy(hash, ds_hash(dataset), 17);
  assert_int_equal(strspn(hash, "0123456789abcdef"), 16);
  ds_close(dataset);
}

static void test_hash(void **state) {
  char original[17], moved[17], other[17];
  assert_int_equal(mkdir(scratch_path(state, "a"), 0777), 0);
  assert_int_equal(mkdir(scratch_path(state, "b"), 0777), 0);
  synthetic_options changed = STAR;
  changed.seed++;
  synthetic_shard(scratch_path(state, "a/x.h5"), "s", 2, STAR);
  hash_of(original, scratch_path(state, "a/x.h5"));
  assert_int_equal(rename(scratch_path(state, "a/x.h5"), scratch_path(state, "b/x.h5")), 0);
  hash_of(moved, scratch_path(state, "b/x.h5"));
  synthetic_shard(scratch_path(state, "a/x.h5"), "s", 2, changed);
  hash_of(other, scratch_path(state, "a/x.h5"));
  assert_string_equal(original, moved);
  assert_string_not_equal(original, other);
}

/* Shards in name order; other files are ignored; names must be unique. */
static void test_folder(void **state) {
  m4_error err = {0};
  ds_dataset *dataset;
  assert_int_equal(mkdir(scratch_path(state, "set"), 0777), 0);
  assert_int_equal(ds_open(&dataset, scratch_path(state, "set"), &err), M4_DATA);
  assert_null(dataset);
  synthetic_shard(scratch_path(state, "set/2.h5"), "second", 2, STAR);
  synthetic_shard(scratch_path(state, "set/1.h5"), "first", 3, STAR);
  save_bytes(scratch_path(state, "set/notes.txt"), (const unsigned char *)"x", 1);
  save_bytes(scratch_path(state, "set/3.h5.tmp.7"), (const unsigned char *)"x", 1);
  assert_ok(ds_open(&dataset, scratch_path(state, "set"), &err), &err);
  assert_int_equal(ds_n_scenarios(dataset), 5);
  assert_string_equal(ds_scenario_name(dataset, 0), "first0");
  assert_string_equal(ds_scenario_name(dataset, 3), "second0");
  assert_int_equal(ds_period(dataset, ds_scenario_first_period(dataset, 4)).scenario, 4);
  ds_close(dataset);
  synthetic_shard(scratch_path(state, "set/3.h5"), "first", 1, STAR);
  assert_int_equal(ds_open(&dataset, scratch_path(state, "set"), &err), M4_DATA);
  assert_non_null(strstr(err.what, "first0"));
  assert_int_equal(ds_open(&dataset, scratch_path(state, "missing.h5"), &err), M4_IO);
}

static void test_unfinished(void **state) {
  synthetic_options options = STAR;
  options.last_unfinished = true;
  const char *path = scratch_path(state, "unfinished.h5");
  synthetic_shard(path, "s", 1, options);
  m4_error err = {0};
  ds_dataset *dataset;
  assert_ok(ds_open(&dataset, path, &err), &err);
  assert_false(ds_scenario_usable(dataset, 0));
  assert_true(ds_n_periods(dataset) > 0);
  ds_close(dataset);
  check_all_periods(path, options);
}

/* ---- what the writer refuses ---- */

typedef struct wrong {
  const char *where;
  void (*spoil)(ds_scenario *);
} wrong;

#define SPOIL(name, field, type, index, value)                                                               \
  static void name(ds_scenario *s) {                                                                         \
    ((type *)s->field)[index] = (value);                                                                     \
  }
SPOIL(spoil_link, link_to, int32_t, 0, 99)
SPOIL(spoil_cable, link_from, int32_t, 0, 3)
SPOIL(spoil_rate, link_rate_bps, int64_t, 2, 0)
SPOIL(spoil_id, flow_id, int64_t, 4, 1)
SPOIL(spoil_source, src, int32_t, 4, -1)
SPOIL(spoil_size, size_bytes, int64_t, 4, 0)
SPOIL(spoil_start, start_ns, int64_t, 0, -5)
SPOIL(spoil_fct, fct_ns, int64_t, 4, 1)
SPOIL(spoil_flowsim, flowsim_fct_ns, double, 4, 0.0 / 0.0)
SPOIL(spoil_path_offset, path_offset, int64_t, 4, s->path_offset[3])
SPOIL(spoil_path, path_link, int32_t, 0, 1000)
SPOIL(spoil_queue, queue_bytes, int64_t, 0, -2)
SPOIL(spoil_row, received_offset, int64_t, 3, s->received_offset[2])
SPOIL(spoil_received, received_bytes, int64_t, 3, -2)
SPOIL(spoil_period_flow, period_flow, int32_t, 0, 60)
SPOIL(spoil_period_event, period_event, int64_t, 1, 119)
SPOIL(spoil_period_start, period_start_ns, int64_t, 0, 1)
SPOIL(spoil_max_active, period_max_active, int32_t, 0, 99)
static void spoil_name(ds_scenario *s) {
  s->name = "";
}
static void spoil_param(ds_scenario *s) {
  s->params[12] = 1.0 / 0.0;
}
static void spoil_count(ds_scenario *s) {
  s->n_flows = 0;
}

static const wrong WRONGS[] = {{"link/to", spoil_link},
                               {"link/", spoil_cable},
                               {"link/rate_bps", spoil_rate},
                               {"flow/id", spoil_id},
                               {"flow/src", spoil_source},
                               {"flow/size_bytes", spoil_size},
                               {"flow/start_ns", spoil_start},
                               {"flow/fct_ns", spoil_fct},
                               {"flow/flowsim_fct_ns", spoil_flowsim},
                               {"flow/path_offset", spoil_path_offset},
                               {"flow/path_link", spoil_path},
                               {"flow/queue_bytes", spoil_queue},
                               {"event/received_offset", spoil_row},
                               {"event/received_bytes", spoil_received},
                               {"period/flow", spoil_period_flow},
                               {"period/event", spoil_period_event},
                               {"period/start_ns", spoil_period_start},
                               {"period/max_active", spoil_max_active},
                               {"scenario/name", spoil_name},
                               {"scenario/params", spoil_param},
                               {"flow", spoil_count}};

static void test_refused(void **state) {
  const char *path = scratch_path(state, "refused.h5");
  m4_error err = {0};
  ds_writer *writer;
  m4_arena arena = new_arena();
  assert_ok(ds_writer_create(&writer, path, 1, "test", "", &err), &err);
  for (size_t i = 0; i < sizeof WRONGS / sizeof *WRONGS; ++i) {
    ds_scenario s = synthetic_scenario(&arena, "wrong", STAR);
    WRONGS[i].spoil(&s);
    assert_int_equal(ds_writer_add(writer, &s, &err), M4_DATA);
    if (!strstr(err.where, WRONGS[i].where))
      fail_msg("%s expected, got %s: %s", WRONGS[i].where, err.where, err.what);
    m4_arena_release(&arena, 0);
  }
  ds_scenario good = synthetic_scenario(&arena, "good", STAR);
  assert_ok(ds_writer_add(writer, &good, &err), &err);
  assert_int_equal(ds_writer_add(writer, &good, &err), M4_DATA); /* the same name again */
  assert_ok(ds_writer_commit(writer, &err), &err);
  ds_dataset *dataset;
  assert_ok(ds_open(&dataset, path, &err), &err); /* refused scenarios left no trace */
  assert_int_equal(ds_n_scenarios(dataset), 1);
  ds_close(dataset);
  m4_arena_free(&arena);
}

static void test_publishing(void **state) {
  m4_error err = {0};
  ds_writer *writer;
  const char *path = scratch_path(state, "shard.h5");
  assert_ok(ds_writer_create(&writer, path, 1, "test", "", &err), &err);
  assert_int_not_equal(access(path, F_OK), 0); /* not before commit */
  ds_writer_abandon(writer);
  assert_ok(ds_writer_create(&writer, path, 1, "test", "", &err), &err);
  assert_int_equal(ds_writer_commit(writer, &err), M4_DATA); /* empty */
  char command[4096];
  snprintf(command, sizeof command, "! ls '%s' | grep -q '^shard'", (char *)*state);
  assert_int_equal(system(command), 0); /* no temporary left */
  assert_int_equal(ds_writer_create(&writer, scratch_path(state, "no/such/folder.h5"), 1, "test", "", &err),
                   M4_IO);
  assert_null(writer);
  ds_writer_abandon(NULL);
}

/* The table in data/FORMAT.md has a line for every dataset, with its unit and meaning. */
static void test_documented(void **state) {
  (void)state;
  size_t length;
  unsigned char *bytes = load_bytes(M4_FORMAT_FILE, &length);
  char *text = malloc(length + 1);
  assert_non_null(text);
  memcpy(text, bytes, length);
  text[length] = '\0';
  for (const ds_row *row = ds_schema; row < ds_schema + DS_N_ROWS; ++row) {
    static const char *const types[] = {
        [DS_U8] = "uint8", [DS_I32] = "int32", [DS_I64] = "int64", [DS_F64] = "float64"};
    char start[256], end[512];
    snprintf(start, sizeof start, "| `%s` | %s | [", row->path, types[row->type]);
    snprintf(end, sizeof end, "] | `%s` | %s |\n", row->unit, row->what);
    const char *line = strstr(text, start);
    if (!line || !strstr(line, end)) fail_msg("data/FORMAT.md does not have %s...%s", start, end);
  }
  free(text);
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_scenarios),  cmocka_unit_test(test_periods), cmocka_unit_test(test_long_periods),
      cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_hash),    cmocka_unit_test(test_folder),
      cmocka_unit_test(test_unfinished), cmocka_unit_test(test_refused), cmocka_unit_test(test_publishing),
      cmocka_unit_test(test_documented),
  };
  return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
