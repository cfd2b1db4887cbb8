/* Links that fail, slow down and return at given times. What is on a failed link or queued for it is lost;
 * routes are those of the network that is left, at once; senders that lost something go back to the last
 * acknowledged byte after a while. Nothing of this costs or changes anything in runs without such changes. */
#include "sim/packet/state.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

/* ---- changes to come ---- */

static m4_status make_faults(pkt_sim *sim, m4_error *err) {
  pkt_faults *faults = calloc(1, sizeof *faults);
  if (!faults) return m4_fail(err, M4_MEMORY, NULL, "no memory for link changes");
  m4_status status = sim_routing_create(&faults->routing, sim->topology, err);
  if (status == M4_OK)
    sim->faults = faults;
  else
    free(faults);
  return status;
}

void pkt_faults_free(pkt_faults *faults) {
  if (!faults) return;
  sim_routing_free(faults->routing);
  free(faults->changes);
  free(faults);
}

static m4_status add_change(pkt_faults *faults, pkt_link_change change, m4_error *err) {
  if (faults->n_changes == faults->capacity) {
    uint32_t capacity = faults->capacity ? 2 * faults->capacity : FIRST_CAPACITY;
    pkt_link_change *changes =
        capacity < UINT32_MAX / 2 ? realloc(faults->changes, capacity * sizeof *changes) : NULL;
    if (!changes) return m4_fail(err, M4_MEMORY, NULL, "no memory for %u link changes", capacity);
    faults->changes = changes;
    faults->capacity = capacity;
  }
  faults->changes[faults->n_changes++] = change;
  return M4_OK;
}

m4_status pkt_change_link(pkt_sim *sim, int32_t link, int64_t rate_bps, int64_t time_ns, m4_error *err) {
  if (link < 0 || link >= sim->topology->n_links)
    return m4_fail(err, M4_USAGE, NULL, "there is no link %d", link);
  if (rate_bps < 0 || rate_bps > PKT_MAX_RATE_BPS)
    return m4_fail(err, M4_USAGE, NULL, "link %d cannot have a rate of %lld bit/s", link,
                   (long long)rate_bps);
  if (time_ns < sim->events.now_ns || time_ns > PKT_MAX_TIME_NS)
    return m4_fail(err, M4_USAGE, NULL, "link %d cannot change at %lld ns, the clock is at %lld", link,
                   (long long)time_ns, (long long)sim->events.now_ns);
  if (!sim->faults) M4_TRY(make_faults(sim, err));
  M4_TRY(pkt_reserve(sim, 1, err));
  M4_TRY(pkt_reserve_paths(sim, err));
  M4_TRY(add_change(sim->faults, (pkt_link_change){rate_bps, link}, err));
  uint32_t event = pkt_event_new(&sim->events, PKT_EVENT_LINK, sim->faults->n_changes - 1);
  pkt_event_at(&sim->events, event, time_ns, sim->events.next_number++);
  return M4_OK;
}

/* ---- losses ---- */

static void plan_recovery(pkt_sim *sim, uint32_t index, int64_t delay_ns) {
  pkt_queue_pair *pair = &sim->pairs[index];
  pkt_event_queue *events = &sim->events;
  if (pair->recovering || pair->parked) return;
  pair->recovering = true;
  uint32_t event = pkt_event_new(events, PKT_EVENT_RECOVER, index);
  pkt_event_at(events, event, events->now_ns + delay_ns, events->next_number++);
}

void pkt_lose(pkt_sim *sim, uint32_t packet, pkt_port *port) {
  uint32_t index = sim->packets[packet].queue_pair;
  sim->counters.lost++;
  port->lost++;
  pkt_event_release(&sim->events, packet);
  if (index == PKT_NONE || !sim->pairs[index].live) return;
  pkt_note_drop(sim, index, port);
  sim->pairs[index].lossy = true;
  plan_recovery(sim, index, PKT_RECOVERY_NS);
}

void pkt_recover(pkt_sim *sim, uint32_t index) {
  pkt_queue_pair *pair = &sim->pairs[index];
  pair->recovering = false;
  if (!pair->live) return;
  pair->parked = !pkt_paths_work(sim, pair);
  if (pair->parked) return;
  pair->sender.next = pair->sender.unacked;
  pkt_nic_update(sim, index);
  pkt_host_send(sim, &sim->ports[pair->nic_port]);
}

static void recover_parked(pkt_sim *sim) {
  for (uint32_t i = 0; i < sim->n_pairs; i++) {
    pkt_queue_pair *pair = &sim->pairs[i];
    if (!pair->parked || !pkt_paths_work(sim, pair)) continue;
    pair->parked = false;
    plan_recovery(sim, i, 0);
  }
}

/* ---- a change happens ---- */

static void send(pkt_sim *sim, pkt_port *port) {
  if (port->at_switch)
    pkt_switch_send(sim, port);
  else
    pkt_host_send(sim, port);
}

static void lose_in_flight(pkt_sim *sim, int32_t link) {
  for (uint32_t i = 0; i < sim->n_packets; i++) {
    const pkt_event *e = &sim->events.events[i];
    if (e->place == PKT_IDLE || e->kind != PKT_EVENT_ARRIVAL || sim->packets[i].link != link) continue;
    pkt_event_cancel(&sim->events, i);
    pkt_lose(sim, i, &sim->ports[link]);
  }
}

static void take_down(pkt_sim *sim, int32_t link) {
  pkt_port *port = &sim->ports[link];
  port->rate_bps = 0;
  pkt_event_cancel(&sim->events, port->tx_done);
  port->busy_until_ns = -1;
  lose_in_flight(sim, link);
  pkt_flush(sim, port);
  /* what was told over this link holds no longer */
  port->peer_paused = false;
  sim->ports[link ^ 1].paused = false;
  send(sim, &sim->ports[link ^ 1]);
}

m4_status pkt_change_now(pkt_sim *sim, uint32_t change, m4_error *err) {
  const pkt_link_change *c = &sim->faults->changes[change];
  pkt_port *port = &sim->ports[c->link];
  bool was_up = port->rate_bps > 0, up = c->rate_bps > 0;
  if (was_up && up) pkt_set_rate(sim, port, c->rate_bps);
  if (was_up == up) return M4_OK;
  /* one RESUME for each port, one recovery for each flow */
  M4_TRY(pkt_reserve(sim, (uint32_t)sim->topology->n_links + sim->n_pairs - sim->n_ended + 2, err));
  M4_TRY(sim_routing_set_link(sim->faults->routing, c->link, up, err));
  if (!up) take_down(sim, c->link);
  if (up) pkt_set_rate(sim, port, c->rate_bps);
  M4_TRY(pkt_reroute(sim, err));
  if (up) recover_parked(sim);
  if (up) send(sim, port);
  return M4_OK;
}
