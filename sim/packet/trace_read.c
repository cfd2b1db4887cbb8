/* Reading .tr files; see trace.h for the layout. */
#include "sim/packet/trace_read.h"

#include "base/file.h"
#include "sim/map.h"
#include "sim/packet/trace_format.h"
#include "sim/scenario_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { BUFFER_BYTES = 1 << 16, MAX_PATH_BYTES = 4096, LAST_ACTION = PKT_DROPPED };

struct pkt_trace_reader {
  gzFile file;
  const sim_scenario *scenario;
  sim_map flow_of_id;
  int64_t n_records, time_ns; /* of the last record */
  char path[MAX_PATH_BYTES];
};

static uint64_t get(const uint8_t *bytes, int count) {
  uint64_t value = 0;
  for (int i = count - 1; i >= 0; i--) value = value << 8 | bytes[i];
  return value;
}

static m4_status bad_record(const pkt_trace_reader *reader, m4_error *err, const char *what,
                            long long number) {
  return m4_fail(err, M4_DATA, reader->path, "record %lld: %s %lld", (long long)reader->n_records, what,
                 number);
}

/* Fills `bytes`; at the end of the file *found is false. Half a record is an error. */
static m4_status take(pkt_trace_reader *reader, uint8_t *bytes, unsigned count, bool *found, m4_error *err) {
  int got = gzread(reader->file, bytes, count), code = Z_OK;
  *found = got == (int)count;
  if (*found) return M4_OK;
  const char *reason = gzerror(reader->file, &code);
  if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
    return m4_fail(err, code == Z_ERRNO ? M4_IO : M4_DATA, reader->path, "cannot be read: %s",
                   code == Z_ERRNO ? strerror(errno) : reason);
  return got == 0 ? M4_OK : m4_fail(err, M4_DATA, reader->path, "ends in the middle of a record");
}

/* ---- the head ---- */

static m4_status take_head(pkt_trace_reader *reader, uint8_t *bytes, unsigned count, m4_error *err) {
  bool found = false;
  M4_TRY(take(reader, bytes, count, &found, err));
  return found ? M4_OK : m4_fail(err, M4_DATA, reader->path, "ends within its list of ports");
}

/* The directed link that leaves a port; -1 when there is none. */
static int32_t link_at(const sim_topology *topology, uint64_t node, uint64_t port) {
  if (node >= (uint64_t)topology->n_nodes || port < 1) return -1;
  int32_t begin = topology->port_begin[node], end = topology->port_begin[node + 1];
  return port <= (uint64_t)(end - begin) ? topology->port_link[begin + (int32_t)port - 1] : -1;
}

static m4_status check_port(const pkt_trace_reader *reader, const uint8_t *entry, m4_error *err) {
  const sim_topology *topology = reader->scenario->topology;
  uint64_t node = get(entry, 2), port = get(entry + 2, 1), rate_bps = get(entry + 3, 8);
  int32_t link = link_at(topology, node, port);
  if (link < 0 || (uint64_t)topology->links[link].rate_bps != rate_bps)
    return m4_fail(err, M4_DATA, reader->path,
                   "trace of another network: port %llu of node %llu at %llu bit/s is not in %s",
                   (unsigned long long)port, (unsigned long long)node, (unsigned long long)rate_bps,
                   reader->scenario->name);
  return M4_OK;
}

static m4_status read_head(pkt_trace_reader *reader, m4_error *err) {
  uint8_t word[4], entry[PKT_TRACE_PORT_BYTES];
  M4_TRY(take_head(reader, word, sizeof word, err));
  uint64_t n_ports = get(word, 4);
  if (n_ports > (uint64_t)reader->scenario->topology->n_links)
    return m4_fail(err, M4_DATA, reader->path, "lists %llu ports, the network has %d",
                   (unsigned long long)n_ports, reader->scenario->topology->n_links);
  for (uint64_t i = 0; i < n_ports; i++) {
    M4_TRY(take_head(reader, entry, sizeof entry, err));
    M4_TRY(check_port(reader, entry, err));
  }
  return take_head(reader, word, sizeof word, err); /* the window: config.txt has it too */
}

/* ---- opening ---- */

static m4_status open_file(pkt_trace_reader *reader, const char *path, m4_error *err) {
  struct stat info;
  m4_file_source(reader->path, sizeof reader->path, path);
  if (stat(reader->path, &info) != 0)
    return m4_fail(err, M4_IO, reader->path, "cannot open: %s", strerror(errno));
  if (!S_ISREG(info.st_mode)) return m4_fail(err, M4_IO, reader->path, "is not a regular file");
  reader->file = gzopen(reader->path, "rb");
  if (!reader->file) return m4_fail(err, M4_IO, reader->path, "cannot open: %s", strerror(errno));
  gzbuffer(reader->file, BUFFER_BYTES);
  return M4_OK;
}

static m4_status index_flows(pkt_trace_reader *reader, m4_error *err) {
  const sim_scenario *scenario = reader->scenario;
  M4_TRY(sim_map_init(&reader->flow_of_id, scenario->n_flows, err));
  for (int64_t i = 0; i < scenario->n_flows; i++)
    *sim_map_put(&reader->flow_of_id, (uint64_t)scenario->flows[i].id, NULL) = i;
  return M4_OK;
}

m4_status pkt_trace_open(pkt_trace_reader **out, const char *path, const sim_scenario *scenario,
                         m4_error *err) {
  *out = NULL;
  pkt_trace_reader *reader = calloc(1, sizeof *reader);
  if (!reader) return m4_fail(err, M4_MEMORY, path, "no memory for reading a trace");
  reader->scenario = scenario;
  m4_status status = open_file(reader, path, err);
  if (status == M4_OK) status = read_head(reader, err);
  if (status == M4_OK) status = index_flows(reader, err);
  if (status == M4_OK)
    *out = reader;
  else
    pkt_trace_close(reader);
  return status;
}

void pkt_trace_close(pkt_trace_reader *reader) {
  if (!reader) return;
  if (reader->file) gzclose(reader->file);
  sim_map_free(&reader->flow_of_id);
  free(reader);
}

/* ---- records ---- */

static m4_status read_data(const pkt_trace_reader *reader, const uint8_t *record, pkt_packet_event *event,
                           m4_error *err) {
  uint64_t id = get(record + 32, 4);
  const int64_t *index = sim_map_get(&reader->flow_of_id, id);
  if (!index)
    return bad_record(reader, err, "a packet of a flow that flows.txt does not have:", (long long)id);
  const sim_flow *flow = &reader->scenario->flows[*index];
  if (get(record + 16, 4) != sim_node_address(flow->src) ||
      get(record + 20, 4) != sim_node_address(flow->dst) || get(record + 40, 2) != flow->source_port ||
      get(record + 42, 2) != flow->destination_port)
    return bad_record(reader, err, "its addresses or ports are not those of flow", (long long)id);
  event->kind = PKT_DATA;
  event->flow = *index;
  event->src = flow->src;
  event->dst = flow->dst;
  event->marked = record[28] == PKT_TRACE_MARKED;
  event->sequence = (uint32_t)get(record + 44, 4);
  event->sent_ns = (int64_t)get(record + 48, 8);
  event->payload_bytes = (uint16_t)get(record + 58, 2);
  return M4_OK;
}

/* Of the flow, an acknowledgement tells the ports only. */
static void read_ack(const uint8_t *record, pkt_packet_event *event) {
  event->kind = record[26] == PKT_TRACE_ACK ? PKT_ACK : PKT_NACK;
  event->marked = get(record + 44, 2) != 0;
  event->sequence = (uint32_t)get(record + 48, 4);
  event->sent_ns = (int64_t)get(record + 56, 8);
}

static m4_status read_packet(const pkt_trace_reader *reader, const uint8_t *record, pkt_packet_event *event,
                             m4_error *err) {
  if (record[26] == PKT_TRACE_PFC) {
    event->kind = get(record + 40, 4) != 0 ? PKT_PAUSE : PKT_RESUME;
    return M4_OK;
  }
  event->source_port = (uint16_t)get(record + 40, 2);
  event->destination_port = (uint16_t)get(record + 42, 2);
  if (record[26] == PKT_TRACE_DATA) return read_data(reader, record, event, err);
  if (record[26] != PKT_TRACE_ACK && record[26] != PKT_TRACE_NACK)
    return bad_record(reader, err, "unknown protocol", record[26]);
  read_ack(record, event);
  return M4_OK;
}

static m4_status read_record(pkt_trace_reader *reader, const uint8_t *record, pkt_packet_event *event,
                             m4_error *err) {
  uint64_t time_ns = get(record, 8);
  int32_t link = link_at(reader->scenario->topology, get(record + 8, 2), record[10]);
  if (time_ns > (uint64_t)SIM_MAX_TIME_NS || (int64_t)time_ns < reader->time_ns)
    return bad_record(reader, err,
                      "impossible time, or earlier than the record before it:", (long long)time_ns);
  if (link < 0)
    return bad_record(reader, err, "a port that the network does not have, of node",
                      (long long)get(record + 8, 2));
  if (record[27] > LAST_ACTION) return bad_record(reader, err, "unknown event", record[27]);
  reader->time_ns = (int64_t)time_ns;
  *event = (pkt_packet_event){.time_ns = (int64_t)time_ns,
                              .action = (pkt_action)record[27],
                              .link = link,
                              .queue = record[11],
                              .queue_bytes = (int64_t)get(record + 12, 4),
                              .wire_bytes = (uint16_t)get(record + 24, 2),
                              .flow = -1};
  return read_packet(reader, record, event, err);
}

m4_status pkt_trace_next(pkt_trace_reader *reader, pkt_packet_event *event, bool *found, m4_error *err) {
  uint8_t record[PKT_TRACE_RECORD_BYTES];
  M4_TRY(take(reader, record, sizeof record, found, err));
  if (!*found) return M4_OK;
  reader->n_records++;
  return read_record(reader, record, event, err);
}
