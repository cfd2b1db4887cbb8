/* A port: the wire. The end of a transmission becomes an event only when somebody has work for
 * it: otherwise the port remembers its time and creation number, which decide what "still busy" means
 * exactly. Source: packet-simulator.md 2. */
#include "sim/packet/state.h"

void pkt_transmit(pkt_sim *sim, pkt_port *port, uint32_t packet) {
  pkt_packet *p = &sim->packets[packet];
  pkt_event_queue *events = &sim->events;
  int64_t duration = p->wire_bytes == sim->full_wire_bytes ? port->tx_full_ns
                     : p->wire_bytes == sim->ack_wire_bytes
                         ? port->tx_ack_ns
                         : pkt_transmission_ns(p->wire_bytes, (uint64_t)port->rate_bps);
  port->busy_until_ns = events->now_ns + duration;
  port->tx_done_number = events->next_number++;
  port->sent_bytes += p->wire_bytes;
  port->sent_packets++;
  p->link = (int32_t)(port - sim->ports);
  pkt_event_at(events, packet, port->busy_until_ns + port->delay_ns, events->next_number++);
  sim->counters.wire_packets++;
}

void pkt_flush(pkt_sim *sim, pkt_port *port) {
  pkt_fifo *const fifos[] = {&port->data, &port->urgent};
  for (int i = 0; i < 2; i++)
    while (fifos[i]->head != PKT_NONE) {
      uint32_t packet = fifos[i]->head;
      pkt_report(sim, PKT_DROPPED, port, packet, i == 0 ? PKT_DATA_PRIORITY : 0, fifos[i]->bytes);
      pkt_pop(sim, fifos[i]);
      if (i == 0) pkt_switch_forget(sim, port, &sim->packets[packet]);
      pkt_lose(sim, packet, port);
    }
}

void pkt_await_tx_done(pkt_sim *sim, pkt_port *port) {
  if (sim->events.events[port->tx_done].place == PKT_IDLE)
    pkt_event_at(&sim->events, port->tx_done, port->busy_until_ns, port->tx_done_number);
}
