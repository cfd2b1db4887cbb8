/* The largest propagation round trip between two hosts of a network. Knows topology only. */
#ifndef SIM_PACKET_BASE_RTT_H
#define SIM_PACKET_BASE_RTT_H

#include "sim/topology.h"

/* Over shortest paths (fewest links), hosts never being passed through; unreachable pairs do not count. */
m4_status pkt_base_rtt_ns(const sim_topology *topology, int64_t *rtt_ns, m4_error *err);

#endif
