/* The FCT of a flow alone in the network, in integer arithmetic with truncating divisions. Source:
 * training.md 3, packet-simulator.md 7. */
#include "sim/scenario.h"

enum { PAYLOAD_BYTES = 1000, HEADER_BYTES = 48 };

__extension__ typedef unsigned __int128 wide; /* 8e9 * bytes passes 64 bits above 1 GB */

static wide transmission_ns(int64_t bytes, int64_t rate_bps) {
  return (wide)bytes * 8000000000u / (wide)rate_bps;
}

int64_t sim_ideal_fct_ns(const sim_topology *topology, const int32_t *links, int32_t n_links,
                         int64_t size_bytes, int64_t rate_cap_bps) {
  int64_t head = size_bytes < PAYLOAD_BYTES ? size_bytes : PAYLOAD_BYTES;
  int64_t slowest = rate_cap_bps > 0 ? rate_cap_bps : INT64_MAX;
  wide total = 0;
  for (int32_t i = 0; i < n_links; i++) {
    const sim_link *link = &topology->links[links[i]];
    if (link->rate_bps < slowest) slowest = link->rate_bps;
    total += (wide)link->delay_ns + transmission_ns(head + HEADER_BYTES, link->rate_bps);
  }
  total += transmission_ns(size_bytes - head, slowest);
  total += (wide)((size_bytes - 1) / PAYLOAD_BYTES) * transmission_ns(HEADER_BYTES, slowest);
  return total > INT64_MAX ? INT64_MAX : (int64_t)total;
}
