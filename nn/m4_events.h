/* The parts of m4_sample_build_events, for callers that need the active sets to make labels, or that know
 * active sets of their own. */
#ifndef NN_M4_EVENTS_H
#define NN_M4_EVENTS_H

#include "base/ascending.h"
#include "nn/m4_inputs.h"

/* Who is in an event: rows of a sample. */
typedef struct nn_active_set {
  m4_ascending flows, links;
  int32_t n_edges;    /* hops of these flows */
  int32_t *link_uses; /* [n_links] hops of these flows over the link */
  int32_t *link_next; /* [n_links] scratch */
} nn_active_set;

/* The event's rows and neighbours, along the sample's paths; no time step, no labels. */
m4_status nn_event_graph(m4_event_data *event, nn_active_set *active, const m4_sample *sample,
                         m4_arena *arena, m4_error *err);

/* event_flow and the graph of every event: rows, neighbours, dt; max_nodes and node_events. No labels yet. */
m4_status nn_build_graphs(m4_sample *sample, m4_arena *arena, m4_error *err);
/* Points the events at the sample's labels. */
m4_status nn_attach_labels(m4_sample *sample, m4_error *err);

#endif
