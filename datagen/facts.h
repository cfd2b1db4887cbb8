/* What is known of a scenario before it is simulated, as dataset facts. Knows scenario and dataset. */
#ifndef DATAGEN_FACTS_H
#define DATAGEN_FACTS_H

#include "data/dataset.h"
#include "sim/scenario.h"

/* Memory from an arena; remembers when one request failed, so that many can be checked at once. */
typedef struct dg_memory {
  m4_arena *arena;
  bool failed;
} dg_memory;

static inline void *dg_take(dg_memory *memory, int64_t count, size_t size) {
  void *block = m4_arena_calloc(memory->arena, (size_t)count, size);
  if (!block) memory->failed = true;
  return block;
}

/* Address space that all facts of a scenario need: at worst every flow is active at all 2n events. Only what
 * is used is backed by memory. */
size_t dg_facts_bytes(int64_t n_flows);

/* Fills name, params, network, flows and paths; flows ascend by id. *position[i] is where the scenario's flow
 * i went. The results of simulations (fct, flowsim, queues, rows, periods) are left empty. */
m4_status dg_facts_of_scenario(ds_scenario *facts, int32_t **position, const sim_scenario *scenario,
                               m4_arena *arena, m4_error *err);

#endif
