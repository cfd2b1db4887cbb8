/* The learned back end: m4 weights answering the engine's submit/advance. Knows infer (the session) and
 * backend. Source: simulation.md 2-5, 11. */
#ifndef SIM_LEARNED_LEARNED_H
#define SIM_LEARNED_LEARNED_H

#include "infer/stack.h"
#include "nn/m4_cost.h"
#include "sim/backend.h"

/* Options of simulation.md 11; all false = the defaults (components, link reset, both kinds of event, clamp).
 */
typedef struct sim_learned_options {
  bool global_scope;   /* scope: global */
  bool link_reset_off; /* link_reset: off */
  bool arrivals_only;  /* update: arrivals */
  bool clamp_off;      /* clamp: off (the reference's behaviour) */
  inf_stack *stack;    /* of the same model: the back end waits for its steps; NULL: computes at once */
} sim_learned_options;

/* Weights and input ranges read from a safetensors file; read-only afterwards and shared by any number of
 * back ends and threads. */
typedef struct sim_learned_model sim_learned_model;
m4_status sim_learned_model_load(sim_learned_model **model, const char *checkpoint_path, m4_error *err);
/* The same on a backend of one's choice: ag_cpu_backend(AG_F32), which the call above takes,
 * ag_cpu_bf16_backend() or a device's (autograd/device.h). */
m4_status sim_learned_model_load_on(sim_learned_model **model, const ag_backend *backend,
                                    const char *checkpoint_path, m4_error *err);
void sim_learned_model_free(sim_learned_model *model);
/* Scenarios whose events are computed together: an option of their back ends, freed after them. */
m4_status sim_learned_stack(inf_stack **stack, const sim_learned_model *model, m4_error *err);
bool sim_learned_on_device(const sim_learned_model *model); /* one thread at a time then */
/* What a scenario predicts does not depend in any bit on those in its stack. */
bool sim_learned_stacks_exactly(const sim_learned_model *model);
m4_cost sim_learned_model_cost(const sim_learned_model *model); /* of an event */
/* Adds a warning to the scenario for each input outside of what the model saw in training (sizes, path
 * lengths, the 13 parameters); none when the checkpoint does not say what it saw. M4_MEMORY. */
m4_status sim_learned_warn(const sim_learned_model *model, sim_scenario *scenario, m4_error *err);

/* model and scenario must outlive the back end. options may be NULL. The session's time starts at the first
 * arrival, so that traces that start at 1 s lose no precision. With clamp_off a completion may lie before the
 * one delivered last. */
m4_status sim_learned_backend(sim_backend **backend, const sim_scenario *scenario,
                              const sim_learned_model *model, const sim_learned_options *options,
                              m4_error *err);

#endif
