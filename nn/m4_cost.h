/* What an event costs, told from the widths alone. Knows m4.h. */
#ifndef NN_M4_COST_H
#define NN_M4_COST_H

#include "nn/m4.h"

/* Multiply-accumulates of the matrix products that one event makes for each flow and each link it touches:
 * GRUs, graph layers and, for flows, the FCT head. Biases, gates, sums over neighbours and the auxiliary
 * heads, which simulations do not read, are not counted. */
typedef struct m4_cost {
  double per_flow, per_link;
} m4_cost;

m4_cost m4_cost_of(const m4_model *model);

#endif
