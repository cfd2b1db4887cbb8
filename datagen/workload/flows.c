/* Puts a scenario's flows together. Order of draws: placement, test pairs, then per flow pair, size, gap.
 * Source: workloads.md 5. */
#include "datagen/workload/flows.h"

#include <math.h>
#include <stdlib.h>

static const double MAX_START_NS = 1e15; /* eleven days: later starts are mistakes */

/* Mean gap with which the busiest link is expected to carry max_load of its rate in payload. */
static m4_status calibrate(double *mean_gap_ns, const dg_traffic *traffic, const dg_placement *placement,
                           const sim_topology *topology, m4_rng *rng, m4_error *err) {
  dg_busiest_link busiest;
  M4_TRY(dg_find_busiest_link(&busiest, placement, topology, traffic->n_flows, rng, err));
  double link_rate_bps = (double)topology->links[busiest.link].rate_bps;
  double offered_bps = traffic->max_load * link_rate_bps / busiest.fraction;
  *mean_gap_ns = round(8e9 * round(traffic->sizes->mean_bytes) / offered_bps);
  if (!(*mean_gap_ns >= 1 && *mean_gap_ns <= MAX_START_NS))
    return m4_fail(err, M4_USAGE, NULL,
                   "load %g with flows of %.0f bytes on average needs a mean gap of %g ns", traffic->max_load,
                   traffic->sizes->mean_bytes, *mean_gap_ns);
  return M4_OK;
}

static m4_status draw_flows(sim_flow *flows, double mean_gap_ns, const dg_traffic *traffic,
                            const dg_placement *placement, m4_rng *rng, m4_error *err) {
  double start_ns = DG_FIRST_START_NS;
  for (int64_t i = 0; i < traffic->n_flows; ++i) {
    sim_flow *flow = &flows[i];
    *flow = (sim_flow){.id = i, .priority = DG_DATA_PRIORITY, .destination_port = DG_DESTINATION_PORT};
    dg_pair_draw(placement, rng, &flow->src, &flow->dst);
    flow->size_bytes = dg_size_draw(traffic->sizes, rng);
    flow->start_ns = (int64_t)start_ns;
    start_ns += dg_gap_draw(mean_gap_ns, traffic->sigma, rng);
    if (!(start_ns <= MAX_START_NS))
      return m4_fail(err, M4_USAGE, NULL, "flow %lld would start after %g s (mean gap %g ns, sigma %g)",
                     (long long)i + 1, MAX_START_NS * 1e-9, mean_gap_ns, traffic->sigma);
  }
  return M4_OK;
}

m4_status dg_draw_flows(sim_flow **flows, double *mean_gap_ns, const dg_traffic *traffic,
                        const sim_clos *shape, const sim_topology *topology, m4_rng *rng, m4_error *err) {
  *flows = NULL;
  dg_placement placement;
  double gap_ns = 0;
  m4_status status = dg_placement_create(&placement, traffic->spatial, shape->pods, shape->racks_per_pod,
                                         shape->hosts_per_rack, rng, err);
  if (status == M4_OK) status = calibrate(&gap_ns, traffic, &placement, topology, rng, err);
  sim_flow *drawn = NULL;
  if (status == M4_OK) {
    drawn = calloc((size_t)traffic->n_flows, sizeof *drawn);
    status = drawn ? draw_flows(drawn, gap_ns, traffic, &placement, rng, err)
                   : m4_fail(err, M4_MEMORY, NULL, "no memory for %lld flows", (long long)traffic->n_flows);
  }
  dg_placement_free(&placement);
  if (status == M4_OK) {
    *flows = drawn;
    if (mean_gap_ns) *mean_gap_ns = gap_ns;
  } else {
    free(drawn);
  }
  return status;
}
