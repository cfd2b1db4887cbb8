/* Linear layers: x W + b, the same with ReLU, and the two-term form of a SAGE layer. Weights are [in, out].
 */
#include "autograd/backend.h"
#include "autograd/op_case.h"

#if !defined ag_real && !defined AG_CASES /* ---- shape rules ---- */

static bool fits(ag_tape *tape, ag_op op, const ag_tensor *x, const ag_param *weight, const ag_param *bias) {
  if (x->cols != weight->rows)
    return ag_refuse(tape, op, "x is [%d, %d] but %s is [%d, %d]", x->rows, x->cols, weight->name,
                     weight->rows, weight->cols) != NULL;
  if (bias && (bias->rows != 1 || bias->cols != weight->cols))
    return ag_refuse(tape, op, "%s is [%d, %d], must be [1, %d]", bias->name, bias->rows, bias->cols,
                     weight->cols) != NULL;
  return true;
}

ag_tensor *ag_linear(ag_tape *tape, ag_tensor *x, ag_param *weight, ag_param *bias) {
  ag_node node = {.op = AG_OP_linear, .in = {x}, .param = {weight, bias}};
  if (!ag_ready(tape, &node) || !fits(tape, node.op, x, weight, bias)) return NULL;
  return ag_apply(tape, &node, x->rows, weight->cols);
}

ag_tensor *ag_linear_relu(ag_tape *tape, ag_tensor *x, ag_param *weight, ag_param *bias) {
  ag_node node = {.op = AG_OP_linear_relu, .in = {x}, .param = {weight, bias}};
  if (!ag_ready(tape, &node) || !fits(tape, node.op, x, weight, bias)) return NULL;
  node.n_scratch = (int64_t)x->rows * weight->cols;
  return ag_apply(tape, &node, x->rows, weight->cols);
}

ag_tensor *ag_linear2(ag_tape *tape, ag_tensor *a, ag_param *weight_a, ag_param *bias, ag_tensor *b,
                      ag_param *weight_b) {
  ag_node node = {.op = AG_OP_linear2, .in = {a, b}, .param = {weight_a, bias, weight_b}};
  if (!ag_ready(tape, &node) || !fits(tape, node.op, a, weight_a, bias) ||
      !fits(tape, node.op, b, weight_b, NULL))
    return NULL;
  if (a->rows != b->rows || weight_a->cols != weight_b->cols)
    return ag_refuse(tape, node.op, "the terms are [%d, %d] and [%d, %d]", a->rows, weight_a->cols, b->rows,
                     weight_b->cols);
  return ag_apply(tape, &node, a->rows, weight_a->cols);
}

#define AG_KERNELS "autograd/ops/linear.c"
#include "autograd/cpu/each_type.h"

#elif defined ag_real /* ---- CPU kernels ---- */

/* y [n, out] = x W (+ b) */
static void AG_T(affine)(const ag_tensor *x, const ag_param *weight, const ag_param *bias, ag_real *y) {
  int32_t n = x->rows, out = weight->cols;
  if (bias) AG_T(fill_rows)(y, bias->data, n, out);
  AG_T(times_weight)(n, x->data, weight, 0, out, bias != NULL, y, out);
}

/* dx += dy W^T; gradients of W and b from dy [n, out]. */
static void AG_T(affine_backward)(const ag_tensor *x, const ag_param *weight, const ag_param *bias,
                                  const ag_real *dy, ag_grads *grads) {
  int32_t n = x->rows;
  if (x->grad) AG_T(times_transposed)(n, dy, weight, x->grad);
  ag_grads_add_product(grads, weight, x->data, dy, n);
  ag_grads_add_rows(grads, bias, dy, n);
}

void AG_T(linear_forward)(const ag_node *node) {
  AG_T(affine)(node->in[0], node->param[0], node->param[1], node->out->data);
}

void AG_T(linear_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)scratch;
  AG_T(affine_backward)(node->in[0], node->param[0], node->param[1], node->out->grad, grads);
}

void AG_T(linear_relu_forward)(const ag_node *node) {
  ag_real *y = node->out->data;
  int64_t n = (int64_t)node->out->rows * node->out->cols;
  AG_T(affine)(node->in[0], node->param[0], node->param[1], y);
  for (int64_t i = 0; i < n; ++i) y[i] = y[i] < 0 ? 0 : y[i]; /* keeps NaN */
}

void AG_T(linear_relu_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  const ag_real *y = node->out->data, *dy = node->out->grad;
  ag_real *restrict masked = scratch;
  int64_t n = (int64_t)node->out->rows * node->out->cols;
  for (int64_t i = 0; i < n; ++i) masked[i] = y[i] > 0 ? dy[i] : 0;
  AG_T(affine_backward)(node->in[0], node->param[0], node->param[1], masked, grads);
}

void AG_T(linear2_forward)(const ag_node *node) {
  const ag_tensor *b = node->in[1];
  const ag_param *weight_b = node->param[2];
  ag_real *y = node->out->data;
  AG_T(affine)(node->in[0], node->param[0], node->param[1], y);
  AG_T(times_weight)(b->rows, b->data, weight_b, 0, weight_b->cols, true, y, weight_b->cols);
}

void AG_T(linear2_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)scratch;
  AG_T(affine_backward)(node->in[0], node->param[0], node->param[1], node->out->grad, grads);
  AG_T(affine_backward)(node->in[1], node->param[2], NULL, node->out->grad, grads);
}

#else /* ---- test cases ---- */

static double dot_column(const ag_case_matrix *x, int32_t row, const ag_case_matrix *weight, int32_t col) {
  double sum = 0;
  for (int32_t k = 0; k < x->cols; ++k) sum += ag_case_at(x, row, k) * ag_case_at(weight, k, col);
  return sum;
}

static void linear_shape(ag_case_data *d) {
  d->x[0] = ag_case_shape(d->n, d->in);
  d->param[0] = ag_case_shape(d->in, d->out);
  d->param[1] = ag_case_shape(1, d->out);
  d->y = ag_case_shape(d->n, d->out);
}

static double linear_flops(const ag_case_data *d) {
  return 2.0 * d->n * d->in * d->out;
}

static ag_tensor *linear_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  (void)d;
  return ag_linear(tape, o->x[0], o->param[0], o->param[1]);
}

static void linear_reference(const ag_case_data *d, double *y) {
  for (int32_t i = 0; i < d->n; ++i)
    for (int32_t j = 0; j < d->out; ++j)
      y[i * d->out + j] = dot_column(&d->x[0], i, &d->param[0], j) + d->param[1].values[j];
}

static ag_tensor *linear_relu_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  (void)d;
  return ag_linear_relu(tape, o->x[0], o->param[0], o->param[1]);
}

static void linear_relu_reference(const ag_case_data *d, double *y) {
  linear_reference(d, y);
  for (int32_t i = 0; i < d->n * d->out; ++i) y[i] = y[i] > 0 ? y[i] : 0;
}

static void linear2_shape(ag_case_data *d) {
  linear_shape(d);
  d->x[1] = ag_case_shape(d->n, d->in + 1);
  d->param[2] = ag_case_shape(d->in + 1, d->out);
}

static double linear2_flops(const ag_case_data *d) {
  return 2.0 * d->n * (2 * d->in + 1) * d->out;
}

static ag_tensor *linear2_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  (void)d;
  return ag_linear2(tape, o->x[0], o->param[0], o->param[1], o->x[1], o->param[2]);
}

static void linear2_reference(const ag_case_data *d, double *y) {
  linear_reference(d, y);
  for (int32_t i = 0; i < d->n; ++i)
    for (int32_t j = 0; j < d->out; ++j) y[i * d->out + j] += dot_column(&d->x[1], i, &d->param[2], j);
}

static const ag_case case_linear = {linear_shape, linear_apply, linear_reference, linear_flops};
static const ag_case case_linear_relu = {linear_shape, linear_relu_apply, linear_relu_reference,
                                         linear_flops};
static const ag_case case_linear2 = {linear2_shape, linear2_apply, linear2_reference, linear2_flops};

#endif
