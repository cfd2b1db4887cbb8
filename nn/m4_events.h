/* Inside nn/: the two halves of m4_sample_build_events, for callers that need the active sets to make labels.
 */
#ifndef NN_M4_EVENTS_H
#define NN_M4_EVENTS_H

#include "nn/m4_inputs.h"

/* event_flow and the graph of every event: rows, neighbours, dt; max_nodes and node_events. No labels yet. */
m4_status nn_build_graphs(m4_sample *sample, m4_arena *arena, m4_error *err);
/* Points the events at the sample's labels. */
m4_status nn_attach_labels(m4_sample *sample, m4_error *err);

#endif
