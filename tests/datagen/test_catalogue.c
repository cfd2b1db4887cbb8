/* Names of mixes: every published fabric with the counts of workloads.md 1.1, stand-ins, files before
 * stand-ins. */
#include "tests/datagen/support.h"

#include "datagen/catalogue.h"

static const char WORKLOADS[] = M4_TEST_DATA "/../../configs/workloads";

static m4_status find_named(sim_clos *shape, const char *name, m4_error *err) {
  const dg_catalogue catalogue = {"", WORKLOADS};
  char path[DG_NAME_BYTES];
  m4_status status = dg_find_cluster(shape, path, &catalogue, name, err);
  if (status == M4_OK) assert_string_equal(path, "");
  return status;
}

static void test_fabrics(void **state) {
  (void)state;
  const struct {
    const char *name;
    int32_t hosts, nodes, cables;
  } fabrics[] = {{"spec/cluster_1_to_1_eval_train.json", 32, 46, 48},
                 {"cluster_2_to_1_eval_train", 32, 44, 44},
                 {"cluster_4_to_1_eval_train", 32, 43, 42},
                 {"cluster_1_to_1_eval_app", 256, 312, 384},
                 {"cluster_2_to_1_eval_app", 256, 296, 352},
                 {"cluster_4_to_1_eval_app", 256, 288, 336},
                 {"cluster_1_to_1_eval_test", 1024, 1168, 1536},
                 {"cluster_2_to_1_eval_test", 1024, 1136, 1408},
                 {"cluster_4_to_1_eval_test", 1024, 1120, 1344},
                 {"../../workload/topologies/cluster_b_m4.json", 6144, 6752, 9216},
                 {"cluster_b_1_to_1_m4", 6144, 6752, 9216},
                 {"cluster_b_2_to_1_m4", 6144, 6656, 8448},
                 {"cluster_b_2_to_1_12k", 12288, 13216, 16896},
                 {"cluster_b_2_to_1_48k", 49152, 52576, 67584},
                 {"cluster_b_2_to_1_60k", 61440, 65696, 84480},
                 {"cluster_4_to_1", 256, 256 + 32 + 4 + 8, 256 + 64 + 16},
                 {"clos_2x1x4x4x4", 32, 46, 48}};
  for (size_t i = 0; i < sizeof fabrics / sizeof *fabrics; ++i) {
    sim_clos shape;
    sim_topology *topology;
    assert_ok(find_named(&shape, fabrics[i].name, err));
    assert_int_equal(shape.delay_ns, 0); /* the configuration's */
    shape.host_rate_bps = shape.fabric_rate_bps = shape.spine_rate_bps = shape.delay_ns = 1;
    assert_ok(sim_topology_clos(&topology, &shape, err));
    assert_int_equal(topology->n_hosts, fabrics[i].hosts);
    assert_int_equal(topology->n_nodes, fabrics[i].nodes);
    assert_int_equal(topology->n_links, 2 * fabrics[i].cables);
    sim_topology_free(topology);
  }
}

static void test_unknown_fabrics(void **state) {
  (void)state;
  static const char *const names[] = {"",
                                      "cluster",
                                      "cluster_3_to_1_eval_train",
                                      "cluster_0_to_1_eval_train",
                                      "cluster_-1_to_1_eval_train",
                                      "cluster_1_to_1_eval_trainx",
                                      "cluster_1_to_1_m4",
                                      "cluster_b_2_to_1_13k",
                                      "cluster_c_2_to_1_m4",
                                      "clos_2x1x4x4",
                                      "clos_2x1x4x4x0",
                                      "clos_2x1x4x4x4x",
                                      "clos_-2x1x4x4x4"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    sim_clos shape = {0};
    m4_error error = {0};
    if (find_named(&shape, names[i], &error) != M4_USAGE) fail_msg("%s was taken", names[i]);
    assert_non_null(strstr(error.hint, "clos_P"));
  }
}

static void expect_matrix(const char *name, const char *file, int32_t copies) {
  const dg_catalogue catalogue = {"", WORKLOADS};
  dg_found found;
  assert_ok(dg_find_matrix(&found, &catalogue, name, err));
  const char *end = found.path + strlen(found.path) - strlen(file);
  if (strcmp(end, file) != 0) fail_msg("%s is %s", name, found.path);
  assert_int_equal(found.copies, copies);
  assert_true(found.stand_in);
}

static void test_stand_ins(void **state) {
  (void)state;
  expect_matrix("../../workload/spatials/cluster_a_2_4.json", "/a_like_2x4.csv", 1);
  expect_matrix("cluster_d_4_16.json", "/d_like_4x16.csv", 1);
  expect_matrix("cluster_c_2_16", "/c_like_2x16.csv", 1);
  expect_matrix("cluster_b.json", "/b_like_8x48.csv", 1);
  expect_matrix("cluster_c_8_48.json", "/c_like_8x48.csv", 1);
  expect_matrix("cluster_b_12k.json", "/b_like_8x48.csv", 2);
  expect_matrix("cluster_b_60k.json", "/b_like_8x48.csv", 10);
  const dg_catalogue catalogue = {"", WORKLOADS};
  dg_found found;
  assert_ok(dg_find_sizes(&found, &catalogue, "x/facebook/hadoop-all.txt", err));
  assert_non_null(strstr(found.path, "cdf-standin/hadoop_like.txt"));
  assert_true(found.stand_in);
  assert_ok(dg_find_sizes(&found, &catalogue, "../synthetic/sync-all-1999.txt", err));
  assert_string_equal(found.path, "synthetic:1999");
  assert_ok(dg_find_sizes(&found, &catalogue, "synthetic:7", err));
  assert_string_equal(found.path, "synthetic:7");
  assert_false(found.stand_in);
}

/* ---- cluster files ---- */

#define NODE       "{\"id\": 1, \"kind\": \"Host\"}"
#define LINK(rate) "{\"a\": 0, \"b\": 1, \"bandwidth\": " rate ", \"delay\": 1000}"
#define RACK                                                                                                 \
  "{\"tor\": " NODE ", \"hosts\": [" NODE ", " NODE                                                          \
  "], \"host2tor\": [" LINK("1e10") ", " LINK("10000000000") "]}"
#define POD(racks, links) "{\"fabs\": [" NODE "], \"racks\": [" racks "], \"tor2fab\": [" links "]}"
#define GOOD_POD          POD(RACK ", " RACK ", " RACK, LINK("4e10") ", " LINK("4e10") ", " LINK("4e10"))
#define CLUSTER(planes, pods, links)                                                                         \
  "{\"planes\": [" planes "], \"pods\": [" pods "], \"fab2spine\": [" links "]}"
#define TWO_LINKS LINK("2e10") ", " LINK("2e10")

static m4_status find_file(sim_clos *shape, const char *folder, const char *text, m4_error *err) {
  const dg_catalogue catalogue = {folder, WORKLOADS};
  char path[DG_NAME_BYTES];
  write_text(folder, "cluster_1_to_1_eval_train.json", text); /* a file wins over the published name */
  return dg_find_cluster(shape, path, &catalogue, "cluster_1_to_1_eval_train.json", err);
}

static void test_cluster_file(void **state) {
  sim_clos shape;
  assert_ok(find_file(&shape, *state, CLUSTER("[" NODE ", " NODE "]", GOOD_POD, TWO_LINKS), err));
  assert_true(shape.pods == 1 && shape.fabrics_per_pod == 1 && shape.racks_per_pod == 3 &&
              shape.hosts_per_rack == 2 && shape.spines_per_plane == 2);
  assert_true(shape.host_rate_bps == 10000000000 && shape.fabric_rate_bps == 40000000000 &&
              shape.spine_rate_bps == 20000000000 && shape.delay_ns == 1000);
}

static void test_hostile_cluster_files(void **state) {
  const struct {
    const char *text, *part;
  } cases[] = {
      {"", ":1:"},
      {"[]", "pods"},
      {"{}", "pods"},
      {"{\"pods\": []}", "pods"},
      {"{\"pods\": [5]}", "pods.fabs"},
      {CLUSTER("[" NODE ", " NODE "]", GOOD_POD, LINK("2e10")), "fab2spine"},
      {CLUSTER("[" NODE ", " NODE "]", GOOD_POD, LINK("2e10") ", " LINK("3e10")), "bandwidth is 30000000000"},
      {CLUSTER("[" NODE ", " NODE "]", GOOD_POD, LINK("0") ", " LINK("0")), "no sensible bandwidth"},
      {CLUSTER("[" NODE ", " NODE "]", GOOD_POD, LINK("\"10G\"") ", " LINK("1")), "no sensible bandwidth"},
      {CLUSTER("[" NODE "], [" NODE "]", GOOD_POD, TWO_LINKS), "planes"},
      {CLUSTER("5", GOOD_POD, TWO_LINKS), "planes"},
      {CLUSTER("[" NODE ", " NODE "]", POD(RACK ", {}", LINK("1") ", " LINK("1")), TWO_LINKS),
       "pods.racks.hosts"},
      {CLUSTER("[" NODE ", " NODE "]", POD(RACK ", " RACK, LINK("1")), TWO_LINKS), "pods.tor2fab"},
      {CLUSTER("[" NODE ", " NODE "]", GOOD_POD ", " POD(RACK, LINK("4e10")), TWO_LINKS), "not regular"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    sim_clos shape;
    m4_error error = {0};
    if (find_file(&shape, *state, cases[i].text, &error) != M4_DATA) fail_msg("%s was taken", cases[i].text);
    if (!strstr(error.where, cases[i].part) && !strstr(error.what, cases[i].part))
      fail_msg("%s gave %s: %s", cases[i].text, error.where, error.what);
  }
}

/* A file beside the mix, or from the current folder, wins over a stand-in of the same name. */
static void test_files(void **state) {
  const char *folder = *state;
  dg_catalogue catalogue = {folder, WORKLOADS};
  dg_found found;
  write_text(folder, "cluster_a_2_4.json", "{}");
  write_text(folder, "webserver-all.txt", "1 100\n");
  assert_ok(dg_find_matrix(&found, &catalogue, "cluster_a_2_4.json", err));
  assert_false(found.stand_in);
  assert_non_null(strstr(found.path, folder));
  assert_ok(dg_find_sizes(&found, &catalogue, "atoms:webserver-all.txt", err));
  assert_true(strncmp(found.path, "atoms:", 6) == 0 && strstr(found.path, folder));
  catalogue.mix_folder = "";
  assert_ok(dg_find_matrix(&found, &catalogue, "cluster_a_2_4.json", err));
  assert_true(found.stand_in);
  char path[512];
  snprintf(path, sizeof path, "%s/webserver-all.txt", folder);
  assert_ok(dg_find_sizes(&found, &catalogue, path, err));
  assert_string_equal(found.path, path);
  assert_false(found.stand_in);
}

static void test_unknown_tables(void **state) {
  (void)state;
  static const char *const matrices[] = {"",
                                         "nowhere.csv",
                                         "cluster_e_2_4.json",
                                         "cluster_a_2_4x.json",
                                         "cluster_a_12k",
                                         "cluster_b_13k",
                                         "cluster_a_3_4.json"};
  static const char *const sizes[] = {"",           "nowhere.txt", "atoms:nowhere.txt",
                                      "sync-all-x", "synthetic:x", "webserver"};
  const dg_catalogue catalogue = {"", WORKLOADS};
  dg_found found;
  for (size_t i = 0; i < sizeof matrices / sizeof *matrices; ++i)
    assert_int_equal(dg_find_matrix(&found, &catalogue, matrices[i], NULL), M4_IO);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i)
    assert_int_equal(dg_find_sizes(&found, &catalogue, sizes[i], NULL), M4_IO);
  char *name = malloc(10000);
  assert_non_null(name);
  memset(name, 'a', 9999);
  name[9999] = '\0';
  m4_error error = {0};
  assert_int_equal(dg_find_matrix(&found, &catalogue, name, &error), M4_IO);
  assert_int_equal(dg_find_sizes(&found, &catalogue, name, &error), M4_IO);
  free(name);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_fabrics),
                                     cmocka_unit_test(test_unknown_fabrics),
                                     cmocka_unit_test(test_stand_ins),
                                     cmocka_unit_test(test_files),
                                     cmocka_unit_test(test_unknown_tables),
                                     cmocka_unit_test(test_cluster_file),
                                     cmocka_unit_test(test_hostile_cluster_files)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
