/* Adam over a flat gradient. Knows m4.h. Source: training.md 9; torch.optim.Adam without weight decay. */
#ifndef NN_ADAM_H
#define NN_ADAM_H

#include "nn/m4.h"
#include "nn/plateau.h"

/* beta1, beta2 and epsilon may be changed before the first step. step, m and v are the state to save and
 * restore. */
typedef struct nn_adam {
  double beta1, beta2, epsilon;
  int64_t step;       /* updates done */
  int64_t n_elements; /* of all parameters, in model order */
  void *m, *v;        /* [n_elements], element type of the model, in the backend's memory */
  ag_dtype dtype;
  const ag_backend *backend;
} nn_adam;

/* beta 0.9 / 0.999, epsilon 1e-8. */
m4_status nn_adam_create(nn_adam **adam, const m4_model *model, m4_error *err);
void nn_adam_free(nn_adam *adam); /* NULL accepted */
/* One update: p -= lr * mhat / (sqrt(vhat) + eps), PyTorch's order of operations; refreshes the parameters'
 * transposed copies. grads: made for model->params, finished. */
void nn_adam_step(nn_adam *adam, m4_model *model, const ag_grads *grads, double learning_rate);

#endif
