/* Reductions to one number: sum, weighted absolute error. Both add in row order in double. */
#include "autograd/backend.h"
#include "autograd/op_case.h"

#if !defined ag_real && !defined AG_CASES /* ---- shape rules ---- */

ag_tensor *ag_sum(ag_tape *tape, ag_tensor *x) {
  ag_node node = {.op = AG_OP_sum, .in = {x}};
  return ag_ready(tape, &node) ? ag_apply(tape, &node, 1, 1) : NULL;
}

ag_tensor *ag_l1(ag_tape *tape, ag_tensor *x, const float *target, const float *weight) {
  ag_node node = {.op = AG_OP_l1, .in = {x}, .values = {target, weight}};
  if (!ag_ready(tape, &node)) return NULL;
  if (x->cols != 1 || (x->rows > 0 && !target))
    return ag_refuse(tape, node.op, "x is [%d, %d], must be [n, 1] with n targets", x->rows, x->cols);
  return ag_apply(tape, &node, 1, 1);
}

#define AG_KERNELS "autograd/ops/reduce.c"
#include "autograd/cpu/each_type.h"

#elif defined ag_real /* ---- CPU kernels ---- */

void AG_T(sum_forward)(const ag_node *node) {
  const ag_real *x = node->in[0]->data;
  int64_t n = (int64_t)node->in[0]->rows * node->in[0]->cols;
  double total = 0;
  for (int64_t i = 0; i < n; ++i) total += (double)x[i];
  *(ag_real *)node->out->data = (ag_real)total;
}

void AG_T(sum_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  ag_real *dx = node->in[0]->grad, dy = *(const ag_real *)node->out->grad;
  int64_t n = dx ? (int64_t)node->in[0]->rows * node->in[0]->cols : 0;
  for (int64_t i = 0; i < n; ++i) dx[i] += dy;
}

void AG_T(l1_forward)(const ag_node *node) {
  const ag_real *x = node->in[0]->data;
  const float *target = node->values[0], *weight = node->values[1];
  double total = 0;
  for (int32_t i = 0; i < node->in[0]->rows; ++i) {
    double factor = weight ? (double)weight[i] : 1;
    if (factor != 0)
      total += fabs((double)x[i] - (double)target[i]) * factor; /* an unlabelled row may hold any target */
  }
  *(ag_real *)node->out->data = (ag_real)total;
}

void AG_T(l1_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  const ag_real *x = node->in[0]->data;
  const float *target = node->values[0], *weight = node->values[1];
  ag_real *dx = node->in[0]->grad, dy = *(const ag_real *)node->out->grad;
  int32_t n = dx ? node->in[0]->rows : 0;
  for (int32_t i = 0; i < n; ++i) {
    ag_real difference = x[i] - (ag_real)target[i];
    ag_real sign = (ag_real)((difference > 0) - (difference < 0)); /* 0 at the kink, as PyTorch */
    dx[i] += dy * sign * (ag_real)(weight ? weight[i] : 1);
  }
}

#else /* ---- test cases ---- */

static void sum_shape(ag_case_data *d) {
  d->x[0] = ag_case_shape(d->n, d->out);
  d->y = ag_case_shape(1, 1);
}

static ag_tensor *sum_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  (void)d;
  return ag_sum(tape, o->x[0]);
}

static void sum_reference(const ag_case_data *d, double *y) {
  for (int32_t i = 0; i < d->n * d->out; ++i) *y += d->x[0].values[i];
}

static void l1_shape(ag_case_data *d) {
  d->x[0] = ag_case_shape(d->n, 1);
  d->y = ag_case_shape(1, 1);
}

static ag_tensor *l1_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  return ag_l1(tape, o->x[0], d->target, d->weight);
}

static void l1_reference(const ag_case_data *d, double *y) {
  for (int32_t i = 0; i < d->n; ++i)
    if (d->weight[i] > 0) *y += (double)d->weight[i] * fabs(d->x[0].values[i] - (double)d->target[i]);
}

static const ag_case case_sum = {sum_shape, sum_apply, sum_reference, NULL};
static const ag_case case_l1 = {l1_shape, l1_apply, l1_reference, NULL};

#endif
