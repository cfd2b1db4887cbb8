/* The 13 model parameters derived from simulator settings, for folders without params.txt. Source: contracts
 * (m4-sim, DIR), model.md 8. */
#include "sim/scenario_parts.h"

#include <string.h>

#define REFERENCE_RATE_BPS ((int64_t)10000000000)
#define DCQCN_SCALE        0.4 /* thresholds are stored at the 25 Gbps scale */

static const pkt_ecn_row *row_at_10g(const pkt_settings *settings) {
  for (int32_t i = 0; i < settings->n_ecn; i++)
    if (settings->ecn[i].rate_bps == REFERENCE_RATE_BPS) return &settings->ecn[i];
  return NULL;
}

void sim_params_from_settings(const pkt_settings *settings, double params[SIM_N_PARAMS], bool *missing) {
  const pkt_ecn_row *row = row_at_10g(settings);
  double kmin_kb = row ? (double)row->kmin_kb : 0, kmax_kb = row ? (double)row->kmax_kb : 0;
  bool uses_ecn = settings->cc == PKT_CC_DCTCP || settings->cc == PKT_CC_DCQCN;
  *missing = uses_ecn && !row;
  memset(params, 0, SIM_N_PARAMS * sizeof *params);
  params[0] = (double)settings->buffer_kib / 10;
  params[1] = (double)settings->window_bytes / 1000;
  switch (settings->cc) {
  case PKT_CC_DCTCP:
    params[2] = 1;
    params[6] = kmin_kb;
    break;
  case PKT_CC_DCQCN:
    params[3] = 1;
    params[7] = kmin_kb / DCQCN_SCALE;
    params[8] = kmax_kb / DCQCN_SCALE;
    break;
  case PKT_CC_HPCC:
    params[4] = 1;
    params[9] = 100 * settings->u_target;
    params[10] = (double)settings->ai_bps / 1e6 / 10;
    break;
  case PKT_CC_TIMELY:
    params[5] = 1;
    params[11] = (double)settings->timely_low_ns / 1000;
    params[12] = (double)settings->timely_high_ns / 1000;
    break;
  }
}
