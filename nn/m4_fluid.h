/* What a fluid would do: max-min fair rates over the graph of an event, and from them four features of every
 * active flow. A model made with them (widths.n_fluid) predicts how far the truth is from the fluid. The same
 * code serves busy periods in training and sessions online. Knows m4.h. Source: simulation.md 6. */
#ifndef NN_M4_FLUID_H
#define NN_M4_FLUID_H

#include "nn/m4.h"

/* A flow of the fluid. Rates in bytes/ns, times in ns. */
typedef struct m4_fluid_flow {
  double start_ns, ideal_fct_ns, size_bytes;
  double solo_rate; /* smallest capacity of the path */
  double rate, last_ns, remaining_bytes;
} m4_fluid_flow;

typedef struct m4_fluid {
  m4_fluid_flow *flows; /* [n_flows] by row of state.flows */
  double *capacity;     /* [n_links] by row of state.links, bytes/ns */
  double *left;         /* [n_links] of the event at hand: capacity not given away */
  int32_t *open;        /* [n_links] flows whose rate is not known yet */
  float *features;      /* [n_flows, M4_N_FLUID] of the event at hand */
  int32_t n_flows, n_links;
} m4_fluid;

/* All links have capacity 0 until set. Zeroed structs can be freed. */
m4_status m4_fluid_init(m4_fluid *fluid, int32_t n_flows, int32_t n_links, m4_error *err);
m4_status m4_fluid_grow(m4_fluid *fluid, int32_t n_flows, m4_error *err); /* flows stay as they are */
void m4_fluid_free(m4_fluid *fluid);

/* A flow arrives in a row; links: rows of its path. */
void m4_fluid_start(m4_fluid *fluid, int32_t row, double now_ns, double size_bytes, double ideal_fct_ns,
                    const int32_t *links, int32_t n_links);
/* Drains the flows of the event up to now, gives them new rates and returns their features in the order of
 * event->flow_rows, valid until the next call:
 *   ln(estimated FCT / ideal FCT), if the rates stayed as they are now; at least the time already spent
 *   ln(1 + time since arrival / ideal FCT)
 *   rate / rate alone on the path
 *   bytes left / size */
const float *m4_fluid_step(m4_fluid *fluid, const m4_event_data *event, double now_ns);

#endif
