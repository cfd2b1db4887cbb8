/* The table. Ranges keep all arithmetic of the simulator far from overflow. */
#include "sim/packet/settings_keys.h"

#define MAX_RATE_BPS 1000000000000000
#define MAX_NS       (INT64_MAX / 4)
#define MAX_US       1000000000
#define MAX_COUNT    INT32_MAX

#define KEY(name, kind, member, min, max)                                                                    \
  { #name, PKT_KEY_##kind, offsetof(pkt_settings, member), min, max }

const pkt_key pkt_keys[PKT_N_KEYS] = {
    KEY(ENABLE_QCN, SWITCH, enable_ecn, 0, 1),
    KEY(ENABLE_PFC, SWITCH, enable_pfc, 0, 1),
    KEY(PACKET_PAYLOAD_SIZE, INTEGER, payload_bytes, 1000, 1000),
    KEY(SIMULATOR_STOP_TIME, SECONDS, stop_time_ns, 1, MAX_NS),
    KEY(ALPHA_RESUME_INTERVAL, INTEGER, alpha_resume_us, 1, MAX_US),
    KEY(RATE_DECREASE_INTERVAL, INTEGER, rate_decrease_us, 1, MAX_US),
    KEY(CLAMP_TARGET_RATE, SWITCH, clamp_target_rate, 0, 1),
    KEY(RP_TIMER, INTEGER, rp_timer_us, 1, MAX_US),
    KEY(EWMA_GAIN, REAL, ewma_gain, 0, 1),
    KEY(FAST_RECOVERY_TIMES, INTEGER, fast_recovery_times, 0, MAX_COUNT),
    KEY(RATE_AI, RATE, ai_bps, 0, MAX_RATE_BPS),
    KEY(RATE_HAI, RATE, hai_bps, 0, MAX_RATE_BPS),
    KEY(MIN_RATE, RATE, min_rate_bps, 1, MAX_RATE_BPS),
    KEY(MAX_RATE, RATE, max_rate_bps, 1, MAX_RATE_BPS),
    KEY(DCTCP_RATE_AI, RATE, dctcp_ai_bps, 0, MAX_RATE_BPS),
    KEY(TIMELY_T_HIGH, INTEGER, timely_high_ns, 0, MAX_NS),
    KEY(TIMELY_T_LOW, INTEGER, timely_low_ns, 0, MAX_NS),
    KEY(TIMELY_BETA, REAL, timely_beta, 0, 1),
    KEY(HAS_WIN, SWITCH, has_window, 0, 1),
    KEY(VAR_WIN, SWITCH, var_window, 0, 1),
    KEY(FAST_REACT, SWITCH, fast_react, 0, 1),
    KEY(U_TARGET, REAL, u_target, 0, 100),
    KEY(MI_THRESH, REAL, mi_thresh, 0, 0),
    KEY(INT_MULTI, INTEGER, int_multi, 1, 1 << 20),
    KEY(ACK_HIGH_PRIO, SWITCH, ack_high_priority, 0, 1),
    KEY(BUFFER_SIZE, INTEGER, buffer_kib, 1, MAX_COUNT),
    KEY(FIXED_WIN, INTEGER, window_bytes, 0, (int64_t)1 << 40),
    KEY(MAX_INFLIGHT_FLOWS, INTEGER, flow_limit, 0, MAX_COUNT),
    KEY(N_CLIENTS_PER_RACK_FOR_CLOSED_LOOP, INTEGER, hosts_per_group, 1, MAX_COUNT),
    KEY(WIN_MODE, SWITCH, max_bdp_window, 0, 1),
};

const pkt_fixed_key pkt_fixed_keys[PKT_N_FIXED_KEYS] = {
    {"ERROR_RATE_PER_LINK", 0, 1}, {"L2_ACK_INTERVAL", 1, 1}, {"L2_BACK_TO_ZERO", 0, 1}, {"GLOBAL_T", 1, 1},
    {"MULTI_RATE", 0, 1},          {"SAMPLE_FEEDBACK", 0, 1}, {"RATE_BOUND", 1, 1},      {"LINK_DOWN", 0, 3},
};
