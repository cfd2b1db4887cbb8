/* Adam, with PyTorch's order of operations so that runs can be compared step by step. Knows m4.h. */
#include "nn/adam.h"

#include <math.h>
#include <stdlib.h>

/* The scalars of one step, made in double as PyTorch does and then rounded to the element type. */
typedef struct adam_scalars {
  double beta1, beta2, epsilon, step_size, root_correction2;
} adam_scalars;

/* p, g, m, v: [count]. One loop per element type; the compiler vectorises it. */
#define DEFINE_UPDATE(name, real, root)                                                                      \
  static void name(real *restrict p, const real *restrict g, real *restrict m, real *restrict v,             \
                   int64_t count, const adam_scalars *s) {                                                   \
    const real beta1 = (real)s->beta1, beta2 = (real)s->beta2, epsilon = (real)s->epsilon;                   \
    const real rest1 = (real)(1.0 - s->beta1), rest2 = (real)(1.0 - s->beta2);                               \
    const real root_correction2 = (real)s->root_correction2, step_size = (real)-s->step_size;                \
    for (int64_t i = 0; i < count; ++i) {                                                                    \
      m[i] = m[i] * beta1 + rest1 * g[i];                                                                    \
      v[i] = v[i] * beta2 + rest2 * g[i] * g[i];                                                             \
      p[i] = p[i] + step_size * m[i] / (root(v[i]) / root_correction2 + epsilon);                            \
    }                                                                                                        \
  }
DEFINE_UPDATE(update_f32, float, sqrtf)
DEFINE_UPDATE(update_f64, double, sqrt)

m4_status nn_adam_create(nn_adam **adam, const m4_model *model, m4_error *err) {
  *adam = calloc(1, sizeof **adam);
  if (!*adam) return m4_fail(err, M4_MEMORY, NULL, "no memory for the optimiser");
  **adam = (nn_adam){.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .n_elements = m4_model_count(model)};
  (*adam)->dtype = model->params[0]->dtype;
  size_t size = (*adam)->dtype == AG_F64 ? sizeof(double) : sizeof(float);
  (*adam)->m = calloc((size_t)(*adam)->n_elements, size);
  (*adam)->v = calloc((size_t)(*adam)->n_elements, size);
  if ((*adam)->m && (*adam)->v) return M4_OK;
  nn_adam_free(*adam);
  *adam = NULL;
  return m4_fail(err, M4_MEMORY, NULL, "no memory for the optimiser's state");
}

void nn_adam_free(nn_adam *adam) {
  if (!adam) return;
  free(adam->m);
  free(adam->v);
  free(adam);
}

void nn_adam_step(nn_adam *adam, m4_model *model, const ag_grads *grads, double learning_rate) {
  double step = (double)++adam->step;
  adam_scalars scalars = {.beta1 = adam->beta1, .beta2 = adam->beta2, .epsilon = adam->epsilon};
  scalars.step_size = learning_rate / (1.0 - pow(adam->beta1, step));
  scalars.root_correction2 = sqrt(1.0 - pow(adam->beta2, step));
  int64_t first = 0;
  for (int32_t i = 0; i < model->n_params; ++i) {
    ag_param *param = model->params[i];
    int64_t count = (int64_t)param->rows * param->cols;
    const void *gradient = ag_grads_data(grads, i);
    if (adam->dtype == AG_F64)
      update_f64(param->data, gradient, (double *)adam->m + first, (double *)adam->v + first, count,
                 &scalars);
    else
      update_f32(param->data, gradient, (float *)adam->m + first, (float *)adam->v + first, count, &scalars);
    first += count;
    ag_param_refresh(param, model->backend);
  }
}
