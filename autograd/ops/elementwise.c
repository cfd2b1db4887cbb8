/* Elementwise ops: ReLU, sigmoid, tanh, sum of two, scaling. Gradients of the three functions use the result,
 * not the argument. */
#include "autograd/backend.h"
#include "autograd/op_case.h"

#if !defined ag_real && !defined AG_CASES /* ---- shape rules ---- */

static ag_tensor *same_shape(ag_tape *tape, ag_op op, ag_tensor *x, double factor) {
  ag_node node = {.op = op, .in = {x}, .factor = factor};
  return ag_ready(tape, &node) ? ag_apply(tape, &node, x->rows, x->cols) : NULL;
}

ag_tensor *ag_relu(ag_tape *tape, ag_tensor *x) {
  return same_shape(tape, AG_OP_relu, x, 0);
}
ag_tensor *ag_sigmoid(ag_tape *tape, ag_tensor *x) {
  return same_shape(tape, AG_OP_sigmoid, x, 0);
}
ag_tensor *ag_tanh(ag_tape *tape, ag_tensor *x) {
  return same_shape(tape, AG_OP_tanh, x, 0);
}
ag_tensor *ag_scale(ag_tape *tape, ag_tensor *x, double factor) {
  return same_shape(tape, AG_OP_scale, x, factor);
}

ag_tensor *ag_add(ag_tape *tape, ag_tensor *a, ag_tensor *b) {
  ag_node node = {.op = AG_OP_add, .in = {a, b}};
  if (!ag_ready(tape, &node)) return NULL;
  if (a->rows != b->rows || a->cols != b->cols)
    return ag_refuse(tape, node.op, "[%d, %d] and [%d, %d] differ", a->rows, a->cols, b->rows, b->cols);
  return ag_apply(tape, &node, a->rows, a->cols);
}

#define AG_KERNELS "autograd/ops/elementwise.c"
#include "autograd/cpu/each_type.h"

#elif defined ag_real /* ---- CPU kernels ---- */

/* A function of one value: y = FORWARD(x), dx += dy * SLOPE(y). */
#define AG_FUNCTION(name, FORWARD, SLOPE)                                                                    \
  void AG_T(name##_forward)(const ag_node *node) {                                                           \
    const ag_real *restrict in = node->in[0]->data;                                                          \
    ag_real *restrict out = node->out->data;                                                                 \
    int64_t n = (int64_t)node->out->rows * node->out->cols;                                                  \
    for (int64_t i = 0; i < n; ++i) {                                                                        \
      ag_real x = in[i];                                                                                     \
      out[i] = FORWARD;                                                                                      \
    }                                                                                                        \
  }                                                                                                          \
  void AG_T(name##_backward)(const ag_node *node, ag_grads *grads, void *scratch) {                          \
    (void)grads, (void)scratch;                                                                              \
    const ag_real *restrict out = node->out->data, *restrict d_out = node->out->grad;                        \
    ag_real *restrict d_in = node->in[0]->grad;                                                              \
    int64_t n = d_in ? (int64_t)node->out->rows * node->out->cols : 0;                                       \
    for (int64_t i = 0; i < n; ++i) {                                                                        \
      ag_real y = out[i];                                                                                    \
      d_in[i] += d_out[i] * (SLOPE);                                                                         \
    }                                                                                                        \
  }

AG_FUNCTION(relu, x<0 ? 0 : x, y> 0 ? 1 : 0)
AG_FUNCTION(sigmoid, AG_T(sigmoid)(x), y *(1 - y))
AG_FUNCTION(tanh, AG_T(tanh)(x), 1 - y * y)
#undef AG_FUNCTION

void AG_T(scale_forward)(const ag_node *node) {
  const ag_real *x = node->in[0]->data;
  ag_real *y = node->out->data, factor = (ag_real)node->factor;
  int64_t n = (int64_t)node->out->rows * node->out->cols;
  for (int64_t i = 0; i < n; ++i) y[i] = factor * x[i];
}

void AG_T(scale_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  if (node->in[0]->grad) AG_T(add_scaled)
  (node->in[0]->grad, node->out->grad, (ag_real)node->factor, (int64_t)node->out->rows * node->out->cols);
}

void AG_T(add_forward)(const ag_node *node) {
  const ag_real *a = node->in[0]->data, *b = node->in[1]->data;
  ag_real *y = node->out->data;
  int64_t n = (int64_t)node->out->rows * node->out->cols;
  for (int64_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

void AG_T(add_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  int64_t n = (int64_t)node->out->rows * node->out->cols;
  for (int k = 0; k < 2; ++k)
    if (node->in[k]->grad) AG_T(add_scaled)(node->in[k]->grad, node->out->grad, 1, n);
}

#else /* ---- test cases ---- */

static void one_input_shape(ag_case_data *d) {
  d->x[0] = d->y = ag_case_shape(d->n, d->out);
}
static void two_input_shape(ag_case_data *d) {
  d->x[0] = d->x[1] = d->y = ag_case_shape(d->n, d->out);
}

/* A case of one input: y = VALUE of x. */
#define AG_ONE_INPUT(name, APPLY, VALUE)                                                                     \
  static ag_tensor *name##_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {           \
    (void)d;                                                                                                 \
    return APPLY;                                                                                            \
  }                                                                                                          \
  static void name##_reference(const ag_case_data *d, double *y) {                                           \
    for (int32_t i = 0; i < d->n * d->out; ++i) {                                                            \
      double x = d->x[0].values[i];                                                                          \
      y[i] = VALUE;                                                                                          \
    }                                                                                                        \
  }                                                                                                          \
  static const ag_case case_##name = {one_input_shape, name##_apply, name##_reference, NULL};

AG_ONE_INPUT(relu, ag_relu(tape, o->x[0]), x > 0 ? x : 0)
AG_ONE_INPUT(sigmoid, ag_sigmoid(tape, o->x[0]), 1 / (1 + exp(-x)))
AG_ONE_INPUT(tanh, ag_tanh(tape, o->x[0]), tanh(x))
AG_ONE_INPUT(scale, ag_scale(tape, o->x[0], -1.75), -1.75 * x)

static ag_tensor *add_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  (void)d;
  return ag_add(tape, ag_add(tape, o->x[0], o->x[1]), o->x[0]);
}

static void add_reference(const ag_case_data *d, double *y) {
  for (int32_t i = 0; i < d->n * d->out; ++i) y[i] = 2 * d->x[0].values[i] + d->x[1].values[i];
}

static const ag_case case_add = {two_input_shape, add_apply, add_reference, NULL};

#endif
