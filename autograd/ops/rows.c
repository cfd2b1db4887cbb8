/* Moving rows: gather and scatter on state tables, concatenation.
 *
 * A table is updated in place, so its past values are gone in backward. They are not needed: backward replays
 * the uses in reverse on one running gradient table. It always holds the gradient of the table's contents at
 * that moment of the replay: a scatter takes the gradient of the rows it wrote and zeroes them (what was
 * there before had no later use), a gather adds to the rows it read. */
#include "autograd/backend.h"
#include "autograd/op_case.h"

#if !defined ag_real && !defined AG_CASES /* ---- shape rules ---- */

static bool rows_valid(ag_tape *tape, ag_op op, const ag_table *table, const int32_t *rows, int32_t n) {
  if (n >= 0 && (n == 0 || rows) && ag_indices_valid(tape, rows, n, table->rows)) return true;
  return ag_refuse(tape, op, "a row number is outside the table [%d, %d]", table->rows, table->cols) != NULL;
}

ag_tensor *ag_gather(ag_tape *tape, ag_table *table, const int32_t *rows, int32_t n_rows) {
  ag_node node = {.op = AG_OP_gather, .table = table, .index = {rows}};
  if (!ag_ready(tape, &node) || !rows_valid(tape, node.op, table, rows, n_rows)) return NULL;
  return ag_apply(tape, &node, n_rows, table->cols);
}

void ag_scatter(ag_tape *tape, ag_table *table, const int32_t *rows, ag_tensor *values) {
  ag_node node = {.op = AG_OP_scatter, .in = {values}, .table = table, .index = {rows}};
  if (!ag_ready(tape, &node) || !rows_valid(tape, node.op, table, rows, values->rows)) return;
  if (values->cols != table->cols || (table->constant && ag_tape_recording(tape))) {
    ag_refuse(tape, node.op, "values [%d, %d] cannot go to the%s table [%d, %d]", values->rows, values->cols,
              table->constant ? " constant" : "", table->rows, table->cols);
    return;
  }
  ag_apply_in_place(tape, &node);
}

ag_tensor *ag_concat_rows(ag_tape *tape, ag_tensor *a, ag_tensor *b) {
  ag_node node = {.op = AG_OP_concat_rows, .in = {a, b}};
  if (!ag_ready(tape, &node)) return NULL;
  if (a->cols != b->cols) return ag_refuse(tape, node.op, "widths %d and %d differ", a->cols, b->cols);
  return ag_apply(tape, &node, a->rows + b->rows, a->cols);
}

ag_tensor *ag_concat_cols(ag_tape *tape, ag_tensor *a, ag_tensor *b) {
  ag_node node = {.op = AG_OP_concat_cols, .in = {a, b}};
  if (!ag_ready(tape, &node)) return NULL;
  if (a->rows != b->rows) return ag_refuse(tape, node.op, "row counts %d and %d differ", a->rows, b->rows);
  return ag_apply(tape, &node, a->rows, a->cols + b->cols);
}

#define AG_KERNELS "autograd/ops/rows.c"
#include "autograd/cpu/each_type.h"

#elif defined ag_real /* ---- CPU kernels ---- */

static void AG_T(copy_block)(ag_real *to, int32_t to_stride, const ag_real *from, int32_t from_stride,
                             int32_t rows, int32_t cols) {
  if (cols == 0) return;
  for (int32_t i = 0; i < rows; ++i, to += to_stride, from += from_stride)
    memcpy(to, from, (size_t)cols * sizeof *to);
}

static void AG_T(add_block)(ag_real *to, int32_t to_stride, const ag_real *from, int32_t from_stride,
                            int32_t rows, int32_t cols) {
  for (int32_t i = 0; i < rows; ++i, to += to_stride, from += from_stride)
    AG_T(add_scaled)(to, from, 1, cols);
}

void AG_T(gather_forward)(const ag_node *node) {
  ag_real *out = node->out->data;
  const ag_real *table = node->table->data;
  int32_t width = node->out->cols;
  for (int32_t i = 0; i < node->out->rows; ++i, out += width)
    memcpy(out, table + (int64_t)node->index[0][i] * width, (size_t)width * sizeof *out);
}

void AG_T(gather_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  const ag_real *dy = node->out->grad;
  ag_real *table = node->table->grad;
  int32_t width = node->out->cols;
  if (!table) return;
  for (int32_t i = 0; i < node->out->rows; ++i, dy += width)
    AG_T(add_scaled)(table + (int64_t)node->index[0][i] * width, dy, 1, width);
}

void AG_T(scatter_forward)(const ag_node *node) {
  const ag_real *values = node->in[0]->data;
  ag_real *table = node->table->data;
  int32_t width = node->table->cols;
  for (int32_t i = 0; i < node->in[0]->rows; ++i, values += width)
    memcpy(table + (int64_t)node->index[0][i] * width, values, (size_t)width * sizeof *values);
}

void AG_T(scatter_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  ag_real *dx = node->in[0]->grad;
  int32_t width = node->table->cols;
  for (int32_t i = 0; i < node->in[0]->rows; ++i) {
    ag_real *row = (ag_real *)node->table->grad + (int64_t)node->index[0][i] * width;
    if (dx) AG_T(add_scaled)(dx + (int64_t)i * width, row, 1, width);
    memset(row, 0, (size_t)width * sizeof *row);
  }
}

void AG_T(concat_rows_forward)(const ag_node *node) {
  const ag_tensor *a = node->in[0], *b = node->in[1];
  ag_real *out = node->out->data;
  AG_T(copy_block)(out, a->cols, a->data, a->cols, a->rows, a->cols);
  AG_T(copy_block)(out + (int64_t)a->rows * a->cols, b->cols, b->data, b->cols, b->rows, b->cols);
}

void AG_T(concat_rows_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  const ag_tensor *a = node->in[0], *b = node->in[1];
  const ag_real *dy = node->out->grad;
  if (a->grad) AG_T(add_block)(a->grad, a->cols, dy, a->cols, a->rows, a->cols);
  if (b->grad) AG_T(add_block)(b->grad, b->cols, dy + (int64_t)a->rows * a->cols, b->cols, b->rows, b->cols);
}

void AG_T(concat_cols_forward)(const ag_node *node) {
  const ag_tensor *a = node->in[0], *b = node->in[1];
  ag_real *out = node->out->data;
  AG_T(copy_block)(out, node->out->cols, a->data, a->cols, a->rows, a->cols);
  AG_T(copy_block)(out + a->cols, node->out->cols, b->data, b->cols, b->rows, b->cols);
}

void AG_T(concat_cols_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  const ag_tensor *a = node->in[0], *b = node->in[1];
  const ag_real *dy = node->out->grad;
  if (a->grad) AG_T(add_block)(a->grad, a->cols, dy, node->out->cols, a->rows, a->cols);
  if (b->grad) AG_T(add_block)(b->grad, b->cols, dy + a->cols, node->out->cols, b->rows, b->cols);
}

#else /* ---- test cases ---- */

static void gather_shape(ag_case_data *d) {
  d->table = ag_case_shape(2 * d->n + 1, d->out);
  d->y = ag_case_shape(d->n, d->out);
}

static ag_tensor *gather_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  return ag_gather(tape, o->table, d->rows, d->n);
}

static void gather_reference(const ag_case_data *d, double *y) {
  for (int32_t i = 0; i < d->n; ++i)
    for (int32_t j = 0; j < d->out; ++j) y[i * d->out + j] = ag_case_at(&d->table, d->rows[i], j);
}

/* y = the old rows beside the whole new table's first n rows: old rows must get a gradient only from before
 * the scatter. */
static void scatter_shape(ag_case_data *d) {
  d->table = ag_case_shape(2 * d->n + 1, d->out);
  d->x[0] = ag_case_shape(d->n, d->out);
  d->y = ag_case_shape(d->n, 2 * d->out);
}

static ag_tensor *scatter_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  ag_tensor *before = ag_gather(tape, o->table, d->rows, d->n);
  ag_scatter(tape, o->table, d->rows, o->x[0]);
  return ag_concat_cols(tape, before, ag_gather(tape, o->table, d->index, d->n));
}

static void scatter_reference(const ag_case_data *d, double *y) {
  for (int32_t i = 0; i < d->n; ++i) {
    int32_t source = -1;
    for (int32_t k = 0; k < d->n; ++k)
      if (d->rows[k] == d->index[i]) source = k;
    for (int32_t j = 0; j < d->out; ++j) {
      y[i * 2 * d->out + j] = ag_case_at(&d->table, d->rows[i], j);
      y[i * 2 * d->out + d->out + j] =
          source < 0 ? ag_case_at(&d->table, d->index[i], j) : ag_case_at(&d->x[0], source, j);
    }
  }
}

static void concat_rows_shape(ag_case_data *d) {
  d->x[0] = ag_case_shape(d->n, d->out);
  d->x[1] = ag_case_shape(d->n + 2, d->out);
  d->y = ag_case_shape(2 * d->n + 1, d->out);
}

/* The last row is cut off by a view, so that its gradient must stay zero. */
static ag_tensor *concat_rows_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  ag_tensor *both = ag_concat_rows(tape, o->x[0], o->x[1]);
  return ag_scale(tape, ag_slice_rows(tape, ag_slice_rows(tape, both, 0, 2 * d->n + 2), 0, 2 * d->n + 1), 1);
}

static void concat_rows_reference(const ag_case_data *d, double *y) {
  for (int32_t i = 0; i < 2 * d->n + 1; ++i)
    for (int32_t j = 0; j < d->out; ++j)
      y[i * d->out + j] = i < d->n ? ag_case_at(&d->x[0], i, j) : ag_case_at(&d->x[1], i - d->n, j);
}

static void concat_cols_shape(ag_case_data *d) {
  d->x[0] = ag_case_shape(d->n, d->in);
  d->x[1] = ag_case_shape(d->n, d->out);
  d->y = ag_case_shape(d->n, d->in + d->out);
}

static ag_tensor *concat_cols_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  (void)d;
  return ag_concat_cols(tape, o->x[0], o->x[1]);
}

static void concat_cols_reference(const ag_case_data *d, double *y) {
  for (int32_t i = 0; i < d->n; ++i) {
    for (int32_t j = 0; j < d->in; ++j) *y++ = ag_case_at(&d->x[0], i, j);
    for (int32_t j = 0; j < d->out; ++j) *y++ = ag_case_at(&d->x[1], i, j);
  }
}

static const ag_case case_gather = {gather_shape, gather_apply, gather_reference, NULL};
static const ag_case case_scatter = {scatter_shape, scatter_apply, scatter_reference, NULL};
static const ag_case case_concat_rows = {concat_rows_shape, concat_rows_apply, concat_rows_reference, NULL};
static const ag_case case_concat_cols = {concat_cols_shape, concat_cols_apply, concat_cols_reference, NULL};

#endif
