/* TIMELY: one rate change per window, from the round-trip time and its gradient. Source:
 * packet-simulator.md 6. */
#include "sim/packet/cc/cc.h"

static const double NEW_SHARE = 0.875;       /* weight of the newest difference */
static const double GRADIENT_RTT_NS = 20000; /* unit of the gradient */
enum { HYPER_AFTER = 5 };                    /* increases in a row before the larger step */

typedef struct timely_state {
  uint64_t window_end; /* `next` at the last update; 0 = none yet */
  int64_t last_rtt_ns;
  double rtt_difference_ns;
  int64_t increases; /* in a row */
} timely_state;

static void start(const pkt_cc_env *env, const pkt_sender *sender, void *state) {
  (void)env, (void)sender;
  *(timely_state *)state = (timely_state){0};
}

static bool wants_increase(const pkt_settings *settings, double gradient, int64_t rtt_ns) {
  return rtt_ns < settings->timely_low_ns || (rtt_ns <= settings->timely_high_ns && gradient <= 0);
}

/* What a decrease multiplies the rate with. */
static double decrease_factor(const pkt_settings *settings, double gradient, int64_t rtt_ns) {
  if (rtt_ns > settings->timely_high_ns)
    return 1 - settings->timely_beta * (1 - (double)settings->timely_high_ns / (double)rtt_ns);
  double factor = 1 - settings->timely_beta * gradient;
  return factor > 0 ? factor : 0;
}

static void change_rate(const pkt_cc_env *env, pkt_sender *sender, timely_state *s, int64_t rtt_ns) {
  const pkt_settings *settings = env->settings;
  s->rtt_difference_ns =
      (1 - NEW_SHARE) * s->rtt_difference_ns + NEW_SHARE * (double)(rtt_ns - s->last_rtt_ns);
  double gradient = s->rtt_difference_ns / GRADIENT_RTT_NS;
  if (wants_increase(settings, gradient, rtt_ns)) {
    sender->rate_bps =
        pkt_cc_increase(sender, s->increases < HYPER_AFTER ? settings->ai_bps : settings->hai_bps);
    s->increases++;
  } else {
    sender->rate_bps = pkt_cc_decrease(env, sender->rate_bps, decrease_factor(settings, gradient, rtt_ns));
    s->increases = 0;
  }
}

static bool on_ack(pkt_cc_env *env, pkt_sender *sender, void *state, const pkt_ack *ack) {
  timely_state *s = state;
  int64_t rtt_ns = env->events->now_ns - ack->sent_ns;
  if (ack->sequence <= s->window_end) return false;
  if (s->window_end != 0) change_rate(env, sender, s, rtt_ns);
  if (sender->next > s->window_end) {
    s->window_end = sender->next;
    s->last_rtt_ns = rtt_ns;
  }
  return false;
}

const pkt_cc_ops pkt_cc_timely = {.mode = PKT_CC_TIMELY,
                                  .name = "timely",
                                  .state_bytes = sizeof(timely_state),
                                  .header_bytes = 8,
                                  .start = start,
                                  .on_ack = on_ack};
