/* Builds ports, switches and NICs from a topology, and checks what the settings ask of it. Source:
 * packet-simulator.md 5, 8. */
#include "sim/packet/state.h"

#include <stdlib.h>

static const int64_t NIC_REFERENCE_BPS = 10000000000;
enum { HEADROOM_BASE_BYTES = 2 * 1048 + 3860, HEADROOM_QUEUES = 2 };

/* 8455 at 10 Gb/s and 1 us: the original's delay is a hair below its decimal value. */
static int64_t headroom_bytes(const pkt_port *port) {
  double rate = (double)(port->rate_bps < NIC_REFERENCE_BPS ? port->rate_bps : NIC_REFERENCE_BPS);
  return (int64_t)(HEADROOM_BASE_BYTES + 2 * rate * (double)port->delay_ns / 8e9 - 1e-6);
}

static m4_status set_ecn(const pkt_sim *sim, pkt_port *port, m4_error *err) {
  const pkt_settings *settings = sim->settings;
  for (int32_t i = 0; i < settings->n_ecn; i++) {
    if (settings->ecn[i].rate_bps != port->rate_bps) continue;
    port->ecn_min_bytes = settings->ecn[i].kmin_kb * 1000;
    port->ecn_max_bytes = settings->ecn[i].kmax_kb * 1000;
    port->ecn_share = settings->ecn[i].pmax;
    return M4_OK;
  }
  if (!settings->enable_ecn) return M4_OK;
  m4_status status =
      m4_fail(err, M4_DATA, NULL, "no ECN thresholds for ports of %lld bit/s", (long long)port->rate_bps);
  return m4_hint(err, status, "add the rate to KMIN_MAP, KMAX_MAP and PMAX_MAP");
}

/* The rates that HPCC's telemetry can name. */
static m4_status check_line_rate(const pkt_port *port, m4_error *err) {
  static const int64_t gbps[] = {10, 25, 40, 50, 100, 200, 400, 100000};
  for (size_t i = 0; i < sizeof gbps / sizeof *gbps; i++)
    if (port->rate_bps == gbps[i] * 1000000000) return M4_OK;
  return m4_fail(err, M4_DATA, NULL, "HPCC does not know links of %lld bit/s", (long long)port->rate_bps);
}

void pkt_set_rate(const pkt_sim *sim, pkt_port *port, int64_t rate_bps) {
  port->rate_bps = rate_bps;
  port->tx_full_ns = pkt_transmission_ns(sim->full_wire_bytes, (uint64_t)rate_bps);
  port->tx_ack_ns = pkt_transmission_ns(sim->ack_wire_bytes, (uint64_t)rate_bps);
}

static m4_status add_port(pkt_sim *sim, int32_t link_index, m4_error *err) {
  const sim_link *link = &sim->topology->links[link_index];
  pkt_port *port = &sim->ports[link_index];
  *port = (pkt_port){.urgent = {PKT_NONE, PKT_NONE, 0},
                     .data = {PKT_NONE, PKT_NONE, 0},
                     .busy_until_ns = -1,
                     .at_switch = sim->topology->is_switch[link->from],
                     .delay_ns = link->delay_ns};
  pkt_set_rate(sim, port, link->rate_bps);
  M4_TRY(pkt_reserve(sim, 2, err));
  port->tx_done = pkt_event_new(&sim->events, PKT_EVENT_TX_DONE, (uint32_t)link_index);
  if (!port->at_switch) {
    port->owner = sim->n_nics++;
    sim->nics[port->owner].wake = pkt_event_new(&sim->events, PKT_EVENT_WAKE, (uint32_t)link_index);
    return M4_OK;
  }
  if (sim->cc->has_telemetry) M4_TRY(check_line_rate(port, err));
  port->headroom_limit = headroom_bytes(port);
  return set_ecn(sim, port, err);
}

static void add_switch(pkt_sim *sim, int32_t node, pkt_switch *sw, int32_t index) {
  const sim_topology *topology = sim->topology;
  for (int32_t i = topology->port_begin[node]; i < topology->port_begin[node + 1]; i++) {
    pkt_port *port = &sim->ports[topology->port_link[i]];
    port->owner = index;
    sw->headroom_total += HEADROOM_QUEUES * port->headroom_limit;
  }
  int64_t buffer = sim->settings->buffer_kib * 1024, most = (int64_t)((double)buffer * 0.8);
  sw->pool_bytes = buffer - (sw->headroom_total < most ? sw->headroom_total : most);
}

static int64_t largest_nic_rate(const sim_topology *topology) {
  int64_t rate = 1;
  for (int32_t i = 0; i < topology->n_links; i++)
    if (!topology->is_switch[topology->links[i].from] && topology->links[i].rate_bps > rate)
      rate = topology->links[i].rate_bps;
  return rate;
}

static m4_status set_window(pkt_sim *sim, m4_error *err) {
  const pkt_settings *settings = sim->settings;
  uint64_t rate = (uint64_t)largest_nic_rate(sim->topology);
  if (!settings->has_window) return M4_OK;
  if (settings->max_bdp_window && (double)rate * (double)sim->cc_env.base_rtt_ns > 9e18)
    return m4_fail(err, M4_DATA, NULL, "the largest bandwidth-delay product is too large");
  sim->cc_env.window_bytes = settings->max_bdp_window ? rate * (uint64_t)sim->cc_env.base_rtt_ns / 8000000000u
                                                      : (uint64_t)settings->window_bytes;
  if (sim->cc_env.window_bytes > UINT64_MAX / rate)
    return m4_fail(err, M4_DATA, NULL, "a window of %llu bytes is too large at %llu bit/s",
                   (unsigned long long)sim->cc_env.window_bytes, (unsigned long long)rate);
  return M4_OK;
}

m4_status pkt_setup_network(pkt_sim *sim, m4_error *err) {
  const sim_topology *topology = sim->topology;
  sim->ports = calloc((size_t)topology->n_links + 1, sizeof *sim->ports);
  sim->switches = calloc((size_t)topology->n_switches + 1, sizeof *sim->switches);
  sim->nics = calloc((size_t)topology->n_links + 1, sizeof *sim->nics);
  if (!sim->ports || !sim->switches || !sim->nics)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %d links", topology->n_links);
  for (int32_t i = 0; i < topology->n_links; i++) M4_TRY(add_port(sim, i, err));
  int32_t n_switches = 0;
  for (int32_t node = 0; node < topology->n_nodes; node++) {
    if (!topology->is_switch[node]) continue;
    add_switch(sim, node, &sim->switches[n_switches], n_switches);
    n_switches++;
  }
  return set_window(sim, err);
}
