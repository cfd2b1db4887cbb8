/* Layer norm over the columns of each row: (x - mean) / sqrt(var + 1e-5) * gain + bias, biased variance.
 * Mean and variance are summed in an order fixed by the width: equal rows give equal bits. */
#include "autograd/backend.h"
#include "autograd/op_case.h"

#if !defined ag_real && !defined AG_CASES /* ---- shape rule ---- */

ag_tensor *ag_layer_norm(ag_tape *tape, ag_tensor *x, ag_param *gain, ag_param *bias) {
  ag_node node = {.op = AG_OP_layer_norm, .in = {x}, .param = {gain, bias}};
  if (!ag_ready(tape, &node)) return NULL;
  if (gain->rows != 1 || bias->rows != 1 || gain->cols != x->cols || bias->cols != x->cols || x->cols < 1)
    return ag_refuse(tape, node.op, "x [%d, %d] does not fit %s [%d, %d] and %s [%d, %d]", x->rows, x->cols,
                     gain->name, gain->rows, gain->cols, bias->name, bias->rows, bias->cols);
  node.n_saved = 2 * (int64_t)x->rows;             /* mean, 1 / deviation */
  node.n_scratch = 3 * (int64_t)x->rows * x->cols; /* dy * normalised x; two rows for each part of the op */
  return ag_apply(tape, &node, x->rows, x->cols);
}

#define AG_KERNELS "autograd/ops/layer_norm.c"
#include "autograd/cpu/each_type.h"

#elif defined ag_real /* ---- CPU kernels ---- */

static void AG_T(norm_row)(const ag_real *restrict x, const ag_real *restrict gain,
                           const ag_real *restrict bias, ag_real *restrict y, ag_real *restrict saved,
                           int32_t width) {
  ag_real mean = AG_T(row_sum)(x, width) / (ag_real)width;
  for (int32_t j = 0; j < width; ++j) y[j] = x[j] - mean;
  ag_real variance = AG_T(row_dot)(y, y, width) / (ag_real)width;
  ag_real inverse = (ag_real)(1.0 / sqrt((double)variance + 1e-5));
  for (int32_t j = 0; j < width; ++j) y[j] = y[j] * inverse * gain[j] + bias[j];
  saved[0] = mean;
  saved[1] = inverse;
}

void AG_T(layer_norm_forward)(const ag_node *node) {
  int32_t width = node->out->cols;
  const ag_real *x = node->in[0]->data;
  ag_real *y = node->out->data, *saved = node->saved;
  for (int64_t i = 0; i < node->out->rows; ++i) AG_T(norm_row)
  (x + i * width, node->param[0]->data, node->param[1]->data, y + i * width, saved + 2 * i, width);
}

/* With u the normalised row and g = dy * gain: dx = (g - mean(g) - u mean(g u)) / deviation. Leaves dy * u in
 * products. */
static void AG_T(norm_row_backward)(const ag_real *restrict x, const ag_real *restrict gain,
                                    const ag_real *restrict dy, const ag_real *restrict saved,
                                    ag_real *restrict products, ag_real *restrict u, ag_real *restrict g,
                                    ag_real *restrict dx, int32_t width) {
  ag_real mean = saved[0], inverse = saved[1];
  for (int32_t j = 0; j < width; ++j) {
    u[j] = (x[j] - mean) * inverse;
    g[j] = dy[j] * gain[j];
    products[j] = dy[j] * u[j];
  }
  if (!dx) return;
  ag_real mean_g = AG_T(row_sum)(g, width) / (ag_real)width;
  ag_real mean_gu = AG_T(row_dot)(g, u, width) / (ag_real)width;
  for (int32_t j = 0; j < width; ++j) dx[j] += (g[j] - mean_g - u[j] * mean_gu) * inverse;
}

void AG_T(layer_norm_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  int32_t n = node->out->rows, width = node->out->cols;
  const ag_real *x = node->in[0]->data, *dy = node->out->grad, *saved = node->saved;
  ag_real *products = scratch, *u = products + (int64_t)n * width, *g = u + width, *dx = node->in[0]->grad;
  for (int64_t i = 0; i < n; ++i) AG_T(norm_row_backward)
  (x + i * width, node->param[0]->data, dy + i * width, saved + 2 * i, products + i * width, u, g,
   dx ? dx + i * width : NULL, width);
  ag_grads_add_rows(grads, node->param[0], products, n);
  ag_grads_add_rows(grads, node->param[1], dy, n);
}

#else /* ---- test cases ---- */

static void layer_norm_shape(ag_case_data *d) {
  d->x[0] = d->y = ag_case_shape(d->n, d->out);
  d->param[0] = d->param[1] = ag_case_shape(1, d->out);
}

static ag_tensor *layer_norm_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  (void)d;
  return ag_layer_norm(tape, o->x[0], o->param[0], o->param[1]);
}

static void layer_norm_reference(const ag_case_data *d, double *y) {
  for (int32_t i = 0; i < d->n; ++i) {
    double mean = 0, variance = 0;
    for (int32_t j = 0; j < d->out; ++j) mean += ag_case_at(&d->x[0], i, j) / d->out;
    for (int32_t j = 0; j < d->out; ++j) variance += pow(ag_case_at(&d->x[0], i, j) - mean, 2) / d->out;
    for (int32_t j = 0; j < d->out; ++j)
      y[i * d->out + j] =
          (ag_case_at(&d->x[0], i, j) - mean) / sqrt(variance + 1e-5) * d->param[0].values[j] +
          d->param[1].values[j];
  }
}

static const ag_case case_layer_norm = {layer_norm_shape, layer_norm_apply, layer_norm_reference, NULL};

#endif
