/* What packets and flowSim tell about a scenario, wherever the packets come from. The one place where facts
 * are put together. Source: training.md 3-5. */
#include "datagen/supervision.h"

#include "base/signals.h"
#include "data/busy_periods.h"
#include "datagen/facts.h"
#include "sim/engine.h"

#include <math.h>
#include <string.h>

dg_packet_fact dg_packet_fact_of(const pkt_packet_event *event, const sim_topology *topology) {
  if (event->kind != PKT_DATA) return DG_NO_FACT;
  int32_t node = topology->links[event->link].from;
  if (event->action == PKT_RECEIVED) return node == event->dst ? DG_RECEIPT : DG_NO_FACT;
  if (event->sequence != 0) return DG_NO_FACT;
  return event->action == (node == event->src ? PKT_DEQUEUED : PKT_ENQUEUED) ? DG_FIRST_PACKET : DG_NO_FACT;
}

/* The rows move from the recorder's growing block into the arena. */
static m4_status keep_records(ds_scenario *facts, const dg_recorder *recorder, m4_arena *arena,
                              m4_error *err) {
  int64_t n_values = recorder->row_offset[recorder->n_rows];
  int64_t *rows = m4_arena_alloc(arena, (size_t)n_values, sizeof *rows);
  if (!rows)
    return m4_fail(err, M4_MEMORY, facts->name, "no memory for %lld received-bytes values",
                   (long long)n_values);
  if (n_values > 0) memcpy(rows, recorder->rows, (size_t)n_values * sizeof *rows);
  facts->fct_ns = recorder->fct_ns;
  facts->queue_bytes = recorder->queue_bytes;
  facts->received_offset = recorder->row_offset;
  facts->received_bytes = rows;
  return M4_OK;
}

static m4_status add_packet_facts(ds_scenario *facts, const int32_t *position, const sim_scenario *scenario,
                                  dg_packet_source *source, void *ctx, m4_arena *arena, m4_error *err) {
  dg_recorder recorder;
  M4_TRY(dg_recorder_init(&recorder, facts, position, arena, err));
  m4_status status = source(ctx, scenario, &recorder, err);
  if (status == M4_OK) status = keep_records(facts, &recorder, arena, err);
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

m4_status dg_supervise_from(ds_scenario *facts, const sim_scenario *scenario, dg_packet_source *source,
                            void *ctx, m4_arena *arena, m4_error *err) {
  if (scenario->flow_limit > 0)
    return m4_fail(err, M4_USAGE, scenario->name,
                   "training data is made from open-loop scenarios, not closed-loop ones");
  int32_t *position;
  M4_TRY(dg_facts_of_scenario(facts, &position, scenario, arena, err));
  M4_TRY(add_packet_facts(facts, position, scenario, source, ctx, arena, err));
  M4_TRY(add_flowsim_facts(facts, position, scenario, arena, err));
  return ds_busy_periods(facts, arena, err);
}
