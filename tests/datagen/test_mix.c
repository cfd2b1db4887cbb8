/* Mix files: the published sets bit for bit (counts and entries of workloads.md 6.2, 6.3), reading, writing,
 * mistakes. */
#include "tests/datagen/support.h"

#include "base/file.h"
#include "datagen/mix.h"
#include "datagen/mt19937.h"

#include <xxhash.h>

static void test_mt19937(void **state) {
  (void)state;
  dg_mt19937 mt;
  dg_mt_seed(&mt, 42);
  /* CPython: random.seed(42); random.random(), random.random(), random.choice("abc") five times */
  assert_true(dg_mt_uniform(&mt, 0, 1) == 0.6394267984578837);
  assert_true(dg_mt_uniform(&mt, 0, 1) == 0.025010755222666936);
  dg_mt_seed(&mt, 42);
  const uint32_t choices[] = {2, 0, 0, 2, 1};
  for (int i = 0; i < 5; ++i) assert_int_equal(dg_mt_below(&mt, 3), choices[i]);
}

static size_t count(const dg_mix *mix, size_t offset, const char *part) {
  size_t found = 0;
  for (size_t i = 0; i < mix->n_entries; ++i)
    found += strstr(*(char **)((unsigned char *)&mix->entries[i] + offset), part) != NULL;
  return found;
}

static size_t count_cc(const dg_mix *mix, pkt_cc_mode cc) {
  size_t found = 0;
  for (size_t i = 0; i < mix->n_entries; ++i) found += mix->entries[i].cc == cc;
  return found;
}

typedef struct expected_count {
  size_t offset;
  const char *part;
  size_t n;
} expected_count;

static void check_counts(const dg_mix *mix, const expected_count *rows) {
  for (; rows->part; ++rows)
    if (count(mix, rows->offset, rows->part) != rows->n)
      fail_msg("%s: %zu, not %zu", rows->part, count(mix, rows->offset, rows->part), rows->n);
}

static void check_ccs(const dg_mix *mix, size_t dctcp, size_t dcqcn, size_t timely) {
  assert_int_equal(count_cc(mix, PKT_CC_DCTCP), dctcp);
  assert_int_equal(count_cc(mix, PKT_CC_DCQCN), dcqcn);
  assert_int_equal(count_cc(mix, PKT_CC_TIMELY), timely);
}

#define SPATIAL offsetof(dg_mix_entry, spatial)
#define SIZES   offsetof(dg_mix_entry, size_dist)
#define CLUSTER offsetof(dg_mix_entry, cluster)

static void test_train_counts(void **state) {
  (void)state;
  dg_mix *mix;
  assert_ok(dg_mix_published(&mix, "eval_train", err));
  assert_int_equal(mix->n_entries, 4000);
  const expected_count counts[] = {{SPATIAL, "cluster_a_2_4", 1343},
                                   {SPATIAL, "cluster_b_2_4", 1351},
                                   {SPATIAL, "cluster_c_2_4", 1306},
                                   {CLUSTER, "cluster_1_to_1", 1361},
                                   {CLUSTER, "cluster_2_to_1", 1266},
                                   {CLUSTER, "cluster_4_to_1", 1373},
                                   {0, NULL, 0}};
  check_counts(mix, counts);
  check_ccs(mix, 1329, 1363, 1308);
  bool seen[2000] = {false};
  size_t n_tables = 0, n_regular = 0;
  double low = 1, high = 0, sum = 0;
  for (size_t i = 0; i < 4000; ++i) {
    const dg_mix_entry *entry = &mix->entries[i];
    assert_int_equal(entry->id, i);
    const char *number = strstr(entry->size_dist, "sync-all-") + 9;
    int table = atoi(number);
    n_tables += !seen[table];
    seen[table] = true;
    n_regular += entry->lognorm_sigma == 1;
    sum += entry->max_load;
    if (entry->max_load < low) low = entry->max_load;
    if (entry->max_load > high) high = entry->max_load;
  }
  assert_int_equal(n_tables, 1740);
  assert_int_equal(n_regular, 2003);
  assert_float_equal(low, 0.3003, 5e-5);
  assert_float_equal(high, 0.7998, 5e-5);
  assert_float_equal(sum / 4000, 0.5478, 5e-5);
  dg_mix_free(mix);
}

static void test_train_entries(void **state) {
  (void)state;
  const struct {
    size_t id;
    char spatial;
    const char *sizes, *cluster;
    double max_load, bfsz;
    int64_t window_bytes;
    pkt_cc_mode cc;
    double p1, p2;
  } expected[] = {{0, 'c', "sync-all-228.", "cluster_1", 0.6707752498799164, 11.339264428892937, 12364,
                   PKT_CC_TIMELY, 48.43843639370541, 101.48986097190351},
                  {1, 'a', "sync-all-476.", "cluster_4", 0.5806225314693065, 13.89930662667714, 10449,
                   PKT_CC_DCQCN, 21.785313677518175, 46.18860913355653},
                  {2, 'a', "sync-all-1554.", "cluster_2", 0.6490696974941135, 11.667228050029852, 7153,
                   PKT_CC_DCTCP, 11.854916867602958, 0},
                  {3999, 'a', "sync-all-1077.", "cluster_2", 0.7673149903857777, 11.896552014490423, 12400,
                   PKT_CC_DCTCP, 24.94347910249966, 0}};
  dg_mix *mix;
  assert_ok(dg_mix_published(&mix, "eval_train", err));
  for (size_t i = 0; i < sizeof expected / sizeof *expected; ++i) {
    const dg_mix_entry *entry = &mix->entries[expected[i].id];
    assert_int_equal(strstr(entry->spatial, "cluster_")[8], expected[i].spatial);
    assert_non_null(strstr(entry->size_dist, expected[i].sizes));
    assert_non_null(strstr(entry->cluster, expected[i].cluster));
    assert_true(entry->lognorm_sigma == 1 && entry->max_load == expected[i].max_load);
    assert_true(entry->bfsz == expected[i].bfsz && entry->window_bytes == expected[i].window_bytes);
    assert_true(entry->cc == expected[i].cc && entry->param_1 == expected[i].p1 &&
                entry->param_2 == expected[i].p2);
    assert_true(entry->enable_pfc && entry->param_id == 0 && entry->max_inflight_flows == 0);
  }
  dg_mix_free(mix);
}

static void test_test_sets(void **state) {
  (void)state;
  const struct {
    const char *name, *matrices, *cluster;
  } sets[] = {{"eval_test", "_4_16.json", "eval_test"},
              {"eval_test_trace", "_2_4.json", "eval_train"},
              {"late_large_scale", "_8_48.json", "_m4.json"}};
  for (size_t i = 0; i < sizeof sets / sizeof *sets; ++i) {
    dg_mix *mix;
    assert_ok(dg_mix_published(&mix, sets[i].name, err));
    assert_int_equal(mix->n_entries, 100);
    const expected_count counts[] = {{SPATIAL, "cluster_a", 37},      {SPATIAL, "cluster_b", 33},
                                     {SPATIAL, "cluster_c", 30},      {SPATIAL, sets[i].matrices, 100},
                                     {CLUSTER, sets[i].cluster, 100}, {CLUSTER, "_1_to_1", 29},
                                     {CLUSTER, "_2_to_1", 35},        {CLUSTER, "_4_to_1", 36},
                                     {SIZES, "webserver", 32},        {SIZES, "hadoop", 40},
                                     {SIZES, "cachefollower", 28},    {0, NULL, 0}};
    check_counts(mix, counts);
    check_ccs(mix, 40, 31, 29);
    double load = 0;
    for (size_t e = 0; e < 100; ++e) load += mix->entries[e].max_load / 100;
    assert_float_equal(load, 0.5813, 5e-5);
    assert_true(mix->entries[0].max_load == 0.6707752498799164);
    dg_mix_free(mix);
  }
}

static void test_app_set(void **state) {
  (void)state;
  dg_mix *mix;
  assert_ok(dg_mix_published(&mix, "eval_app", err));
  assert_int_equal(mix->n_entries, 150);
  const expected_count counts[] = {{SPATIAL, "cluster_d_2_8", 150},
                                   {SIZES, "webserver", 60},
                                   {SIZES, "hadoop", 40},
                                   {SIZES, "cachefollower", 50},
                                   {CLUSTER, "cluster_1_to_1_eval_app", 70},
                                   {CLUSTER, "cluster_2_to_1_eval_app", 50},
                                   {CLUSTER, "cluster_4_to_1_eval_app", 30},
                                   {0, NULL, 0}};
  check_counts(mix, counts);
  for (size_t i = 0; i < 150; ++i) {
    assert_int_equal(mix->entries[i].max_inflight_flows, 2 * (i / 15) + 1);
    assert_true(mix->entries[i].bfsz == 16 && mix->entries[i].max_load == mix->entries[i % 15].max_load);
  }
  assert_true(mix->entries[0].max_load == 0.6707752498799164 && mix->entries[0].window_bytes == 12364);
  dg_mix_free(mix);
}

static void test_written_sets(void **state) {
  (void)state;
  dg_mix *mix, *train;
  assert_ok(dg_mix_published(&mix, "demo", err));
  assert_ok(dg_mix_published(&train, "eval_train", err));
  assert_int_equal(mix->n_entries, 1);
  assert_string_equal(mix->entries[0].size_dist, train->entries[0].size_dist);
  assert_true(mix->entries[0].param_2 == train->entries[0].param_2);
  dg_mix_free(train);
  dg_mix_free(mix);

  assert_ok(dg_mix_published(&mix, "large_scale", err));
  assert_int_equal(mix->n_entries, 3);
  for (size_t i = 0; i < 3; ++i) {
    const dg_mix_entry *e = &mix->entries[i];
    assert_true(e->duration_s == 10 && e->lognorm_sigma == 1 && e->max_load == 0.5 && e->bfsz == 10 &&
                e->window_bytes == 10000 && e->cc == PKT_CC_DCTCP && e->param_1 == 20);
    assert_non_null(strstr(e->cluster, "cluster_b_2_to_1_m4"));
    assert_non_null(strstr(e->spatial, "cluster_b.json"));
  }
  assert_non_null(strstr(mix->entries[1].size_dist, "webserver"));
  dg_mix_free(mix);

  assert_ok(dg_mix_published(&mix, "size_sweep", err));
  assert_int_equal(mix->n_entries, 6);
  assert_non_null(strstr(mix->entries[5].cluster, "60k"));
  assert_true(mix->entries[5].max_load == 0.3 && mix->entries[5].window_bytes == 15000);
  dg_mix_free(mix);

  m4_error error = {0};
  assert_int_equal(dg_mix_published(&mix, "eval_tran", &error), M4_USAGE);
  assert_non_null(strstr(error.hint, "eval_train"));
  assert_true(dg_mix_is_published("eval_app") && !dg_mix_is_published("eval_app.json"));
}

/* Length and hash of what CPython writes for the same draws (json.dump(indent=4)); the lengths are also those
 * of the published files. */
static void test_written_bytes(void **state) {
  const struct {
    const char *name;
    size_t length;
    uint64_t hash;
  } sets[] = {{"eval_train", 2033669, 0x4b15d7a9bea70966},
              {"eval_test_trace", 50477, 0x6304413467fb3485},
              {"eval_app", 78007, 0x5dc54813ca17f934}};
  for (size_t i = 0; i < sizeof sets / sizeof *sets; ++i) {
    char path[512], *text;
    size_t length;
    dg_mix *mix;
    snprintf(path, sizeof path, "%s/%s.json", (const char *)*state, sets[i].name);
    assert_ok(dg_mix_published(&mix, sets[i].name, err));
    assert_ok(dg_mix_write(mix, path, err));
    dg_mix_free(mix);
    assert_ok(m4_file_read(path, 1 << 24, &text, &length, err));
    assert_int_equal(length, sets[i].length);
    uint64_t hash = XXH64(text, length, 0);
    if (hash != sets[i].hash) fail_msg("%s: hash %llx", sets[i].name, (unsigned long long)hash);
    free(text);
  }
}

static bool same_entry(const dg_mix_entry *a, const dg_mix_entry *b) {
  return a->id == b->id && strcmp(a->spatial, b->spatial) == 0 && strcmp(a->size_dist, b->size_dist) == 0 &&
         strcmp(a->cluster, b->cluster) == 0 && a->lognorm_sigma == b->lognorm_sigma &&
         a->max_load == b->max_load && a->duration_s == b->duration_s && a->param_id == b->param_id &&
         a->bfsz == b->bfsz && a->window_bytes == b->window_bytes && a->enable_pfc == b->enable_pfc &&
         a->cc == b->cc && a->param_1 == b->param_1 && a->param_2 == b->param_2 &&
         a->max_inflight_flows == b->max_inflight_flows;
}

static void test_round_trip(void **state) {
  static const char *const names[] = {"eval_train", "eval_app", "size_sweep", "late_large_scale"};
  for (size_t n = 0; n < sizeof names / sizeof *names; ++n) {
    char path[512];
    dg_mix *mix, *again;
    snprintf(path, sizeof path, "%s/round.json", (const char *)*state);
    assert_ok(dg_mix_published(&mix, names[n], err));
    assert_ok(dg_mix_write(mix, path, err));
    assert_ok(dg_mix_read(&again, path, err));
    assert_int_equal(mix->n_entries, again->n_entries);
    for (size_t i = 0; i < mix->n_entries; ++i) assert_true(same_entry(&mix->entries[i], &again->entries[i]));
    dg_mix_free(mix);
    dg_mix_free(again);
  }
}

#define NAMES "\"spatial\": \"s\", \"size_dist\": \"d\", \"cluster\": \"c\""
#define GOOD  NAMES ", \"lognorm_sigma\": 1, \"max_load\": 0.5"

static void test_defaults(void **state) {
  dg_mix *mix;
  assert_ok(dg_mix_read(&mix, write_text(*state, "one.json", "{" GOOD "}"), err));
  assert_int_equal(mix->n_entries, 1);
  const dg_mix_entry *e = mix->entries;
  assert_true(e->id == 0 && e->bfsz == 40 && e->window_bytes == 18000 && e->enable_pfc &&
              e->cc == PKT_CC_DCTCP && e->param_1 == 30 && e->param_2 == 30 && e->max_inflight_flows == 0 &&
              e->duration_s == 0);
  dg_mix_free(mix);
  const char *text =
      "[{" GOOD "}, {" GOOD ", \"id\": 7, \"enable_pfc\": 0.0, \"cc\": \"hp\", \"window\": 9e3, "
      "\"duration\": 1.5, \"max_inflight_flows\": 3}, {\"enable_pfc\": true, " GOOD "}]";
  assert_ok(dg_mix_read(&mix, write_text(*state, "three.json", text), err));
  e = &mix->entries[1];
  assert_true(e->id == 7 && !e->enable_pfc && e->cc == PKT_CC_HPCC && e->window_bytes == 9000 &&
              e->duration_s == 1.5 && e->max_inflight_flows == 3);
  assert_true(mix->entries[2].id == 2 && mix->entries[2].enable_pfc);
  dg_mix_free(mix);
}

static void test_mistakes(void **state) {
  const struct {
    const char *text, *where, *what;
  } cases[] = {
      {"", ":1:", "not JSON"},
      {"[{" GOOD "}", ":1:", "not JSON"},
      {"[{" GOOD "},]", ":1:", "not JSON"},
      {"[]", "bad.json", "array of objects"},
      {"3", ":1:", "not JSON"},
      {"[[]]", "entry 0", "not an object"},
      {"[{" GOOD "}, {" NAMES "}]", "entry 1: lognorm_sigma", "missing"},
      {"{" GOOD ", \"widow\": 5}", "entry 0: widow", "unknown key"},
      {"{" GOOD ", \"id\": 1, \"id\": 1}", ":1:", "not JSON"},
      {"[{" GOOD ", \"id\": 1}, {" GOOD "}]", "bad.json", "two entries have id 1"},
      {"{" GOOD ", \"window\": 0}", "entry 0: window", "is 0, must be a whole number from 1 to"},
      {"{" GOOD ", \"window\": 1.5}", "entry 0: window", "is 1.5, must be"},
      {"{" GOOD ", \"window\": \"big\"}", "entry 0: window", "is \"big\", must be"},
      {"{" GOOD ", \"window\": null}", "entry 0: window", "is null, must be"},
      {"{" GOOD ", \"window\": 99999999999999999999}", ":1:", "not JSON"},
      {"{" GOOD ", \"bfsz\": 1e300}", "entry 0: bfsz", "must be a number from 0.1 to 100000"},
      {"{" GOOD ", \"bfsz\": 1e999}", ":1:", "not JSON"},
      {"{" GOOD ", \"bfsz\": NaN}", ":1:", "not JSON"},
      {"{" GOOD ", \"enable_pfc\": 2}", "entry 0: enable_pfc", "is 2"},
      {"{" GOOD ", \"cc\": \"dctpc\"}", "entry 0: cc", "is \"dctpc\", must be \"dctcp\""},
      {"{" GOOD ", \"cc\": 8}", "entry 0: cc", "is 8"},
      {"{" GOOD ", \"param_1\": -1}", "entry 0: param_1", "is -1"},
      {"{" GOOD ", \"duration\": -1}", "entry 0: duration", "is -1"},
      {"{" GOOD ", \"max_inflight_flows\": -1}", "entry 0: max_inflight_flows", "is -1"},
      {"{\"spatial\": 5, \"size_dist\": \"d\", \"cluster\": \"c\", \"lognorm_sigma\": 1, \"max_load\": 1}",
       "entry 0: spatial", "is 5, must be the name of a file"},
      {"{\"spatial\": \"\", \"size_dist\": \"d\", \"cluster\": \"c\", \"lognorm_sigma\": 1, \"max_load\": 1}",
       "entry 0: spatial", "must be the name of a file"},
      {"{" NAMES ", \"lognorm_sigma\": 9, \"max_load\": 0.5}", "entry 0: lognorm_sigma", "is 9"},
      {"{" NAMES ", \"lognorm_sigma\": 1, \"max_load\": 0}", "entry 0: max_load", "is 0"},
      {"{\"\\u0000\": 1}", ":1:", "not JSON"},
      {"{\"\xff\": 1}", ":1:", "not JSON"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    dg_mix *mix;
    m4_error error = {0};
    m4_status status = dg_mix_read(&mix, write_text(*state, "bad.json", cases[i].text), &error);
    if (status != M4_DATA) fail_msg("%s gave status %d", cases[i].text, status);
    assert_null(mix);
    if (!strstr(error.where, "bad.json") || !strstr(error.where, cases[i].where) ||
        !strstr(error.what, cases[i].what))
      fail_msg("%s gave %s: %s", cases[i].text, error.where, error.what);
  }
  dg_mix *mix;
  m4_error error = {0};
  assert_int_equal(dg_mix_read(&mix, "nowhere.json", &error), M4_IO);
  dg_mix_read(&mix, write_text(*state, "bad.json", "{" GOOD ", \"widow\": 5}"), &error);
  assert_non_null(strstr(error.hint, "window"));
}

/* Nothing crashes on nested or cut files. */
static void test_hostile(void **state) {
  char *deep = malloc(200001);
  assert_non_null(deep);
  memset(deep, '[', 200000);
  deep[200000] = '\0';
  dg_mix *mix;
  assert_int_equal(dg_mix_read(&mix, write_text(*state, "deep.json", deep), NULL), M4_DATA);
  free(deep);
  char path[512], *text;
  size_t length;
  snprintf(path, sizeof path, "%s/whole.json", (const char *)*state);
  assert_ok(dg_mix_published(&mix, "demo", err));
  assert_ok(dg_mix_write(mix, path, err));
  dg_mix_free(mix);
  assert_ok(m4_file_read(path, 1 << 20, &text, &length, err));
  for (size_t cut = 0; cut < length; ++cut) {
    text[length - 1 - cut] = '\0';
    assert_int_equal(dg_mix_read(&mix, write_text(*state, "cut.json", text), NULL), M4_DATA);
  }
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_mt19937),       cmocka_unit_test(test_train_counts),
      cmocka_unit_test(test_train_entries), cmocka_unit_test(test_test_sets),
      cmocka_unit_test(test_app_set),       cmocka_unit_test(test_written_sets),
      cmocka_unit_test(test_written_bytes), cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_defaults),      cmocka_unit_test(test_mistakes),
      cmocka_unit_test(test_hostile)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
