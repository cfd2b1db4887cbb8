/* A feed from flows.txt to fct.txt and flows.csv; see stream.h. Does not know back ends. */
#include "sim/stream.h"

#include "base/file.h"
#include "sim/lines.h"
#include "sim/output.h"
#include "sim/scenario_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1024, MIN_LINE_BYTES = 14, MAX_LINKS = 16 };

/* Flows of a source so far, to each destination [n_nodes]: bytes until one of them does not suffice. */
typedef struct flow_counts {
  uint8_t *few;
  uint16_t *many;
} flow_counts;

struct sim_stream {
  sim_scenario *scenario; /* flows: [n_places] places */
  sim_lines *file;
  int64_t n_flows, n_read, n_places;
  int64_t last_id, last_start_ns;
  int64_t *unused, n_unused; /* [n_places] */
  bool *taken;               /* [n_places] */
  int32_t **paths;           /* [n_places / BLOCK] each [BLOCK][MAX_LINKS] links: they never move */
  flow_counts *counts;       /* [n_nodes] by source */
  sim_application application;
  m4_outfile fct, csv;
};

/* ---- places ---- */

static bool grow(void *array, int64_t count, size_t bytes) {
  void **memory = array, *larger = realloc(*memory, (size_t)count * bytes);
  if (larger) *memory = larger;
  return larger != NULL;
}

/* A block of places more. */
static m4_status add_places(sim_stream *stream, m4_error *err) {
  sim_scenario *scenario = stream->scenario;
  int64_t n = stream->n_places + BLOCK, blocks = n / BLOCK;
  bool ready = grow(&scenario->flows, n, sizeof *scenario->flows) &&
               grow(&stream->unused, n, sizeof *stream->unused) &&
               grow(&stream->taken, n, sizeof *stream->taken) &&
               grow(&stream->paths, blocks, sizeof *stream->paths);
  int32_t *links = ready ? malloc((size_t)BLOCK * MAX_LINKS * sizeof *links) : NULL;
  if (!links)
    return m4_fail(err, M4_MEMORY, scenario->name, "no memory for %lld flows at a time", (long long)n);
  stream->paths[blocks - 1] = links;
  for (int64_t i = n - 1; i >= stream->n_places; i--) {
    scenario->flows[i] = (sim_flow){.n_links = MAX_LINKS}; /* back ends ask for the longest path */
    stream->unused[stream->n_unused++] = i;
    stream->taken[i] = false;
  }
  stream->n_places = scenario->n_flows = n;
  return M4_OK;
}

static m4_status widen(flow_counts *row, int32_t n, const char *name, m4_error *err) {
  row->many = calloc((size_t)n, sizeof *row->many);
  if (!row->many) return m4_fail(err, M4_MEMORY, name, "no memory for source ports");
  for (int32_t i = 0; i < n; i++) row->many[i] = row->few[i];
  free(row->few);
  row->few = NULL;
  return M4_OK;
}

/* The port counts the flows of the pair, as for scenarios that are read as a whole. */
static m4_status number_port(sim_stream *stream, sim_flow *flow, m4_error *err) {
  flow_counts *row = &stream->counts[flow->src];
  int32_t n = stream->scenario->topology->n_nodes;
  if (!row->few && !row->many) {
    row->few = calloc((size_t)n, sizeof *row->few);
    if (!row->few) return m4_fail(err, M4_MEMORY, stream->scenario->name, "no memory for source ports");
  }
  if (row->few && row->few[flow->dst] == UINT8_MAX) M4_TRY(widen(row, n, stream->scenario->name, err));
  unsigned before = row->many ? row->many[flow->dst]++ : row->few[flow->dst]++;
  flow->source_port = (uint16_t)(SIM_FIRST_SOURCE_PORT + before);
  return M4_OK;
}

static m4_status route(sim_stream *stream, int64_t place, m4_error *err) {
  const sim_scenario *scenario = stream->scenario;
  sim_flow *flow = &scenario->flows[place];
  int32_t *links = stream->paths[place / BLOCK] + place % BLOCK * MAX_LINKS;
  flow->links = links;
  M4_TRY(sim_route(scenario->routing, flow->src, flow->dst, flow->source_port, flow->destination_port, links,
                   MAX_LINKS, &flow->n_links, err));
  return sim_fill_ideals(scenario->topology, flow, err);
}

/* ---- the feed ---- */

static m4_status read_flow(sim_stream *stream, sim_text *text, int64_t place, m4_error *err) {
  sim_flow flow = {0};
  M4_TRY(sim_read_flow_line(text, stream->scenario->topology, stream->last_start_ns, &flow, err));
  if (flow.id <= stream->last_id)
    return sim_text_fail(text, err, "flow id %lld after %lld: ids must ascend when flows are streamed",
                         (long long)flow.id, (long long)stream->last_id);
  stream->last_id = flow.id;
  stream->last_start_ns = flow.start_ns;
  M4_TRY(number_port(stream, &flow, err));
  stream->scenario->flows[place] = flow;
  m4_status status = sim_flow_within(err, route(stream, place, err), &flow);
  return status == M4_OK ? M4_OK : m4_within(err, status, text->path);
}

static m4_status next(void *ctx, int64_t *place, m4_error *err) {
  sim_stream *stream = ctx;
  sim_text *text;
  bool found;
  *place = -1;
  M4_TRY(sim_lines_next(stream->file, &found, &text, err));
  bool expected = stream->n_read < stream->n_flows;
  if (found && !expected)
    return m4_hint(err, sim_text_fail(text, err, "the file goes on after its last entry"),
                   "line 1 must hold the number of flows");
  if (!found && expected)
    return sim_text_fail(text, err, "the file ends after %lld of %lld flows", (long long)stream->n_read,
                         (long long)stream->n_flows);
  if (!found) return M4_OK;
  if (stream->n_unused == 0) M4_TRY(add_places(stream, err));
  *place = stream->unused[--stream->n_unused];
  stream->taken[*place] = true;
  stream->n_read++;
  return read_flow(stream, text, *place, err);
}

static m4_status done(void *ctx, const sim_result *result, int64_t place, m4_error *err) {
  sim_stream *stream = ctx;
  (void)err; /* a full disk shows when the files are complete */
  sim_application_add(&stream->application, stream->scenario, result, place);
  sim_write_fct_row(stream->fct.stream, stream->scenario, result, place);
  sim_write_flow_row(stream->csv.stream, stream->scenario, result, place);
  stream->taken[place] = false;
  stream->unused[stream->n_unused++] = place;
  return M4_OK;
}

/* ---- the whole ---- */

static m4_status read_count(sim_stream *stream, m4_error *err) {
  sim_text *text;
  bool found;
  M4_TRY(sim_lines_next(stream->file, &found, &text, err));
  if (!found) return sim_text_fail(text, err, "the file is empty");
  M4_TRY(sim_text_int(text, "number of flows", 0, INT64_MAX / MIN_LINE_BYTES, &stream->n_flows, err));
  return sim_text_end_of_line(text, err);
}

static m4_status open_all(sim_stream *stream, const char *dir, m4_error *err) {
  char path[SIM_MAX_PATH_BYTES];
  M4_TRY(sim_scenario_read_network(&stream->scenario, dir, err));
  M4_TRY(sim_scenario_flows_path(path, dir, err));
  M4_TRY(sim_lines_open(&stream->file, path, err));
  M4_TRY(read_count(stream, err));
  stream->counts = calloc((size_t)stream->scenario->topology->n_nodes + 1, sizeof *stream->counts);
  if (!stream->counts) return m4_fail(err, M4_MEMORY, dir, "no memory for source ports");
  return add_places(stream, err);
}

m4_status sim_stream_open(sim_stream **out, const char *dir, m4_error *err) {
  *out = NULL;
  sim_stream *stream = calloc(1, sizeof *stream);
  if (!stream) return m4_fail(err, M4_MEMORY, dir, "no memory for a scenario");
  stream->last_id = -1;
  m4_status status = open_all(stream, dir, err);
  if (status == M4_OK)
    *out = stream;
  else
    sim_stream_free(stream);
  return status;
}

void sim_stream_free(sim_stream *stream) {
  if (!stream) return;
  m4_outfile_abandon(&stream->fct);
  m4_outfile_abandon(&stream->csv);
  for (int64_t i = 0; i < stream->n_places / BLOCK; i++) free(stream->paths[i]);
  for (int32_t i = 0; stream->counts && i < stream->scenario->topology->n_nodes; i++) {
    free(stream->counts[i].few);
    free(stream->counts[i].many);
  }
  sim_lines_close(stream->file);
  sim_scenario_free(stream->scenario);
  free(stream->unused);
  free(stream->taken);
  free(stream->paths);
  free(stream->counts);
  free(stream);
}

sim_scenario *sim_stream_scenario(sim_stream *stream) {
  return stream->scenario;
}

int64_t sim_stream_count(const sim_stream *stream) {
  return stream->n_flows;
}

static m4_status open_table(m4_outfile *file, const char *dir, const char *name, m4_error *err) {
  char path[SIM_MAX_PATH_BYTES];
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  return m4_outfile_open(file, path, err);
}

/* What is still in its place has begun and not finished; what was never read does not count either. */
static m4_status finish(sim_stream *stream, const char *out_dir, const char *backend,
                        const sim_result *result, m4_error *err) {
  for (int64_t place = 0; place < stream->n_places; place++) {
    if (!stream->taken[place]) continue;
    sim_application_add(&stream->application, stream->scenario, result, place);
    sim_write_flow_row(stream->csv.stream, stream->scenario, result, place);
  }
  if (result->n_finished < result->n_flows) stream->application.end_ns = INFINITY;
  M4_TRY(m4_outfile_commit(&stream->fct, err));
  M4_TRY(m4_outfile_commit(&stream->csv, err));
  return sim_write_summary(out_dir, stream->scenario, backend, result, &stream->application, NULL, err);
}

m4_status sim_stream_run(sim_stream *stream, sim_backend *backend, const char *out_dir,
                         sim_progress_fn progress, void *ctx, sim_result *result, m4_error *err) {
  const sim_feed feed = {.ctx = stream, .n_flows = stream->n_flows, .next = next, .done = done};
  M4_TRY(m4_dir_make(out_dir, err));
  M4_TRY(open_table(&stream->fct, out_dir, "fct.txt", err));
  M4_TRY(open_table(&stream->csv, out_dir, "flows.csv", err));
  fputs(SIM_FLOWS_CSV_HEADER, stream->csv.stream);
  m4_status ran = sim_run_feed(stream->scenario, backend, &feed, progress, ctx, result, err);
  if (ran != M4_OK && ran != M4_INTERRUPTED) return ran;
  M4_TRY(finish(stream, out_dir, backend->ops->name, result, err));
  return ran;
}
