/* One back end on one scenario: simulates, streams rows, writes the results. Part of m4-sim, not of the
 * library. Knows every back end. Source: contracts (m4-sim). */
#ifndef SIM_TRIAL_H
#define SIM_TRIAL_H

#include "sim/engine.h"
#include "sim/learned/learned.h"
#include "sim/meter.h"

typedef enum sim_backend_kind { SIM_BACKEND_PACKET, SIM_BACKEND_FLOWSIM, SIM_BACKEND_M4 } sim_backend_kind;
enum { SIM_N_BACKENDS = 3 };
const char *sim_backend_name(sim_backend_kind kind); /* "packet", "flowsim", "m4" */

typedef struct sim_trial_options {
  bool compare; /* with the scenario's fct.txt, in summary.json */
  bool trace;   /* packet only: mix.tr beside the results */
  bool explain; /* tell the story of flow explain_id: explain_ID.txt and .json */
  int64_t explain_id;
  FILE *explain_out;              /* shown there, too, however quiet the rest is */
  const sim_learned_model *model; /* m4 only; shared by all trials */
  sim_learned_options learned;
  sim_flowsim_options flowsim;
} sim_trial_options;

typedef struct sim_trial {
  const sim_trial_options *options;
  sim_backend_kind backend;
  const sim_scenario *scenario;
  const char *out_dir;
  inf_stack *stack; /* m4: shared with other trials; NULL: computes alone */
  sim_meter *meter;
  m4_log *log;
} sim_trial;

/* A trial under way. What sim_trial points to must outlive it. */
typedef struct sim_running sim_running;
m4_status sim_trial_begin(sim_running **running, const sim_trial *trial, sim_result *result, m4_error *err);
/* Goes on until the trial waits for a step of its stack, or the simulation has ended (*waits false). */
m4_status sim_trial_go(sim_running *running, bool *waits, m4_error *err);
/* Writes what came out of a simulation that has come to `status`, and frees the trial. *result is filled
 * (sim_result_free) also when M4_INTERRUPTED: what finished is then written. */
m4_status sim_trial_end(sim_running *running, m4_status status, m4_error *err);

#endif
