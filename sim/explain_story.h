/* What a story consists of; shared by those who watch and those who write. */
#ifndef SIM_EXPLAIN_STORY_H
#define SIM_EXPLAIN_STORY_H

#include "sim/explain.h"

typedef enum sim_happening { SIM_FLOW_ARRIVES, SIM_FLOW_COMPLETES } sim_happening;

/* An event in the life of the flow: its own, one of a flow that shares links, or one that changed what is
 * expected of it. */
typedef struct sim_story_event {
  double time_ns;
  sim_happening happening;
  int64_t flow;         /* index */
  int32_t common_links; /* with the watched flow */
  int32_t sharers;      /* flows on its links after the event, itself not counted */
  sim_flow_view view;   /* after the event; all NAN when the flow has left */
} sim_story_event;

/* A link of the path. */
typedef struct sim_story_hop {
  int32_t others, most_others; /* other flows on the link: now, most while the flow was there */
  int64_t met;                 /* other flows met there */
  /* packet only */
  int64_t packets, marked, dropped; /* sent over the link; of those with a mark; lost ahead of it */
  int64_t queued, most_queue_bytes; /* packets that came to the link's queue; most bytes ahead of one */
  double queue_bytes;               /* ahead of them, sum */
} sim_story_hop;

struct sim_explain {
  const sim_scenario *scenario;
  int64_t flow;
  bool active, packets; /* packets: the hops' packet counts are filled in */
  sim_story_hop *hops;  /* [n_links of the flow] */
  int32_t *hop_of;      /* [links of the network] -1 = not on the path */
  int32_t sharers;
  sim_story_event *events;
  int64_t n_events, capacity;
};

static inline const sim_flow *sim_story_flow(const sim_explain *story) {
  return &story->scenario->flows[story->flow];
}

#endif
