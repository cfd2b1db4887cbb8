/* The program m4-sim from outside: files it leaves, exit codes, several scenarios, thread counts, Ctrl-C. */
#include "tests/sim/test_sim.h"

#include "base/file.h"

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define PROGRAM M4_BUILD_DIR "/sim/m4-sim"

static char work[64]; /* scratch folder of the whole file */

/* Runs a shell command line; %s are filled in. Returns its exit code; standard error goes to work/stderr. */
static int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *fmt, ...) {
  char arguments[2048], command[4096];
  va_list args;
  va_start(args, fmt);
  vsnprintf(arguments, sizeof arguments, fmt, args);
  va_end(args);
  snprintf(command, sizeof command, "%s %s > %s/stdout 2> %s/stderr", PROGRAM, arguments, work, work);
  int status = system(command);
  assert_true(WIFEXITED(status));
  return WEXITSTATUS(status);
}

static char *text_of(const char *name) {
  char path[256];
  char *text;
  size_t length;
  m4_error err = {0};
  snprintf(path, sizeof path, "%s/%s", work, name);
  if (m4_file_read(path, 1 << 26, &text, &length, &err) != M4_OK) fail_msg("%s: %s", err.where, err.what);
  return text;
}

static bool exists(const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", work, name);
  return m4_file_exists(path);
}

static void assert_says(const char *name, const char *expected) {
  char *text = text_of(name);
  if (!strstr(text, expected)) fail_msg("%s lacks \"%s\": %s", name, expected, text);
  free(text);
}

static void assert_same_text(const char *a, const char *b) {
  char *left = text_of(a), *right = text_of(b);
  assert_string_equal(left, right);
  free(left);
  free(right);
}

static double number_at(const json_t *object, const char *key) {
  const json_t *value = json_object_get(object, key);
  assert_true(json_is_number(value));
  return json_number_value(value);
}

static void results_of_one_scenario(void **state) {
  (void)state;
  assert_int_equal(run("--scenario %s/1 --backend flowsim --compare --quiet --out %s/one", NS3_DATA, work),
                   0);
  char *fct = text_of("one/fct.txt"), *csv = text_of("one/flows.csv"), *json = text_of("one/summary.json");
  assert_int_equal(strncmp(csv, "flow_id,src,dst,size_bytes,start_ns,fct_ns,ideal_fct_ns,slowdown\n0,", 67),
                   0);
  long long id, size, start, fct_ns, ideal;
  unsigned sip, dip, sport, dport;
  assert_int_equal(sscanf(fct, "%lld %8x %8x %u %u %lld %lld %lld %lld\n", &id, &sip, &dip, &sport, &dport,
                          &size, &start, &fct_ns, &ideal),
                   9);
  assert_int_equal(sip >> 24, 0x0b);
  json_t *summary = json_loads(json, 0, NULL);
  assert_string_equal(json_string_value(json_object_get(summary, "backend")), "flowsim");
  assert_string_equal(json_string_value(json_object_get(summary, "scenario")), "1");
  assert_string_equal(json_string_value(json_object_get(summary, "version")), M4_VERSION);
  assert_true(number_at(summary, "flows") == 2000 && number_at(summary, "finished") == 2000);
  assert_true(number_at(summary, "events") == 4000 && number_at(summary, "clamped") == 0);
  assert_true(number_at(summary, "wall_seconds") > 0 && number_at(summary, "events_per_second") > 0);
  assert_true(number_at(summary, "peak_rss_bytes") > 1 << 20);
  const json_t *error = json_object_get(summary, "error");
  static const char *const keys[] = {"mean", "p50", "p90", "p99", "p99_tail", "signed_mean"};
  for (size_t i = 0; i < 6; i++) assert_true(number_at(error, keys[i]) < 100);
  assert_int_equal(json_array_size(json_object_get(error, "buckets")), 4);
  json_decref(summary);
  free(fct);
  free(csv);
  free(json);
}

/* The packet simulator repeats the original's file byte for byte. */
static void packet_results_equal_the_original(void **state) {
  (void)state;
  assert_int_equal(run("--scenario %s/0 --backend packet --quiet --out %s/packet", NS3_DATA, work), 0);
  char path[256];
  char *truth;
  size_t length;
  snprintf(path, sizeof path, "%s/0/fct.txt", NS3_DATA);
  assert_int_equal(m4_file_read(path, 1 << 26, &truth, &length, NULL), M4_OK);
  char *ours = text_of("packet/fct.txt");
  assert_string_equal(ours, truth);
  free(ours);
  free(truth);
}

/* 3000 flows, 5 in flight per rack: the packet simulator's time is the original's; among fluids one place is
 * slower than five, and no limit is faster. */
static double completion_of(const char *backend, const char *settings) {
  assert_int_equal(run("--scenario %s/ns3/closed_loop/0_n5 --backend %s %s --quiet --out %s/application",
                       M4_TEST_DATA, backend, settings, work),
                   0);
  char *json = text_of("application/summary.json");
  json_t *summary = json_loads(json, 0, NULL);
  double completion_ns = number_at(summary, "application_completion_ns");
  json_decref(summary);
  free(json);
  return completion_ns;
}

static void application_completion_time(void **state) {
  (void)state;
  assert_true(completion_of("packet", "") == 19708454);
  double five = completion_of("flowsim", "");
  assert_true(completion_of("flowsim", "--set sim.flow_limit=1") > five);
  assert_true(completion_of("flowsim", "--set sim.flow_limit=0") < five);
}

static void write_dag(const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/dag.txt", work);
  FILE *out = fopen(path, "w");
  assert_non_null(out);
  fputs(text, out);
  fclose(out);
}

/* Flow 0 waits for the last one: the application takes longer, throughput falls with it. */
static void a_graph_of_flows(void **state) {
  (void)state;
  const char *scenario = NS3_DATA "/1";
  write_dag("0 1000000000 1999 # a second later\n");
  assert_int_equal(
      run("--scenario %s --backend flowsim,packet --dag %s/dag.txt --out %s/dag", scenario, work, work), 0);
  for (int i = 0; i < 2; i++) {
    char *text = text_of(i ? "dag/packet/summary.json" : "dag/flowsim/summary.json");
    json_t *json = json_loads(text, 0, NULL);
    double completion_ns = number_at(json, "application_completion_ns");
    assert_true(number_at(json, "finished") == number_at(json, "flows"));
    assert_true(completion_ns > 1e9);
    assert_true(fabs(number_at(json, "application_flows_per_second") * completion_ns / 1e9 - 2000) < 1e-3);
    assert_true(number_at(json, "application_throughput_bps") > 0);
    json_decref(json);
    free(text);
  }
  write_dag("1 0 0\n0 0 1\n");
  assert_int_equal(run("--scenario %s --backend flowsim --dag %s/dag.txt --out %s/dag", scenario, work, work),
                   3);
  assert_says("stderr", "dag.txt:2: flows wait for each other in a circle: flow 0 for flow 1");
  assert_int_equal(run("--scenario %s --scenario %s/5 --backend flowsim --dag %s/dag.txt --out %s/dag",
                       scenario, NS3_DATA, work, work),
                   2);
  assert_says("stderr", "--dag");
}

/* A lost tail with PFC off: told with its reason, and not an error. */
static void flows_that_never_finish(void **state) {
  (void)state;
  assert_int_equal(
      run("--scenario %s/ns3/incast8/dcqcn_pfc0_buf160 --backend packet --out %s/dead", M4_TEST_DATA, work),
      0);
  assert_says("stderr", "flow 6 never finishes: 10 packets dropped, the last at node 9 towards 8");
  assert_says("dead/summary.json", "\"flow\": 6");
  assert_says("dead/summary.json", "\"drops\": 61");
  assert_says("dead/counters.csv", "\n17,9,8,10000000000,");
}

static void threads_do_not_change_results(void **state) {
  (void)state;
  const char *scenarios = "--scenario " NS3_DATA "/0 --scenario " NS3_DATA "/1 --scenario " NS3_DATA "/5";
  assert_int_equal(run("%s --backend flowsim --threads 1 --out %s/serial", scenarios, work), 0);
  assert_int_equal(run("%s --backend flowsim --threads 3 --out %s/parallel", scenarios, work), 0);
  assert_same_text("serial/0/fct.txt", "parallel/0/fct.txt");
  assert_same_text("serial/1/flows.csv", "parallel/1/flows.csv");
  assert_same_text("serial/5/flows.csv", "parallel/5/flows.csv");
  const char *learned = "--backend m4 --checkpoint " M4_TEST_DATA "/golden/m4_sim.safetensors";
  assert_int_equal(run("%s %s --threads 1 --out %s/serial_m4", scenarios, learned, work), 0);
  assert_int_equal(run("%s %s --threads 2 --out %s/parallel_m4", scenarios, learned, work), 0);
  assert_same_text("serial_m4/0/fct.txt", "parallel_m4/0/fct.txt");
  assert_same_text("serial_m4/5/fct.txt", "parallel_m4/5/fct.txt");
}

/* One of three folders is missing, one is damaged: the good one's results are there, the first error decides
 * the exit code. */
static void a_failure_leaves_the_others(void **state) {
  (void)state;
  assert_int_equal(
      run("--scenario %s/absent --scenario %s/1 --scenario %s/bad --backend flowsim --out %s/some", work,
          NS3_DATA, work, work),
      4);
  assert_says("stderr", "absent");
  assert_says("stderr", "bad/flows.txt:1");
  assert_true(exists("some/1/summary.json"));
  assert_false(exists("some/bad/summary.json"));
  assert_int_equal(
      run("--scenario %s/bad --scenario %s/1 --backend flowsim --out %s/some", work, NS3_DATA, work), 3);
}

/* One run, three back ends: a folder each, a table, a page that needs no other file. */
static void several_back_ends_are_compared(void **state) {
  (void)state;
  assert_int_equal(
      run("--scenario %s/1 --backend flowsim,m4,packet --checkpoint %s/golden/m4_sim.safetensors "
          "--out %s/all",
          NS3_DATA, M4_TEST_DATA, work),
      0);
  assert_says("stderr", "truth");
  assert_true(exists("all/flowsim/flows.csv") && exists("all/m4/summary.json") &&
              exists("all/packet/fct.txt"));
  assert_false(exists("all/m4/flows.partial.csv"));
  assert_true(exists("all/links_m4.csv") && exists("all/utilisation_packet.csv"));
  assert_says("all/comparison.csv", "\n1,m4,packet,all,2000,");
  char *json = text_of("all/comparison.json"), *page = text_of("all/report.html");
  json_t *root = json_loads(json, 0, NULL);
  assert_string_equal(json_string_value(json_object_get(root, "truth")), "packet");
  assert_int_equal(json_array_size(json_object_get(root, "backends")), 3);
  json_decref(root);
  static const char *const needs[] = {"<script", "<link", "<img", "src=", "url(http", "@import"};
  for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
    if (strstr(page, needs[i])) fail_msg("report.html needs something else: %s", needs[i]);
  assert_true(strstr(page, "</html>") && strstr(page, "the truth"));
  assert_true(strstr(page, "<svg") || strstr(page, "gnuplot is not installed"));
  free(json);
  free(page);
  assert_int_equal(
      run("--scenario %s/1 --backend flowsim --report --compare --out %s/single", NS3_DATA, work), 0);
  assert_true(exists("single/report.html") && exists("single/flows.csv"));
  assert_says("single/comparison.csv", "fct.txt");
  assert_int_equal(
      run("--scenario %s/0 --scenario %s/1 --backend flowsim,packet --out %s/two", NS3_DATA, NS3_DATA, work),
      0);
  assert_says("two/comparison.csv", "\n0,flowsim,packet,all,2000,");
  assert_says("two/comparison.csv", "\n1,packet,packet,all,2000,");
  assert_says("stderr", "mean over scenarios");
  assert_true(exists("two/0/report.html") && exists("two/1/packet/fct.txt"));
  assert_int_equal(run("--scenario %s/flowsim --backend packet,flowsim --out %s", work, work), 2);
  assert_says("stderr", "overwrite");
  assert_int_equal(run("--scenario %s/1 --backend flowsim,flowsim --out %s/x", NS3_DATA, work), 2);
  assert_says("stderr", "twice");
  assert_int_equal(run("--scenario %s/1 --backend flowsim, --out %s/x", NS3_DATA, work), 2);
  assert_int_equal(run("--scenario %s/1 --backend packets --out %s/x", NS3_DATA, work), 2);
  assert_says("stderr", "did you mean \"packet\"");
}

/* A watched run has the results of any other; the story ends with the flow's own FCT. */
static void a_flow_is_explained(void **state) {
  (void)state;
  static const char *const backends[] = {"flowsim", "m4", "packet"};
  const char *common = "--scenario " NS3_DATA "/1 --checkpoint " M4_TEST_DATA "/golden/m4_sim.safetensors";
  for (int i = 0; i < 3; i++) {
    assert_int_equal(run("%s --backend %s --quiet --out %s/plain_run", common, backends[i], work), 0);
    assert_int_equal(run("%s --backend %s --explain 1000 --quiet --out %s/told", common, backends[i], work),
                     0);
    assert_same_text("stdout", "told/explain_1000.txt"); /* quiet or not */
    assert_says("stdout", "flow 1000 by ");
    assert_same_text("plain_run/flows.csv", "told/flows.csv");
    char *json = text_of("told/explain_1000.json");
    json_t *root = json_loads(json, 0, NULL);
    const json_t *events = json_object_get(root, "events"), *links = json_object_get(root, "links");
    assert_int_equal(json_integer_value(json_object_get(root, "flow_id")), 1000);
    assert_true(number_at(root, "slowdown") > 0.5 && json_array_size(links) >= 2);
    if (i < 2) { /* the last event is its completion */
      const json_t *first = json_array_get(events, 0),
                   *last = json_array_get(events, json_array_size(events) - 1);
      assert_true(number_at(first, "slowdown") > 0.5);
      assert_int_equal(json_integer_value(json_object_get(last, "flow_id")), 1000);
      assert_true(number_at(last, "time_ns") - number_at(root, "release_ns") >=
                  0.99 * number_at(root, "fct_ns"));
    } else {
      for (size_t hop = 0; hop < json_array_size(links); hop++)
        assert_true(number_at(json_array_get(links, hop), "packets") >= 1);
    }
    json_decref(root);
    free(json);
  }
  assert_true(exists("told/explain_1000.txt"));
  assert_int_equal(run("%s --backend flowsim --explain 5000 --out %s/told", common, work), 2);
  assert_says("stderr", "no flow 5000");
}

/* Flow by flow: the same results, rows in the order of completion; not with what needs all flows. */
static void flows_may_stream(void **state) {
  (void)state;
  static const char *const refused[] = {
      "--backend packet",           "--backend flowsim,m4",          "--backend flowsim --compare",
      "--backend flowsim --report", "--backend flowsim --explain 3", "--backend flowsim --dag x"};
  const char *common = "--stream --scenario " NS3_DATA "/1";
  assert_int_equal(run("%s --backend flowsim --out %s/streamed", common, work), 0);
  assert_says("stderr", "2000 of 2000 flows finished");
  assert_int_equal(run("--scenario %s/1 --backend flowsim --quiet --out %s/whole", NS3_DATA, work), 0);
  assert_same_text("streamed/fct.txt", "whole/fct.txt");
  char *json = text_of("streamed/summary.json"), *whole = text_of("whole/summary.json");
  json_t *a = json_loads(json, 0, NULL), *b = json_loads(whole, 0, NULL);
  static const char *const keys[] = {"flows", "finished", "events", "application_completion_ns",
                                     "application_throughput_bps"};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
    assert_true(number_at(a, keys[i]) == number_at(b, keys[i]));
  json_decref(a);
  json_decref(b);
  free(json);
  free(whole);
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    assert_int_equal(run("%s %s --out %s/none", common, refused[i], work), 2);
    assert_says("stderr", "--stream");
    assert_false(exists("none"));
  }
  assert_int_equal(run("%s --backend flowsim --quiet --dry-run", common), 0);
}

static void mistakes_on_the_command_line(void **state) {
  (void)state;
  assert_int_equal(run("--backend flowsim --out %s/x", work), 2);
  assert_says("stderr", "--scenario");
  assert_int_equal(run("--scenario %s/1 --out %s/x", NS3_DATA, work), 2);
  assert_says("stderr", "--backend");
  assert_int_equal(run("--scenario %s/1 --backend flowsim", NS3_DATA), 2);
  assert_says("stderr", "--out");
  assert_int_equal(run("--scenario %s/1 --backend ns3 --out %s/x", NS3_DATA, work), 2);
  assert_int_equal(run("--scenario %s/1 --backend m4 --checkpoint %s/none --out %s/x", NS3_DATA, work, work),
                   4);
  assert_int_equal(run("--scenario %s/1 --backend flowsim --set sim.scop=global --out %s/x", NS3_DATA, work),
                   2);
  assert_says("stderr", "sim.scope");
  assert_int_equal(
      run("--scenario %s/1 --scenario %s/1/ --backend flowsim --out %s/x", NS3_DATA, NS3_DATA, work), 2);
  assert_says("stderr", "called");
  assert_int_equal(run("--scenario %s/plain --backend flowsim --compare --out %s/x", work, work), 4);
  assert_says("stderr", "fct.txt");
  assert_int_equal(run("--scenario %s/plain --backend flowsim --out %s/plain", work, work), 2);
  assert_says("stderr", "overwrite");
  assert_int_equal(run("--scenario %s/plain --backend flowsim --stream --out %s/plain", work, work), 2);
  assert_says("stderr", "overwrite");
  assert_int_equal(run("--scenario %s/1 --backend flowsim --out %s/stdout/x", NS3_DATA, work),
                   4); /* a file is no folder */
  assert_false(exists("x/summary.json"));
}

static void help_dry_run_and_configuration(void **state) {
  (void)state;
  assert_int_equal(run("--help"), 0);
  assert_says("stdout", "--checkpoint FILE");
  assert_int_equal(run("--print-config --set sim.scope=global"), 0);
  assert_says("stdout", "scope: global");
  assert_int_equal(run("--scenario %s/1 --backend packet --dry-run", NS3_DATA), 0);
  assert_says("stderr", "2000 flows");
  assert_int_equal(run("--scenario %s/bad --backend packet --dry-run", work), 3);
  assert_int_equal(run("--scenario %s/plain --backend flowsim --out %s/derived", work, work), 0);
  assert_says("stderr", "params.txt");
  assert_says("derived/summary.json", "the model parameters are derived from config.txt");
}

/* The program at work on a scenario that takes longer than any test, results to go to `name`. */
static pid_t start_endless(const char *name) {
  char scenario[128], out[128];
  snprintf(scenario, sizeof scenario, "%s/long", work);
  snprintf(out, sizeof out, "%s/%s", work, name);
  pid_t child = fork();
  if (child == 0) {
    if (!freopen("/dev/null", "w", stderr)) _exit(99);
    execl(PROGRAM, PROGRAM, "--scenario", scenario, "--backend", "packet", "--out", out, (char *)NULL);
    _exit(99);
  }
  assert_true(child > 0);
  return child;
}

/* An endless scenario is stopped: exit code 130, and what finished is written. */
static void interruption_keeps_what_finished(void **state) {
  (void)state;
  pid_t child = start_endless("stopped");
  const struct timespec pause = {.tv_nsec = 500000000};
  nanosleep(&pause, NULL);
  assert_int_equal(kill(child, SIGINT), 0);
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 130);
  char *json = text_of("stopped/summary.json");
  json_t *summary = json_loads(json, 0, NULL);
  assert_true(number_at(summary, "finished") > 0);
  assert_true(number_at(summary, "finished") < number_at(summary, "flows"));
  json_decref(summary);
  free(json);
}

/* A program that dies leaves the rows of the flows that had completed, and no results that look complete. */
static void death_keeps_rows(void **state) {
  (void)state;
  pid_t child = start_endless("dead");
  const struct timespec pause = {.tv_nsec = 100000000};
  int rows = 0;
  for (int i = 0; i < 300 && rows < 10; i++) { /* half a minute at most */
    nanosleep(&pause, NULL);
    if (!exists("dead/flows.partial.csv")) continue;
    char *text = text_of("dead/flows.partial.csv");
    rows = 0;
    for (const char *c = text; *c; c++) rows += *c == '\n';
    free(text);
  }
  assert_true(rows >= 10);
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_true(exists("dead/flows.partial.csv"));
  assert_false(exists("dead/flows.csv") || exists("dead/summary.json"));
}

/* ---- scenarios ---- */

static void make_folder(const char *name, sim_scenario *scenario) {
  char dir[128];
  snprintf(dir, sizeof dir, "%s/%s", work, name);
  assert_int_equal(m4_dir_make(dir, NULL), M4_OK);
  assert_int_equal(sim_scenario_write(scenario, dir, NULL), M4_OK);
}

/* bad: flows.txt is not one. plain: a good folder without params.txt and fct.txt. flowsim: a good one with
 * an unlucky name. long: minutes of packets.
 */
static int setup(void **state) {
  (void)state;
  char path[128];
  make_scratch_dir(work);
  sim_scenario *scenario;
  assert_int_equal(sim_scenario_read(&scenario, NS3_DATA "/1", NULL), M4_OK);
  make_folder("bad", scenario);
  snprintf(path, sizeof path, "%s/bad", work);
  write_in(path, "flows.txt", "many\n", 5);
  make_folder("plain", scenario);
  make_folder("flowsim", scenario);
  snprintf(path, sizeof path, "%s/plain/params.txt", work);
  remove(path);
  for (int64_t i = 1500; i < scenario->n_flows; i++) scenario->flows[i].size_bytes = 4000000000;
  make_folder("long", scenario);
  sim_scenario_free(scenario);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  char command[128];
  snprintf(command, sizeof command, "rm -r '%s'", work);
  return system(command) != 0;
}

static void trace_is_complete(void **state) {
  (void)state;
  const char *folder = M4_TEST_DATA "/ns3/trace_two/dctcp";
  char truth_path[512], path[256], *truth, *ours;
  size_t truth_length, length;
  assert_int_equal(run("--scenario %s --backend packet --trace --quiet --out %s/traced", folder, work), 0);
  snprintf(truth_path, sizeof truth_path, "%s/mix.tr", folder);
  snprintf(path, sizeof path, "%s/traced/mix.tr", work);
  assert_int_equal(m4_file_read(truth_path, 1 << 24, &truth, &truth_length, NULL), M4_OK);
  assert_int_equal(m4_file_read(path, 1 << 24, &ours, &length, NULL), M4_OK);
  assert_int_equal(length, truth_length);
  assert_memory_equal(ours + length - 64, truth + length - 64, 32); /* times, ports, sizes of the last one */
  free(truth);
  free(ours);
  assert_int_equal(run("--scenario %s --backend flowsim --trace --quiet --out %s/x", folder, work), 2);
  assert_says("stderr", "--trace");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(results_of_one_scenario),
                                     cmocka_unit_test(packet_results_equal_the_original),
                                     cmocka_unit_test(threads_do_not_change_results),
                                     cmocka_unit_test(several_back_ends_are_compared),
                                     cmocka_unit_test(a_flow_is_explained),
                                     cmocka_unit_test(flows_may_stream),
                                     cmocka_unit_test(a_failure_leaves_the_others),
                                     cmocka_unit_test(mistakes_on_the_command_line),
                                     cmocka_unit_test(help_dry_run_and_configuration),
                                     cmocka_unit_test(interruption_keeps_what_finished),
                                     cmocka_unit_test(death_keeps_rows),
                                     cmocka_unit_test(application_completion_time),
                                     cmocka_unit_test(a_graph_of_flows),
                                     cmocka_unit_test(trace_is_complete),
                                     cmocka_unit_test(flows_that_never_finish)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
