/* The inputs a model saw in training, and what of a scenario lies outside. Knows scenario and nn's input
 * features; not the model. Source: contracts "Checkpoints" (input_ranges). */
#ifndef SIM_LEARNED_RANGES_H
#define SIM_LEARNED_RANGES_H

#include "nn/m4_inputs.h"
#include "sim/scenario.h"

typedef struct sim_range {
  double low, high;
} sim_range;

typedef struct sim_ranges {
  bool known; /* false: the checkpoint says nothing, so nothing is outside */
  sim_range size_feature, n_links, params[SIM_N_PARAMS];
} sim_ranges;

/* From the checkpoint's input_ranges: {"size_feature": [low, high], "n_links": [low, high], "params": [[low,
 * high], ...13]}. text may be NULL: nothing is known. M4_DATA: anything else. */
m4_status sim_ranges_parse(sim_ranges *ranges, const char *text, m4_error *err);

/* Adds a warning to the scenario for each input that leaves its range: which, how far, and for sizes and
 * paths which flow goes furthest. M4_MEMORY. */
m4_status sim_ranges_warn(const sim_ranges *ranges, m4_size_feature kind, sim_scenario *scenario,
                          m4_error *err);

#endif
