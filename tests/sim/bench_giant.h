/* Time of one event of the learned model when very many flows are connected: arriving one by one would take
 * hours. */
#ifndef TESTS_SIM_BENCH_GIANT_H
#define TESTS_SIM_BENCH_GIANT_H

#include "nn/m4.h"
#include "sim/scenario.h"

/* Processor time in microseconds, the best of three, with the first n flows of the scenario as one component.
 */
double giant_event_us(const m4_model *model, const sim_scenario *scenario, int64_t n);

#endif
