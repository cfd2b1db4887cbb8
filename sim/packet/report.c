/* Tells the probe what happens to packets. Changes nothing. See pkt_packet_event. */
#include "sim/packet/state.h"

static void add_flow(const pkt_queue_pair *pair, pkt_packet_event *event) {
  const pkt_flow *flow = &pair->flow;
  bool forward = event->kind == PKT_DATA;
  event->flow = flow->tag;
  event->src = forward ? flow->src : flow->dst;
  event->dst = forward ? flow->dst : flow->src;
  event->source_port = forward ? flow->source_port : flow->destination_port;
  event->destination_port = forward ? flow->destination_port : flow->source_port;
}

void pkt_report_packet(const pkt_sim *sim, pkt_action action, const pkt_port *port, uint32_t packet,
                       int queue, int64_t queue_bytes) {
  const pkt_packet *p = &sim->packets[packet];
  pkt_packet_event event = {.time_ns = sim->events.now_ns,
                            .action = action,
                            .kind = (pkt_kind)p->kind,
                            .link = (int32_t)(port - sim->ports),
                            .queue = (uint8_t)queue,
                            .queue_bytes = queue_bytes,
                            .flow = -1,
                            .sequence = p->sequence,
                            .payload_bytes = p->payload_bytes,
                            .wire_bytes = p->wire_bytes,
                            .marked = p->marked,
                            .sent_ns = p->sent_ns};
  if (p->queue_pair != PKT_NONE) add_flow(&sim->pairs[p->queue_pair], &event);
  sim->probe.packet(sim->probe.ctx, &event);
}
