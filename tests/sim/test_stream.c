/* Flows that come and go: the same results as from a scenario that is read as a whole, few places at a time,
 * and the mistakes of a file that is found out late. */
#include "tests/sim/random_network.h"

#include "base/file.h"
#include "sim/output.h"
#include "sim/stream.h"

#include <math.h>
#include <unistd.h>

static char folder[64], plain[80], streamed[80]; /* the scenario, and what both ways make of it */

static int begin(void **state) {
  (void)state;
  make_scratch_dir(folder);
  snprintf(plain, sizeof plain, "%s/plain", folder);
  snprintf(streamed, sizeof streamed, "%s/streamed", folder);
  return 0;
}

static int end(void **state) {
  (void)state;
  char command[96];
  snprintf(command, sizeof command, "rm -r %s", folder);
  return system(command);
}

static char *text_in(const char *dir, const char *name) {
  char path[128], *text;
  size_t length;
  snprintf(path, sizeof path, "%s/%s", dir, name);
  assert_int_equal(m4_file_read(path, 1 << 26, &text, &length, NULL), M4_OK);
  return text;
}

static int compare_lines(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The lines of a text, sorted; text is cut up. */
static size_t sort_lines(char *text, char **lines, size_t most) {
  size_t n = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    assert_true(n < most);
    lines[n++] = line;
  }
  qsort(lines, n, sizeof *lines, compare_lines);
  return n;
}

enum { MOST_LINES = 12001 };

/* fct.txt is in the order of completion either way. */
static void check_same_tables(void) {
  char *a = text_in(plain, "fct.txt"), *b = text_in(streamed, "fct.txt");
  assert_string_equal(a, b);
  free(a);
  free(b);
  a = text_in(plain, "flows.csv");
  b = text_in(streamed, "flows.csv");
  static char *left[MOST_LINES], *right[MOST_LINES];
  size_t n = sort_lines(a, left, MOST_LINES);
  assert_int_equal(sort_lines(b, right, MOST_LINES), n);
  for (size_t i = 0; i < n; i++) assert_string_equal(left[i], right[i]);
  free(a);
  free(b);
}

static sim_result run_plain(int64_t limit) {
  sim_scenario *scenario;
  sim_backend *backend;
  sim_result result;
  assert_int_equal(sim_scenario_read(&scenario, folder, NULL), M4_OK);
  assert_int_equal(sim_scenario_limit_flows(scenario, limit, 4, NULL), M4_OK);
  assert_int_equal(sim_flowsim_backend(&backend, scenario, NULL, NULL), M4_OK);
  assert_int_equal(sim_run(scenario, backend, NULL, NULL, &result, NULL), M4_OK);
  assert_int_equal(sim_write_results(plain, scenario, "flowsim", &result, NULL, NULL), M4_OK);
  sim_backend_free(backend);
  sim_scenario_free(scenario);
  return result;
}

/* Returns the places that were needed. */
static m4_status run_streamed(int64_t limit, sim_result *result, int64_t *places, m4_error *err) {
  sim_stream *stream;
  sim_backend *backend;
  *result = (sim_result){0};
  M4_TRY(sim_stream_open(&stream, folder, err));
  sim_scenario *scenario = sim_stream_scenario(stream);
  assert_int_equal(sim_scenario_limit_flows(scenario, limit, 4, NULL), M4_OK);
  assert_int_equal(sim_flowsim_backend(&backend, scenario, NULL, NULL), M4_OK);
  m4_status status = sim_stream_run(stream, backend, streamed, NULL, NULL, result, err);
  *places = scenario->n_flows;
  sim_backend_free(backend);
  sim_stream_free(stream);
  return status;
}

static void check_same(int64_t limit) {
  sim_result whole = run_plain(limit), pieces;
  int64_t places;
  m4_error err = {0};
  if (run_streamed(limit, &pieces, &places, &err) != M4_OK) fail_msg("%s: %s", err.where, err.what);
  assert_int_equal(pieces.n_finished, whole.n_finished);
  assert_int_equal(pieces.n_flows, whole.n_flows);
  assert_true(pieces.events == whole.events && pieces.end_ns == whole.end_ns);
  check_same_tables();
  sim_result_free(&whole);
  sim_result_free(&pieces);
}

static void write_scenario(sim_scenario *scenario) {
  assert_int_equal(pkt_settings_for(&scenario->packet, PKT_CC_DCTCP, 160, 18000, 30, 0, NULL), M4_OK);
  assert_int_equal(sim_scenario_write(scenario, folder, NULL), M4_OK);
}

static void the_same_results(void **state) {
  (void)state;
  m4_rng rng = m4_rng_make(21, M4_RNG_TEST, 0);
  for (int round = 0; round < 12; round++) {
    enum { FLOWS = 1500 };
    sim_flow flows[FLOWS] = {0};
    sim_topology *topology = random_fabric(&rng);
    int64_t start_ns = 1000000000;
    for (int i = 0; i < FLOWS; i++) {
      if (m4_rng_below(&rng, 3)) start_ns += (int64_t)m4_rng_below(&rng, 4000);
      flows[i].src = (int32_t)m4_rng_below(&rng, (uint64_t)topology->n_hosts);
      flows[i].dst = (flows[i].src + 1 + (int32_t)m4_rng_below(&rng, 5)) % topology->n_hosts;
      flows[i].size_bytes = 1 + (int64_t)m4_rng_below(&rng, round % 2 ? 2000 : 200000);
      flows[i].start_ns = start_ns;
    }
    sim_scenario *scenario = scenario_of(topology, flows, FLOWS);
    write_scenario(scenario);
    sim_scenario_free(scenario);
    check_same(0);
    check_same(1 + round % 3);
  }
}

/* One flow after the other needs one block of places, however many there are; the clock goes on. */
static void memory_follows_flows_in_flight(void **state) {
  (void)state;
  enum { FLOWS = 12000 }; /* 375 of each pair */
  sim_flow *flows = calloc(FLOWS, sizeof *flows);
  for (int i = 0; i < FLOWS; i++)
    flows[i] = (sim_flow){.src = i % 32, .dst = (i + 5) % 32, .size_bytes = 1000, .start_ns = 100000 * i};
  sim_scenario *scenario = scenario_of(training_fabric(), flows, FLOWS);
  write_scenario(scenario);
  sim_scenario_free(scenario);
  free(flows);
  sim_result result;
  int64_t places;
  assert_int_equal(run_streamed(0, &result, &places, NULL), M4_OK);
  assert_int_equal(result.n_finished, FLOWS);
  assert_true(places <= 1024);
  sim_result_free(&result);
  check_same(0);
}

/* Flows on a link that never returns stand in flows.csv without a time. */
static void what_never_finishes(void **state) {
  (void)state;
  enum { FLOWS = 40 };
  sim_flow flows[FLOWS] = {0};
  for (int i = 0; i < FLOWS; i++)
    flows[i] = (sim_flow){.src = i % 3, .dst = 8 + i % 5, .size_bytes = 5000, .start_ns = 100 * i};
  sim_scenario *scenario = scenario_of(training_fabric(), flows, FLOWS);
  write_scenario(scenario);
  const sim_link *link = &scenario->topology->links[scenario->flows[0].links[0]];
  char line[96];
  int length = snprintf(line, sizeof line, "0.000005 %d %d 0\n", link->from, link->to);
  write_in(folder, "link_changes.txt", line, (size_t)length);
  sim_scenario_free(scenario);
  check_same(0);
  char *json = text_in(streamed, "summary.json");
  assert_non_null(strstr(json, "\"application_completion_ns\": null"));
  free(json);
  char path[128];
  snprintf(path, sizeof path, "%s/link_changes.txt", folder);
  assert_int_equal(unlink(path), 0);
}

/* ---- mistakes ---- */

static void check_mistake(const char *flows, size_t length, const char *where, const char *what) {
  sim_result result;
  int64_t places;
  m4_error err = {0};
  char path[128];
  snprintf(path, sizeof path, "%s/flows.csv", streamed);
  unlink(path);
  write_in(folder, "flows.txt", flows, length);
  assert_int_equal(run_streamed(0, &result, &places, &err), M4_DATA);
  if (!strstr(err.where, where) || !strstr(err.what, what)) fail_msg("%s: %s", err.where, err.what);
  assert_false(m4_file_exists(path));
}

#define FLOW(id, src, dst, size, start) id " " src " " dst " 3 100 " size " " start "\n"
#define GOOD                            FLOW("0", "0", "1", "500", "1.0")

static void mistakes_are_told_with_their_line(void **state) {
  (void)state;
  static const struct {
    const char *flows, *where, *what;
  } cases[] = {
      {"", "flows.txt", "empty"},
      {"x\n", "flows.txt:1", "number of flows"},
      {"-1\n", "flows.txt:1", "number of flows"},
      {"99999999999999999999\n", "flows.txt:1", "number of flows"},
      {"2 3\n", "flows.txt:1", "extra word"},
      {"2\n" GOOD, "flows.txt:2", "ends after 1 of 2"},
      {"1\n" GOOD GOOD, "flows.txt:3", "goes on"},
      {"2\n" GOOD GOOD, "flows.txt:3", "must ascend"},
      {"2\n" GOOD "1 0 1 3 100 500\n", "flows.txt:3", "ends before the start time"},
      {"2\n\n" GOOD FLOW("1", "0", "1", "500", "0.9"), "flows.txt:4", "before the flow listed ahead"},
      {"2\n" GOOD FLOW("1", "0", "1", "500", "nan"), "flows.txt:3", "start time"},
      {"2\n" GOOD FLOW("1", "0", "1", "500", "-1"), "flows.txt:3", "start time"},
      {"2\n" GOOD FLOW("1", "0", "1", "500", "1e30"), "flows.txt:3", "start time"},
      {"2\n" GOOD FLOW("1", "0", "0", "500", "1"), "flows.txt:3", "to itself"},
      {"2\n" GOOD FLOW("1", "0", "77", "500", "1"), "flows.txt:3", "destination host"},
      {"2\n" GOOD FLOW("1", "0", "40", "500", "1"), "flows.txt:3", "not a host"},
      {"2\n" GOOD FLOW("1", "0", "1", "0", "1"), "flows.txt:3", "size"}};
  sim_scenario *scenario = scenario_of(training_fabric(), NULL, 0);
  write_scenario(scenario);
  sim_scenario_free(scenario);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    check_mistake(cases[i].flows, strlen(cases[i].flows), cases[i].where, cases[i].what);
  static const char zero[] = "1\n0 0\0 1 3 100 500 1.0\n";
  check_mistake(zero, sizeof zero - 1, "flows.txt", "zero byte");
  static char longer[9000] = "1\n";
  memset(longer + 2, '1', sizeof longer - 2);
  check_mistake(longer, sizeof longer, "flows.txt:2", "characters");
}

/* Plain or packed; cut off: told, not taken for the end. */
static void packed_files(void **state) {
  (void)state;
  char command[300];
  write_in(folder, "flows.txt", "1\n" GOOD, strlen("1\n" GOOD));
  snprintf(command, sizeof command, "gzip -n %s/flows.txt", folder);
  assert_int_equal(system(command), 0);
  check_same(0);
  snprintf(command, sizeof command, "truncate -s 30 %s/flows.txt.gz", folder);
  assert_int_equal(system(command), 0);
  sim_result result;
  int64_t places;
  m4_error err = {0};
  assert_int_equal(run_streamed(0, &result, &places, &err), M4_DATA);
  assert_non_null(strstr(err.what, "damaged gzip"));
  snprintf(command, sizeof command, "%s/flows.txt.gz", folder);
  assert_int_equal(unlink(command), 0);
  assert_int_equal(run_streamed(0, &result, &places, &err), M4_IO);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_results), cmocka_unit_test(memory_follows_flows_in_flight),
      cmocka_unit_test(what_never_finishes), cmocka_unit_test(mistakes_are_told_with_their_line),
      cmocka_unit_test(packed_files)};
  return cmocka_run_group_tests(tests, begin, end);
}
