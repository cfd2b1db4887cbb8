/* Campaigns: same bytes on any number of threads and after kills, folders that belong to others, draws,
 * hostile configurations, Ctrl-C of the program. */
#include "tests/datagen/support.h"

#include "base/file.h"
#include "datagen/campaign.h"
#include "datagen/datagen.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { N_SHARDS = 4 };
static const char SETTINGS[] =
    "scenarios: 14\n"
    "flows_per_scenario: 120\n"
    "scenarios_per_shard: 4\n"
    "traffic:\n"
    "  matrices: [" SHIPPED(
        "spatial-standin/c_like_2x4.csv") "]\n"
                                          "  sizes: [" SHIPPED(
                                              "cdf-standin/webserver_like.txt") ", synthetic:0-7]\n";

/* A configuration in memory: SETTINGS, then --set like assignments. */
typedef struct setup {
  dg_campaign_config settings;
  m4_config *config;
  dg_campaign *campaign;
} setup;

static m4_status open_setup(setup *s, const char *folder, const char *output, const char *set,
                            m4_error *err) {
  *s = (setup){0};
  M4_TRY(m4_config_create(&s->config, dg_campaign_keys, &s->settings, err));
  M4_TRY(m4_config_load(s->config, write_text(folder, "campaign-test.yaml", SETTINGS), err));
  if (set) M4_TRY(m4_config_set(s->config, set, err));
  M4_TRY(dg_campaign_check(&s->settings, s->config, err));
  M4_TRY(dg_campaign_open(&s->campaign, &s->settings, s->config, err));
  M4_TRY(dg_campaign_identify(s->campaign, set ? set : "identity", err));
  char assignment[600];
  snprintf(assignment, sizeof assignment, "output='%s/%s'", folder, output);
  return m4_config_set(s->config, assignment, err);
}

static void close_setup(setup *s) {
  dg_campaign_close(s->campaign);
  m4_config_free(s->config);
}

static m4_status generate(const char *folder, const char *output, const char *set, int threads,
                          dg_campaign_report *report, m4_error *err) {
  setup s;
  m4_pool *pool = NULL;
  m4_status status = open_setup(&s, folder, output, set, err);
  if (status == M4_OK) status = m4_pool_create(&pool, threads, err);
  if (status == M4_OK) status = dg_campaign_run(s.campaign, NULL, pool, NULL, report, err);
  m4_pool_free(pool);
  close_setup(&s);
  return status;
}

static void shard_path(char path[600], const char *folder, const char *output, int shard) {
  snprintf(path, 600, "%s/%s/shard-%05d.h5", folder, output, shard);
}

static void assert_same_shards(const char *folder, const char *a, const char *b) {
  for (int shard = 0; shard < N_SHARDS; ++shard) {
    char path[600], *first, *second;
    size_t first_bytes, second_bytes;
    shard_path(path, folder, a, shard);
    assert_ok(m4_file_read(path, 1 << 28, &first, &first_bytes, err));
    shard_path(path, folder, b, shard);
    assert_ok(m4_file_read(path, 1 << 28, &second, &second_bytes, err));
    assert_int_equal(first_bytes, second_bytes);
    assert_memory_equal(first, second, first_bytes);
    free(first);
    free(second);
  }
}

static bool has_left_overs(const char *folder, const char *output) {
  char command[700];
  snprintf(command, sizeof command, "ls '%s/%s' | grep -q tmp", folder, output);
  return system(command) == 0;
}

static void test_threads_do_not_matter(void **state) {
  dg_campaign_report report;
  assert_ok(generate(*state, "one", NULL, 1, &report, err));
  assert_int_equal(report.n_scenarios, 14);
  assert_int_equal(report.n_flows, 14 * 120);
  assert_int_equal(report.n_unfinished, 0);
  assert_true(report.n_periods >= 14);
  assert_ok(generate(*state, "three", NULL, 3, &report, err));
  assert_same_shards(*state, "one", "three");
  ds_dataset *dataset;
  char path[600];
  snprintf(path, sizeof path, "%s/one", (const char *)*state);
  assert_ok(ds_open(&dataset, path, err));
  assert_int_equal(ds_n_scenarios(dataset), 14);
  assert_string_equal(ds_scenario_name(dataset, 13), "00013");
  assert_int_equal(ds_n_periods(dataset), report.n_periods);
  ds_close(dataset);
}

/* A child generates and is killed after its first shard; the parent goes on. */
static void test_kill_and_continue(void **state) {
  char first[600], left_over[700];
  shard_path(first, *state, "killed", 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    dg_campaign_report report;
    _exit(generate(*state, "killed", NULL, 2, &report, NULL) == M4_OK ? 0 : 1);
  }
  for (int i = 0; i < 60000 && access(first, F_OK) != 0; ++i) usleep(1000);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  struct stat before, after;
  assert_int_equal(stat(first, &before), 0);
  char third[600];
  shard_path(third, *state, "killed", 2);
  unlink(third); /* and a hole, should the child have been quick */
  snprintf(left_over, sizeof left_over, "%s.tmp.1", third);
  close(open(left_over, O_CREAT | O_WRONLY, 0600));
  dg_campaign_report report;
  assert_ok(generate(*state, "killed", NULL, 2, &report, err));
  assert_int_equal(report.n_kept + report.n_scenarios, 14);
  assert_true(report.n_kept >= 4 && report.n_scenarios >= 4);
  assert_int_equal(stat(first, &after), 0);
  assert_true(before.st_ino == after.st_ino); /* kept, not made again */
  assert_same_shards(*state, "one", "killed");
  assert_false(has_left_overs(*state, "killed"));
}

static void test_folder_of_another_campaign(void **state) {
  dg_campaign_report report;
  m4_error error = {0};
  assert_int_equal(generate(*state, "one", "seed=1", 1, &report, &error), M4_USAGE);
  assert_non_null(strstr(error.what, "another campaign"));
  char path[600];
  shard_path(path, *state, "one", 1);
  assert_int_equal(truncate(path, 1000), 0);
  assert_true(generate(*state, "one", NULL, 1, &report, &error) != M4_OK);
  assert_non_null(strstr(error.where, "shard-00001.h5"));
  assert_non_null(strstr(error.hint, "remove"));
}

/* Draws depend on (seed, index) alone and fill their ranges. */
static void test_draws(void **state) {
  setup s, more;
  assert_ok(open_setup(&s, *state, "unused", NULL, err));
  assert_ok(open_setup(&more, *state, "unused", "scenarios=9000", err));
  int oversubscribed[5] = {0};
  double load = 0;
  enum { N = 3000 };
  for (int64_t i = 0; i < N; ++i) {
    dg_draw draw = dg_draw_scenario(s.campaign, i), same = dg_draw_scenario(more.campaign, i);
    assert_true(draw.max_load == same.max_load && draw.p1 == same.p1 && draw.size_table == same.size_table);
    assert_true(draw.max_load >= 0.3 && draw.max_load <= 0.8 && draw.buffer_kb >= 100 &&
                draw.buffer_kb <= 160);
    assert_true(draw.window_bytes >= 5000 && draw.window_bytes <= 15000 && draw.p1 >= 10 && draw.p1 <= 30 &&
                draw.p2 == 0);
    assert_true(draw.size_table < 9 && (draw.sigma == 1 || draw.sigma == 2) && draw.cc == PKT_CC_DCTCP);
    oversubscribed[draw.shape.racks_per_pod / draw.shape.spines_per_plane]++;
    load += draw.max_load / N;
  }
  assert_float_equal(load, 0.55, 0.011); /* four standard deviations */
  for (int n = 1; n <= 4; n *= 2) assert_in_range(oversubscribed[n], N / 3 - 104, N / 3 + 104);
  close_setup(&s);
  close_setup(&more);
}

/* The stop time cuts nothing off: after the last arrival all flows could still cross one 10 Gb/s link one
 * after another, at a tenth of its rate. */
static void test_the_stop_time_is_late(void **state) {
  setup s;
  assert_ok(open_setup(&s, *state, "unused", "traffic.sizes=['synthetic:0-1999']", err));
  for (int64_t i = 0; i < 60; ++i) {
    sim_scenario *scenario;
    int64_t bytes = 0;
    assert_ok(dg_make_scenario(&scenario, s.campaign, i, err));
    for (int64_t j = 0; j < scenario->n_flows; ++j) bytes += scenario->flows[j].size_bytes;
    int64_t last_ns = scenario->flows[scenario->n_flows - 1].start_ns;
    assert_true(scenario->packet.stop_time_ns - last_ns > 8 * bytes);
    sim_scenario_free(scenario);
  }
  close_setup(&s);
}

/* ---- mixes ---- */

#define STAND_INS SHIPPED("")

static m4_status open_mix(setup *s, const char *mix, int64_t n_flows, m4_error *err) {
  char assignment[64];
  *s = (setup){0};
  M4_TRY(m4_config_create(&s->config, dg_campaign_keys, &s->settings, err));
  M4_TRY(m4_config_set_text(s->config, "mix", mix, err));
  M4_TRY(m4_config_set_text(s->config, "workloads", STAND_INS, err));
  M4_TRY(m4_config_set(s->config, "write_shards=false", err));
  snprintf(assignment, sizeof assignment, "flows_per_scenario=%lld", (long long)n_flows);
  M4_TRY(m4_config_set(s->config, assignment, err));
  M4_TRY(dg_campaign_check(&s->settings, s->config, err));
  M4_TRY(dg_campaign_open(&s->campaign, &s->settings, s->config, err));
  return dg_campaign_identify(s->campaign, "identity", err);
}

/* Entry 0 of eval_train on its way into a scenario: the 13 numbers of model.md 8 and the simulator's
 * settings. */
static void test_mix_entry(void **state) {
  (void)state;
  setup s;
  sim_scenario *scenario;
  assert_ok(open_mix(&s, "eval_train", 50, err));
  assert_int_equal(s.settings.n_scenarios, 4000);
  assert_ok(dg_make_scenario(&scenario, s.campaign, 0, err));
  const double expected[SIM_N_PARAMS] = {
      11.339264428892937, 12.364, 0, 0, 0, 1, 0, 0, 0, 0, 0, 48.43843639370541, 101.48986097190351};
  for (int i = 0; i < SIM_N_PARAMS; ++i) assert_true(scenario->params[i] == expected[i]);
  assert_true(scenario->packet.cc == PKT_CC_TIMELY && scenario->packet.window_bytes == 12364);
  assert_int_equal(scenario->packet.buffer_kib, 113);
  assert_int_equal(scenario->packet.timely_low_ns, 48438);
  assert_true(scenario->packet.enable_pfc && scenario->flow_limit == 0);
  assert_int_equal(scenario->topology->n_nodes, 46);
  assert_int_equal(scenario->n_flows, 50);
  assert_string_equal(scenario->name, "00000");
  sim_scenario_free(scenario);
  close_setup(&s);
}

/* The application set: limits per rack, the same flows for every limit, other flows for other workloads. */
static void test_mix_closed_loop(void **state) {
  (void)state;
  setup s;
  sim_scenario *one, *nineteen;
  assert_ok(open_mix(&s, "eval_app", 30, err));
  assert_ok(dg_make_scenario(&one, s.campaign, 4, err));
  assert_ok(dg_make_scenario(&nineteen, s.campaign, 139, err));
  assert_true(one->flow_limit == 1 && nineteen->flow_limit == 19 && nineteen->hosts_per_group == 16);
  assert_string_equal(nineteen->name, "00139");
  for (int64_t i = 0; i < 30; ++i) {
    const sim_flow *a = &one->flows[i], *b = &nineteen->flows[i];
    assert_true(a->src == b->src && a->dst == b->dst && a->size_bytes == b->size_bytes);
    assert_true(a->start_ns == 1000000000 && b->start_ns == 1000000000);
  }
  assert_int_equal(dg_draw_scenario(s.campaign, 139).traffic_stream, 4);
  assert_int_equal(dg_draw_scenario(s.campaign, 5).traffic_stream, 5);
  sim_scenario_free(one);
  sim_scenario_free(nineteen);
  close_setup(&s);
}

/* Ten seconds mean 50,000 flows; one second means what the load says. */
static void test_mix_durations(void **state) {
  (void)state;
  setup s;
  int64_t n_flows;
  assert_ok(open_mix(&s, "large_scale", 7, err));
  for (int64_t i = 0; i < 3; ++i) {
    assert_ok(dg_expect_flows(&n_flows, s.campaign, i, err));
    assert_int_equal(n_flows, 50000);
  }
  close_setup(&s);
  assert_ok(open_mix(&s, "size_sweep", 7, err));
  int64_t first = 0;
  for (int64_t i = 0; i < 6; ++i) {
    dg_draw draw = dg_draw_scenario(s.campaign, i);
    const int32_t thousands[] = {6, 12, 24, 36, 48, 60};
    assert_int_equal(draw.shape.pods * 768, thousands[i] * 1024);
    assert_int_equal(draw.matrix_copies, thousands[i] / 6);
    assert_int_equal(draw.shape.delay_ns, 1000);
    assert_ok(dg_expect_flows(&n_flows, s.campaign, i, err));
    if (i == 0) first = n_flows;
    assert_float_equal((double)n_flows / (double)first / draw.matrix_copies, 1, 0.03); /* gaps in whole ns */
  }
  close_setup(&s);
}

/* Keys that the published sets leave alone: PFC off (DCQCN keeps it on), HPCC, a cluster by its counts. */
static void test_mix_other_keys(void **state) {
  static const char ENTRY[] = "{\"id\": %d, \"spatial\": \"cluster_c_2_4\", \"size_dist\": \"synthetic:3\", "
                              "\"cluster\": \"clos_2x2x4x3x1\", \"lognorm_sigma\": 0, \"max_load\": 0.5, "
                              "\"enable_pfc\": 0, \"cc\": \"%s\", \"param_1\": %d, \"param_2\": 60}";
  char text[1024] = "[";
  snprintf(text + 1, sizeof text - 1, ENTRY, 12, "hp", 80);
  strcat(text, ", ");
  snprintf(text + strlen(text), sizeof text - strlen(text), ENTRY, 7, "dcqcn", 20);
  strcat(text, "]");
  setup s;
  sim_scenario *hpcc, *dcqcn;
  assert_ok(open_mix(&s, write_text(*state, "other.json", text), 40, err));
  assert_ok(dg_make_scenario(&hpcc, s.campaign, 0, err));
  assert_ok(dg_make_scenario(&dcqcn, s.campaign, 1, err));
  assert_string_equal(hpcc->name, "00012");
  assert_string_equal(dcqcn->name, "00007");
  assert_true(hpcc->packet.cc == PKT_CC_HPCC && !hpcc->packet.enable_pfc && dcqcn->packet.enable_pfc);
  assert_true(hpcc->params[4] == 1 && hpcc->params[9] == 80 && hpcc->params[10] == 60 &&
              hpcc->params[0] == 40);
  assert_int_equal(hpcc->topology->n_nodes, 24 + 8 + 4 + 2);
  int64_t gap = hpcc->flows[1].start_ns - hpcc->flows[0].start_ns;
  for (int64_t i = 1; i < 40; ++i) /* sigma 0: regular arrivals */
    assert_int_equal(hpcc->flows[i].start_ns - hpcc->flows[i - 1].start_ns, gap);
  sim_scenario_free(hpcc);
  sim_scenario_free(dcqcn);
  close_setup(&s);
}

static void test_mix_mistakes(void **state) {
  const struct {
    const char *spatial, *sizes, *cluster, *where;
    m4_status status;
  } cases[] = {{"cluster_e_2_4", "synthetic:1", "cluster_1_to_1_eval_train", "id 9: spatial", M4_IO},
               {"cluster_a_2_4", "synthetic:2000", "cluster_1_to_1_eval_train", "id 9: size_dist", M4_USAGE},
               {"cluster_a_2_4", "nowhere", "cluster_1_to_1_eval_train", "id 9: size_dist", M4_IO},
               {"cluster_a_2_4", "synthetic:1", "cluster_9", "id 9: cluster", M4_USAGE},
               {"cluster_a_2_4", "synthetic:1", "cluster_1_to_1_eval_test", "id 9: spatial", M4_DATA},
               {"cluster_b_12k", "synthetic:1", "clos_3x1x4x4x4", "id 9: spatial", M4_USAGE}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    char text[400];
    snprintf(text, sizeof text,
             "{\"id\": 9, \"spatial\": \"%s\", \"size_dist\": \"%s\", \"cluster\": \"%s\", "
             "\"lognorm_sigma\": 1, \"max_load\": 0.5}",
             cases[i].spatial, cases[i].sizes, cases[i].cluster);
    setup s;
    m4_error error = {0};
    m4_status status = open_mix(&s, write_text(*state, "wrong.json", text), 5, &error);
    if (status != cases[i].status || !strstr(error.where, cases[i].where))
      fail_msg("%s gave %d at %s: %s", text, status, error.where, error.what);
    close_setup(&s);
  }
}

/* An ns-3 folder reads back as the same scenario, with the truth beside it. */
static void test_ns3_folders(void **state) {
  dg_campaign_report report;
  assert_ok(generate(*state, "folders", "write_ns3_folders=true", 2, &report, err));
  char dir[600];
  snprintf(dir, sizeof dir, "%s/folders/ns3/00005", (const char *)*state);
  sim_scenario *scenario;
  assert_ok(sim_scenario_read(&scenario, dir, err));
  assert_int_equal(scenario->n_flows, 120);
  m4_arena arena;
  ds_scenario facts;
  assert_ok(m4_arena_init(&arena, 1 << 26, err));
  assert_ok(dg_supervise(&facts, scenario, NULL, &arena, err));
  for (int64_t i = 0; i < facts.n_flows; ++i) assert_int_equal(facts.fct_ns[i], scenario->truth_fct_ns[i]);
  m4_arena_free(&arena);
  sim_scenario_free(scenario);
}

static void test_hostile_configurations(void **state) {
  const struct {
    const char *set;
    m4_status status;
  } cases[] = {{"traffic.load=[0.8, 0.3]", M4_USAGE},
               {"traffic.load=[0.3]", M4_USAGE},
               {"traffic.load=[0.3, .nan]", M4_USAGE},
               {"traffic.load=[0, 0.5]", M4_USAGE},
               {"traffic.matrices=[]", M4_USAGE},
               {"traffic.sizes=[]", M4_USAGE},
               {"traffic.sigma=[]", M4_USAGE},
               {"traffic.sizes=[synthetic:5-3]", M4_USAGE},
               {"traffic.sizes=[synthetic:0-2000]", M4_USAGE},
               {"traffic.sizes=['synthetic:-1']", M4_USAGE},
               {"traffic.sizes=['synthetic:']", M4_USAGE},
               {"traffic.sizes=[synthetic:00000000000000000000000000000000000000000-1]", M4_USAGE},
               {"traffic.sizes=[nowhere.txt]", M4_IO},
               {"traffic.matrices=[nowhere.csv]", M4_IO},
               {"topology.racks_per_pod=8", M4_DATA}, /* the matrix has 2 x 4 racks */
               {"traffic.matrix_copies=2", M4_DATA},  /* half of it on each pod? no */
               {"traffic.matrix_copies=3", M4_USAGE},
               {"traffic.max_inflight_flows=2", M4_USAGE}, /* closed loop into a data set */
               {"traffic.duration_s=-1", M4_USAGE},
               {"mix=eval_tset", M4_USAGE}, /* and traffic.matrices is given too */
               {"topology.oversubscription=[3]", M4_USAGE},
               {"topology.oversubscription=[0]", M4_USAGE},
               {"topology.pods=100000", M4_USAGE},
               {"network.cc=[dctpc]", M4_USAGE},
               {"scenarios=0", M4_USAGE},
               {"scenarios=1e30", M4_USAGE},
               {"flows_per_scenario=-5", M4_USAGE},
               {"senarios=5", M4_USAGE}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    setup s;
    m4_error error = {0};
    m4_status status = open_setup(&s, *state, "unused", cases[i].set, &error);
    if (status != cases[i].status) fail_msg("%s gave status %d: %s", cases[i].set, status, error.what);
    assert_true(error.what[0] && error.where[0]);
    close_setup(&s);
  }
}

/* Ctrl-C: exit code 130, finished shards stay, no temporary files. */
static void test_interrupt(void **state) {
  char config[600], output[600], first[600];
  snprintf(config, sizeof config, "%s", write_text(*state, "interrupt.yaml", SETTINGS));
  snprintf(output, sizeof output, "%s/interrupted", (const char *)*state);
  shard_path(first, *state, "interrupted", 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    freopen("/dev/null", "w", stderr);
    execl(M4_BUILD_DIR "/datagen/m4-datagen", "m4-datagen", "--config", config, "--out", output, "--set",
          "scenarios=4000", "--threads", "2", (char *)NULL);
    _exit(99);
  }
  for (int i = 0; i < 60000 && access(first, F_OK) != 0; ++i) usleep(1000);
  kill(child, SIGINT);
  int result;
  waitpid(child, &result, 0);
  assert_true(WIFEXITED(result));
  assert_int_equal(WEXITSTATUS(result), 130);
  assert_int_equal(access(first, F_OK), 0);
  assert_false(has_left_overs(*state, "interrupted"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads_do_not_matter),
                                     cmocka_unit_test(test_kill_and_continue),
                                     cmocka_unit_test(test_folder_of_another_campaign),
                                     cmocka_unit_test(test_draws),
                                     cmocka_unit_test(test_the_stop_time_is_late),
                                     cmocka_unit_test(test_mix_entry),
                                     cmocka_unit_test(test_mix_closed_loop),
                                     cmocka_unit_test(test_mix_durations),
                                     cmocka_unit_test(test_mix_other_keys),
                                     cmocka_unit_test(test_mix_mistakes),
                                     cmocka_unit_test(test_ns3_folders),
                                     cmocka_unit_test(test_hostile_configurations),
                                     cmocka_unit_test(test_interrupt)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
