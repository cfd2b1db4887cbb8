/* Supervision against ns-3's complete packet traces: received-bytes rows and queue values are worked out here
 * from the trace's lines alone and must be equal, as must every FCT. Also: a flow that never finishes, a
 * lonely flow, ids out of order, closed loop. */
#include "tests/datagen/support.h"

#include "base/file.h"
#include "datagen/datagen.h"

#include <inttypes.h>

enum { MAX_FLOWS = 16, MAX_HOPS = 8, MAX_RECORDS = 20000, ARENA_BYTES = 1 << 26 };

/* ---- the trace, read independently ---- */

typedef struct receipt {
  int64_t time_ns, flow, bytes;
} receipt;

typedef struct trace {
  int64_t n_flows, start_ns[MAX_FLOWS], end_ns[MAX_FLOWS]; /* flow ids are 0, 1, ... in these traces */
  int64_t n_receipts;
  receipt receipts[MAX_RECORDS];
  int n_hops[MAX_FLOWS];
  int64_t queue[MAX_FLOWS][MAX_HOPS]; /* met by the first packet at each node that sends it on */
} trace;

static char *read_all(const char *dir, const char *name) {
  char path[640], *text;
  size_t length;
  snprintf(path, sizeof path, "%s/%s", dir, name);
  assert_ok(m4_file_read(path, 1 << 26, &text, &length, err));
  return text;
}

static void read_fcts(trace *t, const char *dir) {
  char *text = read_all(dir, "fct.txt"), *rest;
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    int64_t id, start, fct, standalone;
    assert_int_equal(sscanf(line, "%" SCNd64 " %*s %*s %*s %*s %*s %" SCNd64 " %" SCNd64 " %" SCNd64, &id,
                            &start, &fct, &standalone),
                     4);
    assert_true(id >= 0 && id < MAX_FLOWS);
    t->start_ns[id] = start;
    t->end_ns[id] = start + (fct > standalone ? fct : standalone);
    t->n_flows++;
  }
  free(text);
}

/* A host's first packet goes on the wire without an Enqu record: its hop is taken from the Dequ record. */
static void note_first_packet(trace *t, const char *event, int node, int source, int64_t flow,
                              int64_t queue_bytes) {
  bool at_source = node == source;
  if (strcmp(event, at_source ? "Dequ" : "Enqu") != 0) return;
  assert_true(t->n_hops[flow] < MAX_HOPS);
  t->queue[flow][t->n_hops[flow]++] = queue_bytes;
}

static void read_trace(trace *t, const char *dir) {
  char *text = read_all(dir, "trace_decoded.txt"), *rest;
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    char event[8], type;
    int node, source, destination;
    int64_t time, queue_bytes, sequence, payload, flow;
    if (sscanf(line,
               "%" SCNd64 " %7s %d %*s %*s %" SCNd64 " %*s %c %d %d %*s %*s %" SCNd64 " %" SCNd64
               " %*s %" SCNd64,
               &time, event, &node, &queue_bytes, &type, &source, &destination, &sequence, &payload,
               &flow) != 10)
      continue; /* the heading, PAUSE frames */
    if (type != 'U') continue;
    assert_true(flow >= 0 && flow < t->n_flows && t->n_receipts < MAX_RECORDS);
    if (strcmp(event, "Recv") == 0 && node == destination)
      t->receipts[t->n_receipts++] = (receipt){time, flow, payload};
    if (sequence == 0) note_first_packet(t, event, node, source, flow, queue_bytes);
  }
  free(text);
}

static int64_t received_until(const trace *t, int64_t flow, int64_t time_ns) {
  int64_t bytes = 0;
  for (int64_t i = 0; i < t->n_receipts; ++i)
    if (t->receipts[i].flow == flow && t->receipts[i].time_ns <= time_ns) bytes += t->receipts[i].bytes;
  return bytes;
}

/* Position of an event in the order time, departures first, flow: how many events come before it. */
static int64_t rank_of(const trace *t, int64_t time_ns, bool arrival, int64_t flow) {
  int64_t before = 0;
  for (int64_t f = 0; f < t->n_flows; ++f) {
    before += t->start_ns[f] < time_ns || (t->start_ns[f] == time_ns && arrival && f < flow);
    before += t->end_ns[f] < time_ns || (t->end_ns[f] == time_ns && (arrival || f < flow));
  }
  return before;
}

static void check_row(const ds_scenario *facts, const trace *t, int64_t time_ns, bool arrival, int64_t flow) {
  int64_t row = rank_of(t, time_ns, arrival, flow), next = facts->received_offset[row];
  for (int64_t f = 0; f < t->n_flows; ++f) {
    bool arrived = rank_of(t, t->start_ns[f], true, f) <= row,
         left = rank_of(t, t->end_ns[f], false, f) <= row;
    if (!arrived || left) continue;
    assert_true(next < facts->received_offset[row + 1]);
    assert_int_equal(facts->received_bytes[next++], received_until(t, f, time_ns));
  }
  assert_int_equal(next, facts->received_offset[row + 1]);
}

static void supervise(ds_scenario *facts, const char *dir, m4_arena *arena) {
  sim_scenario *scenario;
  assert_ok(m4_arena_init(arena, ARENA_BYTES, err));
  assert_ok(sim_scenario_read(&scenario, dir, err));
  assert_ok(dg_supervise(facts, scenario, NULL, arena, err));
  sim_scenario_free(scenario);
}

/* Returns the queue bytes met by all first packets. */
static int64_t check_against_trace(const char *name, const char *cc) {
  char dir[512];
  static trace t;
  m4_arena arena;
  ds_scenario facts;
  snprintf(dir, sizeof dir, "%s/ns3/%s/%s", M4_TEST_DATA, name, cc);
  t = (trace){0};
  read_fcts(&t, dir);
  read_trace(&t, dir);
  supervise(&facts, dir, &arena);
  assert_true(t.n_receipts > 100 && t.n_flows >= 2);
  assert_int_equal(facts.n_flows, t.n_flows);
  int64_t waited = 0;
  for (int64_t flow = 0; flow < t.n_flows; ++flow) {
    assert_int_equal(facts.start_ns[flow], t.start_ns[flow]);
    assert_int_equal(facts.start_ns[flow] + facts.fct_ns[flow], t.end_ns[flow]);
    check_row(&facts, &t, t.start_ns[flow], true, flow);
    check_row(&facts, &t, t.end_ns[flow], false, flow);
    int64_t hops = facts.path_offset[flow + 1] - facts.path_offset[flow];
    assert_int_equal(hops, t.n_hops[flow]);
    for (int64_t hop = 0; hop < hops; ++hop) {
      assert_int_equal(facts.queue_bytes[facts.path_offset[flow] + hop], t.queue[flow][hop]);
      waited += t.queue[flow][hop];
    }
  }
  m4_arena_free(&arena);
  return waited;
}

static void test_trace_dctcp(void **state) {
  (void)state;
  check_against_trace("trace_two", "dctcp");
  assert_true(0 < check_against_trace("trace_incast_pfc", "dctcp"));
}

static void test_trace_dcqcn(void **state) {
  (void)state;
  check_against_trace("trace_two", "dcqcn");
  assert_true(0 < check_against_trace("trace_incast_pfc", "dcqcn"));
}

static void test_trace_timely(void **state) {
  (void)state;
  check_against_trace("trace_two", "timely");
  assert_true(0 < check_against_trace("trace_incast_pfc", "timely"));
}

static void test_trace_hpcc(void **state) {
  (void)state;
  check_against_trace("trace_two", "hpcc");
  assert_true(0 < check_against_trace("trace_incast_pfc", "hpcc"));
}

/* PFC off, small buffer: one flow loses its tail and never finishes. The facts say so and can be stored. */
static void test_flow_that_never_finishes(void **state) {
  const char *dir = M4_TEST_DATA "/ns3/incast8/timely_pfc0_buf160";
  static trace t;
  m4_arena arena;
  ds_scenario facts;
  t = (trace){0};
  read_fcts(&t, dir);
  assert_int_equal(t.n_flows, 7);
  supervise(&facts, dir, &arena);
  int unfinished = 0;
  for (int64_t flow = 0; flow < facts.n_flows; ++flow) {
    unfinished += facts.fct_ns[flow] == -1;
    if (facts.fct_ns[flow] != -1) assert_int_equal(facts.start_ns[flow] + facts.fct_ns[flow], t.end_ns[flow]);
    assert_true(facts.flowsim_fct_ns[flow] > 0);
  }
  assert_int_equal(unfinished, 1);
  assert_int_equal(facts.n_periods, 0); /* all flows share the last link with the one that never leaves */
  char path[512];
  ds_writer *writer;
  snprintf(path, sizeof path, "%s/unfinished.h5", (const char *)*state);
  assert_ok(ds_writer_create(&writer, path, 0, "test", "", err));
  assert_ok(ds_writer_add(writer, &facts, err));
  assert_ok(ds_writer_commit(writer, err));
  m4_arena_free(&arena);
}

static sim_topology *small_clos(void) {
  sim_clos shape = {2, 1, 2, 2, 1, 10000000000, 10000000000, 10000000000, 1000};
  sim_topology *topology;
  assert_ok(sim_topology_clos(&topology, &shape, err));
  return topology;
}

/* Flows on an idle network: ideal FCTs, empty queues on all six hops, and rows sorted by id although the file
 * is not. */
static void test_ids_and_idle_network(void **state) {
  (void)state;
  sim_flow *flows = calloc(2, sizeof *flows);
  flows[0] = (sim_flow){.id = 9,
                        .src = 0,
                        .dst = 7,
                        .priority = 3,
                        .destination_port = 100,
                        .size_bytes = 50,
                        .start_ns = 1000};
  flows[1] = (sim_flow){.id = 4,
                        .src = 7,
                        .dst = 0,
                        .priority = 3,
                        .destination_port = 100,
                        .size_bytes = 999,
                        .start_ns = 2000};
  pkt_settings packet;
  const double params[SIM_N_PARAMS] = {16, 15, 1};
  sim_scenario *scenario;
  assert_ok(pkt_settings_for(&packet, PKT_CC_DCTCP, 160, 15000, 30, 0, err));
  assert_ok(sim_scenario_create(&scenario, "idle", small_clos(), flows, 2, &packet, params, err));
  m4_arena arena;
  ds_scenario facts;
  assert_ok(m4_arena_init(&arena, ARENA_BYTES, err));
  assert_ok(dg_supervise(&facts, scenario, NULL, &arena, err));
  assert_int_equal(facts.flow_id[0], 4);
  assert_int_equal(facts.flow_id[1], 9);
  assert_int_equal(facts.fct_ns[0], 11022); /* training.md 3: 999 bytes, 6 links */
  assert_int_equal(facts.fct_ns[1], 6468);  /* 50 bytes, 6 links */
  for (int hop = 0; hop < 12; ++hop) assert_int_equal(facts.queue_bytes[hop], 0);
  /* events: 9 arrives, 4 arrives, 9 leaves (7468), 4 leaves (13022) */
  const int64_t offsets[] = {0, 1, 3, 4, 4}, bytes[] = {0, 0, 0, 0};
  assert_memory_equal(facts.received_offset, offsets, sizeof offsets);
  assert_memory_equal(facts.received_bytes, bytes, sizeof bytes);
  assert_int_equal(facts.n_periods, 2); /* opposite directions share no directed link */
  m4_arena_free(&arena);
  sim_scenario_free(scenario);
}

static void test_closed_loop_is_refused(void **state) {
  (void)state;
  sim_flow *flows = calloc(1, sizeof *flows);
  flows[0] =
      (sim_flow){.id = 0, .src = 0, .dst = 7, .priority = 3, .destination_port = 100, .size_bytes = 50};
  pkt_settings packet;
  const double params[SIM_N_PARAMS] = {0};
  sim_scenario *scenario;
  assert_ok(pkt_settings_for(&packet, PKT_CC_DCTCP, 160, 15000, 30, 0, err));
  packet.flow_limit = 1;
  packet.hosts_per_group = 2;
  assert_ok(sim_scenario_create(&scenario, "closed", small_clos(), flows, 1, &packet, params, err));
  m4_arena arena;
  ds_scenario facts;
  m4_error error = {0};
  assert_ok(m4_arena_init(&arena, ARENA_BYTES, err));
  assert_int_equal(dg_supervise(&facts, scenario, NULL, &arena, &error), M4_USAGE);
  m4_arena_free(&arena);
  sim_scenario_free(scenario);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_trace_dctcp),
                                     cmocka_unit_test(test_trace_dcqcn),
                                     cmocka_unit_test(test_trace_timely),
                                     cmocka_unit_test(test_trace_hpcc),
                                     cmocka_unit_test(test_flow_that_never_finishes),
                                     cmocka_unit_test(test_ids_and_idle_network),
                                     cmocka_unit_test(test_closed_loop_is_refused)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
