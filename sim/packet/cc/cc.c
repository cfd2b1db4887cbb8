/* The list of congestion controls. */
#include "sim/packet/cc/cc.h"

static const pkt_cc_ops *const supported[] = {&pkt_cc_dctcp};

const pkt_cc_ops *pkt_cc_find(pkt_cc_mode mode) {
  for (size_t i = 0; i < sizeof supported / sizeof *supported; i++)
    if (supported[i]->mode == mode) return supported[i];
  return NULL;
}

const char *pkt_cc_mode_name(pkt_cc_mode mode) {
  switch (mode) {
  case PKT_CC_DCQCN:
    return "dcqcn";
  case PKT_CC_HPCC:
    return "hp";
  case PKT_CC_TIMELY:
    return "timely";
  case PKT_CC_DCTCP:
    return "dctcp";
  }
  return NULL;
}
