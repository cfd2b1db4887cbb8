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

/* The directed link that fills up first, from `n_pairs` routed test pairs (workloads.md 5.2). */
typedef struct dg_busiest_link {
  int32_t link;
  double fraction; /* of the pairs that cross it */
} dg_busiest_link;
m4_status dg_find_busiest_link(dg_busiest_link *busiest, const dg_placement *placement,
                               const sim_topology *topology, int64_t n_pairs, m4_rng *rng, m4_error *err);

/* What a scenario's traffic is made from. */
typedef struct dg_traffic {
  const dg_spatial *spatial;
  const dg_sizes *sizes;
  double sigma;    /* burstiness: sigma of the lognormal gaps */
  double max_load; /* expected payload utilisation of the busiest directed link */
  int64_t n_flows;
} dg_traffic;

/* Draws the flows: placement, load calibration with n_flows test pairs, then per flow pair, size, gap. ids 0,
 * 1, ... in start order, the first start is exactly 1 s. *flows is malloc'ed, [n_flows]; paths and ideal FCTs
 * are left to sim_scenario_create. mean_gap_ns (may be NULL) gets the calibrated mean gap. M4_USAGE: a load
 * too high or too low for whole-ns gaps. */
m4_status dg_draw_flows(sim_flow **flows, double *mean_gap_ns, const dg_traffic *traffic,
                        const sim_clos *shape, const sim_topology *topology, m4_rng *rng, m4_error *err);

#endif
