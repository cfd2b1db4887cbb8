/* Datagen: scenarios made from traffic descriptions, simulated packet by packet, written as datasets. This
 * header is the room's contents page: workload/ (who sends what when), supervision (what the packet
 * simulation tells); campaign.h (many scenarios into shards). Knows sim and data. Source:
 * workloads.md, training.md 3-5. */
#ifndef DATAGEN_DATAGEN_H
#define DATAGEN_DATAGEN_H

#include "data/dataset.h"
#include "sim/scenario.h"

/* Simulates a scenario packet by packet and with flowSim and collects every fact of ds_scenario into `arena`.
 * Deterministic. Flows that never finish get fct -1 and belong to no busy period. trace_path (may be NULL)
 * gets the part of the packet trace (.tr) that tells the same facts again. M4_USAGE: closed loop (releases
 * are not arrivals); M4_INTERRUPTED: m4_stop_requested(). Source: training.md 3-5. */
m4_status dg_supervise(ds_scenario *facts, const sim_scenario *scenario, const char *trace_path,
                       m4_arena *arena, m4_error *err);

#endif
