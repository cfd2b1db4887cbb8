/* Settings of the packet simulator: the supported keys of config.txt as one struct. Knows base only.
 * Source: packet-simulator.md 8. */
#ifndef SIM_PACKET_SETTINGS_H
#define SIM_PACKET_SETTINGS_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef enum pkt_cc_mode {
  PKT_CC_DCQCN = 1,
  PKT_CC_HPCC = 3,
  PKT_CC_TIMELY = 7,
  PKT_CC_DCTCP = 8
} pkt_cc_mode;

enum { PKT_MAX_RATES = 16 };

/* One row of KMIN_MAP/KMAX_MAP/PMAX_MAP: thresholds in units of 1000 bytes for ports of one rate. */
typedef struct pkt_ecn_row {
  int64_t rate_bps;
  int64_t kmin_kb, kmax_kb;
  double pmax;
} pkt_ecn_row;

typedef struct pkt_settings {
  pkt_cc_mode cc;
  bool enable_pfc, enable_ecn, has_window, var_window, ack_high_priority, fast_react, clamp_target_rate,
      max_bdp_window /* WIN_MODE 1 */;
  int64_t payload_bytes; /* 1000 */
  int64_t buffer_kib;    /* per switch */
  int64_t window_bytes;  /* FIXED_WIN */
  int64_t min_rate_bps, max_rate_bps, dctcp_ai_bps, ai_bps, hai_bps;
  double ewma_gain;
  double u_target, mi_thresh; /* HPCC */
  int64_t int_multi;
  int64_t timely_low_ns, timely_high_ns;
  double timely_beta;
  int64_t alpha_resume_us, rate_decrease_us, rp_timer_us, fast_recovery_times; /* DCQCN */
  int64_t stop_time_ns;
  int64_t flow_limit, hosts_per_group; /* closed loop */
  int32_t n_ecn;
  pkt_ecn_row ecn[PKT_MAX_RATES];
} pkt_settings;

/* Values for keys that a config.txt does not give; a stop time of 30000 s means that runs end when nothing is
 * left to do. */
pkt_settings pkt_settings_default(void);

/* What the authors' scripts use for a CC at 10 Gbps (packet-simulator.md 8, workloads.md 8). p1, p2 as in
 * workloads.md 6.3. */
m4_status pkt_settings_for(pkt_settings *settings, pkt_cc_mode cc, double buffer_kb, int64_t window_bytes,
                           double p1, double p2, m4_error *err);

/* Reads config.txt (plain or .gz). Unsupported values are refused by name with file:line. Unknown words
 * become warnings through warn(ctx, text) (may be NULL). */
m4_status pkt_settings_read(pkt_settings *settings, const char *path,
                            void (*warn)(void *ctx, const char *text), void *ctx, m4_error *err);
/* Checks every value against its range; errors name the config.txt key. */
m4_status pkt_settings_check(const pkt_settings *settings, m4_error *err);
m4_status pkt_settings_write(const pkt_settings *settings, FILE *out, m4_error *err);

#endif
