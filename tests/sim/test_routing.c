/* ECMP: the hash vectors of workloads.md 1.3, path lengths, and the odd networks (parallel cables, hosts with
 * two cables). */
#include "tests/sim/test_sim.h"

#include "sim/routing.h"

static void hash_vectors(void **state) {
  (void)state;
  static const struct {
    int32_t src, dst;
    uint16_t port;
    uint32_t at, hash;
  } rows[] = {{0, 1, 10000, 32, 0xb93ceced},
              {0, 31, 10000, 32, 0x0d3826f3},
              {0, 31, 10001, 40, 0xb8cfb449},
              {5, 300, 10002, 1100, 0xaa6e02c2}};
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(sim_ecmp_hash(sim_node_address(rows[i].src), sim_node_address(rows[i].dst), rows[i].port,
                                   100, rows[i].at),
                     rows[i].hash);
}

static void path_lengths_by_host_pair(void **state) {
  (void)state;
  sim_clos shape = {4, 4, 16, 16, 8, GBPS(10), GBPS(10), GBPS(10), 1000};
  sim_topology *topology;
  sim_routing *routing;
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_OK);
  assert_int_equal(sim_routing_create(&routing, topology, NULL), M4_OK);
  int32_t links[SIM_MAX_PATH], n;
  for (int32_t src = 0; src < topology->n_hosts; src += 7)
    for (int32_t dst = 3; dst < topology->n_hosts; dst += 31) {
      if (src == dst) continue;
      assert_int_equal(sim_route(routing, src, dst, 10000, 100, links, SIM_MAX_PATH, &n, NULL), M4_OK);
      assert_int_equal(n, src / 16 == dst / 16 ? 2 : src / 256 == dst / 256 ? 4 : 6);
      for (int32_t i = 0; i < n; i++)
        assert_int_equal(topology->links[links[i]].from, i ? topology->links[links[i - 1]].to : src);
      assert_int_equal(topology->links[links[n - 1]].to, dst);
    }
  sim_routing_free(routing);
  sim_topology_free(topology);
}

/* Every equal-cost path is used, each by about its share of the ports. */
static void ports_spread_over_all_paths(void **state) {
  (void)state;
  sim_clos shape = {2, 2, 2, 2, 4, GBPS(10), GBPS(10), GBPS(10), 1000};
  sim_topology *topology;
  sim_routing *routing;
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_OK);
  assert_int_equal(sim_routing_create(&routing, topology, NULL), M4_OK);
  int32_t links[SIM_MAX_PATH], n, used[32] = {0};
  for (int32_t port = 0; port < 8000; port++) {
    assert_int_equal(sim_route(routing, 0, 7, (uint16_t)(10000 + port), 100, links, SIM_MAX_PATH, &n, NULL),
                     M4_OK);
    used[topology->links[links[2]].to]++; /* the spine */
  }
  for (int32_t spine = topology->n_nodes - 8; spine < topology->n_nodes; spine++)
    assert_in_range(used[spine], 850, 1150);
  sim_routing_free(routing);
  sim_topology_free(topology);
}

/* Two switches joined twice, a host with two cables, a pair of hosts on one cable, and a host nobody reaches.
 */
static void odd_networks(void **state) {
  (void)state;
  const int32_t switches[] = {4, 5};
  const sim_cable cables[] = {{0, 4, GBPS(1), 1}, {4, 5, GBPS(1), 1}, {4, 5, GBPS(1), 1}, {1, 5, GBPS(1), 1},
                              {2, 4, GBPS(1), 1}, {2, 5, GBPS(1), 1}, {6, 7, GBPS(1), 1}};
  sim_topology *topology;
  sim_routing *routing;
  assert_int_equal(sim_topology_create(&topology, 8, switches, 2, cables, 7, NULL), M4_OK);
  assert_int_equal(sim_routing_create(&routing, topology, NULL), M4_OK);
  int32_t links[SIM_MAX_PATH], n;
  assert_int_equal(sim_route(routing, 0, 1, 1, 1, links, SIM_MAX_PATH, &n, NULL), M4_OK);
  assert_int_equal(n, 3);
  assert_int_equal(links[1], 4); /* the later of the parallel cables */
  assert_int_equal(sim_route(routing, 1, 0, 1, 1, links, SIM_MAX_PATH, &n, NULL), M4_OK);
  assert_int_equal(links[1], 5);
  assert_int_equal(sim_route(routing, 0, 2, 1, 1, links, SIM_MAX_PATH, &n, NULL), M4_OK);
  assert_int_equal(n, 2);
  assert_int_equal(sim_route(routing, 2, 1, 1, 1, links, SIM_MAX_PATH, &n, NULL), M4_OK);
  assert_int_equal(n, 2);
  assert_int_equal(sim_route(routing, 6, 7, 1, 1, links, SIM_MAX_PATH, &n, NULL), M4_OK);
  assert_int_equal(n, 1);
  m4_error err = {0};
  assert_int_equal(sim_route(routing, 0, 3, 1, 1, links, SIM_MAX_PATH, &n, &err), M4_DATA);
  assert_int_equal(sim_route(routing, 3, 0, 1, 1, links, SIM_MAX_PATH, &n, NULL), M4_DATA);
  assert_int_equal(sim_route(routing, 6, 0, 1, 1, links, SIM_MAX_PATH, &n, NULL), M4_DATA);
  assert_int_equal(sim_route(routing, 0, 0, 1, 1, links, SIM_MAX_PATH, &n, NULL), M4_DATA);
  assert_int_equal(sim_route(routing, 0, 1, 1, 1, links, 2, &n, NULL), M4_DATA);
  sim_routing_free(routing);
  sim_topology_free(topology);
}

/* Paths avoid what has failed, take longer ways when they must, and come back as they were. */
static void failed_links_are_avoided(void **state) {
  (void)state;
  sim_clos shape = {2, 2, 2, 2, 4, GBPS(10), GBPS(10), GBPS(10), 1000};
  sim_topology *topology;
  sim_routing *routing;
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_OK);
  assert_int_equal(sim_routing_create(&routing, topology, NULL), M4_OK);
  int32_t before[SIM_MAX_PATH], links[SIM_MAX_PATH], n_before, n;
  for (uint16_t port = 10000; port < 10040; port++) {
    assert_int_equal(sim_route(routing, 0, 7, port, 100, before, SIM_MAX_PATH, &n_before, NULL), M4_OK);
    for (int32_t hop = 0; hop < n_before; hop++) {
      assert_int_equal(sim_routing_set_link(routing, before[hop], false, NULL), M4_OK);
      bool only_way = hop == 0 || hop == n_before - 1; /* to and from the hosts */
      assert_int_equal(sim_route(routing, 0, 7, port, 100, links, SIM_MAX_PATH, &n, NULL),
                       only_way ? M4_DATA : M4_OK);
      for (int32_t i = 0; !only_way && i < n; i++) assert_int_not_equal(links[i], before[hop]);
      if (!only_way) assert_int_equal(n, n_before);
      assert_int_equal(sim_routing_set_link(routing, before[hop], true, NULL), M4_OK);
      assert_int_equal(sim_route(routing, 0, 7, port, 100, links, SIM_MAX_PATH, &n, NULL), M4_OK);
      assert_memory_equal(links, before, (size_t)n_before * sizeof *links);
    }
  }
  sim_routing_free(routing);
  sim_topology_free(topology);
}

/* Around a ring the other way. */
static void detours_may_be_longer(void **state) {
  (void)state;
  const int32_t switches[] = {2, 3, 4, 5};
  const sim_cable cables[] = {{0, 2, GBPS(1), 1}, {1, 3, GBPS(1), 1}, {2, 3, GBPS(1), 1},
                              {3, 4, GBPS(1), 1}, {4, 5, GBPS(1), 1}, {5, 2, GBPS(1), 1}};
  sim_topology *topology;
  sim_routing *routing;
  assert_int_equal(sim_topology_create(&topology, 6, switches, 4, cables, 6, NULL), M4_OK);
  assert_int_equal(sim_routing_create(&routing, topology, NULL), M4_OK);
  int32_t links[SIM_MAX_PATH], n;
  assert_int_equal(sim_route(routing, 0, 1, 1, 1, links, SIM_MAX_PATH, &n, NULL), M4_OK);
  assert_int_equal(n, 3);
  assert_int_equal(sim_routing_set_link(routing, 4, false, NULL), M4_OK); /* 2 -> 3 */
  assert_int_equal(sim_route(routing, 0, 1, 1, 1, links, SIM_MAX_PATH, &n, NULL), M4_OK);
  assert_int_equal(n, 5);
  assert_int_equal(sim_route(routing, 1, 0, 1, 1, links, SIM_MAX_PATH, &n, NULL), M4_OK);
  assert_int_equal(n, 3); /* the other direction is up */
  sim_routing_free(routing);
  sim_topology_free(topology);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(hash_vectors),
                                     cmocka_unit_test(path_lengths_by_host_pair),
                                     cmocka_unit_test(ports_spread_over_all_paths),
                                     cmocka_unit_test(odd_networks),
                                     cmocka_unit_test(failed_links_are_avoided),
                                     cmocka_unit_test(detours_may_be_longer)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
