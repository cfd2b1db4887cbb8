/* Numbers of ns-3's .tr format that its writer and its reader share. Source: packet-simulator.md 8. */
#ifndef SIM_PACKET_TRACE_FORMAT_H
#define SIM_PACKET_TRACE_FORMAT_H

enum { PKT_TRACE_PORT_BYTES = 11, PKT_TRACE_RECORD_BYTES = 64 };

enum {
  PKT_TRACE_DATA = 0x11, /* layer-3 protocols */
  PKT_TRACE_ACK = 0xFC,
  PKT_TRACE_NACK = 0xFD,
  PKT_TRACE_PFC = 0xFE,
  PKT_TRACE_MARKED = 3 /* ECN bits of a data packet that met congestion */
};

#endif
