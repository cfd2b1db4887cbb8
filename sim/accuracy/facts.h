/* What sets one scenario apart from others, measured on its own files. Knows scenario. Source: figures.md 2.
 */
#ifndef SIM_ACCURACY_FACTS_H
#define SIM_ACCURACY_FACTS_H

#include "sim/scenario.h"

typedef struct acc_facts {
  pkt_cc_mode cc;
  double hosts;
  double load; /* payload of the busiest link / its rate, from the first arrival to the last completion */
  double buffer_kb;    /* of a switch, units of config.txt */
  double window_bytes; /* initial window */
  double burstiness;   /* standard deviation of ln(gap between arrivals): a lognormal process' sigma */
} acc_facts;

const char *acc_cc_name(pkt_cc_mode cc); /* "DCTCP" */
/* load is NAN when a flow never finished in truth, burstiness when all flows arrive at once. M4_MEMORY. */
m4_status acc_facts_of(acc_facts *facts, const sim_scenario *scenario, m4_error *err);

#endif
