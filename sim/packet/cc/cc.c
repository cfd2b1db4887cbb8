/* The list of congestion controls, and their timers. */
#include "sim/packet/cc/cc.h"

#include <stdio.h>

static const pkt_cc_ops *const supported[] = {&pkt_cc_dcqcn, &pkt_cc_hpcc, &pkt_cc_timely, &pkt_cc_dctcp};

const pkt_cc_ops *pkt_cc_find(pkt_cc_mode mode) {
  for (size_t i = 0; i < sizeof supported / sizeof *supported; i++)
    if (supported[i]->mode == mode) return supported[i];
  return NULL;
}

void pkt_cc_list(char *text, size_t bytes) {
  size_t length = 0;
  for (size_t i = 0; i < sizeof supported / sizeof *supported && length < bytes; i++)
    length += (size_t)snprintf(text + length, bytes - length, "%s%d (%s)", i ? ", " : "",
                               (int)supported[i]->mode, supported[i]->name);
}

uint32_t pkt_cc_timer_new(const pkt_cc_env *env, const pkt_sender *sender, int timer) {
  return pkt_event_new(env->events, (uint8_t)(env->timer_kind + timer), sender->queue_pair);
}

void pkt_cc_timer_set(pkt_cc_env *env, uint32_t event, int64_t delay_ns) {
  pkt_event_at(env->events, event, env->events->now_ns + delay_ns, env->events->next_number++);
  env->n_timers_pending++;
}

void pkt_cc_timer_cancel(pkt_cc_env *env, uint32_t event) {
  if (env->events->events[event].place == PKT_IDLE) return;
  pkt_event_cancel(env->events, event);
  env->n_timers_pending--;
}

void pkt_cc_timer_free(pkt_cc_env *env, uint32_t event) {
  pkt_cc_timer_cancel(env, event);
  pkt_event_release(env->events, event);
}
