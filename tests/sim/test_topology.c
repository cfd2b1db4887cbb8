/* Topology files and the Clos generator: counts of workloads.md 1.1, order of 1.2, and one clear error for
 * each bad file. */
#include "tests/sim/test_sim.h"

#include "sim/topology.h"

static void clos_counts_match_the_table(void **state) {
  (void)state;
  static const struct {
    int32_t pods, fabrics, racks, hosts, spines, n_hosts, n_nodes, n_links;
  } rows[] = {{2, 1, 4, 4, 4, 32, 46, 96},
              {2, 1, 4, 4, 2, 32, 44, 88},
              {2, 1, 4, 4, 1, 32, 43, 84},
              {2, 4, 8, 16, 8, 256, 312, 768},
              {2, 4, 8, 16, 4, 256, 296, 704},
              {2, 4, 8, 16, 2, 256, 288, 672},
              {4, 4, 16, 16, 16, 1024, 1168, 3072},
              {4, 4, 16, 16, 8, 1024, 1136, 2816},
              {4, 4, 16, 16, 4, 1024, 1120, 2688},
              {8, 4, 48, 16, 48, 6144, 6752, 18432},
              {8, 4, 48, 16, 24, 6144, 6656, 16896},
              {16, 4, 48, 16, 24, 12288, 13216, 33792},
              {64, 4, 48, 16, 24, 49152, 52576, 135168}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    sim_clos shape = {rows[i].pods, rows[i].fabrics, rows[i].racks, rows[i].hosts, rows[i].spines,
                      GBPS(10),     GBPS(10),        GBPS(10),      1000};
    sim_topology *topology;
    assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_OK);
    assert_int_equal(topology->n_hosts, rows[i].n_hosts);
    assert_int_equal(topology->n_nodes, rows[i].n_nodes);
    assert_int_equal(topology->n_links, rows[i].n_links);
    sim_topology_free(topology);
  }
}

static void clos_file_has_the_reference_order(void **state) {
  (void)state;
  sim_clos shape = {2, 2, 1, 2, 1, GBPS(10), GBPS(40), GBPS(100), 1000};
  sim_topology *topology;
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_OK);
  char text[2000] = {0};
  FILE *out = fmemopen(text, sizeof text - 1, "w");
  assert_int_equal(sim_topology_write(topology, out, NULL), M4_OK);
  fclose(out);
  assert_string_equal(text, "12 8 12\n"
                            "10 11 6 7 4 8 9 5\n"
                            "6 10 100000000000bps 1000ns 0\n7 11 100000000000bps 1000ns 0\n"
                            "8 10 100000000000bps 1000ns 0\n9 11 100000000000bps 1000ns 0\n"
                            "4 6 40000000000bps 1000ns 0\n4 7 40000000000bps 1000ns 0\n"
                            "0 4 10000000000bps 1000ns 0\n1 4 10000000000bps 1000ns 0\n"
                            "5 8 40000000000bps 1000ns 0\n5 9 40000000000bps 1000ns 0\n"
                            "2 5 10000000000bps 1000ns 0\n3 5 10000000000bps 1000ns 0\n");
  sim_topology_free(topology);
}

static void ports_and_reverse_links_agree(void **state) {
  (void)state;
  sim_clos shape = {2, 2, 3, 4, 2, GBPS(10), GBPS(10), GBPS(10), 1000};
  sim_topology *topology;
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_OK);
  for (int32_t id = 0; id < topology->n_links; id++) {
    const sim_link *link = &topology->links[id], *back = &topology->links[id ^ 1];
    assert_int_equal(link->from, back->to);
    assert_int_equal(link->to_port, back->from_port);
    assert_int_equal(topology->port_link[topology->port_begin[link->from] + link->from_port - 1], id);
  }
  sim_topology_free(topology);
}

static void written_files_read_back(void **state) {
  (void)state;
  sim_clos shape = {2, 1, 4, 4, 4, GBPS(10), GBPS(40), GBPS(40), 1500};
  sim_topology *made, *read;
  assert_int_equal(sim_topology_clos(&made, &shape, NULL), M4_OK);
  char path[64];
  FILE *out = scratch_file(path);
  assert_int_equal(sim_topology_write(made, out, NULL), M4_OK);
  fclose(out);
  assert_int_equal(sim_topology_read(&read, path, NULL), M4_OK);
  assert_int_equal(read->n_nodes, made->n_nodes);
  assert_memory_equal(read->switch_order, made->switch_order, (size_t)made->n_switches * sizeof(int32_t));
  assert_memory_equal(read->links, made->links, (size_t)made->n_links * sizeof(sim_link));
  sim_topology_free(made);
  sim_topology_free(read);
  remove(path);
}

static void units_are_understood(void **state) {
  (void)state;
  char path[64];
  write_scratch(path, "3 1 2\r\n2\r\n0 2 0.01Tbps 1us 0.0000\r\n\n1 2 2500Mb/s 1.5us 0\n");
  sim_topology *topology;
  assert_int_equal(sim_topology_read(&topology, path, NULL), M4_OK);
  assert_int_equal(topology->links[0].rate_bps, GBPS(10));
  assert_int_equal(topology->links[0].delay_ns, 1000);
  assert_int_equal(topology->links[2].rate_bps, 2500000000);
  assert_int_equal(topology->links[2].delay_ns, 1500);
  sim_topology_free(topology);
  remove(path);
}

static void bad_files_are_refused_with_the_line(void **state) {
  (void)state;
  static const struct {
    const char *text, *where;
  } rows[] = {{"", ":0"},
              {"3 1\n", ":1"},
              {"3 1 2 9\n2\n", ":1"},
              {"x 1 2\n", ":1"},
              {"-3 1 2\n", ":1"},
              {"3 1 2000000000\n2\n0 2 10Gbps 1us 0\n", ":1"},
              {"2000000000 1 2\n2\n0 2 10Gbps 1us 0\n1 2 10Gbps 1us 0\n", ":1"},
              {"3 1 2\n3\n0 2 10Gbps 1us 0\n1 2 10Gbps 1us 0\n", ":2"},
              {"3 2 2\n2 2\n0 2 10Gbps 1us 0\n1 2 10Gbps 1us 0\n", "topology"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n", ":3"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n1 3 10Gbps 1us 0\n", ":4"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n1 1 10Gbps 1us 0\n", ":4"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n1 2 10 1us 0\n", ":4"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n1 2 0Gbps 1us 0\n", ":4"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n1 2 nanGbps 1us 0\n", ":4"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n1 2 99999999999Tbps 1us 0\n", ":4"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n1 2 10Gbps -1us 0\n", ":4"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n1 2 10Gbps 1us 0.1\n", ":4"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n1 2 10Gbps 1us nan\n", ":4"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n1 2 10Gbps 1us 0 7\n", ":4"},
              {"3 1 2\n2\n0 2 10Gbps 1us 0\n1 2 10Gbps 1us 0\n0 1 10Gbps 1us 0\n", ":5"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char path[64];
    write_scratch(path, rows[i].text);
    m4_error err = {0};
    sim_topology *topology;
    assert_int_equal(sim_topology_read(&topology, path, &err), M4_DATA);
    assert_null(topology);
    assert_non_null(strstr(err.where, path));
    if (!strstr(err.where, rows[i].where))
      fail_msg("file %zu: error at \"%s\", not at \"%s\"", i, err.where, rows[i].where);
    remove(path);
  }
  m4_error err = {0};
  sim_topology *topology;
  assert_int_equal(sim_topology_read(&topology, "/nonexistent/topology.txt", &err), M4_IO);
}

static void bad_shapes_are_refused(void **state) {
  (void)state;
  sim_clos shape = {2, 1, 4, 4, 0, GBPS(10), GBPS(10), GBPS(10), 1000};
  sim_topology *topology;
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_DATA);
  shape = (sim_clos){65536, 65536, 65536, 65536, 65536, GBPS(10), GBPS(10), GBPS(10), 1000};
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_DATA);
  shape = (sim_clos){2, 1, 4, 4, 1, 0, GBPS(10), GBPS(10), 1000};
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_DATA);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(clos_counts_match_the_table),   cmocka_unit_test(clos_file_has_the_reference_order),
      cmocka_unit_test(ports_and_reverse_links_agree), cmocka_unit_test(written_files_read_back),
      cmocka_unit_test(units_are_understood),          cmocka_unit_test(bad_files_are_refused_with_the_line),
      cmocka_unit_test(bad_shapes_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
