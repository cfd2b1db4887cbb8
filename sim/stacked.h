/* Many jobs, of which every worker has several under way: those that wait for a step of the learned model
 * take it together. Part of m4-sim, not of the library. Knows infer/stack.h. */
#ifndef SIM_STACKED_H
#define SIM_STACKED_H

#include "base/threads.h"
#include "sim/learned/learned.h"

typedef struct sim_stacked {
  size_t n_jobs;
  int n_places;                   /* jobs under way at a time, of one worker */
  const sim_learned_model *model; /* NULL: no job needs one, and none waits */
  /* Takes a job up, or further, until it waits for a step of the stack (true) or is over. */
  bool (*go_on)(void *ctx, size_t job, inf_stack *stack);
  /* A waiting job, or one that is not taken up, is over because there is no step. */
  void (*fail)(void *ctx, size_t job, m4_status status, const m4_error *err);
  void *ctx;
} sim_stacked;

/* Runs all jobs, taken up in their order; on a device by one worker. */
void sim_stacked_run(const sim_stacked *jobs, m4_pool *pool);

#endif
