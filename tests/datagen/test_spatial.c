/* Rack matrices: shipped files, placement, drawing by weight, hostile files. */
#include "tests/datagen/support.h"

#include "datagen/workload/spatial.h"

#include <math.h>
#include <zlib.h>

static double cell_weight(const dg_spatial *spatial, size_t cell) {
  return spatial->cumulative[cell] - (cell > 0 ? spatial->cumulative[cell - 1] : 0);
}

static void check_shares(const char *path, int32_t n_racks, double nonzero, double diagonal) {
  dg_spatial *spatial;
  assert_ok(dg_spatial_read(&spatial, path, n_racks, err));
  double inner = 0, total = spatial->cumulative[spatial->n_cells - 1];
  for (size_t cell = 0; cell < spatial->n_cells; ++cell)
    if (spatial->source[cell] == spatial->destination[cell]) inner += cell_weight(spatial, cell);
  assert_float_equal((double)spatial->n_cells / ((double)n_racks * n_racks), nonzero, 0.006);
  assert_float_equal(inner / total, diagonal, 0.006);
  dg_spatial_free(spatial);
}

static void test_shipped_matrices(void **state) {
  (void)state;
  check_shares(SHIPPED("spatial-standin/a_like_4x16.csv"), 64, .47, .000);
  check_shares(SHIPPED("spatial-standin/b_like_4x16.csv"), 64, 1.0, .003);
  check_shares(SHIPPED("spatial-standin/c_like_4x16.csv"), 64, 1.0, .31);
  check_shares(SHIPPED("spatial-standin/d_like_4x16.csv"), 64, .24, 0);
  dg_spatial *large;
  assert_ok(dg_spatial_read(&large, SHIPPED("spatial-standin/b_like_8x48.csv.gz"), 384, err));
  assert_true(large->n_cells > 100000);
  dg_spatial_free(large);
}

/* Pairs come with the weights of their cells; racks stay in their pod; hosts of a rack are equally likely. */
static void test_draws(void **state) {
  dg_spatial *spatial;
  const char *path = write_text(*state, "m.csv", "0,1,0,5\n0,2,0,0\n0,0,0,1\n1,0,0,0\n");
  assert_ok(dg_spatial_read(&spatial, path, 4, err));
  dg_placement placement;
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  assert_ok(dg_placement_create(&placement, spatial, 1, 2, 2, 3, &rng, err));
  int32_t table_rack[4] = {-1, -1, -1, -1};
  for (int32_t rack = 0; rack < 4; ++rack) {
    assert_int_equal(placement.rack[rack] / 2, rack / 2);
    table_rack[placement.rack[rack]] = rack;
  }
  enum { N = 100000 };
  int count[4][4] = {{0}}, host_count[12] = {0};
  for (int i = 0; i < N; ++i) {
    int32_t source, destination;
    dg_pair_draw(&placement, &rng, &source, &destination);
    assert_true(source != destination && source >= 0 && source < 12 && destination >= 0 && destination < 12);
    count[table_rack[source / 3]][table_rack[destination / 3]]++;
    host_count[source]++;
  }
  const double weight[4][4] = {{0, 1, 0, 5}, {0, 2, 0, 0}, {0, 0, 0, 1}, {1, 0, 0, 0}};
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      double share = weight[i][j] / 10;
      assert_float_equal((double)count[i][j] / N, share, 4 * sqrt(share * (1 - share) / N));
    }
  for (int rack = 0; rack < 4; ++rack) {
    double mean = (host_count[3 * rack] + host_count[3 * rack + 1] + host_count[3 * rack + 2]) / 3.0;
    for (int host = 0; host < 3; ++host)
      assert_float_equal(host_count[3 * rack + host], mean, 5 * sqrt(mean));
  }
  dg_placement_free(&placement);
  dg_spatial_free(spatial);
}

static void test_placement_shuffles(void **state) {
  (void)state;
  dg_spatial *spatial;
  assert_ok(dg_spatial_read(&spatial, SHIPPED("spatial-standin/c_like_2x8.csv"), 16, err));
  int moved = 0;
  for (uint32_t stream = 0; stream < 8; ++stream) {
    m4_rng rng = m4_rng_make(9, M4_RNG_TEST, stream);
    dg_placement placement;
    assert_ok(dg_placement_create(&placement, spatial, 1, 2, 8, 4, &rng, err));
    bool seen[16] = {false};
    for (int rack = 0; rack < 16; ++rack) {
      assert_false(seen[placement.rack[rack]]);
      seen[placement.rack[rack]] = true;
      moved += placement.rack[rack] != rack;
    }
    dg_placement_free(&placement);
  }
  assert_true(moved > 90); /* of 128; 112 are expected */
  dg_spatial_free(spatial);
}

static void test_placement_refuses(void **state) {
  dg_spatial *spatial;
  m4_error error = {0};
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  dg_placement placement;
  assert_ok(dg_spatial_read(&spatial, write_text(*state, "d.csv", "1,1\n1,0\n"), 2, err));
  assert_int_equal(dg_placement_create(&placement, spatial, 1, 1, 2, 1, &rng, &error), M4_DATA);
  assert_int_equal(dg_placement_create(&placement, spatial, 1, 2, 2, 4, &rng, &error), M4_USAGE);
  dg_spatial_free(spatial);
}

static void test_sparse_and_gzip(void **state) {
  dg_spatial *spatial;
  const char *text = "# src,dst,probability\n0,3,0.25\n2, 1, 0.5\n5,5,2.5E-1\n";
  assert_ok(dg_spatial_read(&spatial, write_text(*state, "s.csv", text), 8, err));
  assert_int_equal(spatial->n_cells, 3);
  assert_int_equal(spatial->source[1], 2);
  assert_int_equal(spatial->destination[1], 1);
  assert_float_equal(spatial->cumulative[2], 1, 1e-12);
  dg_spatial_free(spatial);

  char path[512];
  snprintf(path, sizeof path, "%s/packed.csv.gz", (const char *)*state);
  gzFile packed = gzopen(path, "w");
  gzputs(packed, text);
  gzclose(packed);
  assert_ok(dg_spatial_read(&spatial, path, 8, err));
  assert_int_equal(spatial->n_cells, 3);
  dg_spatial_free(spatial);
  assert_int_equal(truncate(path, 30), 0);
  m4_error error = {0};
  assert_int_equal(dg_spatial_read(&spatial, path, 8, &error), M4_DATA);
}

static void test_hostile_files(void **state) {
  const struct {
    const char *text, *place;
  } cases[] = {{"", ""},
               {"0,0\n0,0\n", ""},
               {"1,2\n", ""},
               {"1,2\n3,4\n5,6\n", ":3"},
               {"1,2\n3\n", ":2"},
               {"1,2,3,4\n", ":1"},
               {"1,2\n3,-4\n", ":2"},
               {"1,2\n3,nan\n", ":2"},
               {"1,2\n3,1e16\n", ":2"},
               {"1,2\n3,1e999\n", ":2"},
               {"1,2\n3,\n", ":2"},
               {",1\n2,3\n", ":1"},
               {"1,,2\n", ":1"},
               {"1,2\n3,x\n", ":2"},
               {"0,2,0.5\n", ":1"},
               {"0,1,0.5\n1,-1,0.5\n", ":2"},
               {"0,1,0.5\n1,0\n", ":2"},
               {"0.5,1,0.5\n", ":1"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    dg_spatial *spatial;
    m4_error error = {0};
    m4_status status = dg_spatial_read(&spatial, write_text(*state, "bad.csv", cases[i].text), 2, &error);
    if (status != M4_DATA) fail_msg("case %zu gave status %d", i, status);
    assert_null(spatial);
    if (!strstr(error.where, "bad.csv") || !strstr(error.where, cases[i].place))
      fail_msg("case %zu: where is '%s'", i, error.where);
  }
}

/* ---- the reference's JSON ---- */

/* Two pods of two racks; rows are named in another order than the pods list them, the last row is padding. */
#define MATRIX                                                                                               \
  "\"matrix\": {\"inner\": [[1,2,3,4,0],[5,6,7,8,0],[9,10,11,12,0],[13,14,15,16.5,0],[0,0,0,0,0]], "
#define NAMES "\"idx2name\": [\"d\", \"a\", \"c\", \"b\"]}"
#define PODS  "\"pod2tors\": {\"x\": [\"a\", \"b\"], \"p\": [\"c\", \"d\"]}"

static double weight_between(const dg_spatial *spatial, int32_t source, int32_t destination) {
  for (size_t i = 0; i < spatial->n_cells; ++i)
    if (spatial->source[i] == source && spatial->destination[i] == destination)
      return spatial->cumulative[i] - (i > 0 ? spatial->cumulative[i - 1] : 0);
  return 0;
}

static void test_json(void **state) {
  dg_spatial *spatial;
  const char *text = " {" MATRIX NAMES ", " PODS ", \"nr_pods\": 2, \"nr_racks\": 4}";
  assert_ok(dg_spatial_read(&spatial, write_text(*state, "m.json", text), 4, err));
  assert_int_equal(spatial->n_pods, 2);
  assert_int_equal(spatial->n_cells, 16);
  /* racks: a b | c d; rows: d a c b */
  assert_float_equal(weight_between(spatial, 0, 0), 6, 1e-12);
  assert_float_equal(weight_between(spatial, 0, 1), 8, 1e-12);
  assert_float_equal(weight_between(spatial, 3, 2), 3, 1e-12);
  assert_float_equal(weight_between(spatial, 1, 1), 16.5, 1e-12);
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  dg_placement placement;
  m4_error error = {0};
  assert_int_equal(dg_placement_create(&placement, spatial, 1, 4, 1, 4, &rng, &error), M4_USAGE);
  assert_non_null(strstr(error.what, "pods"));
  assert_ok(dg_placement_create(&placement, spatial, 1, 2, 2, 4, &rng, err));
  dg_placement_free(&placement);
  dg_spatial_free(spatial);
  /* smaller pods than the cluster's: the other racks are silent */
  assert_ok(dg_spatial_read(&spatial, write_text(*state, "m.json", text), 96, err));
  assert_float_equal(weight_between(spatial, 49, 48), 3, 1e-12);
  dg_spatial_free(spatial);
}

static void test_hostile_json(void **state) {
  const struct {
    const char *text, *part;
  } cases[] = {
      {"{", ":1:"},
      {"{}", "matrix"},
      {"{" MATRIX NAMES "}", "pod2tors"},
      {"{\"matrix\": 5, " PODS "}", "matrix"},
      {"{\"matrix\": {\"inner\": [], " NAMES ", " PODS "}", "matrix"},
      {"{\"matrix\": {\"inner\": [[1,2],[3,4]], \"idx2name\": [\"a\",\"b\",\"c\"]}, " PODS "}", "3 names"},
      {"{\"matrix\": {\"inner\": [[1,2],[3]], \"idx2name\": [\"a\",\"b\"]}, " PODS "}", "1 cells"},
      {"{\"matrix\": {\"inner\": [[1,2],5], \"idx2name\": [\"a\",\"b\"]}, " PODS "}", "0 cells"},
      {"{\"matrix\": {\"inner\": [[1,\"2\"],[3,4]], \"idx2name\": [\"a\",\"b\"]}, " PODS "}", "not a number"},
      {"{\"matrix\": {\"inner\": [[1,-2],[3,4]], \"idx2name\": [\"a\",\"b\"]}, " PODS "}", "weight -2"},
      {"{\"matrix\": {\"inner\": [[1,1e16],[3,4]], \"idx2name\": [\"a\",\"b\"]}, " PODS "}", "1e+16"},
      {"{\"matrix\": {\"inner\": [[0,0],[0,0]], \"idx2name\": [\"a\",\"b\"]}, " PODS "}",
       "every weight is zero"},
      {"{\"matrix\": {\"inner\": [[1,2],[3,4]], \"idx2name\": [\"a\"]}, " PODS "}", "in no pod"},
      {"{\"matrix\": {\"inner\": [[1,2],[3,4]], \"idx2name\": [\"a\",\"z\"]}, " PODS "}", "in no pod"},
      {"{\"matrix\": {\"inner\": [[1,2],[3,4]], \"idx2name\": [\"a\",7]}, " PODS "}", "in no pod"},
      {"{" MATRIX NAMES ", \"pod2tors\": {\"x\": [\"a\", 3], \"p\": [\"c\", \"d\"]}}", "not a text"},
      {"{" MATRIX NAMES ", \"pod2tors\": {\"x\": [\"a\", \"b\", \"c\"], \"p\": [\"d\"]}}", "3 racks"},
      {"{" MATRIX NAMES ", \"pod2tors\": {\"x\": [\"a\"], \"y\": [\"b\"], \"z\": [\"c\", \"d\"]}}",
       "do not divide"},
      {"{" MATRIX NAMES ", " PODS ", \"nr_pods\": 3}", "is 3"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    dg_spatial *spatial;
    m4_error error = {0};
    m4_status status = dg_spatial_read(&spatial, write_text(*state, "bad.json", cases[i].text), 4, &error);
    if (status != M4_DATA) fail_msg("%s gave status %d", cases[i].text, status);
    assert_null(spatial);
    if (!strstr(error.where, "bad.json") ||
        (!strstr(error.where, cases[i].part) && !strstr(error.what, cases[i].part)))
      fail_msg("%s gave %s: %s", cases[i].text, error.where, error.what);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_shipped_matrices),
                                     cmocka_unit_test(test_draws),
                                     cmocka_unit_test(test_placement_shuffles),
                                     cmocka_unit_test(test_placement_refuses),
                                     cmocka_unit_test(test_sparse_and_gzip),
                                     cmocka_unit_test(test_hostile_files),
                                     cmocka_unit_test(test_json),
                                     cmocka_unit_test(test_hostile_json)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
