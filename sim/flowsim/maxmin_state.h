/* What maxmin.c (who is active on which link) and propagate.c (which rate) share. Room-private. */
#ifndef SIM_FLOWSIM_MAXMIN_STATE_H
#define SIM_FLOWSIM_MAXMIN_STATE_H

#include "base/heap.h"
#include "sim/flowsim/maxmin.h"

enum { SIM_FAIR_FREE = -1, SIM_FAIR_SEVERAL = -2 };

typedef struct sim_fair_flow {
  double rate;
  const int32_t *links;
  int32_t n_links;
  int32_t bottleneck; /* the link that limits it; SIM_FAIR_FREE while none does */
  uint64_t listed_in; /* the update that put it on the list of changed flows */
} sim_fair_flow;

/* Every flow of a link is own (limited here), free (limited nowhere yet) or limited elsewhere. */
typedef struct sim_fair_link {
  double capacity;
  double level;      /* rate of the own flows; INFINITY without any */
  double elsewhere;  /* sum of the rates of those limited elsewhere; exact after each look at all flows */
  double next_level; /* what level has to become, when known */
  int32_t own, free;
  int32_t freed_by; /* the link that all free flows were limited by before; SIM_FAIR_SEVERAL: not one alone */
  int32_t count, room;
  int32_t *flows; /* [count] */
  uint64_t settled_in, released_in;
  bool known;
} sim_fair_link;

struct sim_maxmin {
  sim_fair_link *links; /* [n_links] */
  sim_fair_flow *flows; /* [n_flows] */
  int32_t *place;       /* [n_flows][max_path] place of a flow among those of each of its links */
  int32_t *changed;     /* [n_flows] */
  double *rates;        /* scratch: those of a link's flows that are limited elsewhere */
  int32_t n_links, n_flows, max_path, n_changed, rates_room;
  m4_heap unsettled; /* links to look at, by the lowest rate at which something can change there */
  uint64_t update;   /* number of the current update */
};

/* A flow that `by` limited, or nobody, becomes free. */
static inline void sim_fair_set_free_on(sim_fair_link *link, int32_t by) {
  link->freed_by = link->free++ == 0 || link->freed_by == by ? by : SIM_FAIR_SEVERAL;
}

/* Something about the flows of a link has changed: it joins the unsettled ones if that can matter. */
void sim_fair_touch(sim_maxmin *fair, int32_t link);

#endif
