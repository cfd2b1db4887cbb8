/* From the gradients of samples to new weights: sums, norms, limits, Adam; on any backend. Knows autograd.h.
 */
#ifndef AG_UPDATE_H
#define AG_UPDATE_H

#include "autograd/autograd.h"

/* Elements begin .. end-1 of all gradients: total += part. On the CPU threads may share the elements. */
void ag_grads_add(ag_grads *total, const ag_grads *part, int64_t begin, int64_t end);
bool ag_grads_finite(const ag_grads *grads);
/* squares [n_params]: the sum of the squares of every parameter's gradient. A device is waited for. */
void ag_grads_squares(const ag_grads *grads, double *squares);
void ag_grads_scale(ag_grads *grads, double factor);
/* Elements beyond +-limit become that. True when there were some. A device is waited for. */
bool ag_grads_limit(ag_grads *grads, double limit);

/* One step of Adam on some elements. Arrays in the backend's memory and element type; scalars are rounded to
 * that type: m = beta1 m + rest1 gradient, v = beta2 v + rest2 gradient^2, x -= step_size m / (sqrt(v) /
 * root_correction2 + epsilon), rest = 1 - beta. */
typedef struct ag_adam {
  void *x, *m, *v;
  const void *gradient;
  double beta1, beta2, epsilon, step_size, root_correction2;
} ag_adam;
void ag_adam_step(const ag_backend *backend, const ag_adam *arrays, int64_t n);

#endif
