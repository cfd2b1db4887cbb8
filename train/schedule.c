/* The learning rate of a step. Knows config and state. */
#include "train/schedule.h"

#include <math.h>
#include <string.h>

static double cosine(double from, double to, double part) {
  const double pi = 3.14159265358979323846;
  return to + 0.5 * (from - to) * (1.0 + cos(pi * fmin(part, 1.0)));
}

static double without_warmup(const tr_config *values, const tr_state *state, int64_t total_steps) {
  const char *schedule = values->training.lr_schedule;
  double start = values->training.learning_rate, lowest = fmin(values->training.lr_min, start);
  if (strcmp(schedule, "constant") == 0) return start;
  if (strcmp(schedule, "cosine") == 0)
    return cosine(start, lowest, (double)state->step / (double)total_steps);
  if (strcmp(schedule, "step") == 0)
    return fmax(lowest, start * pow(values->training.lr_factor,
                                    (double)(state->epoch / values->training.lr_step_epochs)));
  return state->learning_rate;
}

double tr_learning_rate(const tr_config *values, const tr_state *state, int64_t total_steps) {
  double rate = without_warmup(values, state, total_steps);
  int64_t warmup = values->training.lr_warmup_steps;
  return state->step < warmup ? rate * (double)(state->step + 1) / (double)warmup : rate;
}
