/* ns-3 topology files, in and out. Source: packet-simulator.md 8, workloads.md 1.2. */
#include "sim/text.h"
#include "sim/topology.h"

#include <stdlib.h>
#include <string.h>

enum { MIN_SWITCH_BYTES = 2, MIN_CABLE_BYTES = 10 }; /* "7 " and "0 1 1bps 1ns 0" hold at least this much */

typedef struct file_parts {
  int64_t n_nodes, n_switches, n_cables;
  int32_t *switches;
  sim_cable *cables;
} file_parts;

/* Line 1. Every count is bounded by what the file can hold before anything is allocated. */
static m4_status read_counts(sim_text *text, file_parts *parts, m4_error *err) {
  if (!sim_text_line(text)) return sim_text_fail(text, err, "the file is empty");
  int64_t bytes = (int64_t)text->length;
  M4_TRY(sim_text_int(text, "number of nodes", 1, INT32_MAX, &parts->n_nodes, err));
  M4_TRY(sim_text_int(text, "number of switches", 0, bytes / MIN_SWITCH_BYTES, &parts->n_switches, err));
  M4_TRY(sim_text_int(text, "number of cables", 0, bytes / MIN_CABLE_BYTES, &parts->n_cables, err));
  M4_TRY(sim_text_end_of_line(text, err));
  if (parts->n_nodes > parts->n_switches + 2 * parts->n_cables)
    return sim_text_fail(text, err, "%lld nodes cannot all be connected by %lld cables",
                         (long long)parts->n_nodes, (long long)parts->n_cables);
  return M4_OK;
}

/* The switch ids; usually one line, but ns-3 takes them spread over several. */
static m4_status read_switches(sim_text *text, file_parts *parts, m4_error *err) {
  int64_t id, count = 0;
  while (count < parts->n_switches) {
    if (!sim_text_line(text))
      return sim_text_fail(text, err, "the file ends after %lld of %lld switch ids", (long long)count,
                           (long long)parts->n_switches);
    do {
      M4_TRY(sim_text_int(text, "switch id", 0, parts->n_nodes - 1, &id, err));
      parts->switches[count++] = (int32_t)id;
    } while (count < parts->n_switches && *text->word);
    M4_TRY(sim_text_end_of_line(text, err));
  }
  return M4_OK;
}

static m4_status read_cable(sim_text *text, int64_t n_nodes, sim_cable *cable, m4_error *err) {
  int64_t a, b;
  double error_rate;
  M4_TRY(sim_text_int(text, "first node", 0, n_nodes - 1, &a, err));
  M4_TRY(sim_text_int(text, "second node", 0, n_nodes - 1, &b, err));
  M4_TRY(sim_text_rate(text, "rate", &cable->rate_bps, err));
  M4_TRY(sim_text_delay(text, "delay", &cable->delay_ns, err));
  M4_TRY(sim_text_real(text, "error rate", &error_rate, err));
  if (error_rate != 0) return sim_text_fail(text, err, "error rate is %g, only 0 is supported", error_rate);
  if (a == b) return sim_text_fail(text, err, "the cable joins node %lld to itself", (long long)a);
  cable->a = (int32_t)a;
  cable->b = (int32_t)b;
  return sim_text_end_of_line(text, err);
}

static m4_status read_parts(sim_text *text, file_parts *parts, m4_error *err) {
  M4_TRY(read_counts(text, parts, err));
  parts->switches = calloc((size_t)parts->n_switches + 1, sizeof *parts->switches);
  parts->cables = calloc((size_t)parts->n_cables + 1, sizeof *parts->cables);
  if (!parts->switches || !parts->cables) return sim_text_fail(text, err, "no memory for the topology");
  M4_TRY(read_switches(text, parts, err));
  for (int64_t i = 0; i < parts->n_cables; i++) {
    if (!sim_text_line(text))
      return sim_text_fail(text, err, "the file ends after %lld of %lld cables", (long long)i,
                           (long long)parts->n_cables);
    M4_TRY(read_cable(text, parts->n_nodes, &parts->cables[i], err));
  }
  return sim_text_end_of_file(text, "line 1 must hold the numbers of nodes, switches and cables", err);
}

m4_status sim_topology_read(sim_topology **topology, const char *path, m4_error *err) {
  *topology = NULL;
  sim_text text;
  file_parts parts = {0};
  M4_TRY(sim_text_open(&text, path, err));
  m4_status status = read_parts(&text, &parts, err);
  if (status == M4_OK) {
    status = sim_topology_create(topology, (int32_t)parts.n_nodes, parts.switches, (int32_t)parts.n_switches,
                                 parts.cables, (int32_t)parts.n_cables, err);
    if (status != M4_OK) m4_within(err, status, path);
  }
  free(parts.switches);
  free(parts.cables);
  sim_text_close(&text);
  return status;
}

m4_status sim_topology_write(const sim_topology *topology, FILE *out, m4_error *err) {
  fprintf(out, "%d %d %d\n", topology->n_nodes, topology->n_switches, topology->n_links / 2);
  for (int32_t i = 0; i < topology->n_switches; i++)
    fprintf(out, i ? " %d" : "%d", topology->switch_order[i]);
  fputc('\n', out);
  for (int32_t link = 0; link < topology->n_links; link += 2) {
    const sim_link *cable = &topology->links[link];
    fprintf(out, "%d %d %lldbps %lldns 0\n", cable->from, cable->to, (long long)cable->rate_bps,
            (long long)cable->delay_ns);
  }
  return ferror(out) ? m4_fail(err, M4_IO, "topology", "cannot write") : M4_OK;
}
