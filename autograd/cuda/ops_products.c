/* Linear layers and the GRU cell on a device: products by the device's library, the rest by own kernels. */
#include "autograd/cuda/helpers.h"
#include "autograd/cuda/ops.h"

/* y [n, cols] (+)= x [n, in] @ columns first .. first+cols-1 of weight */
static void times_weight(const ag_backend *backend, const ag_tensor *x, const ag_param *weight, int32_t first,
                         int32_t cols, bool accumulate, float *y, int32_t y_stride) {
  const ag_product product = {.m = x->rows,
                              .n = cols,
                              .k = weight->rows,
                              .a = x->data,
                              .b = (const float *)weight->data + first,
                              .c = y,
                              .a_stride = weight->rows,
                              .b_stride = weight->cols,
                              .c_stride = y_stride,
                              .accumulate = accumulate};
  if (product.m > 0) ag_device_of(backend)->multiply(ag_device_of(backend), &product);
}

/* dx [n, in] += dy [n, out] @ weight^T */
static void times_transposed(const ag_backend *backend, int32_t n, const float *dy, const ag_param *weight,
                             float *dx) {
  const ag_product product = {.m = n,
                              .n = weight->rows,
                              .k = weight->cols,
                              .a = dy,
                              .b = ag_param_transposed(weight),
                              .c = dx,
                              .a_stride = weight->cols,
                              .b_stride = weight->rows,
                              .c_stride = weight->rows,
                              .accumulate = true};
  if (n > 0) ag_device_of(backend)->multiply(ag_device_of(backend), &product);
}

void ag_cuda_add_product(const ag_backend *backend, void *product, const void *x, const void *dy, int32_t n,
                         int32_t in, int32_t out) {
  const ag_product job = {.m = in,
                          .n = out,
                          .k = n,
                          .a = x,
                          .b = dy,
                          .c = product,
                          .a_stride = in,
                          .b_stride = out,
                          .c_stride = out,
                          .a_transposed = true,
                          .accumulate = true};
  if (n > 0) ag_device_of(backend)->multiply(ag_device_of(backend), &job);
}

/* ---- linear ---- */

static void affine(const ag_node *node, int input, const ag_param *weight, const ag_param *bias,
                   bool accumulate) {
  float *y = node->out->data;
  if (bias)
    AG_RUN(node->backend, fill_rows, .n = ag_count(node->out), .y = y, .row = bias->data,
           .width = node->out->cols);
  times_weight(node->backend, node->in[input], weight, 0, weight->cols, bias || accumulate, y, weight->cols);
}

static void affine_back(const ag_node *node, int input, const ag_param *weight, const ag_param *bias,
                        const float *dy, ag_grads *grads) {
  const ag_tensor *x = node->in[input];
  if (x->grad) times_transposed(node->backend, x->rows, dy, weight, x->grad);
  ag_grads_add_product(grads, weight, x->data, dy, x->rows);
  ag_grads_add_rows(grads, bias, dy, x->rows);
}

void ag_cuda_linear_forward(const ag_node *node) {
  affine(node, 0, node->param[0], node->param[1], false);
}

void ag_cuda_linear_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)scratch;
  affine_back(node, 0, node->param[0], node->param[1], node->out->grad, grads);
}

void ag_cuda_linear_relu_forward(const ag_node *node) {
  affine(node, 0, node->param[0], node->param[1], false);
  AG_RUN(node->backend, relu_in_place, .n = ag_count(node->out), .y = node->out->data);
}

void ag_cuda_linear_relu_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  AG_RUN(node->backend, relu_mask, .n = ag_count(node->out), .y = node->out->data, .dy = node->out->grad,
         .masked = scratch);
  affine_back(node, 0, node->param[0], node->param[1], scratch, grads);
}

void ag_cuda_linear2_forward(const ag_node *node) {
  affine(node, 0, node->param[0], node->param[1], false);
  affine(node, 1, node->param[2], NULL, true);
}

void ag_cuda_linear2_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)scratch;
  affine_back(node, 0, node->param[0], node->param[1], node->out->grad, grads);
  affine_back(node, 1, node->param[2], NULL, node->out->grad, grads);
}

/* ---- GRU ---- */

void ag_cuda_gru_cell_forward(const ag_node *node) {
  const ag_tensor *x = node->in[0], *h = node->in[1];
  const ag_param *weight_x = node->param[0], *weight_h = node->param[1];
  int32_t width = h->cols;
  float *sums = node->saved;
  bool column = x->cols == 1;
  AG_RUN(node->backend, gru_start, .n = 4 * ag_count(h), .sums = sums, .bias_x = node->param[2]->data,
         .bias_h = node->param[3]->data, .x = column ? x->data : NULL, .weight_x = weight_x->data,
         .width = width);
  if (!column) times_weight(node->backend, x, weight_x, 0, 3 * width, true, sums, 4 * width);
  times_weight(node->backend, h, weight_h, 0, 2 * width, true, sums, 4 * width);
  times_weight(node->backend, h, weight_h, 2 * width, width, true, sums + 3 * width, 4 * width);
  AG_RUN(node->backend, gru_gates, .n = ag_count(h), .sums = sums, .h = h->data, .out = node->out->data,
         .width = width);
}

void ag_cuda_gru_cell_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  const ag_tensor *x = node->in[0], *h = node->in[1];
  float *dx_sums = scratch, *dh_sums = dx_sums + 3 * ag_count(h);
  AG_RUN(node->backend, gru_gates_back, .n = ag_count(h), .gates = node->saved, .h = h->data,
         .d_out = node->out->grad, .dx_sums = dx_sums, .dh_sums = dh_sums, .dh = h->grad, .width = h->cols);
  if (x->grad) times_transposed(node->backend, h->rows, dx_sums, node->param[0], x->grad);
  if (h->grad) times_transposed(node->backend, h->rows, dh_sums, node->param[1], h->grad);
  ag_grads_add_product(grads, node->param[0], x->data, dx_sums, h->rows);
  ag_grads_add_product(grads, node->param[1], h->data, dh_sums, h->rows);
  ag_grads_add_rows(grads, node->param[2], dx_sums, h->rows);
  ag_grads_add_rows(grads, node->param[3], dh_sums, h->rows);
}
