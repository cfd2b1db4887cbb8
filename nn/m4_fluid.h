/* What a fluid would do: max-min fair rates of the flows present, and from them four features of each. A
 * model made with them (widths.n_fluid) predicts how far the truth is from the fluid. The same code serves
 * busy periods in training and sessions online. Knows m4.h. Source: simulation.md 6. */
#ifndef NN_M4_FLUID_H
#define NN_M4_FLUID_H

#include "nn/m4.h"

/* A flow of the fluid. Rates in bytes/ns, times in ns. */
typedef struct m4_fluid_flow {
  double start_ns, ideal_fct_ns, size_bytes;
  double solo_rate; /* smallest capacity of the path */
  double rate, last_ns, remaining_bytes;
  double finish_ns;     /* once remaining_bytes is 0 */
  const int32_t *links; /* [n_links] path, the caller's; each link once */
  int32_t n_links;
} m4_fluid_flow;

/* A link at the event at hand. */
typedef struct m4_fluid_link {
  double capacity;     /* bytes/ns; 0 until set */
  double left;         /* not given away yet */
  int32_t open;        /* flows whose rate is not known yet */
  int32_t first, next; /* users[first .. next-1]: its flows */
} m4_fluid_link;

typedef struct m4_fluid {
  m4_fluid_flow *flows; /* [n_flows] by row */
  m4_fluid_link *links; /* [n_links] */
  float *features;      /* [n_flows, M4_N_FLUID] of the event at hand */
  int32_t *touched;     /* [n_links] links in use, in the order of their first use */
  int32_t *users;       /* [users_capacity] rows of flows, link by link */
  int32_t n_flows, n_links, n_touched, users_capacity;
} m4_fluid;

/* Zeroed structs can be freed. */
m4_status m4_fluid_init(m4_fluid *fluid, int32_t n_flows, int32_t n_links, m4_error *err);
m4_status m4_fluid_grow(m4_fluid *fluid, int32_t n_flows, m4_error *err); /* flows stay as they are */
void m4_fluid_free(m4_fluid *fluid);

/* A flow arrives in a row; links is its path and must live as long as the flow. */
void m4_fluid_start(m4_fluid *fluid, int32_t row, double now_ns, double size_bytes, double ideal_fct_ns,
                    const int32_t *links, int32_t n_links);
/* Drains the flows in these rows up to now, gives them new rates and leaves their features, in this order, in
 * fluid->features, valid until the next call. A flow whose fluid has run out takes no more capacity, though
 * it is still there: the fluid does not depend on how late others are. ln(FCT of the fluid / ideal FCT), if
 * the rates stayed as they are now ln(1 + time since arrival / ideal FCT) rate / rate alone on the path bytes
 * left / size */
m4_status m4_fluid_step(m4_fluid *fluid, const int32_t *rows, int32_t n_rows, double now_ns, m4_error *err);

#endif
