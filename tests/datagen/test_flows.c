/* Flows: gap statistics, busiest link, realised load, order and reproducibility. */
#include "tests/datagen/support.h"

#include "datagen/workload/flows.h"

#include <math.h>

static const sim_clos train_shape = {.pods = 2,
                                     .fabrics_per_pod = 1,
                                     .racks_per_pod = 4,
                                     .hosts_per_rack = 4,
                                     .spines_per_plane = 1,
                                     .host_rate_bps = 10000000000,
                                     .fabric_rate_bps = 10000000000,
                                     .spine_rate_bps = 10000000000,
                                     .delay_ns = 1000};

/* The logarithms of the gaps are normal with the sigma and the mean asked for. */
static void check_gaps(double sigma, double mean_ns) {
  enum { N = 200000 };
  m4_rng rng = m4_rng_make(4, M4_RNG_TEST, (uint32_t)sigma);
  double sum = 0, squares = 0, total = 0;
  for (int i = 0; i < N; ++i) {
    double gap = dg_gap_draw(mean_ns, sigma, &rng);
    assert_true(gap == floor(gap) && gap >= 0);
    double logarithm = log(gap);
    sum += logarithm;
    squares += logarithm * logarithm;
    total += gap;
  }
  double mean = sum / N, deviation = sqrt(squares / N - mean * mean);
  assert_float_equal(mean, log(mean_ns) - sigma * sigma / 2, 4 * sigma / sqrt(N));
  assert_float_equal(deviation, sigma, 4 * sigma / sqrt(2.0 * N));
  double cv = sqrt(exp(sigma * sigma) - 1); /* 1.31 and 7.32 */
  assert_float_equal(total / N / mean_ns, 1, 4 * cv / sqrt(N));
}

static void test_gaps(void **state) {
  (void)state;
  check_gaps(1, 3e6);
  check_gaps(2, 3e8);
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 9);
  for (int i = 0; i < 10; ++i)
    assert_true(dg_gap_draw(1234, 0, &rng) == 1234); /* sigma 0: regular arrivals */
}

static dg_spatial *uniform_matrix(const char *folder) {
  char text[512] = "";
  for (int i = 0; i < 8; ++i) strcat(text, "1,1,1,1,1,1,1,1\n");
  dg_spatial *spatial;
  assert_ok(dg_spatial_read(&spatial, write_text(folder, "uniform.csv", text), 8, err));
  return spatial;
}

static double busiest_fraction(const dg_spatial *spatial, int32_t spines, const char **tier) {
  sim_clos shape = train_shape;
  shape.spines_per_plane = spines;
  sim_topology *topology;
  assert_ok(sim_topology_clos(&topology, &shape, err));
  m4_rng rng = m4_rng_make(2, M4_RNG_TEST, (uint32_t)spines);
  dg_placement placement;
  assert_ok(dg_placement_create(&placement, spatial, 2, 4, 4, &rng, err));
  dg_busiest_link busiest;
  assert_ok(dg_find_busiest_link(&busiest, &placement, topology, 40000, &rng, err));
  const sim_link *link = &topology->links[busiest.link];
  int32_t lower = link->from < link->to ? link->from : link->to; /* hosts 0-31, ToRs 32-39, fabrics 40-41 */
  *tier = lower < 32 ? "host" : lower < 40 ? "tor" : "fabric";
  dg_placement_free(&placement);
  sim_topology_free(topology);
  return busiest.fraction;
}

/* Uniform traffic: one spine carries 1/4 of the flows each way; with four spines a ToR uplink is busiest, 1/8
 * * 7/8. */
static void test_busiest_link_of_uniform_traffic(void **state) {
  dg_spatial *spatial = uniform_matrix(*state);
  const char *tier;
  assert_float_equal(busiest_fraction(spatial, 1, &tier), 0.25, 0.01);
  assert_string_equal(tier, "fabric");
  assert_float_equal(busiest_fraction(spatial, 4, &tier), 0.109375, 0.006);
  assert_string_equal(tier, "tor");
  dg_spatial_free(spatial);
}

/* Offered load of the busiest link: flows across it x mean size / time. */
static double realised_load(const sim_flow *flows, int64_t n_flows, double mean_bytes,
                            const sim_topology *topology) {
  sim_routing *routing;
  assert_ok(sim_routing_create(&routing, topology, err));
  int64_t *count = calloc((size_t)topology->n_links, sizeof *count), most = 0;
  assert_non_null(count);
  for (int64_t i = 0; i < n_flows; ++i) {
    int32_t links[SIM_MAX_PATH], n_links;
    uint16_t port = (uint16_t)(10000 + i % 50000);
    assert_ok(sim_route(routing, flows[i].src, flows[i].dst, port, 100, links, SIM_MAX_PATH, &n_links, err));
    for (int32_t hop = 0; hop < n_links; ++hop)
      if (++count[links[hop]] > most) most = count[links[hop]];
  }
  double seconds = (double)(flows[n_flows - 1].start_ns - flows[0].start_ns) * 1e-9;
  free(count);
  sim_routing_free(routing);
  return (double)most * mean_bytes * 8 / seconds / 10e9;
}

static void test_realised_load(void **state) {
  (void)state;
  dg_spatial *spatial;
  dg_sizes *sizes;
  sim_topology *topology;
  assert_ok(dg_spatial_read(&spatial, SHIPPED("spatial-standin/b_like_2x4.csv"), 8, err));
  assert_ok(dg_sizes_read(&sizes, SHIPPED("cdf-standin/webserver_like.txt"), DG_SIZE_LINEAR, err));
  assert_ok(sim_topology_clos(&topology, &train_shape, err));
  dg_traffic traffic = {spatial, sizes, 1.0, 0.6, 4000};
  enum { SEEDS = 24 };
  double sum = 0;
  for (uint32_t seed = 0; seed < SEEDS; ++seed) {
    sim_flow *flows;
    m4_rng rng = m4_rng_make(seed, M4_RNG_TEST, 0);
    assert_ok(dg_draw_flows(&flows, NULL, &traffic, &train_shape, topology, &rng, err));
    sum += realised_load(flows, traffic.n_flows, sizes->mean_bytes, topology);
    free(flows);
  }
  /* Per seed 2.1 % from the gaps and 3 % from counting; the mean over the seeds is five times better. */
  assert_float_equal(sum / SEEDS / 0.6, 1, 0.025);
  sim_topology_free(topology);
  dg_sizes_free(sizes);
  dg_spatial_free(spatial);
}

static void test_order_and_reproducibility(void **state) {
  dg_spatial *spatial = uniform_matrix(*state);
  dg_sizes *sizes;
  sim_topology *topology;
  assert_ok(dg_sizes_read(&sizes, SHIPPED("cdf/homa_w3_google_all.txt"), DG_SIZE_ATOMS, err));
  assert_ok(sim_topology_clos(&topology, &train_shape, err));
  dg_traffic traffic = {spatial, sizes, 2.0, 0.5, 1000};
  sim_flow *flows, *again;
  double mean_gap_ns;
  m4_rng rng = m4_rng_make(3, M4_RNG_TEST, 0), same = rng;
  assert_ok(dg_draw_flows(&flows, &mean_gap_ns, &traffic, &train_shape, topology, &rng, err));
  assert_ok(dg_draw_flows(&again, NULL, &traffic, &train_shape, topology, &same, err));
  assert_memory_equal(flows, again, 1000 * sizeof *flows);
  /* rate = 0.5 * 10 Gbps / 0.25 = 20 Gbps; gap = 8e9 * 2928 / rate */
  assert_float_equal(mean_gap_ns, 8.0 * 2928 / 20, 0.05 * 8.0 * 2928 / 20);
  assert_int_equal(flows[0].start_ns, 1000000000);
  for (int64_t i = 0; i < 1000; ++i) {
    assert_int_equal(flows[i].id, i);
    assert_true(flows[i].priority == 3 && flows[i].destination_port == 100 && flows[i].src != flows[i].dst);
    assert_true(flows[i].size_bytes >= 1 && flows[i].size_bytes % 1000 != 0);
    if (i > 0) assert_true(flows[i].start_ns >= flows[i - 1].start_ns);
  }
  free(flows);
  free(again);
  sim_topology_free(topology);
  dg_sizes_free(sizes);
  dg_spatial_free(spatial);
}

/* Loads that need gaps below a nanosecond or starts beyond all reason are refused. */
static void test_impossible_loads(void **state) {
  dg_spatial *spatial = uniform_matrix(*state);
  dg_sizes *tiny, *huge;
  sim_topology *topology;
  m4_error error = {0};
  sim_flow *flows;
  m4_rng rng = m4_rng_make(3, M4_RNG_TEST, 0);
  assert_ok(sim_topology_clos(&topology, &train_shape, err));
  assert_ok(dg_sizes_read(&tiny, write_text(*state, "tiny.txt", "1 1\n"), DG_SIZE_ATOMS, err));
  assert_ok(dg_sizes_read(&huge, write_text(*state, "huge.txt", "1e12 1\n"), DG_SIZE_ATOMS, err));
  dg_traffic traffic = {spatial, tiny, 1, 2, 100};
  assert_int_equal(dg_draw_flows(&flows, NULL, &traffic, &train_shape, topology, &rng, &error), M4_USAGE);
  assert_null(flows);
  traffic = (dg_traffic){spatial, huge, 1, 1e-3, 1000};
  assert_int_equal(dg_draw_flows(&flows, NULL, &traffic, &train_shape, topology, &rng, &error), M4_USAGE);
  assert_null(flows);
  sim_topology_free(topology);
  dg_sizes_free(tiny);
  dg_sizes_free(huge);
  dg_spatial_free(spatial);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gaps), cmocka_unit_test(test_busiest_link_of_uniform_traffic),
      cmocka_unit_test(test_realised_load), cmocka_unit_test(test_order_and_reproducibility),
      cmocka_unit_test(test_impossible_loads)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
