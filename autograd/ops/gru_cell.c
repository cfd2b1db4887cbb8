/* GRU cell in the PyTorch convention: the reset gate acts after the recurrent product.
 *   r = sigmoid(x Wxr + bxr + h Whr + bhr)    z = sigmoid(x Wxz + bxz + h Whz + bhz)
 *   n = tanh(x Wxn + bxn + r m), m = h Whn + bhn    h' = (1 - z) n + z h
 * Weights [in, 3H] and [H, 3H], columns r, z, n. Both products meet in one buffer [n, 4H] (r, z, n, m), which
 * is also what backward keeps. */
#include "autograd/backend.h"
#include "autograd/op_case.h"

#if !defined ag_real && !defined AG_CASES /* ---- shape rule ---- */

ag_tensor *ag_gru_cell(ag_tape *tape, ag_tensor *x, ag_tensor *h, ag_param *weight_x, ag_param *weight_h,
                       ag_param *bias_x, ag_param *bias_h) {
  ag_node node = {.op = AG_OP_gru_cell, .in = {x, h}, .param = {weight_x, weight_h, bias_x, bias_h}};
  if (!ag_ready(tape, &node)) return NULL;
  int64_t width = h->cols, gates = 3 * width;
  if (x->rows != h->rows) return ag_refuse(tape, node.op, "x has %d rows, h has %d", x->rows, h->rows);
  if (weight_x->rows != x->cols || weight_h->rows != width || weight_x->cols != gates ||
      weight_h->cols != gates || bias_x->rows != 1 || bias_h->rows != 1 || bias_x->cols != gates ||
      bias_h->cols != gates)
    return ag_refuse(tape, node.op, "x [%d, %d] and h [%d, %d] do not fit %s [%d, %d] and %s [%d, %d]",
                     x->rows, x->cols, h->rows, h->cols, weight_x->name, weight_x->rows, weight_x->cols,
                     weight_h->name, weight_h->rows, weight_h->cols);
  node.n_saved = 4 * width * h->rows;
  node.n_scratch = 6 * width * h->rows;
  return ag_apply(tape, &node, h->rows, h->cols);
}

#define AG_KERNELS "autograd/ops/gru_cell.c"
#include "autograd/cpu/each_type.h"

#elif defined ag_real /* ---- CPU kernels ---- */

/* One row [4H] before the products: bias_x + bias_h for r and z, bias_x for n, bias_h for m. */
static void AG_T(gru_start_row)(ag_real *restrict row, const ag_real *restrict bias_x,
                                const ag_real *restrict bias_h, int32_t width) {
  for (int32_t j = 0; j < 2 * width; ++j) row[j] = bias_x[j] + bias_h[j];
  for (int32_t j = 2 * width; j < 3 * width; ++j) row[j] = bias_x[j];
  for (int32_t j = 2 * width; j < 3 * width; ++j) row[width + j] = bias_h[j];
}

static void AG_T(gru_products)(const ag_node *node, ag_real *buffer) {
  const ag_tensor *x = node->in[0], *h = node->in[1];
  int32_t n = h->rows, width = h->cols, in = x->cols;
  const ag_real *weight_x = node->param[0]->data, *input = x->data;
  for (int32_t i = 0; i < n; ++i) {
    ag_real *row = buffer + (int64_t)i * 4 * width;
    AG_T(gru_start_row)(row, node->param[2]->data, node->param[3]->data, width);
    if (in == 1) AG_T(add_scaled)(row, weight_x, input[i], 3 * width);
  }
  if (in > 1) AG_T(times_weight)(n, input, node->param[0], 0, 3 * width, true, buffer, 4 * width);
  AG_T(times_weight)(n, h->data, node->param[1], 0, 2 * width, true, buffer, 4 * width);
  AG_T(times_weight)(n, h->data, node->param[1], 2 * width, width, true, buffer + 3 * width, 4 * width);
}

/* Sums -> gates in place, and the new state. */
static void AG_T(gru_gates)(ag_real *restrict r, ag_real *restrict z, ag_real *restrict n,
                            const ag_real *restrict m, const ag_real *restrict h, ag_real *restrict out,
                            int32_t width) {
  for (int32_t j = 0; j < width; ++j) {
    r[j] = AG_T(sigmoid)(r[j]);
    z[j] = AG_T(sigmoid)(z[j]);
    n[j] = AG_T(tanh)(n[j] + r[j] * m[j]);
    out[j] = (h[j] - n[j]) * z[j] + n[j];
  }
}

void AG_T(gru_cell_forward)(const ag_node *node) {
  int32_t n = node->out->rows, width = node->out->cols;
  ag_real *row = node->saved, *out = node->out->data;
  const ag_real *h = node->in[1]->data;
  AG_T(gru_products)(node, row);
  for (int32_t i = 0; i < n; ++i, row += 4 * width, h += width, out += width)
    AG_T(gru_gates)(row, row + width, row + 2 * width, row + 3 * width, h, out, width);
}

/* Gradients of the gate sums of one row: dx_sums [3H] for the x product, dh_sums [3H] for the h product (they
 * differ in n only); dh gets the direct part, unless NULL. */
static void AG_T(gru_gates_backward)(const ag_real *restrict gates, const ag_real *restrict h,
                                     const ag_real *restrict d_out, ag_real *restrict dx_sums,
                                     ag_real *restrict dh_sums, ag_real *restrict dh, int32_t width) {
  const ag_real *r = gates, *z = gates + width, *n = gates + 2 * width, *m = gates + 3 * width;
  for (int32_t j = 0; j < width; ++j) {
    ag_real d_n = d_out[j] * (1 - z[j]) * (1 - n[j] * n[j]);
    ag_real d_r = d_n * m[j] * r[j] * (1 - r[j]);
    ag_real d_z = d_out[j] * (h[j] - n[j]) * z[j] * (1 - z[j]);
    dx_sums[j] = dh_sums[j] = d_r;
    dx_sums[width + j] = dh_sums[width + j] = d_z;
    dx_sums[2 * width + j] = d_n;
    dh_sums[2 * width + j] = d_n * r[j];
  }
  if (!dh) return;
  for (int32_t j = 0; j < width; ++j) dh[j] += d_out[j] * z[j];
}

void AG_T(gru_cell_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  const ag_tensor *x = node->in[0], *h = node->in[1];
  const ag_param *weight_x = node->param[0], *weight_h = node->param[1];
  int32_t n = h->rows, width = h->cols;
  const ag_real *gates = node->saved, *state = h->data, *d_out = node->out->grad;
  ag_real *dx_sums = scratch, *dh_sums = dx_sums + (int64_t)n * 3 * width, *dh = h->grad;
  for (int64_t i = 0; i < n; ++i) AG_T(gru_gates_backward)
  (gates + i * 4 * width, state + i * width, d_out + i * width, dx_sums + i * 3 * width,
   dh_sums + i * 3 * width, dh ? dh + i * width : NULL, width);
  if (x->grad) AG_T(times_transposed)(n, dx_sums, weight_x, x->grad);
  if (dh) AG_T(times_transposed)(n, dh_sums, weight_h, dh);
  ag_grads_add_product(grads, weight_x, x->data, dx_sums, n);
  ag_grads_add_product(grads, weight_h, state, dh_sums, n);
  ag_grads_add_rows(grads, node->param[2], dx_sums, n);
  ag_grads_add_rows(grads, node->param[3], dh_sums, n);
}

#else /* ---- test cases ---- */

static void gru_cell_shape(ag_case_data *d) {
  d->x[0] = ag_case_shape(d->n, d->in);
  d->x[1] = ag_case_shape(d->n, d->out);
  d->param[0] = ag_case_shape(d->in, 3 * d->out);
  d->param[1] = ag_case_shape(d->out, 3 * d->out);
  d->param[2] = d->param[3] = ag_case_shape(1, 3 * d->out);
  d->y = ag_case_shape(d->n, d->out);
}

static double gru_cell_flops(const ag_case_data *d) {
  return 2.0 * d->n * (d->in + d->out) * 3 * d->out;
}

static ag_tensor *gru_cell_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  (void)d;
  return ag_gru_cell(tape, o->x[0], o->x[1], o->param[0], o->param[1], o->param[2], o->param[3]);
}

/* v W[:, col] + b[col] of row i */
static double gate_sum(const ag_case_matrix *v, int32_t i, const ag_case_matrix *weight,
                       const ag_case_matrix *bias, int32_t col) {
  double sum = bias->values[col];
  for (int32_t k = 0; k < v->cols; ++k) sum += ag_case_at(v, i, k) * ag_case_at(weight, k, col);
  return sum;
}

static void gru_cell_reference(const ag_case_data *d, double *y) {
  const ag_case_matrix *x = &d->x[0], *h = &d->x[1], *p = d->param;
  for (int32_t i = 0; i < d->n; ++i) {
    for (int32_t j = 0; j < d->out; ++j) {
      int32_t jz = d->out + j, jn = 2 * d->out + j;
      double r = 1 / (1 + exp(-gate_sum(x, i, &p[0], &p[2], j) - gate_sum(h, i, &p[1], &p[3], j)));
      double z = 1 / (1 + exp(-gate_sum(x, i, &p[0], &p[2], jz) - gate_sum(h, i, &p[1], &p[3], jz)));
      double n = tanh(gate_sum(x, i, &p[0], &p[2], jn) + r * gate_sum(h, i, &p[1], &p[3], jn));
      y[i * d->out + j] = (1 - z) * n + z * ag_case_at(h, i, j);
    }
  }
}

static const ag_case case_gru_cell = {gru_cell_shape, gru_cell_apply, gru_cell_reference, gru_cell_flops};

#endif
