/* Why flows have not finished: what each waits for, and why that cannot come. Reads the state of a run that
 * has ended, changes nothing. Source: packet-simulator.md 4 (no retransmission timeout), 5 (PAUSE). */
#include "sim/packet/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A reason that grows piece by piece and is cut where it is full. */
typedef struct reason {
  char text[PKT_REASON_BYTES];
  size_t length;
} reason;

__attribute__((format(printf, 2, 3))) static void say(reason *r, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int n = vsnprintf(r->text + r->length, sizeof r->text - r->length, fmt, args);
  va_end(args);
  if (n > 0) r->length += (size_t)n;
  if (r->length >= sizeof r->text) r->length = sizeof r->text - 1;
}

static const sim_link *link_of(const pkt_sim *sim, int32_t port) {
  return &sim->topology->links[port];
}

static void say_progress(reason *r, const pkt_queue_pair *pair) {
  say(r, "%llu of %lld bytes arrived", (unsigned long long)pair->expected, (long long)pair->flow.size_bytes);
}

/* ---- not started ---- */

static void explain_start(const pkt_sim *sim, const pkt_queue_pair *pair, reason *r) {
  if (pair < sim->pairs + sim->n_read && sim->groups) {
    int64_t first = pair->flow.src / sim->settings->hosts_per_group * sim->settings->hosts_per_group;
    say(r, "never started: the %lld places of hosts %lld to %lld are held by flows that never end",
        (long long)sim->settings->flow_limit, (long long)first,
        (long long)(first + sim->settings->hosts_per_group - 1));
    return;
  }
  say(r, "never started: its time is %lld ns, SIMULATOR_STOP_TIME is %lld ns", (long long)pair->flow.start_ns,
      (long long)sim->settings->stop_time_ns);
}

/* ---- failed links ---- */

/* The first link of a path that has failed, or where the path ends; false when it is whole. */
static bool say_break(const pkt_sim *sim, uint32_t path, int32_t from, int32_t dst, reason *r) {
  for (int32_t node = from; node != dst; path++) {
    uint32_t link = sim->paths[path];
    if (link == (uint32_t)sim->topology->n_links) {
      say(r, "cut off: from node %d no working path leads to host %d", node, dst);
      return true;
    }
    if (sim->ports[link].rate_bps == 0) {
      say(r, "cut off: the link from node %d to %d has failed", node, link_of(sim, (int32_t)link)->to);
      return true;
    }
    node = link_of(sim, (int32_t)link)->to;
  }
  return false;
}

/* ---- pauses ---- */

/* A paused port of the switch behind `port` that holds a packet which came in through it; -1 without one. */
static int32_t next_paused(const pkt_sim *sim, int32_t port) {
  const sim_topology *topology = sim->topology;
  int32_t node = topology->links[port].to;
  for (int32_t i = topology->port_begin[node]; i < topology->port_begin[node + 1]; i++) {
    const pkt_port *out = &sim->ports[topology->port_link[i]];
    if (!out->paused) continue;
    for (uint32_t p = out->data.head; p != PKT_NONE; p = sim->packets[p].next)
      if (sim->packets[p].link == port) return topology->port_link[i];
  }
  return -1;
}

/* Follows who is paused by whom from a paused port on. A cycle is found by a second walker at half speed. */
static void say_pauses(const pkt_sim *sim, int32_t port, reason *r) {
  say(r, "held by a PAUSE: node %d", link_of(sim, port)->from);
  int32_t slow = port;
  for (int step = 1; port >= 0; step++) {
    say(r, " waits for %d", link_of(sim, port)->to);
    port = next_paused(sim, port);
    if (step % 2 == 0) slow = next_paused(sim, slow);
    if (port >= 0 && port == slow) {
      say(r, ": a cycle through the link from node %d to %d", link_of(sim, port)->from,
          link_of(sim, port)->to);
      return;
    }
  }
}

/* ---- drops ---- */

static void say_drops(const pkt_sim *sim, const pkt_queue_pair *pair, reason *r) {
  const pkt_sender *sender = &pair->sender;
  say(r, "%u packets dropped, the last ", pair->n_dropped);
  if (pair->last_drop_port < sim->topology->n_links)
    say(r, "at node %d towards %d ", link_of(sim, pair->last_drop_port)->from,
        link_of(sim, pair->last_drop_port)->to);
  say(r, "at %lld ns; ", (long long)pair->last_drop_ns);
  say_progress(r, pair);
  if (sender->next < sender->size)
    say(r, ", the window is full of bytes %llu to %llu", (unsigned long long)sender->unacked,
        (unsigned long long)sender->next);
  say(r, ", nothing is on its way, and neither side has a retransmission timeout");
}

/* ---- where the packets of all flows are ---- */

typedef struct whereabouts {
  int32_t held_port; /* a paused port where a packet of the flow waits, or its paused interface; -1: none */
  bool moving;       /* a packet of it is on a wire or queued where nothing is paused */
} whereabouts;

static void look_into(const pkt_sim *sim, const pkt_fifo *fifo, int32_t port, whereabouts *flows) {
  for (uint32_t p = fifo->head; p != PKT_NONE; p = sim->packets[p].next) {
    uint32_t pair = sim->packets[p].queue_pair;
    if (pair == PKT_NONE) continue;
    if (sim->ports[port].paused)
      flows[pair].held_port = port;
    else
      flows[pair].moving = true;
  }
}

static void survey(const pkt_sim *sim, whereabouts *flows) {
  for (uint32_t i = 0; i < sim->n_pairs; i++) {
    const pkt_queue_pair *pair = &sim->pairs[i];
    bool waits = pair->live && sim->ports[pair->nic_port].paused && pair->sender.next < pair->sender.size;
    flows[i] = (whereabouts){.held_port = waits ? pair->nic_port : -1, .moving = pair->recovering};
  }
  for (uint32_t i = 0; i < sim->n_packets; i++) {
    const pkt_event *e = &sim->events.events[i];
    bool on_wire = e->place != PKT_IDLE && e->kind == PKT_EVENT_ARRIVAL;
    if (on_wire && sim->packets[i].queue_pair != PKT_NONE) flows[sim->packets[i].queue_pair].moving = true;
  }
  for (int32_t i = 0; i < sim->topology->n_links; i++) {
    look_into(sim, &sim->ports[i].data, i, flows);
    look_into(sim, &sim->ports[i].urgent, i, flows);
  }
}

/* ---- all of it ---- */

static bool may_send(const pkt_sender *sender) {
  return sender->next < sender->size &&
         (sender->window_bytes == 0 || sender->next - sender->unacked < sender->window_bytes);
}

static void explain(const pkt_sim *sim, const pkt_queue_pair *pair, whereabouts where, bool stopped,
                    reason *r) {
  if (!pair->live) {
    explain_start(sim, pair, r);
  } else if (say_break(sim, pair->path, pair->flow.src, pair->flow.dst, r) ||
             say_break(sim, pair->ack_path, pair->flow.dst, pair->flow.src, r)) {
    say(r, "; ");
    say_progress(r, pair);
  } else if (stopped && (where.moving || where.held_port >= 0 || may_send(&pair->sender))) {
    say(r, "cut off by SIMULATOR_STOP_TIME %lld ns: ", (long long)sim->settings->stop_time_ns);
    say_progress(r, pair);
  } else if (where.held_port >= 0) {
    say_pauses(sim, where.held_port, r);
  } else if (pair->n_dropped > 0) {
    say_drops(sim, pair, r);
  } else {
    say(r, "nothing that is pending can move it: ");
    say_progress(r, pair);
  }
}

m4_status pkt_unfinished(const pkt_sim *sim, void (*tell)(void *ctx, int64_t flow, const char *why),
                         void *ctx, m4_error *err) {
  bool stopped = !pkt_all_over(sim);
  whereabouts *flows = malloc(((size_t)sim->n_pairs + 1) * sizeof *flows);
  if (!flows) return m4_fail(err, M4_MEMORY, NULL, "no memory to look for %u flows", sim->n_pairs);
  survey(sim, flows);
  for (uint32_t i = 0; i < sim->n_pairs; i++) {
    if (sim->pairs[i].delivered) continue;
    reason r = {.length = 0};
    explain(sim, &sim->pairs[i], flows[i], stopped, &r);
    tell(ctx, sim->pairs[i].flow.tag, r.text);
  }
  free(flows);
  return M4_OK;
}
