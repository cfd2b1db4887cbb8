/* Units of one kind in two models of different widths: which old unit each new one takes over. Knows base; no
 * idea of weights. Source: Chen, Goodfellow, Shlens, "Net2Net: Accelerating Learning via Knowledge Transfer",
 * ICLR 2016 (arXiv 1511.05641), section 3.2. */
#ifndef NN_UNITS_H
#define NN_UNITS_H

#include "base/arena.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { NN_FRESH_UNIT = -1 }; /* takes over none */

typedef struct nn_units {
  int32_t from, to; /* how many there are in the old and in the new model */
  int32_t n_pinned; /* the first so many keep their places: never left out, and never copied when there are
                       others to copy and the units are not normalised */
  bool normalised;  /* LayerNorm looks at them all: every unit gets as many copies as any other, and what is
                       left  over is fresh */
  int32_t *source;  /* [to] old unit or NN_FRESH_UNIT; set by nn_units_plan */
} nn_units;

/* Wider: all old units in their places, then copies in turn. Narrower: the most important old units in their
 * order; importance: [from], may be NULL unless to < from. `source` is allocated from `arena`. */
m4_status nn_units_plan(nn_units *units, const double *importance, m4_arena *arena, m4_error *err);

#endif
