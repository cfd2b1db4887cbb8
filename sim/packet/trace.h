/* Packet traces in ns-3's binary .tr format, fed by the packet simulator. Knows scenario and pkt_probe.
 * Source: packet-simulator.md 8.
 *
 * A file is u32 n, n x (u16 node, u8 port, u64 bit/s) in node and port order, u32 window, then records of
 * PKT_TRACE_RECORD_BYTES, all little endian. Bytes that the original leaves uninitialised are 0. Drops are
 * recorded as event 3; flow ids are those of flows.txt, 0 for packets that carry none. */
#ifndef SIM_PACKET_TRACE_H
#define SIM_PACKET_TRACE_H

#include "sim/packet/packet.h"
#include "sim/packet/trace_format.h"
#include "sim/scenario.h"

typedef struct pkt_trace pkt_trace;

/* Starts a trace at path, which appears when it is committed. Flow tags must be indices of the scenario's
 * flows; the scenario must outlive the trace. M4_DATA: a node or flow id that the format cannot hold. */
m4_status pkt_trace_create(pkt_trace **trace, const sim_scenario *scenario, const char *path, m4_error *err);

/* The probe that writes; give it to pkt_create. Write errors come out of the commit. */
pkt_probe pkt_trace_probe(pkt_trace *trace);

/* Makes the file appear, all of it or none. */
m4_status pkt_trace_commit(pkt_trace *trace, m4_error *err);
/* NULL accepted; what is not committed is removed. */
void pkt_trace_free(pkt_trace *trace);

#endif
