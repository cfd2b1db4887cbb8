/* The learning rate of a step: a pure function of the settings and the state. Knows config and state. Source:
 * training.md 9. */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "train/config.h"
#include "train/state.h"

/* plateau: state->learning_rate, lowered at the ends of epochs. cosine: half a wave from learning_rate down
 * to lr_min over total_steps. step: times lr_factor after every lr_step_epochs epochs. Warm-up multiplies any
 * of them by a ramp over the first lr_warmup_steps. */
double tr_learning_rate(const tr_config *values, const tr_state *state, int64_t total_steps);

#endif
