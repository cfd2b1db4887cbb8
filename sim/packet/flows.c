/* From a submitted flow to a queue pair and back: the arrival reader, the three events of a start, the closed
 * loop, the end. Source: packet-simulator.md 2 (flow start), 4, 8 (closed loop). */
#include "sim/packet/state.h"

#include <stdlib.h>

m4_status pkt_reserve(pkt_sim *sim, uint32_t count, m4_error *err) {
  if (sim->events.n_free >= count) return M4_OK;
  M4_TRY(pkt_events_reserve(&sim->events, count, err));
  uint32_t capacity = sim->events.capacity;
  if (sim->n_packets >= capacity) return M4_OK;
  pkt_packet *packets = realloc(sim->packets, capacity * sizeof *packets);
  if (packets) sim->packets = packets;
  pkt_telemetry *telemetry = NULL;
  if (sim->cc->has_telemetry) {
    telemetry = realloc(sim->telemetry, capacity * sizeof *telemetry);
    if (telemetry) sim->telemetry = telemetry;
  }
  if (!packets || (sim->cc->has_telemetry && !telemetry))
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %u packets", capacity);
  sim->n_packets = capacity;
  return M4_OK;
}

/* ---- closed loop ---- */

static pkt_group *group_of(pkt_sim *sim, uint32_t index) {
  return sim->groups ? &sim->groups[sim->pairs[index].flow.src / sim->settings->hosts_per_group] : NULL;
}

static uint64_t pair_key(const pkt_flow *flow) {
  return (uint64_t)(uint32_t)flow->src << 32 | (uint32_t)flow->dst;
}

m4_status pkt_grow_port_counts(pkt_sim *sim, uint64_t n_pairs, m4_error *err) {
  if (!sim->groups || n_pairs <= sim->port_counts_room) return M4_OK;
  sim_map larger = {0};
  M4_TRY(sim_map_init(&larger, (int64_t)(2 * n_pairs), err));
  for (uint64_t i = 0; sim->port_counts.slots && i <= sim->port_counts.mask; i++) {
    const sim_map_slot *slot = &sim->port_counts.slots[i];
    if (slot->used) *sim_map_put(&larger, slot->key, NULL) = slot->value;
  }
  sim_map_free(&sim->port_counts);
  sim->port_counts = larger;
  sim->port_counts_room = 2 * n_pairs;
  return M4_OK;
}

static void wait_for_turn(pkt_sim *sim, pkt_group *group, uint32_t index) {
  sim->pairs[index].next_waiting = PKT_NONE;
  if (group->first_waiting == PKT_NONE)
    group->first_waiting = index;
  else
    sim->pairs[group->last_waiting].next_waiting = index;
  group->last_waiting = index;
}

/* ---- start ---- */

/* First of the two events that create the queue pair; an event is reserved. */
static void release_flow(pkt_sim *sim, uint32_t index) {
  pkt_group *group = group_of(sim, index);
  pkt_event_queue *events = &sim->events;
  if (group) {
    group->in_flight++;
    int64_t used = (*sim_map_put(&sim->port_counts, pair_key(&sim->pairs[index].flow), NULL))++;
    sim->pairs[index].flow.source_port = (uint16_t)(PKT_FIRST_SOURCE_PORT + used);
  }
  uint32_t event = pkt_event_new(events, PKT_EVENT_INITIALISE, index);
  pkt_event_at(events, event, events->now_ns, events->next_number++);
}

m4_status pkt_read_flows(pkt_sim *sim, m4_error *err) {
  pkt_event_queue *events = &sim->events;
  while (sim->n_read < sim->n_pairs && sim->pairs[sim->n_read].flow.start_ns == events->now_ns) {
    uint32_t index = sim->n_read++;
    pkt_group *group = group_of(sim, index);
    M4_TRY(pkt_reserve(sim, 1, err));
    if (group && group->in_flight >= sim->settings->flow_limit)
      wait_for_turn(sim, group, index);
    else
      release_flow(sim, index);
  }
  sim->reader_number = events->next_number++;
  if (sim->n_read < sim->n_pairs)
    pkt_event_at(events, sim->reader, sim->pairs[sim->n_read].flow.start_ns, sim->reader_number);
  return M4_OK;
}

static void init_sender(pkt_sim *sim, uint32_t index) {
  pkt_queue_pair *pair = &sim->pairs[index];
  uint64_t line_rate = (uint64_t)sim->topology->links[pair->nic_port].rate_bps,
           limit = (uint64_t)sim->settings->max_rate_bps, rate = line_rate < limit ? line_rate : limit;
  pair->sender = (pkt_sender){.size = (uint64_t)pair->flow.size_bytes,
                              .rate_bps = rate,
                              .max_rate_bps = rate,
                              .nic_rate_bps = line_rate,
                              .window_bytes = sim->cc_env.window_bytes,
                              .next_available_ns = sim->events.now_ns,
                              .queue_pair = index};
}

m4_status pkt_start_flow(pkt_sim *sim, uint32_t index, m4_error *err) {
  pkt_queue_pair *pair = &sim->pairs[index];
  const pkt_flow *flow = &pair->flow;
  M4_TRY(pkt_find_paths(sim, index, err));
  pair->nic_port = (int32_t)sim->paths[pair->path];
  pair->created_ns = sim->events.now_ns;
  pair->live = true;
  init_sender(sim, index);
  sim->cc->start(&sim->cc_env, &pair->sender, pkt_cc_state(sim, index));
  if (sim->probe.flow_start) sim->probe.flow_start(sim->probe.ctx, sim->events.now_ns, flow->tag);
  pkt_port *port = &sim->ports[pair->nic_port];
  M4_TRY(pkt_nic_add(sim, port, index, err));
  pkt_host_send(sim, port);
  return M4_OK;
}

/* ---- end ---- */

void pkt_end_flow(pkt_sim *sim, uint32_t index) {
  pkt_queue_pair *pair = &sim->pairs[index];
  pkt_group *group = group_of(sim, index);
  if (sim->cc->finish) sim->cc->finish(&sim->cc_env, pkt_cc_state(sim, index));
  pair->live = false;
  pair->expected = pair->last_nack = 0;
  pair->nack_after_ns = 0;
  sim->n_ended++;
  if (!group) return;
  group->in_flight--;
  while (group->first_waiting != PKT_NONE && group->in_flight < sim->settings->flow_limit) {
    uint32_t next = group->first_waiting;
    group->first_waiting = sim->pairs[next].next_waiting;
    release_flow(sim, next);
  }
}
