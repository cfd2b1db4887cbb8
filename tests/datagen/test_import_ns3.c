/* ns-3 folders as a source of datasets: what a campaign kept gives its dataset again, array by array; the
 * original's own complete traces give what simulating gives; damaged and contradicting folders are refused.
 */
#include "tests/datagen/support.h"

#include "base/file.h"
#include "data/schema.h"
#include "datagen/campaign.h"
#include "datagen/datagen.h"
#include "datagen/import/import.h"
#include "datagen/import/ns3.h"

#include <math.h>
#include <sys/stat.h>

enum { ARENA_BYTES = 1 << 26, PATH_BYTES = 640, COMMAND_BYTES = 4096, DIR_BYTES = 256 };

static const char SETTINGS[] =
    "scenarios: 5\n"
    "flows_per_scenario: 150\n"
    "scenarios_per_shard: 2\n"
    "write_ns3_folders: true\n"
    "network: {cc: [dctcp, dcqcn, timely, hp]}\n"
    "traffic:\n"
    "  matrices: [" SHIPPED("spatial-standin/c_like_2x4.csv") "]\n"
                                                              "  sizes: [" SHIPPED(
                                                                  "cdf-standin/webserver_like.txt") "]\n";

/* ---- equality ---- */

static bool is_text(const ds_row *row) {
  return row == &ds_schema[DS_ROW_NAME];
}

/* Every array of the schema. */
static void assert_same_facts(const ds_scenario *a, const ds_scenario *b, bool with_names) {
  int64_t counts[DS_N_AXES], same[DS_N_AXES];
  ds_count_axes(a, counts);
  ds_count_axes(b, same);
  if (with_names) assert_string_equal(a->name, b->name);
  for (int axis = 0; axis < DS_N_AXES; ++axis)
    if (axis != DS_NAME_BYTES) assert_int_equal(counts[axis], same[axis]);
  assert_memory_equal(a->params, b->params, sizeof a->params);
  for (int i = 0; i < DS_N_ROWS; ++i) {
    const ds_row *row = &ds_schema[i];
    if (ds_is_special(row) || is_text(row)) continue;
    size_t bytes =
        ((size_t)counts[row->axis] + ds_is_offsets(row)) * (size_t)row->width * ds_type_bytes(row->type);
    if (memcmp(ds_get_field(a, row), ds_get_field(b, row), bytes) != 0) fail_msg("%s differs", row->path);
  }
}

/* ---- there and back ---- */

static void make_campaign(const char *folder) {
  dg_campaign_config settings = {0};
  m4_config *config;
  dg_campaign *campaign;
  dg_campaign_report report;
  char assignment[PATH_BYTES];
  assert_ok(m4_config_create(&config, dg_campaign_keys, &settings, err));
  assert_ok(m4_config_load(config, write_text(folder, "campaign-import.yaml", SETTINGS), err));
  snprintf(assignment, sizeof assignment, "output='%s/made'", folder);
  assert_ok(m4_config_set(config, assignment, err));
  assert_ok(dg_campaign_open(&campaign, &settings, config, err));
  assert_ok(dg_campaign_identify(campaign, "identity", err));
  assert_ok(dg_campaign_run(campaign, NULL, NULL, NULL, &report, err));
  assert_int_equal(report.n_scenarios, 5);
  dg_campaign_close(campaign);
  m4_config_free(config);
}

static m4_status import_folder(const char *dir, const char *output, int threads, m4_error *err) {
  dg_folders folders = {0};
  dg_import import = {.source = "ns3",
                      .read = dg_import_ns3,
                      .folders = &folders,
                      .output = output,
                      .scenarios_per_shard = 3};
  dg_import_report report;
  m4_pool *pool = NULL;
  m4_status status = m4_pool_create(&pool, threads, err);
  if (status == M4_OK) status = dg_folders_find(&folders, &dir, 1, dg_is_ns3_folder, err);
  if (status == M4_OK) status = dg_import_run(&import, pool, NULL, &report, err);
  m4_pool_free(pool);
  dg_folders_free(&folders);
  return status;
}

static void test_there_and_back(void **state) {
  char ns3[PATH_BYTES], made[PATH_BYTES], back[PATH_BYTES];
  snprintf(ns3, sizeof ns3, "%s/made/ns3", (const char *)*state);
  snprintf(made, sizeof made, "%s/made", (const char *)*state);
  snprintf(back, sizeof back, "%s/back", (const char *)*state);
  make_campaign(*state);
  assert_ok(import_folder(ns3, back, 2, err));
  ds_dataset *first, *second;
  assert_ok(ds_open(&first, made, err));
  assert_ok(ds_open(&second, back, err));
  assert_int_equal(ds_n_scenarios(first), 5);
  assert_int_equal(ds_n_scenarios(second), 5);
  for (int32_t i = 0; i < 5; ++i) {
    m4_arena arena;
    ds_scenario a, b;
    assert_ok(m4_arena_init(&arena, ARENA_BYTES, err));
    assert_ok(ds_read_scenario(first, i, &arena, &a, err));
    assert_ok(ds_read_scenario(second, i, &arena, &b, err));
    assert_int_equal(a.n_flows, 150);
    assert_true(a.n_periods > 0 && a.received_offset[300] > 150);
    assert_same_facts(&a, &b, true);
    m4_arena_free(&arena);
  }
  ds_close(first);
  ds_close(second);
  m4_error error = {0};
  assert_int_equal(import_folder(ns3, back, 1, &error), M4_USAGE); /* never into other shards */
}

/* ---- the original's runs ---- */

static void check_original(const char *folder) {
  char dir[PATH_BYTES];
  sim_scenario *scenario;
  m4_arena arena, imported_arena;
  ds_scenario simulated, imported;
  snprintf(dir, sizeof dir, "%s/ns3/%s", M4_TEST_DATA, folder);
  assert_ok(m4_arena_init(&arena, ARENA_BYTES, err));
  assert_ok(sim_scenario_read(&scenario, dir, err));
  assert_ok(dg_supervise(&simulated, scenario, NULL, &arena, err));
  assert_ok(dg_import_ns3(&imported, &imported_arena, dir, NULL, err));
  assert_same_facts(&simulated, &imported, true);
  m4_arena_free(&imported_arena);
  m4_arena_free(&arena);
  sim_scenario_free(scenario);
}

static void test_original_traces(void **state) {
  (void)state;
  static const char *const folders[] = {
      "trace_two/dctcp",        "trace_two/dcqcn",        "trace_two/timely",        "trace_two/hpcc",
      "trace_incast_pfc/dctcp", "trace_incast_pfc/dcqcn", "trace_incast_pfc/timely", "trace_incast_pfc/hpcc"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) check_original(folders[i]);
}

/* Lost packets, retransmissions, a flow that never finishes: through a kept trace and back. */
static void check_kept(const char *scratch, const char *folder) {
  char dir[PATH_BYTES], kept[PATH_BYTES];
  sim_scenario *scenario;
  m4_arena arena, imported_arena;
  ds_scenario simulated, imported;
  snprintf(dir, sizeof dir, "cp -rL '%s/ns3/%s' '%s/kept'", M4_TEST_DATA, folder, scratch);
  assert_int_equal(system(dir), 0);
  snprintf(dir, sizeof dir, "%s/kept", scratch);
  snprintf(kept, sizeof kept, "%s/kept/mix.tr", scratch);
  assert_ok(m4_arena_init(&arena, ARENA_BYTES, err));
  assert_ok(sim_scenario_read(&scenario, dir, err));
  assert_ok(dg_supervise(&simulated, scenario, kept, &arena, err));
  assert_ok(dg_import_ns3(&imported, &imported_arena, dir, NULL, err));
  assert_same_facts(&simulated, &imported, false);
  m4_arena_free(&imported_arena);
  m4_arena_free(&arena);
  sim_scenario_free(scenario);
  snprintf(dir, sizeof dir, "rm -r '%s/kept'", scratch);
  assert_int_equal(system(dir), 0);
}

static void test_losses(void **state) {
  check_kept(*state, "incast8/timely_pfc0_buf160");
  check_kept(*state, "incast8/dcqcn_pfc0_buf160");
  check_kept(*state, "incast8/hpcc_pfc0_buf160");
}

/* ---- folders with less, or with contradictions ---- */

/* trace_incast_pfc/dctcp in a scratch folder, its trace unpacked; returns the folder in a static buffer. */
static const char *copy_original(const char *scratch) {
  static char dir[DIR_BYTES];
  char command[COMMAND_BYTES];
  snprintf(dir, sizeof dir, "%s/copy", scratch);
  snprintf(command, sizeof command,
           "rm -rf '%s' && cp -rL '%s/ns3/trace_incast_pfc/dctcp' '%s' && chmod -R u+w '%s' && gunzip "
           "'%s/mix.tr.gz'",
           dir, M4_TEST_DATA, dir, dir, dir);
  assert_int_equal(system(command), 0);
  return dir;
}

static m4_status import_copy(const char *dir, ds_scenario *facts, m4_arena *arena, m4_error *error) {
  *error = (m4_error){0};
  return dg_import_ns3(facts, arena, dir, NULL, error);
}

static void test_without_trace(void **state) {
  const char *dir = copy_original(*state);
  char path[PATH_BYTES];
  m4_arena arena;
  ds_scenario facts;
  m4_error error;
  snprintf(path, sizeof path, "%s/mix.tr", dir);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(import_copy(dir, &facts, &arena, &error), M4_OK);
  assert_int_equal(facts.n_flows, 8);
  assert_int_equal(facts.n_periods, 1);
  assert_int_equal(facts.received_offset[16], 0);
  for (int64_t hop = 0; hop < facts.path_offset[8]; ++hop) assert_int_equal(facts.queue_bytes[hop], -1);
  m4_arena_free(&arena);
  snprintf(path, sizeof path, "%s/fct.txt", dir);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(import_copy(dir, &facts, &arena, &error), M4_DATA);
  assert_non_null(strstr(error.what, "fct.txt"));
}

/* paths.txt agrees, adds nothing, or is refused with its line. */
static void test_paths(void **state) {
  const char *dir = copy_original(*state);
  m4_arena arena;
  ds_scenario facts;
  m4_error error;
  write_text(dir, "paths.txt", "0 9\n3 9\n");
  assert_int_equal(import_copy(dir, &facts, &arena, &error), M4_OK);
  m4_arena_free(&arena);
  const char *const wrong[] = {"0 9\n1 5\n", "0 9\n77 9\n", "0 9\n1 9 9\n", "0 9\n1 9 x\n", "0 9\n1\n"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
    write_text(dir, "paths.txt", wrong[i]);
    assert_int_equal(import_copy(dir, &facts, &arena, &error), M4_DATA);
    assert_non_null(strstr(error.where, "paths.txt:2"));
  }
}

/* A diamond: paths.txt takes the branch that ECMP does not, and the ideal FCT follows. */
static void test_other_paths(void **state) {
  char command[COMMAND_BYTES], dir[DIR_BYTES];
  snprintf(dir, sizeof dir, "%s/diamond", (const char *)*state);
  snprintf(command, sizeof command, "mkdir '%s' && cp '%s/ns3/trace_two/dctcp/config.txt' '%s'", dir,
           M4_TEST_DATA, dir);
  assert_int_equal(system(command), 0);
  write_text(
      dir, "topology.txt",
      "6 4 6\n2 3 4 5\n0 2 10Gbps 1000ns 0\n2 3 10Gbps 1000ns 0\n2 4 10Gbps 9000ns 0\n3 5 10Gbps 1000ns 0\n"
      "4 5 10Gbps 9000ns 0\n5 1 10Gbps 1000ns 0\n");
  write_text(dir, "flows.txt", "2\n0 0 1 3 100 500 1\n1 0 1 3 100 500 1.1\n");
  write_text(dir, "fct.txt",
             "0 0b000001 0b000101 10000 100 500 1000000000 99999 9\n1 0b000001 0b000101 10001 100 500 "
             "1100000000 1 9\n");
  for (int through = 3; through <= 4; ++through) {
    char text[64];
    m4_arena arena;
    ds_scenario facts;
    snprintf(text, sizeof text, "0 2 %d 5\n1 2 %d 5\n", through, through);
    write_text(dir, "paths.txt", text);
    assert_ok(dg_import_ns3(&facts, &arena, dir, NULL, err));
    for (int flow = 0; flow < 2; ++flow) {
      assert_int_equal(facts.link_to[facts.path_link[facts.path_offset[flow] + 1]], through);
      assert_int_equal(facts.ideal_fct_ns[flow], (through == 3 ? 4000 : 20000) + 4 * 438);
    }
    assert_int_equal(facts.fct_ns[1], facts.ideal_fct_ns[1]); /* raised */
    m4_arena_free(&arena);
  }
}

typedef struct damage {
  size_t at; /* byte of the first record */
  uint8_t value;
  const char *what;
} damage;

static void test_damaged_traces(void **state) {
  const char *dir = copy_original(*state);
  char path[PATH_BYTES], *trace;
  size_t length;
  m4_arena arena;
  ds_scenario facts;
  m4_error error;
  snprintf(path, sizeof path, "%s/mix.tr", dir);
  assert_ok(m4_file_read(path, 1 << 26, &trace, &length, err));
  size_t head = 4 + 11 * (size_t)(uint8_t)trace[0] + 4;
  const damage damages[] = {{7, 0xff, "time"},    {8, 200, "port"},     {10, 0, "port"},
                            {10, 3, "port"},      {26, 1, "protocol"},  {27, 4, "event"},
                            {32, 99, "99"},       {16, 0, "addresses"}, {20, 9, "addresses"},
                            {40, 1, "addresses"}, {43, 1, "addresses"}};
  for (size_t i = 0; i < sizeof damages / sizeof *damages; ++i) {
    FILE *file = fopen(path, "wb");
    char before = trace[head + damages[i].at];
    trace[head + damages[i].at] = (char)damages[i].value;
    fwrite(trace, 1, length, file);
    fclose(file);
    trace[head + damages[i].at] = before;
    assert_int_equal(import_copy(dir, &facts, &arena, &error), M4_DATA);
    if (!strstr(error.what, damages[i].what) || !strstr(error.what, "record 1"))
      fail_msg("byte %zu gives \"%s\"", damages[i].at, error.what);
  }
  const size_t cuts[] = {0, 3, 4, 20, head - 1, head + 1, length - 1, length - 64 * 800};
  for (size_t i = 0; i < sizeof cuts / sizeof *cuts; ++i) {
    FILE *file = fopen(path, "wb");
    fwrite(trace, 1, cuts[i], file);
    fclose(file);
    assert_int_equal(import_copy(dir, &facts, &arena, &error), M4_DATA);
    assert_true(error.what[0] != '\0');
  }
  assert_non_null(strstr(error.what, "not complete")); /* whole records, too few of them */
  free(trace);
}

/* A filter that leaves the receipts out: queues are known, rows are not. */
static void test_queues_only(void **state) {
  const char *dir = copy_original(*state);
  char path[PATH_BYTES], *trace;
  size_t length;
  m4_arena arena;
  ds_scenario facts;
  snprintf(path, sizeof path, "%s/mix.tr", dir);
  assert_ok(m4_file_read(path, 1 << 26, &trace, &length, err));
  size_t head = 4 + 11 * (size_t)(uint8_t)trace[0] + 4;
  FILE *file = fopen(path, "wb");
  fwrite(trace, 1, head, file);
  for (size_t at = head; at < length; at += 64)
    if (trace[at + 27] != 0) fwrite(trace + at, 1, 64, file);
  fclose(file);
  free(trace);
  assert_ok(dg_import_ns3(&facts, &arena, dir, NULL, err));
  assert_int_equal(facts.received_offset[16], 0);
  int64_t waited = 0;
  for (int64_t hop = 0; hop < facts.path_offset[8]; ++hop) {
    assert_true(facts.queue_bytes[hop] >= 0);
    waited += facts.queue_bytes[hop];
  }
  assert_true(waited > 0);
  m4_arena_free(&arena);
}

/* The reference's names, its parameters as .npy, the files in ns3/ below the scenario's folder. */
static void test_reference_layout(void **state) {
  const char *dir = copy_original(*state);
  char command[COMMAND_BYTES], output[PATH_BYTES], path[PATH_BYTES];
  m4_arena arena, shard_arena;
  ds_scenario facts, stored;
  ds_dataset *dataset;
  assert_ok(dg_import_ns3(&facts, &arena, dir, NULL, err));
  snprintf(command, sizeof command,
           "cd '%s' && mkdir -p 17/ns3 && mv *.t* 17/ns3 && cd 17/ns3 && mv config.txt "
           "config_topology_flows.txt && "
           "mv fct.txt fct_topology_flows.txt && mv mix.tr mix_topology_flows.tr && "
           "cp '%s/npy/dctcp/ns3/param_topology_flows.npy' . && chmod u+w *.npy",
           dir, M4_TEST_DATA);
  assert_int_equal(system(command), 0);
  snprintf(output, sizeof output, "%s/reference", (const char *)*state);
  assert_ok(import_folder(dir, output, 1, err));
  assert_ok(ds_open(&dataset, output, err));
  assert_int_equal(ds_n_scenarios(dataset), 1);
  assert_string_equal(ds_scenario_name(dataset, 0), "17");
  assert_ok(m4_arena_init(&shard_arena, ARENA_BYTES, err));
  assert_ok(ds_read_scenario(dataset, 0, &shard_arena, &stored, err));
  assert_same_facts(&facts, &stored, false);
  ds_close(dataset);
  m4_arena_free(&shard_arena);
  m4_arena_free(&arena);
  snprintf(path, sizeof path, "%s/17/ns3/param_topology_flows.npy", dir);
  assert_int_equal(truncate(path, 200), 0);
  m4_error error = {0};
  snprintf(output, sizeof output, "%s/unused", (const char *)*state);
  assert_int_equal(import_folder(dir, output, 1, &error), M4_DATA);
  assert_non_null(strstr(error.where, "param_topology_flows.npy"));
}

static void test_folders(void **state) {
  char output[PATH_BYTES], path[PATH_BYTES];
  m4_error error = {0};
  const char *dir = copy_original(*state);
  snprintf(output, sizeof output, "%s/unused", (const char *)*state);
  assert_int_equal(import_folder("/nonexistent", output, 1, &error), M4_IO);
  assert_int_equal(import_folder(M4_TEST_DATA "/golden", output, 1, &error), M4_DATA);
  snprintf(path, sizeof path, "%s/mix2.tr", dir);
  fclose(fopen(path, "w"));
  assert_int_equal(import_folder(dir, output, 1, &error), M4_DATA);
  assert_non_null(strstr(error.what, "more than one"));
  dg_folders folders = {0};
  const char *twice[] = {dir, dir};
  assert_int_equal(dg_folders_find(&folders, twice, 2, dg_is_ns3_folder, &error), M4_DATA);
  assert_non_null(strstr(error.what, "\"copy\""));
  dg_folders_free(&folders);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back),
                                     cmocka_unit_test(test_original_traces),
                                     cmocka_unit_test(test_losses),
                                     cmocka_unit_test(test_without_trace),
                                     cmocka_unit_test(test_paths),
                                     cmocka_unit_test(test_other_paths),
                                     cmocka_unit_test(test_damaged_traces),
                                     cmocka_unit_test(test_queues_only),
                                     cmocka_unit_test(test_reference_layout),
                                     cmocka_unit_test(test_folders)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
