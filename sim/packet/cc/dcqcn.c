/* DCQCN as the NIC does it: three timers per sender, started by its first congestion notification.
 * Source: packet-simulator.md 6. */
#include "sim/packet/cc/cc.h"

enum { ALPHA_TIMER, DECREASE_TIMER, INCREASE_TIMER, N_TIMERS };
enum { NS_PER_US = 1000 };

typedef struct dcqcn_state {
  uint64_t target_bps;
  double alpha;
  int64_t increase_stage;
  uint32_t timer[N_TIMERS]; /* events; made at the first notification */
  bool started;
  bool notified_alpha, notified_decrease; /* since that timer's last shot */
} dcqcn_state;

static void start(const pkt_cc_env *env, const pkt_sender *sender, void *state) {
  (void)env;
  *(dcqcn_state *)state = (dcqcn_state){.target_bps = sender->rate_bps, .alpha = 1};
}

static void arm(pkt_cc_env *env, const dcqcn_state *s, int timer, int64_t extra_ns) {
  const pkt_settings *settings = env->settings;
  const int64_t period_us[] = {settings->alpha_resume_us, settings->rate_decrease_us, settings->rp_timer_us};
  pkt_cc_timer_set(env, s->timer[timer], period_us[timer] * NS_PER_US + extra_ns);
}

static bool on_ack(pkt_cc_env *env, pkt_sender *sender, void *state, const pkt_ack *ack) {
  dcqcn_state *s = state;
  bool over = sender->unacked >= sender->size; /* timers started now would only outlive the flow */
  if (!ack->ecn_echo || over) return false;
  s->notified_decrease = true;
  s->notified_alpha = s->started;
  if (s->started) return false;
  for (int i = 0; i < N_TIMERS; i++) s->timer[i] = pkt_cc_timer_new(env, sender, i);
  arm(env, s, ALPHA_TIMER, 0);
  arm(env, s, DECREASE_TIMER, 1);
  s->target_bps = sender->rate_bps;
  s->started = true;
  return false;
}

static void update_alpha(pkt_cc_env *env, dcqcn_state *s) {
  double gain = env->settings->ewma_gain;
  s->alpha = (1 - gain) * s->alpha;
  if (s->notified_alpha) s->alpha += gain;
  s->notified_alpha = false;
  arm(env, s, ALPHA_TIMER, 0);
}

static void decrease(pkt_cc_env *env, pkt_sender *sender, dcqcn_state *s) {
  arm(env, s, DECREASE_TIMER, 0);
  if (!s->notified_decrease) return;
  if (env->settings->clamp_target_rate || s->increase_stage != 0) s->target_bps = sender->rate_bps;
  sender->rate_bps = pkt_cc_decrease(env, sender->rate_bps, 1 - s->alpha / 2);
  s->increase_stage = 0;
  s->notified_decrease = false;
  pkt_cc_timer_cancel(env, s->timer[INCREASE_TIMER]);
  arm(env, s, INCREASE_TIMER, 0);
}

static void increase(pkt_cc_env *env, pkt_sender *sender, dcqcn_state *s) {
  const pkt_settings *settings = env->settings;
  arm(env, s, INCREASE_TIMER, 0);
  if (s->increase_stage >= settings->fast_recovery_times) {
    int64_t step = s->increase_stage == settings->fast_recovery_times ? settings->ai_bps : settings->hai_bps;
    s->target_bps += (uint64_t)step;
    if (s->target_bps > sender->nic_rate_bps) s->target_bps = sender->nic_rate_bps;
  }
  sender->rate_bps = sender->rate_bps / 2 + s->target_bps / 2;
  s->increase_stage++;
}

static void on_timer(pkt_cc_env *env, pkt_sender *sender, void *state, int timer) {
  switch (timer) {
  case ALPHA_TIMER:
    update_alpha(env, state);
    break;
  case DECREASE_TIMER:
    decrease(env, sender, state);
    break;
  default:
    increase(env, sender, state);
    break;
  }
}

static void finish(pkt_cc_env *env, void *state) {
  dcqcn_state *s = state;
  for (int i = 0; s->started && i < N_TIMERS; i++) pkt_cc_timer_free(env, s->timer[i]);
  s->started = false;
}

const pkt_cc_ops pkt_cc_dcqcn = {.mode = PKT_CC_DCQCN,
                                 .name = "dcqcn",
                                 .state_bytes = sizeof(dcqcn_state),
                                 .start = start,
                                 .on_ack = on_ack,
                                 .on_timer = on_timer,
                                 .finish = finish};
