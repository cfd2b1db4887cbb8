/* Supervision of a scenario whose packets come from anywhere: a simulation that runs now, or a trace that was
 * kept. Both feed the same recorder, so a row means the same. Knows recorder and scenario. Source:
 * training.md 5.
 */
#ifndef DATAGEN_SUPERVISION_H
#define DATAGEN_SUPERVISION_H

#include "datagen/datagen.h"
#include "datagen/recorder.h"

/* Feeds the recorder: every packet fact and every departure in time order, dg_recorder_record at each instant
 * that dg_recorder_next_ns names, dg_recorder_finish at the end. */
typedef m4_status dg_packet_source(void *ctx, const sim_scenario *scenario, dg_recorder *recorder,
                                   m4_error *err);

/* Fills every fact of ds_scenario. Errors as dg_supervise, and the source's own. */
m4_status dg_supervise_from(ds_scenario *facts, const sim_scenario *scenario, dg_packet_source *source,
                            void *ctx, m4_arena *arena, m4_error *err);

/* What a packet event tells the recorder. A host's own first packet is seen when it leaves, since a host has
 * no queue of data packets; elsewhere when it is queued. */
typedef enum dg_packet_fact { DG_NO_FACT, DG_RECEIPT, DG_FIRST_PACKET } dg_packet_fact;
dg_packet_fact dg_packet_fact_of(const pkt_packet_event *event, const sim_topology *topology);

#endif
