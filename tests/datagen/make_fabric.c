/* Writes a scenario folder of any size for benchmarks of m4-sim: a fabric with 10 Gbit/s links, traffic from
 * a matrix and a table of sizes. Never a test. usage: make_fabric PODS FABRICS RACKS HOSTS SPINES MATRIX.csv
 * SIZES.txt LOAD FLOWS DIR [together] together: all flows arrive at once (closed loops) */
#include "base/file.h"
#include "datagen/workload/flows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_ARGUMENTS = 11 };

static m4_status draw(dg_flow_list *list, sim_topology *topology, const sim_clos *shape, char **arguments,
                      bool together, m4_error *err) {
  dg_spatial *spatial = NULL;
  dg_sizes *sizes = NULL;
  m4_rng rng = m4_rng_make(1, M4_RNG_WORKLOAD, 0);
  m4_status status = dg_spatial_read(&spatial, arguments[6], shape->pods * shape->racks_per_pod, err);
  if (status == M4_OK) status = dg_sizes_read(&sizes, arguments[7], DG_SIZE_LINEAR, err);
  const dg_traffic traffic = {.spatial = spatial,
                              .matrix_copies = 1,
                              .sizes = sizes,
                              .sigma = 1,
                              .max_load = atof(arguments[8]),
                              .n_flows = atoll(arguments[9]),
                              .together = together};
  if (status == M4_OK) status = dg_draw_flows(list, &traffic, shape, topology, &rng, err);
  dg_spatial_free(spatial);
  dg_sizes_free(sizes);
  return status;
}

static m4_status write(char **arguments, bool together, m4_error *err) {
  const int64_t gbps10 = 10000000000;
  const sim_clos shape = {atoi(arguments[1]),
                          atoi(arguments[2]),
                          atoi(arguments[3]),
                          atoi(arguments[4]),
                          atoi(arguments[5]),
                          gbps10,
                          gbps10,
                          gbps10,
                          1000};
  sim_topology *topology = NULL;
  dg_flow_list list = {0};
  sim_scenario *scenario = NULL;
  const double params[SIM_N_PARAMS] = {100, 10, 1, 0, 0, 0, 20};
  pkt_settings settings;
  M4_TRY(pkt_settings_for(&settings, PKT_CC_DCTCP, 100, 10000, 20, 0, err));
  M4_TRY(sim_topology_clos(&topology, &shape, err));
  M4_TRY(draw(&list, topology, &shape, arguments, together, err));
  M4_TRY(
      sim_scenario_create(&scenario, "fabric", topology, list.flows, list.n_flows, &settings, params, err));
  M4_TRY(m4_dir_make(arguments[10], err));
  M4_TRY(sim_scenario_write(scenario, arguments[10], err));
  sim_scenario_free(scenario);
  return M4_OK;
}

int main(int argc, char **argv) {
  m4_error err = {0};
  if (argc < N_ARGUMENTS) {
    fprintf(stderr,
            "usage: make_fabric PODS FABRICS RACKS HOSTS SPINES MATRIX SIZES LOAD FLOWS DIR [together]\n");
    return 2;
  }
  m4_status status = write(argv, argc > N_ARGUMENTS && strcmp(argv[N_ARGUMENTS], "together") == 0, &err);
  if (status != M4_OK) fprintf(stderr, "make_fabric: %s: %s\n", err.where, err.what);
  return m4_exit_code(status);
}
