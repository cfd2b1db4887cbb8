/* Load calibration: which directed link carries the largest share of the flows. Source: workloads.md 5.2. */
#include "datagen/workload/flows.h"

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
  *busiest = (dg_busiest_link){.link = best, .fraction = (double)count[best] / (double)n_pairs};
  sim_routing_free(routing);
  free(count);
  return status;
}
