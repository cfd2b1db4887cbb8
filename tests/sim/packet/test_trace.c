/* Our .tr against the original's complete traces, and read back: every byte of every record that the original
 * defines, in the same order; the head as a set, because the original lists ports in no particular order. */
#include "tests/sim/packet/test_packet.h"

#include "base/file.h"
#include "sim/packet/trace.h"
#include "sim/packet/trace_read.h"

enum { FIRST_BYTES = 4, MAX_FILE_BYTES = 1 << 24 };

static char *read_bytes(const char *path, size_t *length) {
  char *bytes;
  m4_error err = {0};
  if (m4_file_read(path, MAX_FILE_BYTES, &bytes, length, &err) != M4_OK)
    fail_msg("%s: %s", err.where, err.what);
  return bytes;
}

static uint32_t word_at(const char *bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; i--) value = value << 8 | (uint8_t)bytes[i];
  return value;
}

/* Bytes that the original leaves uninitialised become 0. */
static void clear_undefined(char *record) {
  switch ((uint8_t)record[26]) {
  case 0x11:
    memset(record + 60, 0, 4);
    break;
  case 0xFC:
  case 0xFD:
    memset(record + 52, 0, 4);
    break;
  default:
    memset(record + 49, 0, 15);
  }
}

static int compare_ports(const void *a, const void *b) {
  return memcmp(a, b, PKT_TRACE_PORT_BYTES);
}

/* Sorts the ports of the head and clears undefined bytes; returns where the records begin. */
static size_t normalise(char *bytes, size_t length) {
  size_t n_ports = word_at(bytes), begin = FIRST_BYTES + n_ports * PKT_TRACE_PORT_BYTES + 4;
  assert_true(begin <= length && (length - begin) % PKT_TRACE_RECORD_BYTES == 0);
  qsort(bytes + FIRST_BYTES, n_ports, PKT_TRACE_PORT_BYTES, compare_ports);
  for (size_t i = begin; i < length; i += PKT_TRACE_RECORD_BYTES) clear_undefined(bytes + i);
  return begin;
}

static void run_traced(const sim_scenario *scenario, const char *path) {
  pkt_trace *trace = NULL;
  m4_error err = {0};
  if (pkt_trace_create(&trace, scenario, path, &err) != M4_OK) fail_msg("%s: %s", err.where, err.what);
  const pkt_probe probe = pkt_trace_probe(trace);
  pkt_sim *sim = make_sim(scenario, &probe);
  int64_t *fct_ns = no_fcts(scenario->n_flows);
  submit_all(sim, scenario);
  run_until(sim, INT64_MAX, fct_ns);
  assert_truth(scenario, fct_ns);
  assert_int_equal(pkt_trace_commit(trace, &err), M4_OK);
  pkt_trace_free(trace);
  pkt_free(sim);
  free(fct_ns);
}

static void check_folder(const char *folder) {
  char truth_path[512], path[64], dir[64];
  size_t truth_length, length;
  make_scratch_dir(dir);
  snprintf(path, sizeof path, "%.40s/mix.tr", dir);
  snprintf(truth_path, sizeof truth_path, "%s/ns3/%s/mix.tr", M4_TEST_DATA, folder);
  sim_scenario *scenario = read_ns3(folder);
  run_traced(scenario, path);
  char *truth = read_bytes(truth_path, &truth_length), *ours = read_bytes(path, &length);
  size_t begin = normalise(truth, truth_length);
  assert_int_equal(normalise(ours, length), begin);
  assert_memory_equal(ours, truth, begin);
  for (size_t i = begin; i < truth_length && i < length; i += PKT_TRACE_RECORD_BYTES)
    if (memcmp(ours + i, truth + i, PKT_TRACE_RECORD_BYTES) != 0) {
      print_message("%s: record %zu\n", folder, (i - begin) / PKT_TRACE_RECORD_BYTES);
      assert_memory_equal(ours + i, truth + i, PKT_TRACE_RECORD_BYTES);
    }
  assert_int_equal(length, truth_length);
  free(truth);
  free(ours);
  remove_scratch_dir(dir, (const char *const[]){"mix.tr", NULL});
  sim_scenario_free(scenario);
}

static void test_equals_original(void **state) {
  (void)state;
  static const char *const folders[] = {
      "trace_two/dctcp",        "trace_two/dcqcn",        "trace_two/timely",        "trace_two/hpcc",
      "trace_incast_pfc/dctcp", "trace_incast_pfc/dcqcn", "trace_incast_pfc/timely", "trace_incast_pfc/hpcc"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) check_folder(folders[i]);
}

/* ---- reading: the events that were written come back ---- */

typedef struct listener {
  pkt_probe trace;
  pkt_packet_event *events;
  int64_t count, capacity;
} listener;

static void on_packet(void *ctx, const pkt_packet_event *event) {
  listener *l = ctx;
  l->trace.packet(l->trace.ctx, event);
  if (l->count == l->capacity) {
    l->capacity = 2 * l->capacity + 1024;
    l->events = realloc(l->events, (size_t)l->capacity * sizeof *l->events);
    assert_non_null(l->events);
  }
  l->events[l->count++] = *event;
}

static void assert_same_event(const pkt_packet_event *read, const pkt_packet_event *written, bool stamped) {
  assert_int_equal(read->time_ns, written->time_ns);
  assert_int_equal(read->action, written->action);
  assert_int_equal(read->kind, written->kind);
  assert_int_equal(read->link, written->link);
  assert_int_equal(read->queue, written->queue);
  assert_int_equal(read->queue_bytes, written->queue_bytes);
  assert_int_equal(read->wire_bytes, written->wire_bytes);
  assert_int_equal(read->source_port, written->source_port);
  assert_int_equal(read->destination_port, written->destination_port);
  if (written->kind == PKT_PAUSE || written->kind == PKT_RESUME) return;
  assert_int_equal(read->sequence, written->sequence);
  assert_int_equal(read->marked, written->marked);
  if (stamped) assert_int_equal(read->sent_ns, written->sent_ns);
  assert_int_equal(read->flow, written->kind == PKT_DATA ? written->flow : -1);
  if (written->kind != PKT_DATA) return;
  assert_int_equal(read->src, written->src);
  assert_int_equal(read->dst, written->dst);
  assert_int_equal(read->payload_bytes, written->payload_bytes);
}

static void write_and_remember(listener *l, const sim_scenario *scenario, const char *path) {
  pkt_trace *trace;
  m4_error err = {0};
  assert_int_equal(pkt_trace_create(&trace, scenario, path, &err), M4_OK);
  l->trace = pkt_trace_probe(trace);
  const pkt_probe probe = {.ctx = l, .packet = on_packet};
  pkt_sim *sim = make_sim(scenario, &probe);
  int64_t *fct_ns = no_fcts(scenario->n_flows);
  submit_all(sim, scenario);
  run_until(sim, INT64_MAX, fct_ns);
  assert_int_equal(pkt_trace_commit(trace, &err), M4_OK);
  pkt_trace_free(trace);
  pkt_free(sim);
  free(fct_ns);
}

static void check_reading(const char *folder) {
  char path[64], dir[64];
  m4_error err = {0};
  listener l = {0};
  pkt_trace_reader *reader;
  pkt_packet_event event;
  bool found;
  int64_t seen[PKT_RESUME + 1] = {0};
  make_scratch_dir(dir);
  snprintf(path, sizeof path, "%.40s/mix.tr", dir);
  sim_scenario *scenario = read_ns3(folder);
  write_and_remember(&l, scenario, path);
  if (pkt_trace_open(&reader, path, scenario, &err) != M4_OK) fail_msg("%s: %s", err.where, err.what);
  for (int64_t i = 0; i < l.count; i++) {
    assert_int_equal(pkt_trace_next(reader, &event, &found, &err), M4_OK);
    assert_true(found);
    assert_same_event(&event, &l.events[i], scenario->packet.cc == PKT_CC_TIMELY);
    seen[event.kind]++;
  }
  assert_int_equal(pkt_trace_next(reader, &event, &found, &err), M4_OK);
  assert_false(found);
  assert_true(seen[PKT_DATA] > 500 && seen[PKT_ACK] > 500 && seen[PKT_PAUSE] > 0 && seen[PKT_RESUME] > 0);
  pkt_trace_close(reader);
  remove_scratch_dir(dir, (const char *const[]){"mix.tr", NULL});
  free(l.events);
  sim_scenario_free(scenario);
}

static void test_reads_what_was_written(void **state) {
  (void)state;
  check_reading("trace_incast_pfc/timely");
  check_reading("trace_incast_pfc/dctcp");
}

/* A trace of one network is not one of another; a folder is not a trace. */
static void test_reader_refuses(void **state) {
  (void)state;
  m4_error err = {0};
  pkt_trace_reader *reader;
  sim_scenario *scenario = read_ns3("parkinglot5/dctcp");
  const char *const folder = M4_TEST_DATA "/ns3/trace_incast_pfc/dctcp";
  assert_int_equal(pkt_trace_open(&reader, M4_TEST_DATA "/ns3/trace_incast_pfc/dctcp/mix.tr", scenario, &err),
                   M4_DATA);
  assert_non_null(strstr(err.what, "another network"));
  assert_int_equal(pkt_trace_open(&reader, folder, scenario, &err), M4_IO);
  assert_int_equal(pkt_trace_open(&reader, "/nonexistent/mix.tr", scenario, &err), M4_IO);
  assert_null(reader);
  sim_scenario_free(scenario);
}

static void test_refuses_large_ids(void **state) {
  (void)state;
  m4_error err = {0};
  pkt_trace *trace = NULL;
  sim_scenario *scenario = read_ns3("trace_two/dctcp");
  scenario->flows[1].id = (int64_t)1 << 32;
  assert_int_equal(pkt_trace_create(&trace, scenario, "/nonexistent/mix.tr", &err), M4_DATA);
  assert_non_null(strstr(err.what, "4294967296"));
  scenario->flows[1].id = 1;
  assert_int_equal(pkt_trace_create(&trace, scenario, "/nonexistent/mix.tr", &err), M4_IO);
  assert_null(trace);
  sim_scenario_free(scenario);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_equals_original), cmocka_unit_test(test_reads_what_was_written),
      cmocka_unit_test(test_reader_refuses), cmocka_unit_test(test_refuses_large_ids)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
