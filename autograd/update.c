/* Gradients as whole arrays; the arithmetic is the backend's. */
#include "autograd/update.h"

#include "autograd/grads.h"

void ag_grads_add(ag_grads *total, const ag_grads *part, int64_t begin, int64_t end) {
  size_t first = ag_element_bytes(total->backend) * (size_t)begin;
  total->backend->add(total->backend, total->all + first, part->all + first, end - begin);
}

bool ag_grads_finite(const ag_grads *grads) {
  return grads->backend->all_finite(grads->backend, grads->all, grads->n_elements);
}

void ag_grads_squares(const ag_grads *grads, double *squares) {
  grads->backend->squares(grads->backend, grads->all, grads->counts, grads->n_params, squares);
}

void ag_grads_scale(ag_grads *grads, double factor) {
  grads->backend->scale(grads->backend, grads->all, grads->n_elements, factor);
}

bool ag_grads_limit(ag_grads *grads, double limit) {
  return grads->backend->limit(grads->backend, grads->all, grads->n_elements, limit);
}

void ag_adam_step(const ag_backend *backend, const ag_adam *arrays, int64_t n) {
  backend->adam(backend, arrays, n);
}
