/* Inside nn/: a sample where the model computes. On the host that is the sample itself; for a device its
 * arrays, the first states and the rows of segments go up as one block. */
#ifndef NN_M4_RESIDENT_H
#define NN_M4_RESIDENT_H

#include "autograd/block.h"
#include "nn/m4_segments.h"

typedef struct nn_resident {
  const m4_sample *sample;
  const m4_event_data *events; /* [n_events] arrays in the backend's memory; labels stay on the host */
  const int32_t *event_flow;   /* [n_events] likewise */
  const float *last_fluid;     /* [n_flows, M4_N_FLUID] of flows that depart, on a device */
  m4_state state;
} nn_resident;

/* segments (may be NULL): their lists of rows become the backend's. Memory from `arena` and, on a device,
 * `block`. */
m4_status nn_resident_create(nn_resident *resident, const m4_model *model, const m4_sample *sample,
                             nn_segments *segments, ag_block *block, m4_arena *arena, m4_error *err);
/* Fluid features of a flow at its last event before its departure; NULL when the model has none. */
const float *nn_resident_last_fluid(const nn_resident *resident, int32_t flow);

#endif
