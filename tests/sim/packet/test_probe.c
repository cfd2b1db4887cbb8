/* The callbacks against complete packet traces of the original: what receivers got when, and the queue that
 * the first packet of each flow met at every hop. Flows of these scenarios have different sources. */
#include "tests/sim/packet/test_packet.h"

#include "sim/text.h"

enum { MAX_RECORDS = 4096, MAX_NODES = 16 };

typedef struct record {
  int64_t time_ns, flow, value; /* payload bytes, or queue bytes */
  int32_t hop;
} record;

typedef struct log {
  record received[MAX_RECORDS], queued[MAX_RECORDS];
  int n_received, n_queued, n_started, n_done;
  int64_t done_ns[MAX_NODES];
} log;

static void add(record *records, int *count, record r) {
  assert_true(*count < MAX_RECORDS);
  records[(*count)++] = r;
}

static void on_start(void *ctx, int64_t time_ns, int64_t flow) {
  (void)time_ns, (void)flow;
  ((log *)ctx)->n_started++;
}

static void on_received(void *ctx, int64_t time_ns, int64_t flow, int64_t bytes) {
  log *l = ctx;
  add(l->received, &l->n_received, (record){time_ns, flow, bytes, 0});
}

static void on_queued(void *ctx, int64_t time_ns, int64_t flow, int32_t hop, int64_t queue_bytes) {
  log *l = ctx;
  add(l->queued, &l->n_queued, (record){time_ns, flow, queue_bytes, hop});
}

static void on_done(void *ctx, int64_t time_ns, int64_t flow) {
  log *l = ctx;
  l->done_ns[flow] = time_ns;
  l->n_done++;
}

/* One trace line: t event node port queue queue_bytes wire_bytes type src dst sport dport seq payload ecn
 * flow. */
static void add_trace_line(log *l, sim_text *text, const sim_scenario *scenario, bool *first_seen) {
  int64_t t, node, queue_bytes, src, dst, sequence, payload, skipped;
  assert_int_equal(sim_text_int(text, "time", 0, INT64_MAX, &t, NULL), M4_OK);
  char event = *sim_text_word(text);
  sim_text_int(text, "node", 0, MAX_NODES - 1, &node, NULL);
  for (int i = 0; i < 2; i++) sim_text_word(text);
  sim_text_int(text, "queue bytes", 0, INT64_MAX, &queue_bytes, NULL);
  sim_text_word(text);
  if (*sim_text_word(text) != 'U') return;
  sim_text_int(text, "source", 0, MAX_NODES - 1, &src, NULL);
  sim_text_int(text, "destination", 0, MAX_NODES - 1, &dst, NULL);
  for (int i = 0; i < 2; i++) sim_text_int(text, "port", 0, 65535, &skipped, NULL);
  sim_text_int(text, "sequence", 0, INT64_MAX, &sequence, NULL);
  assert_int_equal(sim_text_int(text, "payload", 0, 1000, &payload, NULL), M4_OK);
  int64_t flow = 0;
  while (scenario->flows[flow].src != src) flow++;
  if (event == 'R' && node == dst) add(l->received, &l->n_received, (record){t, flow, payload, 0});
  bool at_source = event == 'D' && node == src, at_switch = event == 'E' && node != src;
  int32_t hop = at_source ? 0 : 1; /* one switch */
  if (sequence != 0 || (!at_source && !at_switch) || first_seen[2 * flow + hop]) return;
  first_seen[2 * flow + hop] = true;
  add(l->queued, &l->n_queued, (record){t, flow, queue_bytes, hop});
}

static void read_trace(log *l, const char *folder, const sim_scenario *scenario) {
  char path[512];
  bool first_seen[2 * MAX_NODES] = {false};
  sim_text text;
  snprintf(path, sizeof path, "%s/ns3/%s/trace_decoded.txt", M4_TEST_DATA, folder);
  assert_int_equal(sim_text_open(&text, path, NULL), M4_OK);
  while (sim_text_line(&text))
    if (*text.word != '#') add_trace_line(l, &text, scenario, first_seen);
  sim_text_close(&text);
}

static void assert_same_records(const record *a, int n_a, const record *b, int n_b) {
  assert_int_equal(n_a, n_b);
  for (int i = 0; i < n_a; i++) {
    assert_int_equal(a[i].time_ns, b[i].time_ns);
    assert_int_equal(a[i].flow, b[i].flow);
    assert_int_equal(a[i].value, b[i].value);
    assert_int_equal(a[i].hop, b[i].hop);
  }
}

static void check_folder(const char *folder) {
  static log seen, wanted;
  memset(&seen, 0, sizeof seen);
  memset(&wanted, 0, sizeof wanted);
  sim_scenario *scenario = read_ns3(folder);
  read_trace(&wanted, folder, scenario);
  assert_true(wanted.n_received > 100 && wanted.n_queued == 2 * scenario->n_flows);

  const pkt_probe probe = {.ctx = &seen,
                           .flow_start = on_start,
                           .payload_received = on_received,
                           .first_packet_queued = on_queued,
                           .flow_done = on_done};
  int64_t *fct_ns = no_fcts(scenario->n_flows);
  pkt_sim *sim = make_sim(scenario, &probe);
  submit_all(sim, scenario);
  run_until(sim, INT64_MAX, fct_ns);
  assert_truth(scenario, fct_ns);
  assert_same_records(seen.received, seen.n_received, wanted.received, wanted.n_received);
  assert_same_records(seen.queued, seen.n_queued, wanted.queued, wanted.n_queued);
  assert_int_equal(seen.n_started, scenario->n_flows);
  assert_int_equal(seen.n_done, scenario->n_flows);
  for (int64_t i = 0; i < scenario->n_flows; i++)
    assert_int_equal(seen.done_ns[i] - scenario->flows[i].start_ns, scenario->truth_fct_ns[i]);
  pkt_free(sim);
  free(fct_ns);
  sim_scenario_free(scenario);
}

static void test_probe_equals_trace(void **state) {
  (void)state;
  static const char *const folders[] = {
      "trace_two/dctcp",        "trace_two/dcqcn",        "trace_two/timely",        "trace_two/hpcc",
      "trace_incast_pfc/dctcp", "trace_incast_pfc/dcqcn", "trace_incast_pfc/timely", "trace_incast_pfc/hpcc"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) check_folder(folders[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_probe_equals_trace)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
