/* Inside nn/: cutting the events of a busy period into segments whose tapes fit a byte budget, and keeping
 * what a segment needs to be computed again (design.md "State tables", anchors.md C.5). */
#ifndef NN_M4_SEGMENTS_H
#define NN_M4_SEGMENTS_H

#include "nn/m4_inputs.h"

/* Tape bytes of recorded events: event_bytes + node_bytes * active nodes each, and once for gradients and
 * scratch of the largest: gradient_event_bytes + gradient_node_bytes * its nodes. */
typedef struct nn_tape_cost {
  double event_bytes, node_bytes;
  double gradient_event_bytes, gradient_node_bytes;
} nn_tape_cost;

/* Measures it by recording a few events. */
m4_status nn_tape_cost_measure(nn_tape_cost *cost, const m4_model *model, m4_error *err);
double nn_tape_cost_of_event(const nn_tape_cost *cost, const m4_event_data *event);
double nn_tape_cost_of_gradients(const nn_tape_cost *cost, int32_t n_nodes);
double nn_tape_cost_of_sample(const nn_tape_cost *cost, const m4_sample *sample);

/* Events first .. end-1 and the state rows they touch or read. */
typedef struct nn_segment {
  int32_t first, end;
  int32_t n_flows, n_links;
  const int32_t *flow_rows, *link_rows; /* on the host until the sample is resident (m4_resident.h) */
  ag_tensor *flows, *links;             /* the rows at the border, see nn_segment_save */
} nn_segment;

typedef struct nn_segments {
  int32_t count;
  nn_segment *items;
} nn_segments;

/* Cuts greedily; a segment has at least one event. budget_bytes 0 = one segment. Memory from `arena`. */
m4_status nn_segments_cut(nn_segments *segments, const m4_sample *sample, const nn_tape_cost *cost,
                          size_t budget_bytes, m4_arena *arena, m4_error *err);
/* Arena bytes that nn_segments_cut and nn_segment_save can need at most for a sample. */
double nn_segments_most_bytes(const m4_sample *sample, const m4_model *model);

/* Copies the segment's rows out of the state, and back. The tape must not be recording. */
void nn_segment_save(nn_segment *segment, ag_tape *tape, m4_state *state);
void nn_segment_restore(const nn_segment *segment, ag_tape *tape, m4_state *state);

#endif
