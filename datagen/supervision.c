/* Everything a packet simulation and flowSim tell about a scenario. Drives the packet simulator from event to
 * event, so that the recorder sees the byte counters at the end of each instant. Source: training.md 3-5. */
#include "datagen/datagen.h"

#include "base/signals.h"
#include "datagen/facts.h"
#include "datagen/recorder.h"
#include "sim/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static m4_status submit_all(pkt_sim *sim, const sim_scenario *scenario, m4_error *err) {
  pkt_flow *flows = calloc((size_t)scenario->n_flows, sizeof *flows);
  if (!flows)
    return m4_fail(err, M4_MEMORY, scenario->name, "no memory for %lld flows", (long long)scenario->n_flows);
  for (int64_t i = 0; i < scenario->n_flows; ++i) {
    const sim_flow *flow = &scenario->flows[i];
    flows[i] = (pkt_flow){.tag = i,
                          .src = flow->src,
                          .dst = flow->dst,
                          .priority = flow->priority,
                          .source_port = flow->source_port,
                          .destination_port = flow->destination_port,
                          .size_bytes = flow->size_bytes,
                          .start_ns = flow->start_ns};
  }
  m4_status status = pkt_submit(sim, flows, scenario->n_flows, err);
  free(flows);
  return status;
}

/* An FCT below the ideal is raised to it; the departure moves along. */
static void complete(dg_recorder *recorder, int64_t *fct_ns, int32_t flow, int64_t time_ns) {
  const ds_scenario *facts = recorder->facts;
  int64_t measured_ns = time_ns - facts->start_ns[flow], ideal_ns = facts->ideal_fct_ns[flow];
  fct_ns[flow] = measured_ns > ideal_ns ? measured_ns : ideal_ns;
  dg_recorder_depart(recorder, flow, facts->start_ns[flow] + fct_ns[flow]);
}

/* From event to event until nothing is left but flows that never finish. */
static m4_status run_packets(pkt_sim *sim, dg_recorder *recorder, int64_t *fct_ns, int64_t stop_ns,
                             m4_error *err) {
  for (;;) {
    if (m4_stop_requested()) return m4_fail(err, M4_INTERRUPTED, recorder->facts->name, "interrupted");
    int64_t next_ns = dg_recorder_next_ns(recorder), tag, time_ns;
    bool completed;
    M4_TRY(pkt_advance(sim, next_ns < stop_ns ? next_ns : stop_ns, &completed, &tag, &time_ns, err));
    if (completed)
      complete(recorder, fct_ns, recorder->position[tag], time_ns);
    else if (next_ns < INT64_MAX)
      M4_TRY(dg_recorder_record(recorder, next_ns, err));
    else
      return dg_recorder_finish(recorder, err);
  }
}

static m4_status simulate_packets(const sim_scenario *scenario, dg_recorder *recorder, int64_t *fct_ns,
                                  m4_error *err) {
  pkt_probe probe = dg_recorder_probe(recorder);
  int64_t stop_ns = scenario->packet.stop_time_ns > 0 ? scenario->packet.stop_time_ns : INT64_MAX;
  pkt_sim *sim = NULL;
  M4_TRY(pkt_create(&sim, scenario->topology, scenario->routing, &scenario->packet, &probe, err));
  m4_status status = submit_all(sim, scenario, err);
  if (status == M4_OK) status = run_packets(sim, recorder, fct_ns, stop_ns, err);
  pkt_free(sim);
  return status;
}

/* The rows move from the recorder's growing block into the arena. */
static m4_status keep_rows(ds_scenario *facts, const dg_recorder *recorder, m4_arena *arena, m4_error *err) {
  int64_t n_values = recorder->row_offset[recorder->n_rows];
  int64_t *rows = m4_arena_alloc(arena, (size_t)n_values, sizeof *rows);
  if (!rows)
    return m4_fail(err, M4_MEMORY, facts->name, "no memory for %lld received-bytes values",
                   (long long)n_values);
  if (n_values > 0) memcpy(rows, recorder->rows, (size_t)n_values * sizeof *rows);
  facts->queue_bytes = recorder->queue_bytes;
  facts->received_offset = recorder->row_offset;
  facts->received_bytes = rows;
  return M4_OK;
}

static m4_status add_packet_facts(ds_scenario *facts, const int32_t *position, const sim_scenario *scenario,
                                  m4_arena *arena, m4_error *err) {
  int64_t *fct_ns = m4_arena_alloc(arena, (size_t)facts->n_flows, sizeof *fct_ns);
  if (!fct_ns)
    return m4_fail(err, M4_MEMORY, facts->name, "no memory for %lld flows", (long long)facts->n_flows);
  for (int64_t i = 0; i < facts->n_flows; ++i) fct_ns[i] = -1;
  facts->fct_ns = fct_ns;
  dg_recorder recorder;
  M4_TRY(dg_recorder_init(&recorder, facts, position, arena, err));
  m4_status status = simulate_packets(scenario, &recorder, fct_ns, err);
  if (status == M4_OK) status = keep_rows(facts, &recorder, arena, err);
  dg_recorder_free(&recorder);
  return status;
}

static bool go_on(void *ctx, double now_ns, int64_t finished, int64_t total) {
  (void)ctx, (void)now_ns, (void)finished, (void)total;
  return m4_stop_requested() == 0;
}

static m4_status add_flowsim_facts(ds_scenario *facts, const int32_t *position, const sim_scenario *scenario,
                                   m4_arena *arena, m4_error *err) {
  double *fct_ns = m4_arena_alloc(arena, (size_t)facts->n_flows, sizeof *fct_ns);
  if (!fct_ns)
    return m4_fail(err, M4_MEMORY, facts->name, "no memory for %lld flows", (long long)facts->n_flows);
  sim_flowsim_options options = {0};
  sim_backend *flowsim = NULL;
  M4_TRY(sim_flowsim_backend(&flowsim, scenario, &options, err));
  sim_result result = {0};
  m4_status status = sim_run(scenario, flowsim, go_on, NULL, &result, err);
  for (int64_t i = 0; status == M4_OK && i < facts->n_flows; ++i)
    fct_ns[position[i]] = isnan(result.fct_ns[i]) ? -1 : result.fct_ns[i];
  facts->flowsim_fct_ns = fct_ns;
  sim_result_free(&result);
  sim_backend_free(flowsim);
  return status;
}

m4_status dg_supervise(ds_scenario *facts, const sim_scenario *scenario, m4_arena *arena, m4_error *err) {
  if (scenario->flow_limit > 0)
    return m4_fail(err, M4_USAGE, scenario->name,
                   "training data is made from open-loop scenarios, not closed-loop ones");
  int32_t *position;
  M4_TRY(dg_facts_of_scenario(facts, &position, scenario, arena, err));
  M4_TRY(add_packet_facts(facts, position, scenario, arena, err));
  M4_TRY(add_flowsim_facts(facts, position, scenario, arena, err));
  return dg_busy_periods(facts, arena, err);
}
