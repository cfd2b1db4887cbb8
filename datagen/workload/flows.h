/* Flows from a traffic description: matrix, sizes, burstiness and load become (src, dst, bytes, start). Knows
 * spatial, sizes and sim's routing. Source: workloads.md 5. */
#ifndef DATAGEN_WORKLOAD_FLOWS_H
#define DATAGEN_WORKLOAD_FLOWS_H

#include "datagen/workload/sizes.h"
#include "datagen/workload/spatial.h"
#include "sim/scenario.h"

enum {
  DG_FIRST_START_NS = 1000000000,
  DG_DATA_PRIORITY = 3,
  DG_DESTINATION_PORT = 100,
  DG_FIRST_SOURCE_PORT = 10000
};

/* One gap of the arrival process: lognormal with this mean and sigma, rounded to ns. Two draws. */
double dg_gap_draw(double mean_ns, double sigma, m4_rng *rng);

/* The directed link that fills up first (workloads.md 5.2). */
typedef struct dg_busiest_link {
  double fraction; /* of the flows that cross it */
  int64_t rate_bps;
  int32_t link; /* -1 when only its tier is known */
} dg_busiest_link;

/* Counted over `n_pairs` routed test pairs. */
m4_status dg_find_busiest_link(dg_busiest_link *busiest, const dg_placement *placement,
                               const sim_topology *topology, int64_t n_pairs, m4_rng *rng, m4_error *err);
/* What infinitely many test pairs and even ECMP would give: a sum over the matrix, no routing. */
m4_status dg_expect_busiest_link(dg_busiest_link *busiest, const dg_placement *placement,
                                 const sim_clos *shape, m4_error *err);

/* What a scenario's traffic is made from. */
typedef struct dg_traffic {
  const dg_spatial *spatial;
  int32_t matrix_copies; /* the cluster has so many times the matrix's pods, >= 1 */
  const dg_sizes *sizes;
  double sigma;    /* burstiness: sigma of the lognormal gaps */
  double max_load; /* expected payload utilisation of the busiest directed link */
  int64_t n_flows; /* 0: as many as start within duration_s */
  double duration_s;
  bool expected_load; /* calibrates with dg_expect_busiest_link instead of n_flows test pairs */
  bool together;      /* all flows start at 1 s (closed loop) */
} dg_traffic;

/* Flows, ids 0, 1, ... in start order; paths and ideal FCTs are left to sim_scenario_create. */
typedef struct dg_flow_list {
  sim_flow *flows; /* [n_flows] malloc'ed */
  int64_t n_flows;
  double mean_gap_ns; /* calibrated */
} dg_flow_list;

/* Draws the flows: placement, load calibration, then per flow pair, size, gap. The first start is exactly 1
 * s. M4_USAGE: a load too high or too low for whole-ns gaps; a duration that no flow count below 2^26 fills.
 */
m4_status dg_draw_flows(dg_flow_list *list, const dg_traffic *traffic, const sim_clos *shape,
                        const sim_topology *topology, m4_rng *rng, m4_error *err);

/* The calibrated mean gap of a traffic with expected_load, without drawing flows. */
m4_status dg_expect_gap(double *mean_gap_ns, const dg_traffic *traffic, const sim_clos *shape, m4_error *err);

#endif
