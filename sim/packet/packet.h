/* The packet simulator: RDMA hosts, shared-buffer switches, PFC, ECN, congestion control; exact to the
 * nanosecond. Knows topology, routing, settings; not the engine, not files. Source: packet-simulator.md. */
#ifndef SIM_PACKET_PACKET_H
#define SIM_PACKET_PACKET_H

#include "sim/packet/settings.h"
#include "sim/routing.h"

typedef struct pkt_sim pkt_sim;

typedef enum pkt_kind { PKT_DATA, PKT_ACK, PKT_NACK, PKT_PAUSE, PKT_RESUME } pkt_kind;
typedef enum pkt_action { PKT_RECEIVED, PKT_ENQUEUED, PKT_DEQUEUED, PKT_DROPPED } pkt_action;

/* Something happened to a packet at a port. PAUSE and RESUME belong to no flow: their flow is -1, their ends
 * and ports are 0. */
typedef struct pkt_packet_event {
  int64_t time_ns;
  pkt_action action;
  pkt_kind kind;
  int32_t link;        /* directed link that leaves the port */
  uint8_t queue;       /* 0 urgent, 3 data; 0 when received */
  int64_t queue_bytes; /* of that queue: before an enqueue or a drop, after a dequeue; 0 when received */
  int64_t flow;        /* the caller's tag */
  int32_t src, dst;    /* of the packet: an ACK goes from the flow's destination to its source */
  uint16_t source_port, destination_port;
  uint32_t sequence;
  uint16_t payload_bytes, wire_bytes;
  bool marked;     /* ECN; ACK, NACK: its echo */
  int64_t sent_ns; /* the data packet's departure from its sender; ACK, NACK: of the packet answered */
} pkt_packet_event;

/* Watching a run (supervision, traces). Every function pointer may be NULL. Times are ns. `flow` is the
 * caller's tag. */
typedef struct pkt_probe {
  void *ctx;
  void (*flow_start)(void *ctx, int64_t time_ns, int64_t flow); /* queue pair created */
  /* A data packet reached its receiver; with PFC off retransmitted bytes count again. */
  void (*payload_received)(void *ctx, int64_t time_ns, int64_t flow, int64_t bytes);
  /* The flow's first data packet (sequence 0, first time) is queued at hop `hop` of its path: bytes already
   * waiting in that egress port's data queue, itself not counted; no more calls once it is dropped. Hop 0 is
   * the source host's NIC, which builds a packet only when the wire is free: what waits ahead is
   * acknowledgements that a PAUSE holds back, otherwise 0, as in the original's traces. */
  void (*first_packet_queued)(void *ctx, int64_t time_ns, int64_t flow, int32_t hop, int64_t queue_bytes);
  void (*flow_done)(void *ctx, int64_t time_ns, int64_t flow); /* last in-order byte at the receiver */
  /* Every packet at every port, in the order of the original's traces. */
  void (*packet)(void *ctx, const pkt_packet_event *event);
} pkt_probe;

typedef struct pkt_flow {
  int64_t tag; /* the caller's flow index, reported back */
  int32_t src, dst;
  int32_t priority;
  uint16_t source_port, destination_port;
  int64_t size_bytes;
  int64_t start_ns;
} pkt_flow;

/* pauses: PAUSE frames sent; ecn_marks: data packets marked; drops: at full buffers; lost: with failed
 * links. */
typedef struct pkt_counters {
  uint64_t events, data_packets, wire_packets, drops, ecn_marks, pauses, retransmitted_packets,
      retransmitted_bytes, lost;
} pkt_counters;

/* Of one directed link: the port it leaves from. max_queue_bytes: longest data queue of a switch, 0 at hosts;
 * drops: packets for this link that met a full buffer; pauses: PAUSE frames sent over it. */
typedef struct pkt_link_counters {
  uint64_t sent_bytes, sent_packets, drops, ecn_marks, pauses, lost;
  int64_t max_queue_bytes;
} pkt_link_counters;

/* topology, routing, settings and probe (may be NULL) must outlive the simulator. */
m4_status pkt_create(pkt_sim **sim, const sim_topology *topology, sim_routing *routing,
                     const pkt_settings *settings, const pkt_probe *probe, m4_error *err);
void pkt_free(pkt_sim *sim);

/* Adds flows in (start, order) order; starts must not lie before the clock nor before flows submitted earlier
 * that have not started. M4_DATA: a flow that cannot be simulated; then none of the call is added. To be
 * exact under ties submit a flow before the clock reaches its start. With settings->flow_limit > 0 (closed
 * loop) flows are held back here and get their source port when they are released (packet-simulator.md 8). */
m4_status pkt_submit(pkt_sim *sim, const pkt_flow *flows, int64_t n_flows, m4_error *err);

/* From time_ns >= the clock on the directed link has this rate; 0 = failed. A packet that is being sent is
 * not affected by a new rate above 0. A failure loses what is on the link or queued for it, and ends PAUSEs
 * that were told over it; every flow is routed again as in a network without the failed links, packets that
 * meet one on their way included; what finds no way is lost. A sender that lost packets or acknowledgements
 * goes back to the last acknowledged byte 1 ms later, or as soon as there is a path; its receiver
 * acknowledges duplicates. Windows, ECN thresholds and headroom stay those of the topology's rates. M4_USAGE:
 * no such link, rate or time. */
m4_status pkt_change_link(pkt_sim *sim, int32_t link, int64_t rate_bps, int64_t time_ns, m4_error *err);

/* Runs until a flow completes (*flow = tag, *time_ns = arrival of its last byte; true in *completed), or the
 * clock would pass limit_ns or reach the stop time, or, with limit_ns INT64_MAX, nothing that is pending can
 * finish a flow. Events of one instant are done in order up to the completion; call again for the next. After
 * an error only pkt_free is allowed. */
m4_status pkt_advance(pkt_sim *sim, int64_t limit_ns, bool *completed, int64_t *flow, int64_t *time_ns,
                      m4_error *err);

/* Completion time minus the creation of its queue pair, of the flow just reported. */
int64_t pkt_fct_ns(const pkt_sim *sim);
int64_t pkt_now_ns(const pkt_sim *sim);
pkt_counters pkt_count(const pkt_sim *sim);
pkt_link_counters pkt_count_link(const pkt_sim *sim, int32_t link);

enum { PKT_REASON_BYTES = 320 };
/* After a run to the end (pkt_advance with INT64_MAX): every submitted flow that has not finished, in submit
 * order, and why it cannot: the failed link, the PAUSE (and its cycle), the drops, the stop time or the held
 * place in the closed loop that it waits for. M4_MEMORY. */
m4_status pkt_unfinished(const pkt_sim *sim, void (*tell)(void *ctx, int64_t flow, const char *why),
                         void *ctx, m4_error *err);

#endif
