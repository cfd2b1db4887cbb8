/* ReduceLROnPlateau: lowers the learning rate when a metric stops falling. Plain values: save and restore by
 * copying. Knows nothing. Source: training.md 9; torch.optim.lr_scheduler.ReduceLROnPlateau(mode=min,
 * threshold_mode=rel). */
#ifndef NN_PLATEAU_H
#define NN_PLATEAU_H

#include <stdint.h>

typedef struct nn_plateau {
  double factor;    /* the learning rate is multiplied by it, in (0, 1) */
  double threshold; /* relative improvement that counts */
  double min_lr;
  int64_t patience; /* epochs without improvement that are tolerated */
  int64_t cooldown; /* epochs after a reduction that do not count as bad */
  double best;      /* smallest metric so far; INFINITY at first */
  int64_t bad_epochs, cooldown_left;
} nn_plateau;

nn_plateau nn_plateau_default(void); /* factor 0.2, patience 5, min_lr 1e-6, threshold 1e-4, cooldown 0 */
/* Returns the learning rate after seeing this epoch's metric (NaN: an epoch without improvement). */
double nn_plateau_step(nn_plateau *plateau, double metric, double learning_rate);

#endif
