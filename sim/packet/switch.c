/* A switch: shared buffer with dynamic threshold, headroom, PAUSE and RESUME, ECN. Knows ports, not hosts.
 * Source: packet-simulator.md 5. */
#include "sim/packet/state.h"

enum { RESUME_FLOOR_BYTES = 1248, RESUME_OFFSET_BYTES = 2496, EGRESS_ALPHA = 10000 };

static int64_t buffer_bytes(const pkt_sim *sim) {
  return sim->settings->buffer_kib * 1024;
}

/* What one ingress queue may hold of the shared pool before it uses its headroom. */
static int64_t threshold(const pkt_switch *sw) {
  int64_t left = sw->pool_bytes - (sw->used_bytes - sw->headroom_used);
  return left > 0 ? left : 0;
}

static void send_pfc(pkt_sim *sim, pkt_port *port, pkt_kind kind) {
  if (port->rate_bps == 0) return;
  uint32_t packet = pkt_event_new(&sim->events, PKT_EVENT_ARRIVAL, 0);
  sim->packets[packet] =
      (pkt_packet){.kind = (uint8_t)kind, .wire_bytes = PKT_PAUSE_BYTES, .queue_pair = PKT_NONE};
  sim->counters.pauses += kind == PKT_PAUSE;
  port->pauses += kind == PKT_PAUSE;
  port->peer_paused = kind == PKT_PAUSE;
  sim->streams_passed++;
  pkt_report(sim, PKT_ENQUEUED, port, packet, 0, port->urgent.bytes);
  pkt_push(sim, &port->urgent, packet);
  pkt_switch_send(sim, port);
}

static bool admissible(const pkt_sim *sim, const pkt_switch *sw, const pkt_port *in, const pkt_port *out,
                       int64_t bytes) {
  int64_t buffer = buffer_bytes(sim);
  if (in->headroom_used > 0 &&
      (bytes + in->headroom_used > in->headroom_limit || bytes + sw->headroom_used > sw->headroom_total))
    return false;
  return bytes + sw->used_bytes <= sw->pool_bytes + sw->headroom_total && bytes + sw->used_bytes <= buffer &&
         bytes + out->data.bytes <= EGRESS_ALPHA * (buffer - sw->out_bytes) &&
         bytes + sw->out_bytes <= buffer;
}

static void admit(pkt_sim *sim, pkt_switch *sw, pkt_port *in, int64_t bytes) {
  in->ingress_bytes += bytes;
  sw->used_bytes += bytes;
  sw->out_bytes += bytes;
  if (in->headroom_used > 0 || in->ingress_bytes > threshold(sw)) {
    in->headroom_used += bytes;
    sw->headroom_used += bytes;
    if (!in->peer_paused) send_pfc(sim, in, PKT_PAUSE);
  }
}

static bool congested(pkt_sim *sim, const pkt_port *port) {
  int64_t bytes = port->data.bytes;
  if (bytes > port->ecn_max_bytes) return true;
  if (bytes <= port->ecn_min_bytes) return false;
  double share = port->ecn_share * (double)(bytes - port->ecn_min_bytes) /
                 (double)(port->ecn_max_bytes - port->ecn_min_bytes);
  for (; sim->streams_passed > 0; sim->streams_passed--) pkt_random_skip(&sim->random);
  return pkt_random_uniform(&sim->random) < share;
}

static void leave_buffer(pkt_switch *sw, pkt_port *in, int64_t bytes) {
  int64_t from_headroom = bytes < in->headroom_used ? bytes : in->headroom_used;
  in->ingress_bytes -= bytes;
  in->headroom_used -= from_headroom;
  sw->headroom_used -= from_headroom;
  sw->used_bytes -= bytes;
  sw->out_bytes -= bytes;
}

static void resume(pkt_sim *sim, const pkt_switch *sw, pkt_port *in) {
  if (in->peer_paused && in->headroom_used == 0 &&
      (in->ingress_bytes < RESUME_FLOOR_BYTES || in->ingress_bytes + RESUME_OFFSET_BYTES <= threshold(sw)))
    send_pfc(sim, in, PKT_RESUME);
}

void pkt_switch_forget(pkt_sim *sim, const pkt_port *port, const pkt_packet *p) {
  pkt_switch *sw = &sim->switches[port->owner];
  pkt_port *in = &sim->ports[p->link ^ 1];
  leave_buffer(sw, in, p->wire_bytes);
  resume(sim, sw, in);
}

/* Counters, ECN and RESUME for a packet that has just left the data queue of `port`. */
static void depart(pkt_sim *sim, pkt_port *port, pkt_packet *p) {
  pkt_switch *sw = &sim->switches[port->owner];
  pkt_port *in = &sim->ports[p->link ^ 1];
  leave_buffer(sw, in, p->wire_bytes);
  if (sim->settings->enable_ecn && congested(sim, port) && p->kind == PKT_DATA && !p->marked) {
    p->marked = true;
    sim->counters.ecn_marks++;
    port->marks++;
  }
  resume(sim, sw, in);
}

static uint32_t low_bits(uint64_t value, int bits) {
  return (uint32_t)(value & ((1u << bits) - 1));
}

static void add_telemetry(pkt_sim *sim, const pkt_port *port, uint32_t packet) {
  pkt_telemetry *telemetry = &sim->telemetry[packet];
  uint64_t multiple = (uint64_t)sim->settings->int_multi;
  uint64_t queue_bytes = (uint64_t)(port->urgent.bytes + port->data.bytes);
  if (telemetry->n_hops < PKT_MAX_TELEMETRY_HOPS)
    telemetry->hop[telemetry->n_hops] = (pkt_telemetry_hop){
        .line_rate_bps = port->rate_bps,
        .time = low_bits((uint64_t)sim->events.now_ns, PKT_TELEMETRY_TIME_BITS),
        .sent = low_bits(port->sent_bytes / (PKT_TELEMETRY_SENT_UNIT * multiple), PKT_TELEMETRY_SENT_BITS),
        .queue = low_bits(queue_bytes / (PKT_TELEMETRY_QUEUE_UNIT * multiple), PKT_TELEMETRY_QUEUE_BITS)};
  telemetry->n_hops++;
}

static bool has_work(const pkt_port *port) {
  return port->urgent.head != PKT_NONE || (port->data.head != PKT_NONE && !port->paused);
}

void pkt_switch_send(pkt_sim *sim, pkt_port *port) {
  if (!has_work(port)) return;
  if (pkt_port_busy(sim, port)) {
    pkt_await_tx_done(sim, port);
    return;
  }
  bool urgent = port->urgent.head != PKT_NONE;
  pkt_fifo *fifo = urgent ? &port->urgent : &port->data;
  uint32_t packet = pkt_pop(sim, fifo);
  if (!urgent) depart(sim, port, &sim->packets[packet]);
  pkt_report(sim, PKT_DEQUEUED, port, packet, urgent ? 0 : PKT_DATA_PRIORITY, fifo->bytes);
  if (sim->telemetry && sim->packets[packet].kind == PKT_DATA) add_telemetry(sim, port, packet);
  pkt_transmit(sim, port, packet);
  if (has_work(port)) pkt_await_tx_done(sim, port);
}

/* Detours have no hop numbers. */
static void report_first(const pkt_sim *sim, const pkt_packet *p, const pkt_port *out) {
  const pkt_queue_pair *pair = &sim->pairs[p->queue_pair];
  if (pair->rerouted) return;
  sim->probe.first_packet_queued(sim->probe.ctx, sim->events.now_ns, pair->flow.tag,
                                 (int32_t)(p->path - 1 - pair->path), out->data.bytes);
}

static void drop(pkt_sim *sim, const pkt_packet *p, pkt_port *out) {
  sim->counters.drops++;
  out->drops++;
  pkt_note_drop(sim, p->queue_pair, out);
}

void pkt_switch_receive(pkt_sim *sim, uint32_t packet) {
  pkt_packet *p = &sim->packets[packet];
  pkt_port *in = &sim->ports[p->link ^ 1], *out = &sim->ports[sim->paths[p->path]];
  if (out->rate_bps == 0) {
    if (!pkt_detour(sim, packet, sim->topology->links[p->link].to)) return;
    out = &sim->ports[sim->paths[p->path]];
  }
  p->path++;
  if (p->kind != PKT_DATA && sim->settings->ack_high_priority) {
    pkt_report(sim, PKT_ENQUEUED, out, packet, 0, out->urgent.bytes);
    pkt_push(sim, &out->urgent, packet);
  } else {
    pkt_switch *sw = &sim->switches[in->owner];
    if (!admissible(sim, sw, in, out, p->wire_bytes)) {
      drop(sim, p, out);
      pkt_report(sim, PKT_DROPPED, out, packet, PKT_DATA_PRIORITY, out->data.bytes);
      pkt_event_release(&sim->events, packet);
      return;
    }
    admit(sim, sw, in, p->wire_bytes);
    if (p->first && sim->probe.first_packet_queued) report_first(sim, p, out);
    pkt_report(sim, PKT_ENQUEUED, out, packet, PKT_DATA_PRIORITY, out->data.bytes);
    pkt_push(sim, &out->data, packet);
    if (out->data.bytes > out->max_data_bytes) out->max_data_bytes = out->data.bytes;
  }
  pkt_switch_send(sim, out);
}
