/* Many scenarios, one back end: reads, simulates and writes each, several at a time. Part of m4-sim, not of
 * the library. Knows every back end. Source: contracts (m4-sim). */
#ifndef SIM_BATCH_H
#define SIM_BATCH_H

#include "base/config.h"
#include "base/log.h"
#include "base/threads.h"
#include "sim/learned/learned.h"

typedef enum sim_backend_kind { SIM_BACKEND_PACKET, SIM_BACKEND_FLOWSIM, SIM_BACKEND_M4 } sim_backend_kind;

typedef struct sim_batch_options {
  const char *out_dir; /* NULL: check the inputs only */
  sim_backend_kind backend;
  bool compare;
  bool trace;                     /* packet only: mix.tr beside the results */
  const sim_learned_model *model; /* m4 only; shared by all scenarios */
  sim_learned_options learned;
  sim_flowsim_options flowsim;
  int64_t flow_limit;     /* closed loop; -1 = what config.txt says */
  int64_t hosts_per_rack; /* with flow_limit; 0 = what config.txt says */
} sim_batch_options;

/* Runs every folder. Errors are reported to the log here; a scenario that fails does not stop the others, and
 * the first failing one (in the order given) decides status and err. One scenario writes to out_dir itself,
 * several to folders below it. */
m4_status sim_batch_run(const m4_text_list *dirs, const sim_batch_options *options, m4_pool *pool,
                        m4_log *log, m4_error *err);

#endif
