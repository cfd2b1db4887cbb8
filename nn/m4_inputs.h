/* From raw facts to what the model reads: size feature, parameters, event order, event arrays, labels. One
 * canonical row and edge order for everybody. Knows m4.h. Source: training.md 1-5, model.md 6. */
#ifndef NN_M4_INPUTS_H
#define NN_M4_INPUTS_H

#include "nn/m4.h"

/* log2(bytes/1000 + 1), or log2(bytes + 1) for M4_SIZE_BYTES. */
float m4_size_feature_of(int64_t size_bytes, m4_size_feature kind);
/* Cube root of (bytes + 1e-6). */
float m4_queue_label_of(double queue_bytes);

/* Raw facts of one busy period: as stored in the dataset. Flow order: ascending flow id. All arrays owned by
 * the caller. */
typedef struct m4_period {
  int32_t n_flows;
  const int64_t *flow_id, *size_bytes, *start_ns, *fct_ns,
      *ideal_fct_ns;            /* [n_flows]; fct already raised to ideal */
  const float *params;          /* [n_flows, 13] */
  const int32_t *path_offset;   /* [n_flows + 1] */
  const int32_t *path_link;     /* scenario link ids (any distinct numbers >= 0), path order */
  const int64_t *path_rate_bps; /* line rates, parallel to path_link; NULL = unknown: no fluid features */
  /* Received bytes after each of the 2n events, active flows ascending (training.md 5); NULL = no size
   * labels. */
  const int64_t *received_offset; /* [2 * n_flows + 1] */
  const int64_t *received_bytes;
  /* Queue bytes met at each hop by the first data packet, path order, parallel to path_link; -1 = unknown;
   * NULL = none. */
  const int64_t *queue_bytes;
} m4_period;

/* A period made ready for the model: flow rows are the period's flow order, link rows are the period's
 * distinct links ascending. */
typedef struct m4_sample {
  int32_t n_flows, n_links, n_events;       /* n_events = 2 * n_flows, fewer when cut short */
  float *size_feature;                      /* [n_flows] */
  float *flow_n_links;                      /* [n_flows] */
  float *params;                            /* [n_flows, 13] */
  float *target_slowdown;                   /* [n_flows] */
  int32_t *path_offset, *path_link;         /* [n_flows+1], link rows in path order */
  int32_t *arrival_event, *departure_event; /* [n_flows]; active at event j iff arrival <= j < departure */
  int32_t *event_flow;   /* [n_events] the flow that arrives or departs; made by m4_sample_build_events */
  float *dt_us;          /* [n_events]; dt[0] = 0 */
  int64_t *size_offset;  /* [n_events + 1]; row j is supervised iff its length is the active count and > 0 */
  float *size_labels;    /* remaining ratio of the active flows ascending */
  int64_t *queue_offset; /* [n_events + 1] */
  float *queue_labels;
  int32_t *queue_rows;   /* link rows */
  m4_event_data *events; /* [n_events], arrays in the same arena */
  float *fluid;          /* features of all events' flows in order (m4_fluid.h); NULL without line rates */
  int32_t max_nodes;     /* largest n_flows + n_links of an event */
  int64_t node_events;   /* sum over events of active nodes: the cost of the sample */
} m4_sample;

/* Sorts events by (time, departures first, flow order), makes features, labels and event arrays in `arena`.
 * M4_DATA for impossible facts: sizes or times <= 0, an FCT below the ideal, ids not ascending, a flow
 * without links, parameters that are not finite. Received-bytes rows that contradict the active set (length,
 * negative remaining ratio) are unsupervised, not errors. */
m4_status m4_sample_from_period(m4_sample **sample, const m4_period *period, m4_size_feature kind,
                                m4_arena *arena, m4_error *err);
/* Fills event_flow, events[], max_nodes and node_events from the other fields (for samples that come as
 * arrays, such as golden files). M4_DATA when each event is not exactly one flow's arrival or departure, or
 * an index or time step is impossible. */
m4_status m4_sample_build_events(m4_sample *sample, m4_arena *arena, m4_error *err);

/* Fluid features of a flow at its last event before its departure; NULL when the sample has none. */
const float *m4_sample_last_fluid(const m4_sample *sample, int32_t flow);

/* Keeps the first max_events events: a busy period may be trained on from its beginning without its end.
 * Flows that have not departed by then have no slowdown to learn. Nothing happens when there are no more. */
void m4_sample_cut_short(m4_sample *sample, int32_t max_events);

#endif
