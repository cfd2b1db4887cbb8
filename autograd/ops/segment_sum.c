/* Segment sum over compressed rows (CSR): out[i] = x[index[offset[i]]] + ... + x[index[offset[i+1] - 1]], in
 * that order. The transposed lists make backward the same operation: no row is written by two others, and the
 * order is fixed. */
#include "autograd/backend.h"
#include "autograd/op_case.h"

#if !defined ag_real && !defined AG_CASES /* ---- shape rule ---- */

static bool valid_lists(const ag_tape *tape, int32_t n, const int32_t *offset, const int32_t *index,
                        int32_t limit) {
  if (n == 0 || !ag_tape_backend(tape)->host_memory) return true;
  if (!offset || offset[0] != 0) return false;
  for (int32_t i = 0; i < n; ++i)
    if (offset[i + 1] < offset[i]) return false;
  return offset[n] == 0 || (index && ag_indices_valid(tape, index, offset[n], limit));
}

ag_tensor *ag_segment_sum(ag_tape *tape, ag_tensor *x, int32_t n_out, const int32_t *offset,
                          const int32_t *index, const int32_t *back_offset, const int32_t *back_index) {
  ag_node node = {.op = AG_OP_segment_sum, .in = {x}, .index = {offset, index, back_offset, back_index}};
  if (!ag_ready(tape, &node)) return NULL;
  if (n_out < 0 || !valid_lists(tape, n_out, offset, index, x->rows))
    return ag_refuse(tape, node.op, "bad lists for %d sums over %d rows", n_out, x->rows);
  bool backward = ag_tape_recording(tape) && x->needs_grad;
  if (backward && !valid_lists(tape, x->rows, back_offset, back_index, n_out))
    return ag_refuse(tape, node.op, "bad transposed lists for %d rows of %d sums", x->rows, n_out);
  return ag_apply(tape, &node, n_out, x->cols);
}

#define AG_KERNELS "autograd/ops/segment_sum.c"
#include "autograd/cpu/each_type.h"

#elif defined ag_real /* ---- CPU kernels ---- */

/* to[i] += the listed rows of from */
static void AG_T(sum_listed)(ag_real *to, const ag_real *from, const int32_t *offset, const int32_t *index,
                             int32_t n, int32_t width) {
  for (int32_t i = 0; i < n; ++i, to += width)
    for (int32_t e = offset[i]; e < offset[i + 1]; ++e)
      AG_T(add_scaled)(to, from + (int64_t)index[e] * width, 1, width);
}

void AG_T(segment_sum_forward)(const ag_node *node) {
  int32_t n = node->out->rows, width = node->out->cols;
  if (n == 0 || width == 0) return;
  memset(node->out->data, 0, (size_t)n * (size_t)width * sizeof(ag_real));
  AG_T(sum_listed)(node->out->data, node->in[0]->data, node->index[0], node->index[1], n, width);
}

void AG_T(segment_sum_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  ag_tensor *x = node->in[0];
  if (x->grad) AG_T(sum_listed)(x->grad, node->out->grad, node->index[2], node->index[3], x->rows, x->cols);
}

#else /* ---- test cases ---- */

static void segment_sum_shape(ag_case_data *d) {
  d->x[0] = ag_case_shape(d->n, d->out);
  d->y = ag_case_shape(d->n + 1, d->out);
}

static ag_tensor *segment_sum_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  return ag_segment_sum(tape, o->x[0], d->n + 1, d->offset, d->index, d->back_offset, d->back_index);
}

static void segment_sum_reference(const ag_case_data *d, double *y) {
  for (int32_t i = 0; i <= d->n; ++i)
    for (int32_t e = d->offset[i]; e < d->offset[i + 1]; ++e)
      for (int32_t j = 0; j < d->out; ++j) y[i * d->out + j] += ag_case_at(&d->x[0], d->index[e], j);
}

static const ag_case case_segment_sum = {segment_sum_shape, segment_sum_apply, segment_sum_reference, NULL};

#endif
