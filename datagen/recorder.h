/* Received-bytes rows and queue values, recorded while a packet simulation runs. Knows pkt_probe, not how the
 * clock is driven. Source: training.md 5. */
#ifndef DATAGEN_RECORDER_H
#define DATAGEN_RECORDER_H

#include "base/ascending.h"
#include "data/dataset.h"
#include "sim/packet/packet.h"

/* A flow that leaves at time_ns. */
typedef struct dg_departure {
  int64_t time_ns;
  int32_t flow;
} dg_departure;

/* Flows are positions in the facts. Arrays but `rows` live in the arena given. */
typedef struct dg_recorder {
  const ds_scenario *facts;
  const int32_t *position; /* of a simulator's flow tag */
  int64_t *fct_ns;         /* [n_flows] -1 until the departure is announced */
  int64_t *received_bytes; /* [n_flows] so far, retransmissions included */
  int64_t *queue_bytes;    /* as facts->path_link; -1 until known */
  int32_t *arrival_order;  /* [n_flows] by (start, flow) */
  int64_t n_arrived;
  dg_departure *departures; /* [n_flows] known so far; those not yet recorded by (time, flow) */
  int64_t n_departures, n_left;
  m4_ascending active;
  int64_t *row_offset; /* [2 n_flows + 1] */
  int64_t n_rows;
  int64_t *rows; /* malloc'ed, grows */
  size_t rows_capacity;
} dg_recorder;

m4_status dg_recorder_init(dg_recorder *recorder, const ds_scenario *facts, const int32_t *position,
                           m4_arena *arena, m4_error *err);
void dg_recorder_free(dg_recorder *recorder);

/* The probe that feeds the recorder; flow tags are indices into position. */
pkt_probe dg_recorder_probe(dg_recorder *recorder);

/* The next instant with an event: an arrival or a departure already announced; INT64_MAX when there is none.
 */
int64_t dg_recorder_next_ns(const dg_recorder *recorder);
/* Announces a departure, at or after the instants recorded so far; cheapest in the order of departures. A
 * measured FCT below the ideal is raised to it, and the departure moves along. */
void dg_recorder_depart(dg_recorder *recorder, int32_t flow, int64_t measured_fct_ns);
/* Records every event of one instant: departures, then arrivals, each by flow; byte counters as they stand
 * now. */
m4_status dg_recorder_record(dg_recorder *recorder, int64_t time_ns, m4_error *err);
/* The flows still active never finish: they leave after everything else, by flow. */
m4_status dg_recorder_finish(dg_recorder *recorder, m4_error *err);
/* Takes a row as it stands, for sources that have rows and no receipts: 2 n_flows calls instead of the two
 * above.
 */
m4_status dg_recorder_append(dg_recorder *recorder, const int64_t *values, int64_t count, m4_error *err);
/* Drops the rows recorded so far: what was received is not known. */
void dg_recorder_forget_rows(dg_recorder *recorder);

#endif
