/* ReduceLROnPlateau. Knows nothing. */
#include "nn/plateau.h"

#include <math.h>

/* Smaller changes of the learning rate are not made (PyTorch's `eps`). */
static const double SMALLEST_CHANGE = 1e-8;

nn_plateau nn_plateau_default(void) {
  return (nn_plateau){.factor = 0.2, .threshold = 1e-4, .min_lr = 1e-6, .patience = 5, .best = INFINITY};
}

double nn_plateau_step(nn_plateau *plateau, double metric, double learning_rate) {
  if (metric < plateau->best * (1.0 - plateau->threshold)) {
    plateau->best = metric;
    plateau->bad_epochs = 0;
  } else {
    ++plateau->bad_epochs;
  }
  if (plateau->cooldown_left > 0) {
    --plateau->cooldown_left;
    plateau->bad_epochs = 0;
  }
  if (plateau->bad_epochs <= plateau->patience) return learning_rate;
  plateau->cooldown_left = plateau->cooldown;
  plateau->bad_epochs = 0;
  double lower = fmax(learning_rate * plateau->factor, plateau->min_lr);
  return learning_rate - lower > SMALLEST_CHANGE ? lower : learning_rate;
}
