/* The packet simulator as a back end. Flows may all be submitted at once: with a closed loop it holds them
 * back itself, because a place becomes free when the sender has its last ACK, which no caller sees. See
 * sim/backend.h. */
#include "sim/backend.h"
#include "sim/packet/packet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct packet_backend {
  sim_backend base;
  pkt_settings settings; /* the scenario's, with its flow limit */
  pkt_sim *sim;
} packet_backend;

static const double MAX_NS = 9e18;

pkt_flow sim_packet_flow(const sim_scenario *scenario, int64_t index) {
  const sim_flow *flow = &scenario->flows[index];
  return (pkt_flow){.tag = index,
                    .src = flow->src,
                    .dst = flow->dst,
                    .priority = flow->priority,
                    .source_port = flow->source_port,
                    .destination_port = flow->destination_port,
                    .size_bytes = flow->size_bytes,
                    .start_ns = flow->start_ns};
}

/* flows NULL: all, at their arrival times. */
static m4_status submit_some(pkt_sim *sim, const sim_scenario *scenario, const int64_t *flows,
                             const double *times_ns, int64_t count, m4_error *err) {
  if (count <= 0) return M4_OK;
  pkt_flow *list = malloc((size_t)count * sizeof *list);
  if (!list) return m4_fail(err, M4_MEMORY, scenario->name, "no memory for %lld flows", (long long)count);
  for (int64_t i = 0; i < count; i++) {
    list[i] = sim_packet_flow(scenario, flows ? flows[i] : i);
    if (flows) list[i].start_ns = times_ns[i] >= 0 && times_ns[i] < MAX_NS ? (int64_t)times_ns[i] : -1;
  }
  m4_status status = pkt_submit(sim, list, count, err);
  free(list);
  return status;
}

m4_status sim_packet_submit(pkt_sim *sim, const sim_scenario *scenario, m4_error *err) {
  return submit_some(sim, scenario, NULL, NULL, scenario->n_flows, err);
}

static m4_status submit(sim_backend *base, const int64_t *flows, const double *times_ns, int64_t count,
                        m4_error *err) {
  return submit_some(((packet_backend *)base)->sim, base->scenario, flows, times_ns, count, err);
}

static m4_status advance(sim_backend *base, double limit_ns, bool *found, sim_completion *completion,
                         m4_error *err) {
  packet_backend *backend = (packet_backend *)base;
  int64_t limit = limit_ns < MAX_NS ? (int64_t)floor(limit_ns) : INT64_MAX, flow = -1, time_ns = 0;
  M4_TRY(pkt_advance(backend->sim, limit, found, &flow, &time_ns, err));
  if (*found)
    *completion = (sim_completion){
        .flow = flow, .time_ns = (double)time_ns, .fct_ns = (double)pkt_fct_ns(backend->sim)};
  return M4_OK;
}

/* Times between two ns count from the later one; the clock may have passed the caller's in a run to the end.
 */
static m4_status change_link(sim_backend *base, int32_t link, int64_t rate_bps, double time_ns,
                             m4_error *err) {
  pkt_sim *sim = ((packet_backend *)base)->sim;
  int64_t at_ns = time_ns >= 0 && time_ns < MAX_NS ? (int64_t)ceil(time_ns) : -1;
  if (at_ns >= 0 && at_ns < pkt_now_ns(sim)) at_ns = pkt_now_ns(sim);
  return pkt_change_link(sim, link, rate_bps, at_ns, err);
}

static double now(const sim_backend *base) {
  return (double)pkt_now_ns(((const packet_backend *)base)->sim);
}

static void count(const sim_backend *base, uint64_t *events, uint64_t *clamped) {
  *events = pkt_count(((const packet_backend *)base)->sim).events;
  *clamped = 0;
}

static int counters(const sim_backend *base, sim_counter list[SIM_MAX_COUNTERS]) {
  const pkt_counters c = pkt_count(((const packet_backend *)base)->sim);
  const sim_counter all[] = {{"data_packets", c.data_packets},
                             {"wire_packets", c.wire_packets},
                             {"drops", c.drops},
                             {"ecn_marks", c.ecn_marks},
                             {"pauses", c.pauses},
                             {"retransmitted_packets", c.retransmitted_packets},
                             {"retransmitted_bytes", c.retransmitted_bytes},
                             {"lost_with_links", c.lost}};
  memcpy(list, all, sizeof all);
  return sizeof all / sizeof *all;
}

static void write_links(const sim_backend *base, FILE *out) {
  const sim_topology *topology = base->scenario->topology;
  fputs("link,from,to,rate_bps,sent_bytes,sent_packets,max_queue_bytes,drops,ecn_marks,pauses,lost\n", out);
  for (int32_t i = 0; i < topology->n_links; i++) {
    const sim_link *link = &topology->links[i];
    const pkt_link_counters c = pkt_count_link(((const packet_backend *)base)->sim, i);
    fprintf(out, "%d,%d,%d,%lld,%llu,%llu,%lld,%llu,%llu,%llu,%llu\n", i, link->from, link->to,
            (long long)link->rate_bps, (unsigned long long)c.sent_bytes, (unsigned long long)c.sent_packets,
            (long long)c.max_queue_bytes, (unsigned long long)c.drops, (unsigned long long)c.ecn_marks,
            (unsigned long long)c.pauses, (unsigned long long)c.lost);
  }
}

static m4_status unfinished(const sim_backend *base, void (*tell)(void *ctx, int64_t flow, const char *why),
                            void *ctx, m4_error *err) {
  return pkt_unfinished(((const packet_backend *)base)->sim, tell, ctx, err);
}

static void destroy(sim_backend *base) {
  pkt_free(((packet_backend *)base)->sim);
  free(base);
}

static const sim_backend_ops packet_ops = {.name = "packet",
                                           .limits_flows = true,
                                           .submit = submit,
                                           .advance = advance,
                                           .change_link = change_link,
                                           .now = now,
                                           .count = count,
                                           .counters = counters,
                                           .write_links = write_links,
                                           .unfinished = unfinished,
                                           .destroy = destroy};

m4_status sim_packet_backend(sim_backend **out, const sim_scenario *scenario, const pkt_probe *probe,
                             m4_error *err) {
  *out = NULL;
  packet_backend *backend = calloc(1, sizeof *backend);
  if (!backend) return m4_fail(err, M4_MEMORY, NULL, "no memory for the packet back end");
  backend->base = (sim_backend){&packet_ops, scenario};
  backend->settings = scenario->packet;
  backend->settings.flow_limit = scenario->flow_limit;
  if (scenario->flow_limit > 0) backend->settings.hosts_per_group = scenario->hosts_per_group;
  m4_status status =
      pkt_create(&backend->sim, scenario->topology, scenario->routing, &backend->settings, probe, err);
  if (status != M4_OK) {
    free(backend);
    return status;
  }
  *out = &backend->base;
  return M4_OK;
}
