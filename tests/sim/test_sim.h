/* What the tests of this room share: cmocka's includes, scratch files and folders, small networks. */
#ifndef TEST_SIM_H
#define TEST_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/scenario.h"

#define GBPS(x)  ((int64_t)(x)*1000000000)
#define NS3_DATA M4_TEST_DATA "/ns3/eval_public"

/* A new empty file in the current folder; path receives its name (64 bytes). */
static inline FILE *scratch_file(char *path) {
  snprintf(path, 64, "m4_test_sim_XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  return fdopen(fd, "w");
}

static inline void write_scratch(char *path, const char *text) {
  FILE *out = scratch_file(path);
  fputs(text, out);
  fclose(out);
}

/* A new folder in the current folder; dir receives its name (64 bytes). */
static inline void make_scratch_dir(char *dir) {
  snprintf(dir, 64, "m4_test_sim_XXXXXX");
  assert_non_null(mkdtemp(dir));
}

static inline void write_in(const char *dir, const char *name, const void *bytes, size_t length) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  FILE *out = fopen(path, "wb");
  assert_non_null(out);
  assert_int_equal(fwrite(bytes, 1, length, out), length);
  fclose(out);
}

/* Removes the folder and the files named (NULL-terminated) in it. */
static inline void remove_scratch_dir(const char *dir, const char *const *names) {
  for (; *names; names++) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, *names);
    remove(path);
  }
  rmdir(dir);
}

static inline pkt_settings dctcp_settings(void) {
  return (pkt_settings){.cc = PKT_CC_DCTCP,
                        .payload_bytes = 1000,
                        .buffer_kib = 100,
                        .window_bytes = 10000,
                        .hosts_per_group = 1};
}

/* The 32-host training fabric. */
static inline sim_topology *training_fabric(void) {
  const sim_clos shape = {2, 1, 4, 4, 4, GBPS(10), GBPS(10), GBPS(10), 1000};
  sim_topology *topology;
  assert_int_equal(sim_topology_clos(&topology, &shape, NULL), M4_OK);
  return topology;
}

/* A scenario that owns topology and a copy of the flows; id = position where ids are 0. */
static inline sim_scenario *scenario_of(sim_topology *topology, const sim_flow *flows, int64_t n_flows) {
  const pkt_settings settings = dctcp_settings();
  const double params[SIM_N_PARAMS] = {10, 10, 1, 0, 0, 0, 10};
  size_t room = n_flows > 0 ? (size_t)n_flows : 1; /* gcc cannot see that there are never fewer than none */
  sim_flow *copy = calloc(room, sizeof *copy);
  for (int64_t i = 0; i < n_flows; i++) {
    copy[i] = flows[i];
    copy[i].id = i;
    copy[i].priority = 3;
    copy[i].destination_port = 100;
  }
  sim_scenario *scenario;
  m4_error err = {0};
  m4_status status = sim_scenario_create(&scenario, "test", topology, copy, n_flows, &settings, params, &err);
  if (status != M4_OK) fail_msg("%s: %s", err.where, err.what);
  return scenario;
}

#endif
