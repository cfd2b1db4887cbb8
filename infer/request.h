/* What a session wants computed at one of its events, and the events of several sessions as one. Knows
 * nn/m4.h and block. */
#ifndef INFER_REQUEST_H
#define INFER_REQUEST_H

#include "autograd/block.h"
#include "infer/bundles.h"
#include "nn/m4.h"

/* First states of a flow that enters, link states that part, an event. Rows are those of the shared state
 * tables; nodes and edges, and arrays, are the session's own, in host memory. */
typedef struct inf_request {
  int32_t new_row; /* row of the flow that enters; -1: none does */
  int32_t n_new_links;
  float size_feature;
  float params[M4_N_PARAMS];
  const inf_bundle_copy *copies; /* [n_copies] rows of link states, copied before the event */
  int32_t n_copies;
  m4_event_data event; /* at least one flow; its dt_us counts */
  int32_t first_head;  /* out: the flows' places among those of the whole step */
} inf_request;

/* All requests in the backend's memory. */
typedef struct inf_merged {
  int32_t n_new, n_copies;
  const int32_t *new_rows, *copy_from, *copy_to;
  m4_first_rows first;
  m4_event_data event; /* those with a time step first */
  const int32_t *queue_rows;
} inf_merged;

/* Fills and sends the block. The requests' first_head are set. queue_row: a row of link states to be found in
 * merged->queue_rows; -1: none. */
m4_status inf_merge(inf_merged *merged, ag_block *block, const m4_model *model, inf_request *const *requests,
                    int32_t n, int32_t queue_row, m4_error *err);

#endif
