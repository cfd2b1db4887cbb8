/* The learning rate of a step. Knows config. */
#include "train/schedule.h"

#include <math.h>
#include <string.h>

static double cosine(double from, double to, double part) {
  const double pi = 3.14159265358979323846;
  return to + 0.5 * (from - to) * (1.0 + cos(pi * fmin(part, 1.0)));
}

double tr_learning_rate(const tr_config *values, double plateau_rate, int64_t step, int64_t total_steps) {
  double rate = plateau_rate;
  if (strcmp(values->training.lr_schedule, "constant") == 0) rate = values->training.learning_rate;
  if (strcmp(values->training.lr_schedule, "cosine") == 0)
    rate =
        cosine(values->training.learning_rate, fmin(values->training.lr_min, values->training.learning_rate),
               (double)step / (double)total_steps);
  int64_t warmup = values->training.lr_warmup_steps;
  return step < warmup ? rate * (double)(step + 1) / (double)warmup : rate;
}
