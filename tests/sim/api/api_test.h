/* Networks and simulations for the tests of the library for other programs. */
#ifndef TESTS_SIM_API_TEST_H
#define TESTS_SIM_API_TEST_H

#include "sim/m4_sim.h"
#include "tests/sim/test_sim.h"

#include <math.h>

#define TOPOLOGY   NS3_DATA "/0/topology.txt"
#define CHECKPOINT M4_TEST_DATA "/golden/m4_sim.safetensors"
#define WITH_HEADS M4_TEST_DATA "/golden/m4_small.safetensors"

enum { API_N_BACKENDS = 3 };
static const char *const api_backends[API_N_BACKENDS] = {"flowsim", "packet", "m4"};

/* sim must be empty. */
static inline void api_create_with(m4_sim *sim, const char *backend, const char *checkpoint) {
  const m4_sim_options options = {.topology_path = TOPOLOGY,
                                  .config_path = NS3_DATA "/0/config.txt",
                                  .backend = backend,
                                  .checkpoint_path = checkpoint};
  char error[512];
  if (m4_sim_create(sim, &options, error, sizeof error) != M4_SIM_OK) fail_msg("%s", error);
}

static inline void api_create(m4_sim *sim, const char *backend) {
  api_create_with(sim, backend, CHECKPOINT);
}

/* The switch that a host is connected to. */
static inline int32_t api_rack_of(int32_t host) {
  sim_topology *topology;
  assert_int_equal(sim_topology_read(&topology, TOPOLOGY, NULL), M4_OK);
  int32_t rack = topology->links[topology->port_link[topology->port_begin[host]]].to;
  sim_topology_free(topology);
  return rack;
}

#endif
