/* The event arrays of one component, in the canonical order of nn/m4.h: flows by tag, then links by number.
 * Knows slots, components. Rows are slots, so flow rows need not ascend as numbers: the order is that of the
 * flows. */
#ifndef INFER_SNAPSHOT_H
#define INFER_SNAPSHOT_H

#include "infer/components.h"
#include "infer/slots.h"

/* Zero-initialise before use; arrays grow and are reused. */
typedef struct inf_snapshot {
  int32_t *rows;   /* [n_flows + n_links] */
  int32_t *offset; /* [n_flows + n_links + 1] */
  int32_t *index;  /* [2 * n_edges] */
  int64_t node_capacity, index_capacity;
  int32_t *cursor; /* [links of the network]: number of a link's node, then its next free place in index */
  int32_t n_links;
} inf_snapshot;

m4_status inf_snapshot_init(inf_snapshot *snapshot, int32_t n_links, m4_error *err);
void inf_snapshot_free(inf_snapshot *snapshot); /* zeroed structs are accepted */
/* Fills `event` (valid until the next call) without labels; dt_us is the caller's. */
m4_status inf_snapshot_take(inf_snapshot *snapshot, const inf_slots *slots, const inf_component *component,
                            const int32_t *flow_count, m4_event_data *event, m4_error *err);

#endif
