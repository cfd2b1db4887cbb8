/* Reads packet traces in ns-3's binary .tr format, complete or filtered, one record at a time. Knows
 * scenario; not who wants to know. Layout: trace.h. Source: packet-simulator.md 8. */
#ifndef SIM_PACKET_TRACE_READ_H
#define SIM_PACKET_TRACE_READ_H

#include "sim/packet/packet.h"
#include "sim/scenario.h"

typedef struct pkt_trace_reader pkt_trace_reader;

/* Opens a trace of this scenario, plain or gzip (path, or path.gz); never holds more than a few records. The
 * scenario must outlive the reader. M4_IO: cannot be read; M4_DATA: not a trace, or one of another network.
 */
m4_status pkt_trace_open(pkt_trace_reader **reader, const char *path, const sim_scenario *scenario,
                         m4_error *err);
void pkt_trace_close(pkt_trace_reader *reader); /* NULL accepted */

/* The next record as the event it was written from; false in *found at the end. Only data packets name their
 * flow (an index of the scenario's flows), others have -1. M4_DATA names the record: damaged or cut off, a
 * node, port or flow that the scenario does not have, time that runs backwards. */
m4_status pkt_trace_next(pkt_trace_reader *reader, pkt_packet_event *event, bool *found, m4_error *err);

#endif
