/* A host: builds data packets when its wire is free, answers them with ACK or NACK, reacts to those. Knows
 * ports and NICs, not switches. Source: packet-simulator.md 3, 4. */
#include "sim/packet/state.h"

static bool acks_blocked(const pkt_sim *sim, const pkt_port *port) {
  return port->paused && !sim->settings->ack_high_priority;
}

/* ---- sending ---- */

static void count_repeat(pkt_sim *sim, uint64_t payload) {
  sim->counters.retransmitted_packets++;
  sim->counters.retransmitted_bytes += payload;
}

static uint32_t build_data(pkt_sim *sim, pkt_port *port, uint32_t index) {
  pkt_queue_pair *pair = &sim->pairs[index];
  uint64_t left = pair->sender.size - pair->sender.next, payload = (uint64_t)sim->settings->payload_bytes;
  if (left < payload) payload = left;
  uint32_t packet = pkt_event_new(&sim->events, PKT_EVENT_ARRIVAL, 0);
  sim->packets[packet] =
      (pkt_packet){.kind = PKT_DATA,
                   .queue_pair = index,
                   .path = pair->path + 1,
                   .sequence = (uint32_t)pair->sender.next,
                   .payload_bytes = (uint16_t)payload,
                   .wire_bytes = (uint16_t)(payload + PKT_HEADER_BYTES + sim->cc->header_bytes),
                   .sent_ns = sim->events.now_ns,
                   .first = !pair->first_sent};
  if (sim->telemetry) sim->telemetry[packet].n_hops = 0;
  if (!pair->first_sent && sim->probe.first_packet_queued)
    sim->probe.first_packet_queued(sim->probe.ctx, sim->events.now_ns, pair->flow.tag, 0, port->urgent.bytes);
  if (pair->sender.next < pair->highest_sent) count_repeat(sim, payload);
  pair->first_sent = true;
  pair->sender.next += payload;
  if (pair->sender.next > pair->highest_sent) pair->highest_sent = pair->sender.next;
  sim->counters.data_packets++;
  return packet;
}

static void send_data(pkt_sim *sim, pkt_port *port, uint32_t index) {
  uint32_t packet = build_data(sim, port, index);
  pkt_sender *sender = &sim->pairs[index].sender;
  sender->last_wire_bytes = sim->packets[packet].wire_bytes;
  pkt_report(sim, PKT_DEQUEUED, port, packet, PKT_DATA_PRIORITY, port->urgent.bytes);
  pkt_transmit(sim, port, packet);
  sender->next_available_ns =
      sim->events.now_ns + pkt_transmission_ns(sender->last_wire_bytes, sender->rate_bps);
  pkt_nic_update(sim, index);
}

void pkt_host_send(pkt_sim *sim, pkt_port *port) {
  const pkt_nic *nic = &sim->nics[port->owner];
  if (port->rate_bps == 0) return;
  if (pkt_port_busy(sim, port)) {
    if (pkt_nic_has_work(nic, port)) pkt_await_tx_done(sim, port);
    return;
  }
  if (port->urgent.head != PKT_NONE && !acks_blocked(sim, port)) {
    uint32_t packet = pkt_pop(sim, &port->urgent);
    pkt_report(sim, PKT_DEQUEUED, port, packet, 0, port->urgent.bytes);
    pkt_transmit(sim, port, packet);
  } else {
    uint32_t pair = pkt_nic_choose(sim, port);
    if (pair == PKT_NONE) {
      pkt_nic_plan_wake(sim, port);
      return;
    }
    send_data(sim, port, pair);
  }
  if (pkt_nic_has_work(nic, port)) pkt_await_tx_done(sim, port);
}

/* ---- receiving data ---- */

/* The data packet becomes its answer. */
static void answer(pkt_sim *sim, uint32_t packet, pkt_kind kind) {
  pkt_packet *p = &sim->packets[packet];
  const pkt_queue_pair *pair = &sim->pairs[p->queue_pair];
  pkt_port *port = &sim->ports[sim->paths[pair->ack_path]];
  p->kind = (uint8_t)kind;
  p->path = pair->ack_path + 1;
  p->sequence = pair->expected;
  p->payload_bytes = 0;
  p->wire_bytes = sim->ack_wire_bytes;
  p->first = false;
  if (port->rate_bps == 0) {
    pkt_lose(sim, packet, port);
    return;
  }
  pkt_report(sim, PKT_ENQUEUED, port, packet, 0, port->urgent.bytes);
  pkt_push(sim, &port->urgent, packet);
  pkt_host_send(sim, port);
}

static void deliver(pkt_sim *sim, uint32_t index) {
  pkt_queue_pair *pair = &sim->pairs[index];
  pair->delivered = true;
  sim->completed = true;
  sim->completed_pair = index;
  if (sim->probe.flow_done) sim->probe.flow_done(sim->probe.ctx, sim->events.now_ns, pair->flow.tag);
}

static void receive_data(pkt_sim *sim, uint32_t packet) {
  const pkt_packet *p = &sim->packets[packet];
  pkt_queue_pair *pair = &sim->pairs[p->queue_pair];
  int64_t now = sim->events.now_ns;
  if (sim->probe.payload_received)
    sim->probe.payload_received(sim->probe.ctx, now, pair->flow.tag, p->payload_bytes);
  if (p->sequence == pair->expected) {
    pair->expected += p->payload_bytes;
    if (pair->expected >= pair->sender.size && !pair->delivered) deliver(sim, p->queue_pair);
    answer(sim, packet, PKT_ACK);
  } else if (p->sequence > pair->expected &&
             (now >= pair->nack_after_ns || pair->last_nack != pair->expected)) {
    pair->nack_after_ns = now + PKT_NACK_INTERVAL_NS;
    pair->last_nack = pair->expected;
    answer(sim, packet, PKT_NACK);
  } else if (p->sequence < pair->expected && pair->lossy) {
    answer(sim, packet, PKT_ACK); /* the one before may be lost */
  } else {
    pkt_event_release(&sim->events, packet);
  }
}

/* ---- receiving ACK and NACK ---- */

static void set_window(const pkt_sim *sim, pkt_sender *sender) {
  if (sim->cc_env.window_bytes == 0 || !sim->settings->var_window) return;
  uint64_t window = sim->cc_env.window_bytes * sender->rate_bps / sender->max_rate_bps;
  sender->window_bytes = window > 0 ? window : 1;
}

static void apply_rate(pkt_sim *sim, uint32_t index, uint64_t old_rate_bps, bool moves_next_available) {
  pkt_sender *sender = &sim->pairs[index].sender;
  if (moves_next_available) {
    pkt_port *port = &sim->ports[sim->pairs[index].nic_port];
    sender->next_available_ns += pkt_transmission_ns(sender->last_wire_bytes, sender->rate_bps) -
                                 pkt_transmission_ns(sender->last_wire_bytes, old_rate_bps);
    pkt_nic_wake_by(sim, port, sender->next_available_ns);
  }
  if (sender->rate_bps != old_rate_bps) set_window(sim, sender);
}

static void receive_ack(pkt_sim *sim, uint32_t packet) {
  const pkt_packet p = sim->packets[packet];
  pkt_queue_pair *pair = &sim->pairs[p.queue_pair];
  if (!pair->live) return;
  pkt_sender *sender = &pair->sender;
  if (p.sequence > sender->unacked) sender->unacked = p.sequence;
  if (sender->unacked >= sender->size) pkt_end_flow(sim, p.queue_pair);
  bool gone_back_too_far = sender->next < sender->unacked; /* after acknowledgements were lost with a link */
  if (p.kind == PKT_NACK || gone_back_too_far) sender->next = sender->unacked;
  uint64_t old_rate_bps = sender->rate_bps;
  pkt_ack ack = {.sequence = p.sequence,
                 .ecn_echo = p.marked,
                 .sent_ns = p.sent_ns,
                 .telemetry = sim->telemetry ? &sim->telemetry[packet] : NULL};
  bool moves = sim->cc->on_ack(&sim->cc_env, sender, pkt_cc_state(sim, p.queue_pair), &ack);
  apply_rate(sim, p.queue_pair, old_rate_bps, moves);
  pkt_nic_update(sim, p.queue_pair);
  pkt_host_send(sim, &sim->ports[pair->nic_port]);
}

void pkt_host_receive(pkt_sim *sim, uint32_t packet) {
  if (sim->packets[packet].kind == PKT_DATA) {
    receive_data(sim, packet);
  } else {
    receive_ack(sim, packet);
    pkt_event_release(&sim->events, packet);
  }
}

void pkt_host_timer(pkt_sim *sim, uint32_t index, int timer) {
  pkt_sender *sender = &sim->pairs[index].sender;
  uint64_t old_rate_bps = sender->rate_bps;
  sim->cc_env.n_timers_pending--;
  sim->cc->on_timer(&sim->cc_env, sender, pkt_cc_state(sim, index), timer);
  apply_rate(sim, index, old_rate_bps, false);
  pkt_nic_update(sim, index);
}
