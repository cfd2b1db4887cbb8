/* The event arrays of one component, in the canonical order of nn/m4.h: flows by tag, then bundles of equal
 * links by their first links. Knows slots, components. Rows need not ascend as numbers: the order is that of
 * the flows. A flow lists its bundles once for each of its links, a bundle lists the flows of one of its
 * links: sums are as if every link had its node, and only backward passes, which a session has none of, would
 * notice. */
#ifndef INFER_SNAPSHOT_H
#define INFER_SNAPSHOT_H

#include "infer/components.h"
#include "infer/slots.h"

/* Zero-initialise before use; arrays grow and are reused. */
typedef struct inf_snapshot {
  int32_t *members; /* [n_flows + n_links] slots of flows, then bundles */
  int32_t *rows;    /* [n_flows + n_links] theirs in the state tables */
  int32_t *offset;  /* [n_flows + n_links + 1] */
  int32_t *index;   /* [2 * n_edges] */
  int64_t node_capacity, index_capacity;
  int32_t *node;    /* [rows] a bundle's node, then its next free place in index */
  int32_t *speaker; /* [rows] the link whose flows a bundle lists; -1 between events */
} inf_snapshot;

m4_status inf_snapshot_init(inf_snapshot *snapshot, int32_t n_links, m4_error *err);
void inf_snapshot_free(inf_snapshot *snapshot); /* zeroed structs are accepted */
/* Fills `event` (valid until the next call) without labels; dt_us is the caller's. row_of, flow_count
 * [n_links]: the bundle and the active flows of each link; link_row [n_links + 1]: the state row of each
 * bundle. */
m4_status inf_snapshot_take(inf_snapshot *snapshot, const inf_slots *slots, const inf_component *component,
                            const int32_t *row_of, const int32_t *flow_count, const int32_t *link_row,
                            m4_event_data *event, m4_error *err);

#endif
