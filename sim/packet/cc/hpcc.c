/* HPCC: the rate follows the utilisation that the switches of the path report. Source: packet-simulator.md 6.
 */
#include "sim/packet/cc/cc.h"

typedef struct hpcc_state {
  uint64_t window_end; /* `next` at the last full update; 0 = none yet */
  uint64_t base_rate_bps;
  double utilisation;
  pkt_telemetry last;
} hpcc_state;

static void start(const pkt_cc_env *env, const pkt_sender *sender, void *state) {
  (void)env;
  *(hpcc_state *)state = (hpcc_state){.base_rate_bps = sender->rate_bps, .utilisation = 1};
}

/* Difference of counters of so many bits. */
static uint64_t wrapped(uint32_t now, uint32_t before, int bits) {
  return (now - before) & ((1u << bits) - 1);
}

/* Utilisation of one hop since the last acknowledgement; *elapsed_ns is the time between the two reports. */
static double hop_utilisation(const pkt_cc_env *env, const pkt_sender *sender, const pkt_telemetry_hop *now,
                              const pkt_telemetry_hop *before, uint64_t *elapsed_ns) {
  uint64_t multiple = (uint64_t)env->settings->int_multi;
  double line_rate = (double)now->line_rate_bps;
  *elapsed_ns = wrapped(now->time, before->time, PKT_TELEMETRY_TIME_BITS);
  uint64_t bytes =
      wrapped(now->sent, before->sent, PKT_TELEMETRY_SENT_BITS) * PKT_TELEMETRY_SENT_UNIT * multiple;
  uint64_t queue =
      (now->queue < before->queue ? now->queue : before->queue) * PKT_TELEMETRY_QUEUE_UNIT * multiple;
  double tx_rate = (double)(bytes * 8) / ((double)*elapsed_ns * 1e-9);
  return tx_rate / line_rate +
         (double)queue * (double)sender->max_rate_bps / line_rate / (double)env->window_bytes;
}

static void update_utilisation(const pkt_cc_env *env, const pkt_sender *sender, hpcc_state *s,
                               const pkt_telemetry *telemetry) {
  double highest = 0;
  uint64_t elapsed_ns = 0, base_rtt_ns = (uint64_t)env->base_rtt_ns;
  for (int32_t i = 0; i < telemetry->n_hops; i++) {
    uint64_t hop_elapsed_ns;
    double u = hop_utilisation(env, sender, &telemetry->hop[i], &s->last.hop[i], &hop_elapsed_ns);
    if (hop_elapsed_ns > 0 && u > highest) { /* 0: a detour took another switch at this place */
      highest = u;
      elapsed_ns = hop_elapsed_ns;
    }
  }
  s->last = *telemetry;
  if (elapsed_ns > base_rtt_ns) elapsed_ns = base_rtt_ns;
  s->utilisation = (s->utilisation * (double)(base_rtt_ns - elapsed_ns) + highest * (double)elapsed_ns) /
                   (double)base_rtt_ns;
}

static uint64_t new_rate(const pkt_cc_env *env, const pkt_sender *sender, const hpcc_state *s) {
  const pkt_settings *settings = env->settings;
  double scaled = (double)s->base_rate_bps / (s->utilisation / settings->u_target);
  if (!(scaled < (double)sender->max_rate_bps)) return sender->max_rate_bps;
  uint64_t rate = (uint64_t)scaled + (uint64_t)settings->ai_bps;
  if (rate < (uint64_t)settings->min_rate_bps) rate = (uint64_t)settings->min_rate_bps;
  return rate < sender->max_rate_bps ? rate : sender->max_rate_bps;
}

static bool on_ack(pkt_cc_env *env, pkt_sender *sender, void *state, const pkt_ack *ack) {
  hpcc_state *s = state;
  bool window_over = ack->sequence > s->window_end;
  if (!window_over && !env->settings->fast_react) return false;
  if (s->window_end == 0) {
    s->window_end = sender->next;
    s->last = *ack->telemetry;
    return false;
  }
  bool same_path = ack->telemetry->n_hops == s->last.n_hops; /* else there is nothing to compare with */
  if (!same_path) s->last = *ack->telemetry;
  bool controlled =
      same_path && ack->telemetry->n_hops > 0 && ack->telemetry->n_hops <= PKT_MAX_TELEMETRY_HOPS;
  if (controlled) {
    update_utilisation(env, sender, s, ack->telemetry);
    sender->rate_bps = new_rate(env, sender, s);
    if (window_over) s->base_rate_bps = sender->rate_bps;
  }
  if (window_over && sender->next > s->window_end) s->window_end = sender->next;
  return controlled;
}

const pkt_cc_ops pkt_cc_hpcc = {.mode = PKT_CC_HPCC,
                                .name = "hp",
                                .state_bytes = sizeof(hpcc_state),
                                .header_bytes = 42,
                                .has_telemetry = true,
                                .needs_base_rtt = true,
                                .start = start,
                                .on_ack = on_ack};
