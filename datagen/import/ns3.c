/* Facts from an ns-3 folder: FCTs from fct.txt, receipts and queues from the packet trace. */
#include "datagen/import/ns3.h"

#include "base/file.h"
#include "base/signals.h"
#include "data/pickle/npy.h"
#include "datagen/facts.h"
#include "datagen/import/departures.h"
#include "datagen/import/paths.h"
#include "datagen/supervision.h"
#include "sim/packet/trace_read.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096, EVENTS_PER_LOOK = 1 << 16 };

/* ---- the trace ---- */

typedef struct replay {
  const sim_scenario *scenario;
  dg_recorder *recorder;
  pkt_probe probe;
  int32_t *next_hop; /* [n_flows] of the first packet; past the path once it is lost */
  bool any_receipt;
} replay;

/* A first packet that leaves its host again was lost before: queues beyond stay unknown. */
static m4_status meet_queue(replay *r, const pkt_packet_event *event, m4_error *err) {
  const sim_flow *flow = &r->scenario->flows[event->flow];
  int32_t hop = 0, *next = &r->next_hop[event->flow];
  while (hop < flow->n_links && flow->links[hop] != event->link) ++hop;
  if (hop == flow->n_links)
    return m4_fail(err, M4_DATA, r->scenario->name, "the trace has flow %lld at node %d, not on its path",
                   (long long)flow->id, r->scenario->topology->links[event->link].from);
  if (hop >= *next) {
    r->probe.first_packet_queued(r->probe.ctx, event->time_ns, event->flow, hop, event->queue_bytes);
    *next = hop + 1;
  } else if (hop == 0) {
    *next = flow->n_links;
  }
  return M4_OK;
}

/* Every event of the scenario before time_ns. */
static m4_status record_before(dg_recorder *recorder, int64_t time_ns, m4_error *err) {
  for (int64_t next_ns = dg_recorder_next_ns(recorder); next_ns < time_ns;
       next_ns = dg_recorder_next_ns(recorder))
    M4_TRY(dg_recorder_record(recorder, next_ns, err));
  return M4_OK;
}

static m4_status replay_event(replay *r, const pkt_packet_event *event, m4_error *err) {
  dg_packet_fact fact = dg_packet_fact_of(event, r->scenario->topology);
  if (fact == DG_NO_FACT) return M4_OK;
  M4_TRY(record_before(r->recorder, event->time_ns, err));
  if (fact == DG_FIRST_PACKET) return meet_queue(r, event, err);
  r->any_receipt = true;
  r->probe.payload_received(r->probe.ctx, event->time_ns, event->flow, event->payload_bytes);
  return M4_OK;
}

/* Rows of a trace with holes would be wrong labels. */
static m4_status check_receipts(const replay *r, m4_error *err) {
  for (int64_t i = 0; i < r->scenario->n_flows; ++i) {
    const sim_flow *flow = &r->scenario->flows[i];
    int64_t received = r->recorder->received_bytes[r->recorder->position[i]];
    if (r->scenario->truth_fct_ns[i] > 0 && received < flow->size_bytes)
      return m4_fail(err, M4_DATA, r->scenario->name,
                     "the trace is not complete: flow %lld finished, and %lld of its %lld bytes arrive",
                     (long long)flow->id, (long long)received, (long long)flow->size_bytes);
  }
  return M4_OK;
}

static m4_status replay_events(replay *r, pkt_trace_reader *trace, m4_error *err) {
  bool found = true;
  for (int64_t count = 0; found; ++count) {
    pkt_packet_event event;
    if (count % EVENTS_PER_LOOK == 0 && m4_stop_requested())
      return m4_fail(err, M4_INTERRUPTED, r->scenario->name, "interrupted");
    M4_TRY(pkt_trace_next(trace, &event, &found, err));
    if (found) M4_TRY(replay_event(r, &event, err));
  }
  if (r->any_receipt) M4_TRY(check_receipts(r, err));
  M4_TRY(record_before(r->recorder, INT64_MAX, err));
  return dg_recorder_finish(r->recorder, err);
}

static m4_status replay_trace(const char *path, const sim_scenario *scenario, dg_recorder *recorder,
                              m4_error *err) {
  pkt_trace_reader *trace;
  M4_TRY(pkt_trace_open(&trace, path, scenario, err));
  replay r = {.scenario = scenario, .recorder = recorder, .probe = dg_recorder_probe(recorder)};
  r.next_hop = calloc((size_t)scenario->n_flows + 1, sizeof *r.next_hop);
  m4_status status =
      r.next_hop ? replay_events(&r, trace, err) : m4_fail(err, M4_MEMORY, path, "no memory for the flows");
  if (status == M4_OK && !r.any_receipt) dg_recorder_forget_rows(recorder);
  free(r.next_hop);
  pkt_trace_close(trace);
  return status;
}

/* ctx: the trace's path, or NULL. */
static m4_status read_packets(void *ctx, const sim_scenario *scenario, dg_recorder *recorder, m4_error *err) {
  M4_TRY(dg_announce_departures(scenario, recorder, err));
  return ctx ? replay_trace(ctx, scenario, recorder, err) : M4_OK;
}

/* ---- the folder ---- */

static bool is_trace(const char *name) {
  size_t length = strlen(name);
  return (length > 3 && strcmp(name + length - 3, ".tr") == 0) ||
         (length > 6 && strcmp(name + length - 6, ".tr.gz") == 0);
}

/* The one trace of the folder; path "" when there is none. */
static m4_status find_trace(char path[PATH_BYTES], const char *dir, m4_error *err) {
  DIR *folder = opendir(dir);
  if (!folder) return m4_fail(err, M4_IO, dir, "cannot list the folder");
  m4_status status = M4_OK;
  path[0] = '\0';
  for (struct dirent *entry = readdir(folder); entry && status == M4_OK; entry = readdir(folder)) {
    if (!is_trace(entry->d_name)) continue;
    if (path[0])
      status = m4_fail(err, M4_DATA, dir, "more than one packet trace (.tr)");
    else
      status = m4_path_join(path, PATH_BYTES, dir, entry->d_name, err);
  }
  closedir(folder);
  return status;
}

static m4_status import_scenario(ds_scenario *facts, m4_arena *arena, sim_scenario *scenario, const char *dir,
                                 m4_error *err) {
  char trace_path[PATH_BYTES];
  if (!scenario->truth_fct_ns) return m4_fail(err, M4_DATA, dir, "no fct.txt: nothing to learn from");
  M4_TRY(m4_arena_init(arena, dg_facts_bytes(scenario->n_flows), err));
  M4_TRY(dg_read_paths(scenario, dir, arena, err));
  M4_TRY(find_trace(trace_path, dir, err));
  return dg_supervise_from(facts, scenario, read_packets, trace_path[0] ? trace_path : NULL, arena, err);
}

/* The reference keeps the exact parameters in an .npy file; without params.txt they count. */
static m4_status read_params(sim_scenario *scenario, bool *found, const char *dir, m4_error *err) {
  char path[PATH_BYTES], params_path[PATH_BYTES];
  ds_npy array = {0};
  *found = false;
  M4_TRY(m4_path_join(params_path, sizeof params_path, dir, "params.txt", err));
  M4_TRY(m4_path_join(path, sizeof path, dir, "param_topology_flows.npy", err));
  if (m4_file_exists(params_path) || !m4_file_exists(path)) return M4_OK;
  M4_TRY(ds_npy_read(&array, path, err));
  *found = array.values.rank == 1 && array.values.count == SIM_N_PARAMS;
  for (int i = 0; i < SIM_N_PARAMS && *found; ++i)
    *found = ds_sequence_real(&scenario->params[i], &array.values, i) && isfinite(scenario->params[i]);
  ds_npy_free(&array);
  return *found ? M4_OK : m4_fail(err, M4_DATA, path, "is not %d finite numbers", SIM_N_PARAMS);
}

/* Without the one about missing parameters when they were found elsewhere. */
static void show_warnings(const sim_scenario *scenario, bool has_params, m4_log *log) {
  for (char **warning = scenario->warnings; warning && *warning; ++warning)
    if (!has_params || !strstr(*warning, "/params.txt: not found")) m4_warn(log, "%s", *warning);
}

m4_status dg_import_ns3(ds_scenario *facts, m4_arena *arena, const char *dir, m4_log *log, m4_error *err) {
  sim_scenario *scenario;
  bool has_params;
  *arena = (m4_arena){0};
  M4_TRY(sim_scenario_read(&scenario, dir, err));
  m4_status status = read_params(scenario, &has_params, dir, err);
  if (status == M4_OK) show_warnings(scenario, has_params, log);
  if (status == M4_OK) status = import_scenario(facts, arena, scenario, dir, err);
  sim_scenario_free(scenario);
  if (status != M4_OK) m4_arena_free(arena);
  return status;
}

bool dg_is_ns3_folder(const char *dir) {
  char path[PATH_BYTES];
  return m4_path_join(path, sizeof path, dir, "flows.txt", NULL) == M4_OK && m4_file_exists(path);
}
