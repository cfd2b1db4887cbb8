/* Changing links; see links.h. */
#include "sim/learned/links.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void sim_changing_links_free(sim_changing_links *links) {
  free(links->network.links);
  free(links->changes);
  links->network.links = NULL;
  links->changes = NULL;
}

static m4_status make_room(sim_changing_links *links, m4_error *err) {
  const sim_topology *topology = links->scenario->topology;
  if (!links->network.links) {
    size_t bytes = (size_t)topology->n_links * sizeof *topology->links;
    sim_link *copy = malloc(bytes);
    if (!copy) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d links", topology->n_links);
    links->network = *topology;
    links->network.links = memcpy(copy, topology->links, bytes);
  }
  if (links->count < links->capacity) return M4_OK;
  int64_t capacity = links->capacity ? 2 * links->capacity : 16;
  sim_link_change *larger = realloc(links->changes, (size_t)capacity * sizeof *larger);
  if (!larger)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld changes of links", (long long)capacity);
  links->changes = larger;
  links->capacity = capacity;
  return M4_OK;
}

m4_status sim_changing_links_add(sim_changing_links *links, sim_link_change change, double now_ns,
                                 m4_error *err) {
  double earliest_ns = links->first < links->count ? links->changes[links->count - 1].time_ns : now_ns;
  if (change.link < 0 || change.link >= links->scenario->topology->n_links || change.rate_bps < 0)
    return m4_fail(err, M4_USAGE, NULL, "link %d cannot have a rate of %lld bit/s", change.link,
                   (long long)change.rate_bps);
  if (!(change.time_ns >= earliest_ns) || !isfinite(change.time_ns))
    return m4_fail(err, M4_USAGE, NULL, "a link cannot change at %.3f ns, before %.3f ns", change.time_ns,
                   earliest_ns);
  M4_TRY(make_room(links, err));
  links->changes[links->count++] = change;
  return M4_OK;
}

const sim_link_change *sim_changing_links_next(const sim_changing_links *links) {
  return links->first < links->count ? &links->changes[links->first] : NULL;
}

void sim_changing_links_apply(sim_changing_links *links) {
  const sim_link_change *change = &links->changes[links->first++];
  links->network.links[change->link].rate_bps = change->rate_bps;
}

double sim_changing_links_ideal_ns(const sim_changing_links *links, const sim_flow *flow) {
  if (!links->network.links) return (double)flow->ideal_fct_ns;
  for (int32_t hop = 0; hop < flow->n_links; hop++)
    if (links->network.links[flow->links[hop]].rate_bps == 0) return INFINITY;
  return (double)sim_ideal_fct_ns(&links->network, flow->links, flow->n_links, flow->size_bytes, 0);
}
