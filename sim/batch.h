/* Many scenarios, one or several back ends: reads, simulates, compares and writes each, several scenarios at
 * a time. Part of m4-sim, not of the library. Source: contracts (m4-sim). */
#ifndef SIM_BATCH_H
#define SIM_BATCH_H

#include "base/config.h"
#include "base/threads.h"
#include "sim/trial.h"

typedef struct sim_batch_options {
  const char *out_dir;                       /* NULL: check the inputs only */
  sim_backend_kind backends[SIM_N_BACKENDS]; /* run one after the other, each once */
  int n_backends;
  bool report; /* comparison, link loads, figures and report.html; always with several back ends */
  sim_trial_options trial;
  const char *dag_path;   /* which flows wait for others (dag.h); NULL = none does */
  int64_t flow_limit;     /* closed loop; -1 = what config.txt says */
  int64_t hosts_per_rack; /* with flow_limit; 0 = what config.txt says */
  int64_t stack;          /* m4: scenarios in one step of the model, of one thread; 0 = what is fastest */
} sim_batch_options;

/* Runs every folder. Errors are reported to the log here; a scenario that fails does not stop the others, and
 * the first failing one (in the order given) decides status and err. One scenario writes to out_dir itself,
 * several to folders below it; several back ends write to folders named after them below that. */
m4_status sim_batch_run(const m4_text_list *dirs, const sim_batch_options *options, m4_pool *pool,
                        m4_log *log, m4_error *err);

#endif
