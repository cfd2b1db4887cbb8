/* Made-up busy periods for tests: random flows, paths, received bytes and queues. */
#ifndef TESTS_NN_SYNTHETIC_H
#define TESTS_NN_SYNTHETIC_H

#include "nn/m4_inputs.h"

typedef struct synthetic_plan {
  uint64_t seed;
  int32_t n_flows;
  int32_t n_links;      /* links of the scenario; ids are 10, 13, 16, ... */
  int32_t n_hops;       /* path length */
  int32_t active_flows; /* about so many at a time */
  bool labels;
} synthetic_plan;

/* Times are multiples of 1000 ns, so that many events share an instant. All arrays in `arena`; NULL members
 * when memory is out. */
m4_period synthetic_period(const synthetic_plan *plan, m4_arena *arena);

#endif
