/* Load calibration: which directed link carries the largest share of the flows, counted or expected. Source:
 * workloads.md 5.2. */
#include "datagen/workload/flows.h"

#include <math.h>
#include <stdlib.h>

enum {
  TEST_PORTS = 50000
}; /* test pairs walk over these source ports: any uniform choice among equal paths will do */

static m4_status count_links(int64_t *count, const dg_placement *placement, sim_routing *routing,
                             int64_t n_pairs, m4_rng *rng, m4_error *err) {
  for (int64_t i = 0; i < n_pairs; ++i) {
    int32_t source, destination, links[SIM_MAX_PATH], n_links;
    dg_pair_draw(placement, rng, &source, &destination);
    uint16_t port = (uint16_t)(DG_FIRST_SOURCE_PORT + i % TEST_PORTS);
    M4_TRY(sim_route(routing, source, destination, port, DG_DESTINATION_PORT, links, SIM_MAX_PATH, &n_links,
                     err));
    for (int32_t hop = 0; hop < n_links; ++hop) count[links[hop]]++;
  }
  return M4_OK;
}

m4_status dg_find_busiest_link(dg_busiest_link *busiest, const dg_placement *placement,
                               const sim_topology *topology, int64_t n_pairs, m4_rng *rng, m4_error *err) {
  int64_t *count = calloc((size_t)topology->n_links, sizeof *count);
  if (!count) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d links", topology->n_links);
  sim_routing *routing = NULL;
  m4_status status = sim_routing_create(&routing, topology, err);
  if (status == M4_OK) status = count_links(count, placement, routing, n_pairs, rng, err);
  int32_t best = 0;
  for (int32_t link = 1; link < topology->n_links; ++link) {
    double per_rate = (double)count[link] / (double)topology->links[link].rate_bps;
    if (per_rate > (double)count[best] / (double)topology->links[best].rate_bps) best = link;
  }
  *busiest = (dg_busiest_link){.link = best,
                               .rate_bps = topology->links[best].rate_bps,
                               .fraction = (double)count[best] / (double)n_pairs};
  sim_routing_free(routing);
  free(count);
  return status;
}

/* ---- expectation ---- */

/* Shares of all flows, by table rack and table pod. */
typedef struct shares {
  double *out, *in, *within;             /* [n_racks] */
  double *pod_out, *pod_in, *pod_within; /* [n_pods] */
} shares;

static void sum_shares(shares *sums, const dg_spatial *spatial, int32_t racks_per_pod) {
  double before = 0, total = spatial->cumulative[spatial->n_cells - 1];
  for (size_t cell = 0; cell < spatial->n_cells; ++cell) {
    double share = (spatial->cumulative[cell] - before) / total;
    int32_t from = spatial->source[cell], to = spatial->destination[cell];
    int32_t from_pod = from / racks_per_pod, to_pod = to / racks_per_pod;
    before = spatial->cumulative[cell];
    sums->out[from] += share;
    sums->in[to] += share;
    if (from == to) sums->within[from] += share;
    sums->pod_out[from_pod] += share;
    sums->pod_in[to_pod] += share;
    if (from_pod == to_pod) sums->pod_within[from_pod] += share;
  }
}

static void offer(dg_busiest_link *best, double fraction, int64_t rate_bps) {
  if (fraction / (double)rate_bps > best->fraction / (double)best->rate_bps)
    *best = (dg_busiest_link){.fraction = fraction, .rate_bps = rate_bps, .link = -1};
}

/* A copy sends 1/k of what its original sends; of what stays inside, 1/k^2 stays inside the copy. */
static double leaving(double all, double inside, double copies) {
  return all / copies - inside / (copies * copies);
}

static void offer_tiers(dg_busiest_link *best, const shares *sums, int32_t n_racks, double copies,
                        const sim_clos *shape) {
  double hosts = shape->hosts_per_rack, fabrics = shape->fabrics_per_pod, spines = shape->spines_per_plane;
  for (int32_t rack = 0; rack < n_racks; ++rack) {
    double most = fmax(sums->out[rack], sums->in[rack]);
    offer(best, most / copies / hosts, shape->host_rate_bps);
    offer(best, leaving(most, sums->within[rack], copies) / fabrics, shape->fabric_rate_bps);
  }
  for (int32_t pod = 0; pod < n_racks / shape->racks_per_pod; ++pod) {
    double most = fmax(sums->pod_out[pod], sums->pod_in[pod]);
    offer(best, leaving(most, sums->pod_within[pod], copies) / fabrics / spines, shape->spine_rate_bps);
  }
}

m4_status dg_expect_busiest_link(dg_busiest_link *busiest, const dg_placement *placement,
                                 const sim_clos *shape, m4_error *err) {
  const dg_spatial *spatial = placement->spatial;
  size_t n_racks = (size_t)spatial->n_racks;
  double *memory = calloc(6 * n_racks, sizeof *memory);
  if (!memory) return m4_fail(err, M4_MEMORY, NULL, "no memory for %zu racks", n_racks);
  shares sums = {memory,
                 memory + n_racks,
                 memory + 2 * n_racks,
                 memory + 3 * n_racks,
                 memory + 4 * n_racks,
                 memory + 5 * n_racks};
  sum_shares(&sums, spatial, shape->racks_per_pod);
  *busiest = (dg_busiest_link){.rate_bps = 1, .link = -1};
  offer_tiers(busiest, &sums, spatial->n_racks, placement->copies, shape);
  free(memory);
  return M4_OK;
}
