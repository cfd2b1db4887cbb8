/* Creation and the event loop. See packet.h. */
#include "sim/packet/state.h"

#include <stdlib.h>

enum { EVENTS_PER_STEP = 8 }; /* packets and timers that one event can make at most */

static int64_t horizon_ns(const sim_topology *topology, uint16_t wire_bytes) {
  int64_t horizon = 0;
  for (int32_t i = 0; i < topology->n_links; i++) {
    const sim_link *link = &topology->links[i];
    int64_t ahead = link->delay_ns + pkt_transmission_ns(wire_bytes, (uint64_t)link->rate_bps);
    if (ahead > horizon) horizon = ahead;
  }
  return horizon;
}

static m4_status check_supported(const pkt_sim *sim, m4_error *err) {
  if (!sim->cc)
    return m4_fail(err, M4_USAGE, "CC_MODE", "CC_MODE %d is not supported", (int)sim->settings->cc);
  if (sim->cc->has_telemetry && !sim->settings->has_window)
    return m4_fail(err, M4_USAGE, "HAS_WIN", "CC_MODE %d needs HAS_WIN 1", (int)sim->settings->cc);
  for (int32_t i = 0; i < sim->topology->n_links; i++)
    if (sim->topology->links[i].delay_ns > PKT_MAX_TIME_NS / 4)
      return m4_fail(err, M4_DATA, NULL, "link %d has a delay of %lld ns", i,
                     (long long)sim->topology->links[i].delay_ns);
  return M4_OK;
}

static m4_status make_groups(pkt_sim *sim, m4_error *err) {
  if (sim->settings->flow_limit <= 0) return M4_OK;
  sim->n_groups = (int32_t)(sim->topology->n_nodes / sim->settings->hosts_per_group) + 1;
  sim->groups = calloc((size_t)sim->n_groups, sizeof *sim->groups);
  if (!sim->groups) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d groups", sim->n_groups);
  for (int32_t i = 0; i < sim->n_groups; i++) sim->groups[i] = (pkt_group){0, PKT_NONE, PKT_NONE};
  return M4_OK;
}

static m4_status init(pkt_sim *sim, m4_error *err) {
  M4_TRY(pkt_settings_check(sim->settings, err));
  M4_TRY(check_supported(sim, err));
  sim->full_wire_bytes = (uint16_t)(sim->settings->payload_bytes + PKT_HEADER_BYTES + sim->cc->header_bytes);
  sim->ack_wire_bytes = PKT_ACK_HEADER_BYTES + sim->cc->header_bytes;
  if (sim->ack_wire_bytes < PKT_MIN_ACK_BYTES) sim->ack_wire_bytes = PKT_MIN_ACK_BYTES;
  M4_TRY(pkt_events_init(&sim->events, horizon_ns(sim->topology, sim->full_wire_bytes), err));
  sim->cc_env =
      (pkt_cc_env){.settings = sim->settings, .events = &sim->events, .timer_kind = PKT_EVENT_CC_TIMER};
  if (sim->cc->needs_base_rtt || sim->settings->max_bdp_window)
    M4_TRY(pkt_base_rtt_ns(sim->topology, &sim->cc_env.base_rtt_ns, err));
  M4_TRY(pkt_setup_network(sim, err));
  M4_TRY(make_groups(sim, err));
  M4_TRY(pkt_reserve(sim, 1, err));
  sim->reader = pkt_event_new(&sim->events, PKT_EVENT_READER, 0);
  sim->reader_number = sim->events.next_number++;
  pkt_random_init(&sim->random, 9 * (uint64_t)sim->topology->n_nodes + 2);
  return M4_OK;
}

m4_status pkt_create(pkt_sim **out, const sim_topology *topology, sim_routing *routing,
                     const pkt_settings *settings, const pkt_probe *probe, m4_error *err) {
  *out = NULL;
  pkt_sim *sim = calloc(1, sizeof *sim);
  if (!sim) return m4_fail(err, M4_MEMORY, NULL, "no memory for the packet simulator");
  sim->topology = topology;
  sim->routing = routing;
  sim->settings = settings;
  if (probe) sim->probe = *probe;
  sim->cc = pkt_cc_find(settings->cc);
  m4_status status = init(sim, err);
  if (status != M4_OK) {
    pkt_free(sim);
    return status;
  }
  *out = sim;
  return M4_OK;
}

void pkt_free(pkt_sim *sim) {
  if (!sim) return;
  for (int32_t i = 0; i < sim->n_nics; i++) free(sim->nics[i].entries);
  pkt_events_free(&sim->events);
  free(sim->packets);
  free(sim->telemetry);
  free(sim->ports);
  free(sim->switches);
  free(sim->nics);
  free(sim->pairs);
  free(sim->cc_states);
  free(sim->paths);
  free(sim->groups);
  sim_map_free(&sim->port_counts);
  pkt_faults_free(sim->faults);
  free(sim);
}

/* ---- the loop ---- */

static void receive_pause(pkt_sim *sim, pkt_port *port, pkt_kind kind) {
  if (!sim->settings->enable_pfc) return;
  port->paused = kind == PKT_PAUSE;
  if (port->paused) return;
  if (port->at_switch)
    pkt_switch_send(sim, port);
  else
    pkt_host_send(sim, port);
}

static void arrive(pkt_sim *sim, uint32_t packet) {
  const pkt_packet *p = &sim->packets[packet];
  pkt_port *port = &sim->ports[p->link ^ 1];
  pkt_report(sim, PKT_RECEIVED, port, packet, 0, 0);
  if (p->kind == PKT_PAUSE || p->kind == PKT_RESUME) {
    pkt_kind kind = (pkt_kind)p->kind;
    pkt_event_release(&sim->events, packet);
    receive_pause(sim, port, kind);
  } else if (port->at_switch) {
    pkt_switch_receive(sim, packet);
  } else {
    pkt_host_receive(sim, packet);
  }
}

static m4_status run_event(pkt_sim *sim, uint32_t event, m4_error *err) {
  const pkt_event e = sim->events.events[event];
  switch (e.kind) {
  case PKT_EVENT_ARRIVAL:
    arrive(sim, event);
    return M4_OK;
  case PKT_EVENT_TX_DONE:
  case PKT_EVENT_WAKE:
    if (sim->ports[e.owner].at_switch)
      pkt_switch_send(sim, &sim->ports[e.owner]);
    else
      pkt_host_send(sim, &sim->ports[e.owner]);
    return M4_OK;
  case PKT_EVENT_READER:
    return pkt_read_flows(sim, err);
  case PKT_EVENT_INITIALISE:
    sim->events.events[event].kind = PKT_EVENT_START;
    pkt_event_at(&sim->events, event, e.time_ns, sim->events.next_number++);
    return M4_OK;
  case PKT_EVENT_START:
    pkt_event_release(&sim->events, event);
    return pkt_start_flow(sim, e.owner, err);
  case PKT_EVENT_LINK:
    pkt_event_release(&sim->events, event);
    return pkt_change_now(sim, e.owner, err);
  case PKT_EVENT_RECOVER:
    pkt_event_release(&sim->events, event);
    pkt_recover(sim, e.owner);
    return M4_OK;
  default:
    pkt_host_timer(sim, e.owner, e.kind - PKT_EVENT_CC_TIMER);
    return M4_OK;
  }
}

/* Nothing that is pending can finish a flow: timers alone wake nobody. */
bool pkt_all_over(const pkt_sim *sim) {
  return sim->n_ended == sim->n_pairs || pkt_events_pending(&sim->events) == sim->cc_env.n_timers_pending;
}

/* Detours are found in the middle of an event: room for them before, what went wrong after. */
static m4_status after_fault(pkt_sim *sim, m4_error *err) {
  if (sim->faults->status != M4_OK && err) *err = sim->faults->error;
  M4_TRY(sim->faults->status);
  return pkt_reserve_paths(sim, err);
}

m4_status pkt_advance(pkt_sim *sim, int64_t limit_ns, bool *completed, int64_t *flow, int64_t *time_ns,
                      m4_error *err) {
  int64_t last_ns = sim->settings->stop_time_ns - 1;
  if (limit_ns < last_ns) last_ns = limit_ns;
  *completed = false;
  while (limit_ns != INT64_MAX || !pkt_all_over(sim)) {
    M4_TRY(pkt_reserve(sim, EVENTS_PER_STEP, err));
    uint32_t event = pkt_events_take(&sim->events, last_ns);
    if (event == PKT_NONE) break;
    sim->counters.events++;
    sim->completed = false;
    M4_TRY(run_event(sim, event, err));
    if (sim->faults) M4_TRY(after_fault(sim, err));
    if (!sim->completed) continue;
    *completed = true;
    *flow = sim->pairs[sim->completed_pair].flow.tag;
    *time_ns = sim->events.now_ns;
    return M4_OK;
  }
  if (limit_ns != INT64_MAX && last_ns == limit_ns) pkt_events_skip_to(&sim->events, limit_ns);
  return M4_OK;
}

int64_t pkt_fct_ns(const pkt_sim *sim) {
  return sim->n_pairs == 0 ? 0 : sim->events.now_ns - sim->pairs[sim->completed_pair].created_ns;
}

int64_t pkt_now_ns(const pkt_sim *sim) {
  return sim->events.now_ns;
}

pkt_counters pkt_count(const pkt_sim *sim) {
  return sim->counters;
}

pkt_link_counters pkt_count_link(const pkt_sim *sim, int32_t link) {
  const pkt_port *port = &sim->ports[link];
  return (pkt_link_counters){.sent_bytes = port->sent_bytes,
                             .sent_packets = port->sent_packets,
                             .max_queue_bytes = port->max_data_bytes,
                             .drops = port->drops,
                             .ecn_marks = port->marks,
                             .pauses = port->pauses,
                             .lost = port->lost};
}
