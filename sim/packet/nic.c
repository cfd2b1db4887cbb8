/* Which queue pair of a host's NIC sends next, and when the NIC looks again. The scan order, the compaction
 * of finished entries and the wake-up rule are the original's, quirks included. Source:
 * packet-simulator.md 4. */
#include "sim/packet/state.h"

#include <stdlib.h>

m4_status pkt_nic_add(pkt_sim *sim, pkt_port *port, uint32_t pair, m4_error *err) {
  pkt_nic *nic = &sim->nics[port->owner];
  if (nic->n_entries == nic->capacity) {
    uint32_t capacity = nic->capacity ? 2 * nic->capacity : 8;
    pkt_nic_entry *entries = realloc(nic->entries, capacity * sizeof *entries);
    if (!entries) return m4_fail(err, M4_MEMORY, NULL, "no memory for %u queue pairs of one host", capacity);
    nic->entries = entries;
    nic->capacity = capacity;
  }
  nic->entries[nic->n_entries] = (pkt_nic_entry){PKT_BLOCKED, INT64_MAX, pair};
  sim->pairs[pair].nic_entry = nic->n_entries++;
  pkt_nic_update(sim, pair);
  return M4_OK;
}

void pkt_nic_update(pkt_sim *sim, uint32_t index) {
  const pkt_queue_pair *pair = &sim->pairs[index];
  const pkt_sender *sender = &pair->sender;
  if (pair->nic_entry == PKT_NONE) return;
  pkt_nic *nic = &sim->nics[sim->ports[pair->nic_port].owner];
  pkt_nic_entry *entry = &nic->entries[pair->nic_entry];
  nic->n_open -= entry->available_ns != INT64_MAX;
  nic->n_over -= entry->ready_ns == PKT_OVER;
  bool open = sender->next < sender->size;
  bool in_window = sender->window_bytes == 0 || sender->next - sender->unacked < sender->window_bytes;
  entry->available_ns = open ? sender->next_available_ns : INT64_MAX;
  entry->ready_ns = open && in_window                 ? sender->next_available_ns
                    : sender->unacked >= sender->size ? PKT_OVER
                                                      : PKT_BLOCKED;
  nic->n_open += open;
  nic->n_over += entry->ready_ns == PKT_OVER;
}

/* Removes finished entries from index `first` on; *chosen follows its entry. */
static void compact(pkt_sim *sim, pkt_nic *nic, uint32_t first, uint32_t *chosen) {
  uint32_t kept = first, was_chosen = *chosen;
  for (uint32_t i = first; i < nic->n_entries; i++) {
    if (nic->entries[i].ready_ns == PKT_OVER) {
      nic->n_over--;
      nic->n_open -= nic->entries[i].available_ns != INT64_MAX;
      sim->pairs[nic->entries[i].queue_pair].nic_entry = PKT_NONE;
      continue;
    }
    if (i == was_chosen) *chosen = kept;
    nic->entries[kept] = nic->entries[i];
    sim->pairs[nic->entries[kept].queue_pair].nic_entry = kept;
    kept++;
  }
  nic->n_entries = kept;
}

uint32_t pkt_nic_choose(pkt_sim *sim, pkt_port *port) {
  pkt_nic *nic = &sim->nics[port->owner];
  uint32_t n = nic->n_entries, chosen = PKT_NONE, first_over = PKT_NONE;
  if (n == 0 || (nic->n_over == 0 && (port->paused || nic->n_open == 0))) return PKT_NONE;
  int64_t limit = port->paused ? INT64_MIN : sim->events.now_ns;
  uint32_t i = (nic->last_served + 1) % n;
  for (uint32_t left = n; left > 0; left--) {
    int64_t ready = nic->entries[i].ready_ns;
    if (ready <= limit) {
      chosen = i;
      break;
    }
    if (ready == PKT_OVER && i < first_over) first_over = i;
    if (++i == n) i = 0;
  }
  if (first_over != PKT_NONE) compact(sim, nic, first_over, &chosen);
  if (chosen == PKT_NONE) return PKT_NONE;
  nic->last_served = chosen;
  return nic->entries[chosen].queue_pair;
}

void pkt_nic_plan_wake(pkt_sim *sim, pkt_port *port) {
  const pkt_nic *nic = &sim->nics[port->owner];
  pkt_event_queue *events = &sim->events;
  if (nic->n_open == 0 || events->events[nic->wake].place != PKT_IDLE) return;
  int64_t wake = INT64_MAX;
  for (uint32_t i = 0; i < nic->n_entries; i++) {
    int64_t available = nic->entries[i].available_ns;
    if (available <= events->now_ns) return;
    if (available < wake) wake = available;
  }
  if (wake != INT64_MAX) pkt_event_at(events, nic->wake, wake, events->next_number++);
}

void pkt_nic_wake_by(pkt_sim *sim, const pkt_port *port, int64_t time_ns) {
  pkt_event_queue *events = &sim->events;
  uint32_t wake = sim->nics[port->owner].wake;
  if (events->events[wake].place == PKT_IDLE || time_ns >= events->events[wake].time_ns) return;
  pkt_event_cancel(events, wake);
  pkt_event_at(events, wake, time_ns > events->now_ns ? time_ns : events->now_ns, events->next_number++);
}

bool pkt_nic_has_work(const pkt_nic *nic, const pkt_port *port) {
  return port->urgent.head != PKT_NONE || nic->n_open > 0 || nic->n_over > 0;
}
