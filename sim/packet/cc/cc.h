/* What a congestion control is: a reaction to acknowledgements (and timers) that sets a sender's rate.
 * It sees one sender at a time; it knows neither hosts nor networks. Source: packet-simulator.md 6. */
#ifndef SIM_PACKET_CC_CC_H
#define SIM_PACKET_CC_CC_H

#include "sim/packet/event_queue.h"
#include "sim/packet/settings.h"

#include <stddef.h>

enum {
  PKT_MAX_TELEMETRY_HOPS = 5,
  PKT_TELEMETRY_TIME_BITS = 24, /* ns */
  PKT_TELEMETRY_SENT_BITS = 20, /* units of 128 bytes */
  PKT_TELEMETRY_SENT_UNIT = 128,
  PKT_TELEMETRY_QUEUE_BITS = 17, /* units of 80 bytes */
  PKT_TELEMETRY_QUEUE_UNIT = 80
};

/* What a switch adds to a data packet of HPCC at its departure; units as on the wire. */
typedef struct pkt_telemetry_hop {
  int64_t line_rate_bps;
  uint32_t time, sent, queue;
} pkt_telemetry_hop;

typedef struct pkt_telemetry {
  int32_t n_hops; /* switches passed; only the first PKT_MAX_TELEMETRY_HOPS are kept */
  pkt_telemetry_hop hop[PKT_MAX_TELEMETRY_HOPS];
} pkt_telemetry;

/* The sending half of a queue pair. Sequences are bytes; differences wrap as in the original (unsigned). */
typedef struct pkt_sender {
  uint64_t next, unacked, size;
  uint64_t rate_bps, max_rate_bps, nic_rate_bps;
  uint64_t window_bytes; /* of now; 0 = unlimited */
  int64_t next_available_ns;
  uint32_t last_wire_bytes;
  uint32_t queue_pair; /* owner of the events that a congestion control makes */
} pkt_sender;

typedef struct pkt_ack {
  uint64_t sequence;
  bool ecn_echo;
  int64_t sent_ns;                /* when the acknowledged data packet was built */
  const pkt_telemetry *telemetry; /* its copy; NULL unless has_telemetry */
} pkt_ack;

typedef struct pkt_cc_env {
  const pkt_settings *settings;
  pkt_event_queue *events; /* clock and timers; timer events are of kind timer_kind + timer index */
  uint64_t window_bytes;   /* at full rate; 0 = unlimited */
  uint8_t timer_kind;
  uint32_t n_timers_pending; /* over all senders */
  int64_t base_rtt_ns;       /* largest propagation round trip between two hosts, when needs_base_rtt */
} pkt_cc_env;

typedef struct pkt_cc_ops {
  pkt_cc_mode mode;
  const char *name;
  size_t state_bytes;
  uint16_t header_bytes; /* telemetry in the header of data packets and acknowledgements */
  bool has_telemetry, needs_base_rtt;
  void (*start)(const pkt_cc_env *env, const pkt_sender *sender, void *state);
  /* True when the sender's next-available time has to follow the rate just set. */
  bool (*on_ack)(pkt_cc_env *env, pkt_sender *sender, void *state, const pkt_ack *ack);
  void (*on_timer)(pkt_cc_env *env, pkt_sender *sender, void *state, int timer); /* NULL without timers */
  void (*finish)(pkt_cc_env *env, void *state);                                  /* NULL without timers */
} pkt_cc_ops;

extern const pkt_cc_ops pkt_cc_dctcp, pkt_cc_timely, pkt_cc_dcqcn, pkt_cc_hpcc;

/* NULL when the mode is not supported. */
const pkt_cc_ops *pkt_cc_find(pkt_cc_mode mode);
/* "1 (dcqcn), 3 (hp), ...": the supported ones, by number. */
void pkt_cc_list(char *text, size_t bytes);

/* Timers of one sender. A timer is idle or pending; an event must be reserved for each new one. */
uint32_t pkt_cc_timer_new(const pkt_cc_env *env, const pkt_sender *sender, int timer);
void pkt_cc_timer_set(pkt_cc_env *env, uint32_t event, int64_t delay_ns); /* must be idle */
void pkt_cc_timer_cancel(pkt_cc_env *env, uint32_t event);
void pkt_cc_timer_free(pkt_cc_env *env, uint32_t event);

/* max(MIN_RATE, rate * factor), truncated to whole bit/s. */
static inline uint64_t pkt_cc_decrease(const pkt_cc_env *env, uint64_t rate_bps, double factor) {
  uint64_t rate = (uint64_t)((double)rate_bps * factor);
  return rate > (uint64_t)env->settings->min_rate_bps ? rate : (uint64_t)env->settings->min_rate_bps;
}

/* min(max rate, rate + step). */
static inline uint64_t pkt_cc_increase(const pkt_sender *sender, int64_t step_bps) {
  uint64_t rate = sender->rate_bps + (uint64_t)step_bps;
  return rate < sender->max_rate_bps ? rate : sender->max_rate_bps;
}

#endif
