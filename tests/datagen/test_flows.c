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

static dg_traffic make_traffic(const dg_spatial *spatial, const dg_sizes *sizes, double sigma, double load,
                               int64_t n_flows) {
  return (dg_traffic){.spatial = spatial,
                      .matrix_copies = 1,
                      .sizes = sizes,
                      .sigma = sigma,
                      .max_load = load,
                      .n_flows = n_flows};
}

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
  assert_ok(dg_placement_create(&placement, spatial, 1, 2, 4, 4, &rng, err));
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
  dg_traffic traffic = make_traffic(spatial, sizes, 1.0, 0.6, 4000);
  enum { SEEDS = 24 };
  double sum = 0;
  for (uint32_t seed = 0; seed < SEEDS; ++seed) {
    dg_flow_list list;
    m4_rng rng = m4_rng_make(seed, M4_RNG_TEST, 0);
    assert_ok(dg_draw_flows(&list, &traffic, &train_shape, topology, &rng, err));
    assert_int_equal(list.n_flows, traffic.n_flows);
    sum += realised_load(list.flows, list.n_flows, sizes->mean_bytes, topology);
    free(list.flows);
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
  dg_traffic traffic = make_traffic(spatial, sizes, 2.0, 0.5, 1000);
  dg_flow_list list, again;
  m4_rng rng = m4_rng_make(3, M4_RNG_TEST, 0), same = rng;
  assert_ok(dg_draw_flows(&list, &traffic, &train_shape, topology, &rng, err));
  assert_ok(dg_draw_flows(&again, &traffic, &train_shape, topology, &same, err));
  assert_memory_equal(list.flows, again.flows, 1000 * sizeof *list.flows);
  const sim_flow *flows = list.flows;
  /* rate = 0.5 * 10 Gbps / 0.25 = 20 Gbps; gap = 8e9 * 2928 / rate */
  assert_float_equal(list.mean_gap_ns, 8.0 * 2928 / 20, 0.05 * 8.0 * 2928 / 20);
  assert_int_equal(flows[0].start_ns, 1000000000);
  for (int64_t i = 0; i < 1000; ++i) {
    assert_int_equal(flows[i].id, i);
    assert_true(flows[i].priority == 3 && flows[i].destination_port == 100 && flows[i].src != flows[i].dst);
    assert_true(flows[i].size_bytes >= 1 && flows[i].size_bytes % 1000 != 0);
    if (i > 0) assert_true(flows[i].start_ns >= flows[i - 1].start_ns);
  }
  free(list.flows);
  free(again.flows);
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
  dg_flow_list list;
  m4_rng rng = m4_rng_make(3, M4_RNG_TEST, 0);
  assert_ok(sim_topology_clos(&topology, &train_shape, err));
  assert_ok(dg_sizes_read(&tiny, write_text(*state, "tiny.txt", "1 1\n"), DG_SIZE_ATOMS, err));
  assert_ok(dg_sizes_read(&huge, write_text(*state, "huge.txt", "1e12 1\n"), DG_SIZE_ATOMS, err));
  dg_traffic traffic = make_traffic(spatial, tiny, 1, 2, 100);
  assert_int_equal(dg_draw_flows(&list, &traffic, &train_shape, topology, &rng, &error), M4_USAGE);
  assert_null(list.flows);
  traffic = make_traffic(spatial, huge, 1, 1e-3, 1000);
  assert_int_equal(dg_draw_flows(&list, &traffic, &train_shape, topology, &rng, &error), M4_USAGE);
  assert_null(list.flows);
  sim_topology_free(topology);
  dg_sizes_free(tiny);
  dg_sizes_free(huge);
  dg_spatial_free(spatial);
}

/* ---- duration, closed loop, expected load ---- */

/* As many flows as start within the duration: the expected number on average, all starts inside. */
static void test_duration(void **state) {
  dg_spatial *spatial = uniform_matrix(*state);
  dg_sizes *sizes;
  sim_topology *topology;
  assert_ok(dg_sizes_read(&sizes, SHIPPED("cdf-standin/webserver_like.txt"), DG_SIZE_LINEAR, err));
  assert_ok(sim_topology_clos(&topology, &train_shape, err));
  dg_traffic traffic = make_traffic(spatial, sizes, 1.0, 0.5, 0);
  traffic.duration_s = 0.2;
  traffic.expected_load = true;
  double expected, drawn = 0;
  assert_ok(dg_expect_gap(&expected, &traffic, &train_shape, err));
  enum { SEEDS = 20 };
  for (uint32_t seed = 0; seed < SEEDS; ++seed) {
    dg_flow_list list;
    m4_rng rng = m4_rng_make(seed, M4_RNG_TEST, 1);
    assert_ok(dg_draw_flows(&list, &traffic, &train_shape, topology, &rng, err));
    assert_true(list.mean_gap_ns == expected);
    assert_int_equal(list.flows[0].start_ns, 1000000000);
    assert_in_range(list.flows[list.n_flows - 1].start_ns, 1000000000, 1199999999);
    drawn += (double)list.n_flows / SEEDS;
    free(list.flows);
  }
  double wanted = 0.2e9 / expected; /* about 5400 */
  assert_float_equal(drawn / wanted, 1, 4 * 1.31 / sqrt(wanted * SEEDS));

  m4_error error = {0};
  dg_flow_list list;
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 1);
  traffic.duration_s = 1e6;
  assert_int_equal(dg_draw_flows(&list, &traffic, &train_shape, topology, &rng, &error), M4_USAGE);
  assert_non_null(strstr(error.what, "more than"));
  sim_topology_free(topology);
  dg_sizes_free(sizes);
  dg_spatial_free(spatial);
}

/* The closed loop has the open loop's flows, all at 1 s. */
static void test_together(void **state) {
  dg_spatial *spatial = uniform_matrix(*state);
  dg_sizes *sizes;
  sim_topology *topology;
  assert_ok(dg_sizes_read(&sizes, SHIPPED("cdf-standin/hadoop_like.txt"), DG_SIZE_LINEAR, err));
  assert_ok(sim_topology_clos(&topology, &train_shape, err));
  dg_traffic traffic = make_traffic(spatial, sizes, 2.0, 0.5, 300);
  dg_flow_list open, closed;
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 2), same = rng;
  assert_ok(dg_draw_flows(&open, &traffic, &train_shape, topology, &rng, err));
  traffic.together = true;
  assert_ok(dg_draw_flows(&closed, &traffic, &train_shape, topology, &same, err));
  for (int64_t i = 0; i < 300; ++i) {
    assert_int_equal(closed.flows[i].start_ns, 1000000000);
    assert_true(open.flows[i].src == closed.flows[i].src && open.flows[i].dst == closed.flows[i].dst &&
                open.flows[i].size_bytes == closed.flows[i].size_bytes);
  }
  assert_true(open.flows[299].start_ns > 1000000000);
  free(open.flows);
  free(closed.flows);
  sim_topology_free(topology);
  dg_sizes_free(sizes);
  dg_spatial_free(spatial);
}

/* Counted and expected busiest link agree on every published shape. Counting takes the largest of many noisy
 * numbers, so it may lie above by some standard deviations of a count. */
static void check_expectation(const char *matrix, sim_clos shape, int32_t copies, int64_t n_pairs) {
  dg_spatial *spatial;
  sim_topology *topology;
  dg_placement placement;
  dg_busiest_link counted, expected;
  shape.host_rate_bps = shape.fabric_rate_bps = shape.spine_rate_bps = 10000000000;
  shape.delay_ns = 1000;
  assert_ok(dg_spatial_read(&spatial, matrix, shape.pods / copies * shape.racks_per_pod, err));
  assert_ok(sim_topology_clos(&topology, &shape, err));
  m4_rng rng = m4_rng_make(8, M4_RNG_TEST, (uint32_t)shape.pods);
  assert_ok(dg_placement_create(&placement, spatial, copies, shape.pods, shape.racks_per_pod,
                                shape.hosts_per_rack, &rng, err));
  assert_ok(dg_find_busiest_link(&counted, &placement, topology, n_pairs, &rng, err));
  assert_ok(dg_expect_busiest_link(&expected, &placement, &shape, err));
  double deviation = sqrt(expected.fraction / (double)n_pairs);
  assert_true(counted.rate_bps == 10000000000 && expected.rate_bps == 10000000000 && expected.link == -1);
  if (counted.fraction < expected.fraction - 3 * deviation ||
      counted.fraction > expected.fraction + 5 * deviation)
    fail_msg("%s, %d pods: counted %g, expected %g +- %g", matrix, shape.pods, counted.fraction,
             expected.fraction, deviation);
  dg_placement_free(&placement);
  sim_topology_free(topology);
  dg_spatial_free(spatial);
}

static void test_expected_load(void **state) {
  (void)state;
  static const char *const small[] = {SHIPPED("spatial-standin/a_like_2x4.csv"),
                                      SHIPPED("spatial-standin/b_like_2x4.csv"),
                                      SHIPPED("spatial-standin/c_like_2x4.csv")};
  static const char *const medium[] = {SHIPPED("spatial-standin/a_like_4x16.csv"),
                                       SHIPPED("spatial-standin/b_like_4x16.csv"),
                                       SHIPPED("spatial-standin/c_like_4x16.csv")};
  for (int i = 0; i < 3; ++i)
    for (int32_t spines = 1; spines <= 4; spines *= 2) {
      check_expectation(small[i], (sim_clos){2, 1, 4, 4, spines, 0, 0, 0, 0}, 1, 40000);
      check_expectation(medium[i], (sim_clos){4, 4, 16, 16, 4 * spines, 0, 0, 0, 0}, 1, 100000);
    }
  check_expectation(SHIPPED("spatial-standin/d_like_2x8.csv"), (sim_clos){2, 4, 8, 16, 2, 0, 0, 0, 0}, 1,
                    100000);
  check_expectation(SHIPPED("spatial-standin/c_like_2x4.csv"), (sim_clos){6, 1, 4, 4, 2, 0, 0, 0, 0}, 3,
                    40000);
}

/* Flows of a 61,440-host fabric: set up without routing tables, matrix copies on all pods. */
static void test_enlarged_matrix(void **state) {
  (void)state;
  sim_clos shape = {80, 4, 48, 16, 24, 10000000000, 10000000000, 10000000000, 1000};
  dg_spatial *spatial;
  dg_sizes *sizes;
  sim_topology *topology;
  assert_ok(dg_spatial_read(&spatial, SHIPPED("spatial-standin/b_like_8x48.csv"), 384, err));
  assert_ok(dg_sizes_read(&sizes, SHIPPED("cdf-standin/cachefollower_like.txt"), DG_SIZE_LINEAR, err));
  assert_ok(sim_topology_clos(&topology, &shape, err));
  dg_traffic traffic = make_traffic(spatial, sizes, 2, 0.3, 40000);
  traffic.matrix_copies = 10;
  traffic.expected_load = true;
  dg_flow_list list;
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 3);
  assert_ok(dg_draw_flows(&list, &traffic, &shape, topology, &rng, err));
  int64_t by_copy[10] = {0};
  for (int64_t i = 0; i < list.n_flows; ++i) by_copy[list.flows[i].src / 6144]++;
  for (int copy = 0; copy < 10; ++copy) assert_in_range(by_copy[copy], 4000 - 250, 4000 + 250);
  /* ten times the fabric carries ten times the traffic */
  sim_clos one = shape;
  one.pods = 8;
  double gap, gap_of_one;
  assert_ok(dg_expect_gap(&gap, &traffic, &shape, err));
  traffic.matrix_copies = 1;
  assert_ok(dg_expect_gap(&gap_of_one, &traffic, &one, err));
  assert_float_equal(gap_of_one / gap, 10, 0.3); /* gaps are rounded to ns */
  free(list.flows);
  sim_topology_free(topology);
  dg_sizes_free(sizes);
  dg_spatial_free(spatial);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_gaps),
                                     cmocka_unit_test(test_busiest_link_of_uniform_traffic),
                                     cmocka_unit_test(test_realised_load),
                                     cmocka_unit_test(test_order_and_reproducibility),
                                     cmocka_unit_test(test_impossible_loads),
                                     cmocka_unit_test(test_duration),
                                     cmocka_unit_test(test_together),
                                     cmocka_unit_test(test_expected_load),

                                     cmocka_unit_test(test_enlarged_matrix)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
