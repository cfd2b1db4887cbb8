/* Supervision from a packet simulation that runs now: driven from event to event, so that the recorder sees
 * the byte counters at the end of each instant. Source: training.md 5. */
#include "datagen/supervision.h"

#include "base/signals.h"
#include "sim/backend.h"
#include "sim/packet/trace.h"

/* The simulation's listeners: the recorder, and the trace that is kept, if any. */
typedef struct listeners {
  const sim_scenario *scenario;
  pkt_probe recorder, trace;
} listeners;

static void on_payload(void *ctx, int64_t time_ns, int64_t flow, int64_t bytes) {
  const pkt_probe *recorder = &((const listeners *)ctx)->recorder;
  recorder->payload_received(recorder->ctx, time_ns, flow, bytes);
}

static void on_first_packet(void *ctx, int64_t time_ns, int64_t flow, int32_t hop, int64_t queue_bytes) {
  const pkt_probe *recorder = &((const listeners *)ctx)->recorder;
  recorder->first_packet_queued(recorder->ctx, time_ns, flow, hop, queue_bytes);
}

static void on_packet(void *ctx, const pkt_packet_event *event) {
  const listeners *l = ctx;
  if (dg_packet_fact_of(event, l->scenario->topology) != DG_NO_FACT) l->trace.packet(l->trace.ctx, event);
}

/* From event to event until nothing is left but flows that never finish. */
static m4_status run_packets(pkt_sim *sim, dg_recorder *recorder, m4_error *err) {
  for (;;) {
    if (m4_stop_requested()) return m4_fail(err, M4_INTERRUPTED, recorder->facts->name, "interrupted");
    int64_t next_ns = dg_recorder_next_ns(recorder), tag, time_ns;
    bool completed;
    M4_TRY(pkt_advance(sim, next_ns, &completed, &tag, &time_ns, err));
    int32_t flow = completed ? recorder->position[tag] : -1;
    if (completed)
      dg_recorder_depart(recorder, flow, time_ns - recorder->facts->start_ns[flow]);
    else if (next_ns < INT64_MAX)
      M4_TRY(dg_recorder_record(recorder, next_ns, err));
    else
      return dg_recorder_finish(recorder, err);
  }
}

static m4_status run_scenario(const sim_scenario *scenario, dg_recorder *recorder, const pkt_probe *probe,
                              m4_error *err) {
  pkt_sim *sim = NULL;
  M4_TRY(pkt_create(&sim, scenario->topology, scenario->routing, &scenario->packet, probe, err));
  m4_status status = sim_packet_submit(sim, scenario, err);
  if (status == M4_OK) status = run_packets(sim, recorder, err);
  pkt_free(sim);
  return status;
}

/* ctx: the trace's path, or NULL. */
static m4_status simulate_packets(void *ctx, const sim_scenario *scenario, dg_recorder *recorder,
                                  m4_error *err) {
  const char *trace_path = ctx;
  pkt_probe probe = dg_recorder_probe(recorder);
  if (!trace_path) return run_scenario(scenario, recorder, &probe, err);
  pkt_trace *trace = NULL;
  M4_TRY(pkt_trace_create(&trace, scenario, trace_path, err));
  listeners l = {.scenario = scenario, .recorder = probe, .trace = pkt_trace_probe(trace)};
  probe = (pkt_probe){
      .ctx = &l, .payload_received = on_payload, .first_packet_queued = on_first_packet, .packet = on_packet};
  m4_status status = run_scenario(scenario, recorder, &probe, err);
  if (status == M4_OK) status = pkt_trace_commit(trace, err);
  pkt_trace_free(trace);
  return status;
}

m4_status dg_supervise(ds_scenario *facts, const sim_scenario *scenario, const char *trace_path,
                       m4_arena *arena, m4_error *err) {
  return dg_supervise_from(facts, scenario, simulate_packets, (void *)trace_path, arena, err);
}
