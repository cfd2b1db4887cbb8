/* Adam, with PyTorch's order of operations so that runs can be compared step by step: the scalars of a step,
 * made in double as PyTorch does; the arithmetic is the backend's. Knows m4.h. */
#include "nn/adam.h"

#include "autograd/memory.h"
#include "autograd/update.h"

#include <math.h>
#include <stdlib.h>

static size_t element_bytes(const nn_adam *adam) {
  return adam->dtype == AG_F64 ? sizeof(double) : sizeof(float);
}

static void *take_zeros(const nn_adam *adam) {
  size_t bytes = (size_t)adam->n_elements * element_bytes(adam);
  void *memory = ag_take(adam->backend, bytes);
  if (memory) ag_zero(adam->backend, memory, bytes);
  return memory;
}

m4_status nn_adam_create(nn_adam **adam, const m4_model *model, m4_error *err) {
  *adam = calloc(1, sizeof **adam);
  if (!*adam) return m4_fail(err, M4_MEMORY, NULL, "no memory for the optimiser");
  **adam = (nn_adam){.beta1 = 0.9,
                     .beta2 = 0.999,
                     .epsilon = 1e-8,
                     .n_elements = m4_model_count(model),
                     .dtype = model->params[0]->dtype,
                     .backend = model->backend};
  (*adam)->m = take_zeros(*adam);
  (*adam)->v = take_zeros(*adam);
  if ((*adam)->m && (*adam)->v) return M4_OK;
  nn_adam_free(*adam);
  *adam = NULL;
  return m4_fail(err, M4_MEMORY, NULL, "no memory for the optimiser's state");
}

void nn_adam_free(nn_adam *adam) {
  if (!adam) return;
  ag_give_back(adam->backend, adam->m);
  ag_give_back(adam->backend, adam->v);
  free(adam);
}

void nn_adam_step(nn_adam *adam, m4_model *model, const ag_grads *grads, double learning_rate) {
  double step = (double)++adam->step;
  ag_adam arrays = {.m = adam->m, .v = adam->v, .beta1 = adam->beta1, .beta2 = adam->beta2};
  arrays.epsilon = adam->epsilon;
  arrays.step_size = learning_rate / (1.0 - pow(adam->beta1, step));
  arrays.root_correction2 = sqrt(1.0 - pow(adam->beta2, step));
  for (int32_t i = 0; i < model->n_params; ++i) {
    ag_param *param = model->params[i];
    int64_t count = (int64_t)param->rows * param->cols;
    size_t bytes = (size_t)count * element_bytes(adam);
    arrays.x = param->data;
    arrays.gradient = ag_grads_data(grads, i);
    ag_adam_step(model->backend, &arrays, count);
    ag_param_refresh(param, model->backend);
    arrays.m = (char *)arrays.m + bytes;
    arrays.v = (char *)arrays.v + bytes;
  }
}
