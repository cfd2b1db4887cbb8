/* The state of the packet simulator, shared by its files and by nobody else: packets, ports, switches, NICs,
 * queue pairs. Everything is found by index, because the pools move when they grow. Source:
 * packet-simulator.md 3-5. */
#ifndef SIM_PACKET_STATE_H
#define SIM_PACKET_STATE_H

#include "sim/map.h"
#include "sim/packet/base_rtt.h"
#include "sim/packet/cc/cc.h"
#include "sim/packet/mrg32k3a.h"
#include "sim/packet/packet.h"

enum {
  PKT_DATA_PRIORITY = 3,
  PKT_HEADER_BYTES = 48,     /* 14 + 20 + 8 + 6 */
  PKT_ACK_HEADER_BYTES = 46, /* 14 + 20 + 12, padded to PKT_MIN_ACK_BYTES */
  PKT_MIN_ACK_BYTES = 60,
  PKT_PAUSE_BYTES = 43,
  PKT_NACK_INTERVAL_NS = 500000,
  PKT_FIRST_SOURCE_PORT = 10000,
  PKT_RECOVERY_NS = 1000000 /* from a loss with a failed link to going back */
};

#define PKT_MAX_TIME_NS  (INT64_MAX / 4)
#define PKT_MAX_RATE_BPS 1000000000000000

/* Kinds of events and their owners. */
enum {
  PKT_EVENT_ARRIVAL,    /* a packet's last bit reaches the end of its link; the event is the packet */
  PKT_EVENT_TX_DONE,    /* owner: port */
  PKT_EVENT_WAKE,       /* owner: port of a host */
  PKT_EVENT_READER,     /* the arrival reader */
  PKT_EVENT_INITIALISE, /* owner: queue pair */
  PKT_EVENT_START,      /* owner: queue pair */
  PKT_EVENT_LINK,       /* owner: link change */
  PKT_EVENT_RECOVER,    /* owner: queue pair */
  PKT_EVENT_CC_TIMER    /* + timer; owner: queue pair */
};

/* A packet has the index of its arrival event. */
typedef struct pkt_packet {
  uint32_t queue_pair;
  uint32_t next; /* in a port's queue */
  int32_t link;  /* being crossed, or crossed last */
  uint32_t path; /* data, ACK, NACK: index in paths of the link after that one */
  uint32_t sequence;
  uint16_t payload_bytes, wire_bytes;
  int64_t sent_ns;
  uint8_t kind;
  bool marked; /* data: congestion experienced; ACK, NACK: its echo */
  bool first;  /* first transmission of a flow's first packet */
} pkt_packet;

typedef struct pkt_fifo {
  uint32_t head, tail; /* packets; PKT_NONE when empty */
  int64_t bytes;
} pkt_fifo;

/* One end of a cable: the directed link that leaves here, its queues, and what came in here. Index = id of
 * that link. */
typedef struct pkt_port {
  pkt_fifo urgent; /* queue 0 of a switch; of a host: acknowledgements */
  pkt_fifo data;   /* queue 3 of a switch */
  int64_t busy_until_ns;
  uint64_t tx_done_number;
  uint32_t tx_done; /* event; pending only when the end of the transmission will have work to do */
  int32_t owner;    /* index of the switch, or of the NIC of a host */
  bool at_switch;
  bool paused;      /* the peer told us to hold data */
  bool peer_paused; /* we told the peer */
  int64_t ingress_bytes, headroom_used, headroom_limit;
  int64_t ecn_min_bytes, ecn_max_bytes;
  double ecn_share;
  int64_t rate_bps; /* now; 0 = the link has failed */
  int64_t delay_ns;
  int64_t tx_full_ns, tx_ack_ns; /* of a full data packet and of an ACK */
  uint64_t sent_bytes;
  int64_t max_data_bytes;                            /* longest data queue of a switch so far */
  uint64_t sent_packets, drops, marks, pauses, lost; /* lost: with this link, on the wire or queued */
} pkt_port;

typedef struct pkt_switch {
  int64_t used_bytes, headroom_used, headroom_total;
  int64_t pool_bytes; /* shared by all ports when no headroom is in use */
  int64_t out_bytes;  /* queued for departure */
} pkt_switch;

/* A queue pair as its NIC sees it. */
typedef struct pkt_nic_entry {
  int64_t ready_ns;     /* may send from then on; PKT_BLOCKED, PKT_OVER */
  int64_t available_ns; /* next-available time while bytes are left, else INT64_MAX */
  uint32_t queue_pair;
} pkt_nic_entry;

#define PKT_BLOCKED INT64_MAX
#define PKT_OVER    (INT64_MAX - 1)

typedef struct pkt_nic {
  pkt_nic_entry *entries; /* in creation order */
  uint32_t n_entries, capacity;
  uint32_t last_served;
  uint32_t n_open; /* entries with bytes left */
  uint32_t n_over; /* finished entries not yet removed */
  uint32_t wake;   /* event */
} pkt_nic;

typedef struct pkt_queue_pair {
  pkt_sender sender;
  uint32_t expected, last_nack; /* receiver */
  int64_t nack_after_ns;
  uint32_t path, ack_path; /* first links in paths */
  int32_t nic_port;
  uint32_t nic_entry; /* PKT_NONE once removed */
  bool live;          /* both ends exist */
  bool first_sent, delivered;
  bool lossy;      /* a failed link has swallowed packets of it */
  bool recovering; /* a recovery is planned */
  bool parked;     /* cannot recover before a link comes up */
  bool rerouted;
  uint32_t n_dropped; /* packets, by full buffers and failed links */
  int32_t last_drop_port;
  int64_t last_drop_ns;
  uint32_t next_waiting;
  uint64_t highest_sent;
  int64_t created_ns;
  pkt_flow flow;
} pkt_queue_pair;

typedef struct pkt_link_change {
  int64_t rate_bps;
  int32_t link;
} pkt_link_change;

/* What exists only when links change. */
typedef struct pkt_faults {
  sim_routing *routing; /* of the links that are up */
  pkt_link_change *changes;
  uint32_t n_changes, capacity;
  m4_status status; /* of a routing that ran out of memory in the middle of an event */
  m4_error error;
} pkt_faults;

/* Closed loop: the flows of one source group that wait for their turn, first in first out. */
typedef struct pkt_group {
  int64_t in_flight;
  uint32_t first_waiting, last_waiting;
} pkt_group;

struct pkt_sim {
  pkt_event_queue events;
  pkt_packet *packets;      /* [n_packets] by event */
  pkt_telemetry *telemetry; /* [n_packets] with HPCC, else NULL */
  uint32_t n_packets;
  pkt_port *ports; /* [topology->n_links] */
  pkt_switch *switches;
  pkt_nic *nics;
  int32_t n_nics;
  pkt_queue_pair *pairs; /* [n_pairs] in submit order */
  char *cc_states;       /* [n_pairs * cc->state_bytes] */
  uint32_t n_pairs, pair_capacity;
  uint32_t n_read;  /* pairs the reader has passed */
  uint32_t n_ended; /* pairs whose sender is done */
  uint32_t *paths;  /* directed links */
  uint32_t n_paths, path_capacity;
  uint32_t reader; /* event */
  uint64_t reader_number;
  pkt_group *groups; /* closed loop, else NULL */
  int32_t n_groups;
  sim_map port_counts; /* closed loop: used source ports by (source, destination) */
  uint64_t port_counts_room;

  const sim_topology *topology;
  sim_routing *routing;
  const pkt_settings *settings;
  pkt_probe probe;
  const pkt_cc_ops *cc;
  pkt_cc_env cc_env;
  uint16_t full_wire_bytes, ack_wire_bytes;
  pkt_random random;       /* ECN decisions */
  uint64_t streams_passed; /* streams taken since the last decision */
  pkt_counters counters;
  pkt_faults *faults; /* NULL while no change of a link is known */

  bool completed; /* a flow's last byte has just arrived */
  uint32_t completed_pair;
};

static inline int64_t pkt_transmission_ns(uint64_t wire_bytes, uint64_t rate_bps) {
  return (int64_t)(wire_bytes * 8000000000u / rate_bps);
}

/* Queues of a port. */
static inline void pkt_push(pkt_sim *sim, pkt_fifo *fifo, uint32_t packet) {
  pkt_packet *p = &sim->packets[packet];
  p->next = PKT_NONE;
  if (fifo->head == PKT_NONE)
    fifo->head = packet;
  else
    sim->packets[fifo->tail].next = packet;
  fifo->tail = packet;
  fifo->bytes += p->wire_bytes;
}

static inline uint32_t pkt_pop(pkt_sim *sim, pkt_fifo *fifo) {
  uint32_t packet = fifo->head;
  const pkt_packet *p = &sim->packets[packet];
  fifo->head = p->next;
  fifo->bytes -= p->wire_bytes;
  return packet;
}

static inline bool pkt_port_busy(const pkt_sim *sim, const pkt_port *port) {
  int64_t now = sim->events.now_ns;
  return port->busy_until_ns > now ||
         (port->busy_until_ns == now && port->tx_done_number > sim->events.now_number);
}

/* report.c: tells the probe what happens to a packet at a port */
void pkt_report_packet(const pkt_sim *sim, pkt_action action, const pkt_port *port, uint32_t packet,
                       int queue, int64_t queue_bytes);

static inline void pkt_report(const pkt_sim *sim, pkt_action action, const pkt_port *port, uint32_t packet,
                              int queue, int64_t queue_bytes) {
  if (sim->probe.packet) pkt_report_packet(sim, action, port, packet, queue, queue_bytes);
}

/* setup.c */
m4_status pkt_setup_network(pkt_sim *sim, m4_error *err);
void pkt_set_rate(const pkt_sim *sim, pkt_port *port, int64_t rate_bps);

/* packet.c: nothing that is pending can finish a flow */
bool pkt_all_over(const pkt_sim *sim);

/* links.c: links that change */
m4_status pkt_change_now(pkt_sim *sim, uint32_t change, m4_error *err);
void pkt_recover(pkt_sim *sim, uint32_t pair);
/* A packet has gone with a failed link: counted, released, its sender will recover. */
void pkt_lose(pkt_sim *sim, uint32_t packet, pkt_port *port);
void pkt_faults_free(pkt_faults *faults);

/* paths.c: where flows go */
m4_status pkt_reserve_paths(pkt_sim *sim, m4_error *err); /* room for two more paths */
m4_status pkt_find_paths(pkt_sim *sim, uint32_t pair, m4_error *err);
m4_status pkt_reroute(pkt_sim *sim, m4_error *err); /* all flows, after a link failed or returned */
bool pkt_paths_work(const pkt_sim *sim, const pkt_queue_pair *pair);
/* The packet's next link has failed: it takes another way, or is lost and released (false). Room is reserved.
 */
bool pkt_detour(pkt_sim *sim, uint32_t packet, int32_t node);

/* port.c: transmission, and what a dead port loses */
void pkt_transmit(pkt_sim *sim, pkt_port *port, uint32_t packet);
/* Makes the end of the current transmission an event, so that the port looks for work again. */
void pkt_await_tx_done(pkt_sim *sim, pkt_port *port);
void pkt_flush(pkt_sim *sim, pkt_port *port); /* loses all that is queued at a failed port */
/* Remembers for a flow that a packet of it is gone. */
static inline void pkt_note_drop(pkt_sim *sim, uint32_t pair, const pkt_port *port) {
  pkt_queue_pair *p = &sim->pairs[pair];
  p->n_dropped++;
  p->last_drop_port = (int32_t)(port - sim->ports);
  p->last_drop_ns = sim->events.now_ns;
}

/* switch.c */
void pkt_switch_receive(pkt_sim *sim, uint32_t packet);
void pkt_switch_send(pkt_sim *sim, pkt_port *port);
/* A packet has left the shared buffer: counters, and RESUME where that makes room. */
void pkt_switch_forget(pkt_sim *sim, const pkt_port *port, const pkt_packet *p);

/* host.c */
void pkt_host_receive(pkt_sim *sim, uint32_t packet);
void pkt_host_send(pkt_sim *sim, pkt_port *port);
void pkt_host_timer(pkt_sim *sim, uint32_t pair, int timer);

/* nic.c: which queue pair sends next */
m4_status pkt_nic_add(pkt_sim *sim, pkt_port *port, uint32_t pair, m4_error *err);
/* To be called after any change of a pair's sender; a removed pair is accepted. */
void pkt_nic_update(pkt_sim *sim, uint32_t pair);
uint32_t pkt_nic_choose(pkt_sim *sim, pkt_port *port);
void pkt_nic_plan_wake(pkt_sim *sim, pkt_port *port);
/* Pulls a planned wake-up earlier. */
void pkt_nic_wake_by(pkt_sim *sim, const pkt_port *port, int64_t time_ns);
bool pkt_nic_has_work(const pkt_nic *nic, const pkt_port *port);

/* flows.c: from a submitted flow to a queue pair and back */
m4_status pkt_grow_port_counts(pkt_sim *sim, uint64_t n_pairs, m4_error *err);
m4_status pkt_read_flows(pkt_sim *sim, m4_error *err);
m4_status pkt_start_flow(pkt_sim *sim, uint32_t pair, m4_error *err);
void pkt_end_flow(pkt_sim *sim, uint32_t pair);
m4_status pkt_reserve(pkt_sim *sim, uint32_t count, m4_error *err); /* events and packets */

static inline void *pkt_cc_state(const pkt_sim *sim, uint32_t pair) {
  return sim->cc_states + pair * sim->cc->state_bytes;
}

#endif
