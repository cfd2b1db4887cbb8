/* Adam over a flat gradient, and ReduceLROnPlateau. Knows m4.h. Source: training.md 9. */
#ifndef NN_ADAM_H
#define NN_ADAM_H

#include "nn/m4.h"

typedef struct nn_adam {
  double beta1, beta2, epsilon;
  int64_t step;       /* updates done */
  int64_t n_elements; /* of all parameters, in model order */
  void *m, *v;        /* [n_elements], element type of the model */
  ag_dtype dtype;
} nn_adam;

/* beta 0.9 / 0.999, epsilon 1e-8. */
m4_status nn_adam_create(nn_adam **adam, const m4_model *model, m4_error *err);
void nn_adam_free(nn_adam *adam);
/* One update: p -= lr * mhat / (sqrt(vhat) + eps), PyTorch's order of operations; refreshes the parameters' transposed copies. */
void nn_adam_step(nn_adam *adam, m4_model *model, const ag_grads *grads, double learning_rate);

/* torch.optim.lr_scheduler.ReduceLROnPlateau(mode=min, threshold_mode=rel). Plain values: save and restore by copying. */
typedef struct nn_plateau {
  double factor, threshold, min_lr;
  int64_t patience, cooldown;
  double best;
  int64_t bad_epochs, cooldown_left;
} nn_plateau;
nn_plateau nn_plateau_default(void); /* factor 0.2, patience 5, min_lr 1e-6, threshold 1e-4 */
/* Returns the learning rate after seeing this epoch's metric. */
double nn_plateau_step(nn_plateau *plateau, double metric, double learning_rate);

#endif
