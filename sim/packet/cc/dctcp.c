/* DCTCP, rate based: cuts by the share of marked packets of a batch, adds a step per batch. Source:
 * packet-simulator.md 6. */
#include "sim/packet/cc/cc.h"

/* 32-bit fields wrap as in the original. */
typedef struct dctcp_state {
  double alpha;
  uint32_t marked, batch_packets;
  uint32_t batch_end; /* `next` when the batch began; 0 = no batch yet */
  uint32_t recovery_end;
  bool in_recovery;
} dctcp_state;

static void start(const pkt_cc_env *env, const pkt_sender *sender, void *state) {
  (void)env, (void)sender;
  *(dctcp_state *)state = (dctcp_state){.alpha = 1.0};
}

static void end_batch(const pkt_cc_env *env, dctcp_state *s, const pkt_sender *sender, uint64_t sequence) {
  uint64_t payload = (uint64_t)env->settings->payload_bytes;
  if (s->batch_end == 0) {
    s->batch_packets = (uint32_t)(sender->next / payload + 1);
  } else {
    double share = (double)s->marked / s->batch_packets, gain = env->settings->ewma_gain;
    s->alpha = (1 - gain) * s->alpha + gain * (share < 1.0 ? share : 1.0);
    s->marked = 0;
    s->batch_packets = (uint32_t)((sender->next - sequence) / payload + 1);
  }
  s->batch_end = (uint32_t)sender->next;
}

static bool on_ack(pkt_cc_env *env, pkt_sender *sender, void *state, const pkt_ack *ack) {
  dctcp_state *s = state;
  s->marked += ack->ecn_echo;
  bool batch_ended = ack->sequence > s->batch_end;
  if (batch_ended) end_batch(env, s, sender, ack->sequence);
  if (s->in_recovery && ack->sequence > s->recovery_end) s->in_recovery = false;
  if (ack->ecn_echo && !s->in_recovery) {
    sender->rate_bps = pkt_cc_decrease(env, sender->rate_bps, 1 - s->alpha / 2);
    s->in_recovery = true;
    s->recovery_end = (uint32_t)sender->next;
  }
  if (batch_ended && !s->in_recovery) sender->rate_bps = pkt_cc_increase(sender, env->settings->dctcp_ai_bps);
  return false;
}

const pkt_cc_ops pkt_cc_dctcp = {.mode = PKT_CC_DCTCP,
                                 .name = "dctcp",
                                 .state_bytes = sizeof(dctcp_state),
                                 .start = start,
                                 .on_ack = on_ack};
