/* Table rows, segment sums, concatenation, layer norm, elementwise ops, dropout and reductions on a device,
 * and the table of all ops. */
#include "autograd/cuda/helpers.h"
#include "autograd/cuda/ops.h"

#include "base/philox.h"

/* ---- rows ---- */

static int64_t rows_of(const ag_node *node, const ag_tensor *values) {
  return (int64_t)values->rows * node->table->cols;
}

void ag_cuda_gather_forward(const ag_node *node) {
  AG_RUN(node->backend, gather, .n = ag_count(node->out), .table = node->table->data,
         .values = node->out->data, .rows = node->index[0], .width = node->out->cols);
}

void ag_cuda_gather_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  if (!node->table->grad || node->out->rows == 0) return;
  AG_RUN(node->backend, gather_back, .n = node->out->cols, .table = node->table->grad, .dy = node->out->grad,
         .rows = node->index[0], .n_rows = node->out->rows);
}

void ag_cuda_scatter_forward(const ag_node *node) {
  AG_RUN(node->backend, scatter, .n = rows_of(node, node->in[0]), .table = node->table->data,
         .values = node->in[0]->data, .rows = node->index[0], .width = node->table->cols);
}

void ag_cuda_scatter_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  AG_RUN(node->backend, scatter_back, .n = rows_of(node, node->in[0]), .table = node->table->grad,
         .values = node->in[0]->grad, .rows = node->index[0], .width = node->table->cols);
}

void ag_cuda_segment_sum_forward(const ag_node *node) {
  AG_RUN(node->backend, segment_sum, .n = ag_count(node->out), .y = node->out->data, .x = node->in[0]->data,
         .offset = node->index[0], .index = node->index[1], .width = node->out->cols);
}

void ag_cuda_segment_sum_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  const ag_tensor *x = node->in[0];
  if (!x->grad) return;
  AG_RUN(node->backend, segment_sum, .n = ag_count(x), .y = x->grad, .x = node->out->grad,
         .offset = node->index[2], .index = node->index[3], .width = x->cols, .accumulate = true);
}

/* ---- concatenation ---- */

/* Where input `k` stands in the result of either concatenation. */
static int64_t place_of(const ag_node *node, int k) {
  if (k == 0) return 0;
  return node->op == AG_OP_concat_rows ? ag_count(node->in[0]) : node->in[0]->cols;
}

static void concat_forward(const ag_node *node) {
  for (int k = 0; k < 2; ++k)
    AG_RUN(node->backend, copy_block, .n = ag_count(node->in[k]),
           .to = (float *)node->out->data + place_of(node, k), .from = node->in[k]->data,
           .cols = node->in[k]->cols, .to_stride = node->out->cols, .from_stride = node->in[k]->cols);
}

static void concat_backward(const ag_node *node) {
  for (int k = 0; k < 2; ++k)
    if (node->in[k]->grad)
      AG_RUN(node->backend, add_block, .n = ag_count(node->in[k]), .to = node->in[k]->grad,
             .from = (float *)node->out->grad + place_of(node, k), .cols = node->in[k]->cols,
             .to_stride = node->in[k]->cols, .from_stride = node->out->cols);
}

void ag_cuda_concat_rows_forward(const ag_node *node) {
  concat_forward(node);
}
void ag_cuda_concat_cols_forward(const ag_node *node) {
  concat_forward(node);
}
void ag_cuda_concat_rows_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  concat_backward(node);
}
void ag_cuda_concat_cols_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  concat_backward(node);
}

/* ---- layer norm ---- */

void ag_cuda_layer_norm_forward(const ag_node *node) {
  AG_RUN_BLOCKS(node->backend, layer_norm, .n_rows = node->out->rows, .width = node->out->cols,
                .x = node->in[0]->data, .gain = node->param[0]->data, .bias = node->param[1]->data,
                .y = node->out->data, .saved = node->saved);
}

void ag_cuda_layer_norm_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  AG_RUN_BLOCKS(node->backend, layer_norm_back, .n_rows = node->out->rows, .width = node->out->cols,
                .x = node->in[0]->data, .gain = node->param[0]->data, .dy = node->out->grad,
                .saved = node->saved, .products = scratch, .dx = node->in[0]->grad);
  ag_grads_add_rows(grads, node->param[0], scratch, node->out->rows);
  ag_grads_add_rows(grads, node->param[1], node->out->grad, node->out->rows);
}

/* ---- elementwise ---- */

#define AG_FUNCTION(name, kind)                                                                              \
  void ag_cuda_##name##_forward(const ag_node *node) {                                                       \
    AG_RUN(node->backend, function, .n = ag_count(node->out), .x = node->in[0]->data, .y = node->out->data,  \
           .function = kind);                                                                                \
  }                                                                                                          \
  void ag_cuda_##name##_backward(const ag_node *node, ag_grads *grads, void *scratch) {                      \
    (void)grads, (void)scratch;                                                                              \
    if (node->in[0]->grad)                                                                                   \
      AG_RUN(node->backend, function_back, .n = ag_count(node->out), .y = node->out->data,                   \
             .dy = node->out->grad, .dx = node->in[0]->grad, .function = kind);                              \
  }
AG_FUNCTION(relu, AG_CUDA_RELU)
AG_FUNCTION(sigmoid, AG_CUDA_SIGMOID)
AG_FUNCTION(tanh, AG_CUDA_TANH)
#undef AG_FUNCTION

/* dx += factor dy */
static void pass_gradient(const ag_node *node, int input, float factor) {
  float *dx = node->in[input]->grad;
  if (dx)
    AG_RUN(node->backend, combine, .n = ag_count(node->out), .y = dx, .a = dx, .b = node->out->grad,
           .factor_a = 1, .factor_b = factor);
}

void ag_cuda_scale_forward(const ag_node *node) {
  AG_RUN(node->backend, combine, .n = ag_count(node->out), .y = node->out->data, .a = node->in[0]->data,
         .factor_a = (float)node->factor);
}
void ag_cuda_scale_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  pass_gradient(node, 0, (float)node->factor);
}
void ag_cuda_add_forward(const ag_node *node) {
  AG_RUN(node->backend, combine, .n = ag_count(node->out), .y = node->out->data, .a = node->in[0]->data,
         .b = node->in[1]->data, .factor_a = 1, .factor_b = 1);
}
void ag_cuda_add_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  pass_gradient(node, 0, 1);
  pass_gradient(node, 1, 1);
}

void ag_cuda_dropout_forward(const ag_node *node) {
  AG_RUN(node->backend, dropout, .n = node->n_saved, .x = node->in[0]->data, .factors = node->saved,
         .y = node->out->data, .seed = node->rng.seed, .first = node->rng.next_index, .step = node->rng.step,
         .purpose = M4_RNG_DROPOUT, .threshold = (uint32_t)(node->factor * 0x1p32),
         .kept = (float)(1.0 / (1.0 - node->factor)));
}
void ag_cuda_dropout_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  if (node->in[0]->grad)
    AG_RUN(node->backend, multiply_add, .n = node->n_saved, .y = node->in[0]->grad, .a = node->out->grad,
           .b = node->saved);
}

/* ---- reductions ---- */

void ag_cuda_sum_forward(const ag_node *node) {
  AG_RUN_BLOCKS(node->backend, reduce, .n_rows = 1, .kind = AG_CUDA_SUM, .n = ag_count(node->in[0]),
                .slice = ag_count(node->in[0]), .x = node->in[0]->data, .result = node->out->data);
}
void ag_cuda_sum_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  if (node->in[0]->grad)
    AG_RUN(node->backend, add_scalar_of, .n = ag_count(node->in[0]), .x = node->in[0]->grad,
           .scalar = node->out->grad);
}
void ag_cuda_l1_forward(const ag_node *node) {
  AG_RUN_BLOCKS(node->backend, reduce, .n_rows = 1, .kind = AG_CUDA_L1, .n = ag_count(node->in[0]),
                .slice = ag_count(node->in[0]), .x = node->in[0]->data, .target = node->values[0],
                .weight = node->values[1], .result = node->out->data);
}
void ag_cuda_l1_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  if (node->in[0]->grad)
    AG_RUN(node->backend, l1_back, .n = ag_count(node->in[0]), .x = node->in[0]->data,
           .target = node->values[0], .weight = node->values[1], .dy = node->out->grad,
           .dx = node->in[0]->grad);
}

/* ---- the tape's helpers ---- */

static void add_constant(const ag_backend *backend, void *x, int64_t n, double value) {
  AG_RUN(backend, add_constant, .n = n, .x = x, .value = (float)value);
}

static void transpose(const ag_backend *backend, void *to, const void *from, int32_t rows, int32_t cols) {
  AG_RUN(backend, transpose, .n = (int64_t)rows * cols, .out = to, .in = from, .rows = rows, .cols = cols);
}

static void add_rows(const ag_backend *backend, void *sum, const void *rows, const void *scale, int32_t n,
                     int32_t cols) {
  AG_RUN(backend, add_rows, .n = cols, .sum = sum, .rows = rows, .scale = scale, .n_rows = n);
}

/* ---- the table ---- */

void ag_cuda_fill(ag_backend *backend) {
  static const ag_kernel kernels[AG_OP_COUNT] = {
#define AG_OP(name, inputs, text) [AG_OP_##name] = {ag_cuda_##name##_forward, ag_cuda_##name##_backward},
#include "autograd/ops.def"
#undef AG_OP
  };
  backend->dtype = AG_F32;
  backend->add_constant = add_constant;
  backend->transpose = transpose;
  backend->add_product = ag_cuda_add_product;
  backend->add_rows = add_rows;
  ag_cuda_fill_update(backend);
  for (int op = 0; op < AG_OP_COUNT; ++op) backend->kernels[op] = kernels[op];
}
