/* Writing .tr files; see trace.h for the layout. */
#include "sim/packet/trace.h"

#include "base/file.h"

#include <stdlib.h>

struct pkt_trace {
  m4_outfile file;
  const sim_scenario *scenario;
};

enum {
  PAUSE_TIME = 5, /* of a PAUSE; a RESUME has 0 */
  PRIORITY = 3
};
static const uint32_t BROADCAST_ADDRESS = 0xFFFFFFFF;

static void put(uint8_t *out, int bytes, uint64_t value) {
  for (int i = 0; i < bytes; i++) out[i] = (uint8_t)(value >> 8 * i);
}

/* ---- the head ---- */

static m4_status check_ids(const sim_scenario *scenario, m4_error *err) {
  const sim_topology *topology = scenario->topology;
  if (topology->n_nodes > UINT16_MAX + 1)
    return m4_fail(err, M4_DATA, scenario->name, "%d nodes are too many for a .tr trace (65536)",
                   topology->n_nodes);
  for (int32_t i = 0; i < topology->n_links; i++)
    if (topology->links[i].from_port > UINT8_MAX)
      return m4_fail(err, M4_DATA, scenario->name, "node %d has too many ports for a .tr trace (255)",
                     topology->links[i].from);
  for (int64_t i = 0; i < scenario->n_flows; i++)
    if (scenario->flows[i].id < 0 || scenario->flows[i].id > UINT32_MAX)
      return m4_fail(err, M4_DATA, scenario->name, "flow id %lld does not fit into a .tr trace",
                     (long long)scenario->flows[i].id);
  return M4_OK;
}

static void write_head(FILE *out, const sim_scenario *scenario) {
  const sim_topology *topology = scenario->topology;
  uint8_t word[4], entry[PKT_TRACE_PORT_BYTES];
  put(word, 4, (uint64_t)topology->n_links);
  fwrite(word, 1, sizeof word, out);
  for (int32_t i = 0; i < topology->n_links; i++) {
    const sim_link *link = &topology->links[topology->port_link[i]];
    put(entry, 2, (uint64_t)link->from);
    put(entry + 2, 1, (uint64_t)link->from_port);
    put(entry + 3, 8, (uint64_t)link->rate_bps);
    fwrite(entry, 1, sizeof entry, out);
  }
  put(word, 4, (uint64_t)scenario->packet.window_bytes);
  fwrite(word, 1, sizeof word, out);
}

/* ---- records ---- */

/* PAUSE and RESUME carry the address of the interface that sends them: 10.x.y.1 at the first end of a cable,
 * .2 at the second, x and y counting cables from 1 in base 254. */
static uint32_t interface_address(int32_t link) {
  uint32_t cable = (uint32_t)link / 2;
  return 10u << 24 | (cable / 254 + 1) << 16 | (cable % 254 + 1) << 8 | ((uint32_t)link % 2 + 1);
}

static void put_pfc(uint8_t *record, const pkt_packet_event *event) {
  int32_t sender = event->action == PKT_RECEIVED ? event->link ^ 1 : event->link;
  put(record + 16, 4, interface_address(sender));
  put(record + 20, 4, BROADCAST_ADDRESS);
  record[26] = PKT_TRACE_PFC;
  put(record + 40, 4, event->kind == PKT_PAUSE ? PAUSE_TIME : 0);
  record[48] = PRIORITY;
}

static void put_data(uint8_t *record, const pkt_packet_event *event, uint64_t flow_id, uint64_t stamp) {
  record[26] = PKT_TRACE_DATA;
  record[28] = event->marked ? PKT_TRACE_MARKED : 0;
  put(record + 32, 4, flow_id);
  put(record + 44, 4, event->sequence);
  put(record + 48, 8, stamp);
  put(record + 56, 2, PRIORITY);
  put(record + 58, 2, event->payload_bytes);
}

static void put_ack(uint8_t *record, const pkt_packet_event *event, uint64_t stamp) {
  record[26] = event->kind == PKT_ACK ? PKT_TRACE_ACK : PKT_TRACE_NACK;
  record[30] = 1; /* filtered */
  put(record + 44, 2, event->marked);
  put(record + 46, 2, PRIORITY);
  put(record + 48, 4, event->sequence);
  put(record + 56, 8, stamp);
}

static void put_flow_packet(uint8_t *record, const pkt_packet_event *event, const sim_scenario *scenario) {
  uint64_t stamp = scenario->packet.cc == PKT_CC_TIMELY ? (uint64_t)event->sent_ns : 0;
  put(record + 16, 4, sim_node_address(event->src));
  put(record + 20, 4, sim_node_address(event->dst));
  put(record + 40, 2, event->source_port);
  put(record + 42, 2, event->destination_port);
  if (event->kind == PKT_DATA)
    put_data(record, event, (uint64_t)scenario->flows[event->flow].id, stamp);
  else
    put_ack(record, event, stamp);
}

static void on_packet(void *ctx, const pkt_packet_event *event) {
  const pkt_trace *trace = ctx;
  const sim_topology *topology = trace->scenario->topology;
  const sim_link *link = &topology->links[event->link];
  uint8_t record[PKT_TRACE_RECORD_BYTES] = {0};
  put(record, 8, (uint64_t)event->time_ns);
  put(record + 8, 2, (uint64_t)link->from);
  put(record + 10, 1, (uint64_t)link->from_port);
  record[11] = event->queue;
  put(record + 12, 4, (uint64_t)event->queue_bytes);
  record[27] = (uint8_t)event->action;
  record[29] = topology->is_switch[link->from];
  put(record + 24, 2, event->wire_bytes);
  if (event->flow < 0)
    put_pfc(record, event);
  else
    put_flow_packet(record, event, trace->scenario);
  fwrite(record, 1, sizeof record, trace->file.stream);
}

/* ---- the file ---- */

m4_status pkt_trace_create(pkt_trace **out, const sim_scenario *scenario, const char *path, m4_error *err) {
  *out = NULL;
  M4_TRY(check_ids(scenario, err));
  pkt_trace *trace = calloc(1, sizeof *trace);
  if (!trace) return m4_fail(err, M4_MEMORY, NULL, "no memory for a trace");
  trace->scenario = scenario;
  m4_status status = m4_outfile_open(&trace->file, path, err);
  if (status != M4_OK) {
    free(trace);
    return status;
  }
  write_head(trace->file.stream, scenario);
  *out = trace;
  return M4_OK;
}

pkt_probe pkt_trace_probe(pkt_trace *trace) {
  return (pkt_probe){.ctx = trace, .packet = on_packet};
}

m4_status pkt_trace_commit(pkt_trace *trace, m4_error *err) {
  return m4_outfile_commit(&trace->file, err);
}

void pkt_trace_free(pkt_trace *trace) {
  if (!trace) return;
  m4_outfile_abandon(&trace->file);
  free(trace);
}
