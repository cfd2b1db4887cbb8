/* The learning rate of a step: a pure function of the settings, the step and what the plateau schedule has
 * decided so far. Knows config. Source: training.md 9. */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "train/config.h"

/* plateau_rate: the rate after the reductions of the plateau schedule; the other schedules start from
 * training.learning_rate. Warm-up multiplies by a ramp over the first lr_warmup_steps. cosine ends at lr_min
 * after total_steps. */
double tr_learning_rate(const tr_config *values, double plateau_rate, int64_t step, int64_t total_steps);

#endif
