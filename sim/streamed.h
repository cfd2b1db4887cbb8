/* m4-sim --stream: one scenario through flowsim, flow by flow. Part of m4-sim, not of the library. */
#ifndef SIM_STREAMED_H
#define SIM_STREAMED_H

#include "base/log.h"
#include "sim/backend.h"

typedef struct sim_streamed_options {
  const char *scenario_dir, *out_dir;
  sim_flowsim_options flowsim;
  int64_t flow_limit;     /* closed loop; -1 = what config.txt says */
  int64_t hosts_per_rack; /* with flow_limit; 0 = what config.txt says */
} sim_streamed_options;

/* M4_INTERRUPTED: what finished is written. */
m4_status sim_streamed_run(const sim_streamed_options *options, m4_log *log, m4_error *err);

#endif
