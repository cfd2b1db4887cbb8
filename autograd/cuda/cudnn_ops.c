/* Layer norm and activations through cuDNN. cuDNN overwrites its results; what backward adds to gradients
 * goes through a temporary. */
#include "autograd/cuda/cudnn_ops.h"

#include "autograd/cuda/cudnn_graph.h"
#include "autograd/cuda/helpers.h"
#include "autograd/cuda/runtime.h"

static void run(const ag_node *node, ag_cudnn_kind kind, void *const *pointers) {
  ag_cuda *cuda = node->backend->context;
  char why[200];
  if (!ag_cuda_begin(cuda, "cuDNN")) return;
  if (!ag_cudnn_run(cuda->cudnn, kind, node->out->rows, node->out->cols, pointers, why, sizeof why))
    ag_cuda_fail(cuda, "running cuDNN", why);
}

/* Device memory for one op; the device reuses it only after what was started before. */
static float *borrow(const ag_node *node, int64_t count) {
  float *memory = node->backend->alloc(node->backend, (size_t)count * sizeof *memory);
  if (!memory) ag_cuda_fail(node->backend->context, "running cuDNN", "out of device memory");
  return memory;
}

static void add_to(const ag_node *node, float *sum, const float *more) {
  AG_RUN(node->backend, combine, .n = ag_count(node->out), .y = sum, .a = sum, .b = more, .factor_a = 1,
         .factor_b = 1);
}

/* ---- layer norm; saved: means, then 1 / deviations ---- */

static void norm_forward(const ag_node *node) {
  static float epsilon = 1e-5f;
  float *saved = node->saved;
  if (node->out->rows == 0) return;
  run(node, AG_CUDNN_NORM,
      (void *[]){node->in[0]->data, node->param[0]->data, node->param[1]->data, &epsilon, node->out->data,
                 saved, saved + node->out->rows});
}

static void norm_backward(const ag_node *node, ag_grads *grads, void *scratch) {
  float *saved = node->saved;
  int32_t rows = node->out->rows, cols = node->out->cols;
  (void)scratch;
  float *dx = rows > 0 ? borrow(node, ag_count(node->out) + 2 * (int64_t)cols) : NULL;
  if (!dx) return;
  float *d_gain = dx + ag_count(node->out), *d_bias = d_gain + cols;
  run(node, AG_CUDNN_NORM_BACK,
      (void *[]){node->in[0]->data, node->out->grad, node->param[0]->data, saved, saved + rows, dx, d_gain,
                 d_bias});
  if (node->in[0]->grad) add_to(node, node->in[0]->grad, dx);
  ag_grads_add_rows(grads, node->param[0], d_gain, 1);
  ag_grads_add_rows(grads, node->param[1], d_bias, 1);
  node->backend->free(node->backend, dx);
}

/* ---- activations ---- */

static void function_forward(const ag_node *node, ag_cudnn_kind kind) {
  if (node->out->rows > 0) run(node, kind, (void *[]){node->in[0]->data, node->out->data});
}

static void function_backward(const ag_node *node, ag_cudnn_kind kind) {
  float *dx = node->in[0]->grad && node->out->rows > 0 ? borrow(node, ag_count(node->out)) : NULL;
  if (!dx) return;
  run(node, kind, (void *[]){node->in[0]->data, node->out->grad, dx});
  add_to(node, node->in[0]->grad, dx);
  node->backend->free(node->backend, dx);
}

#define AG_FUNCTION(name, forward_kind, backward_kind)                                                       \
  static void name##_forward(const ag_node *node) {                                                          \
    function_forward(node, forward_kind);                                                                    \
  }                                                                                                          \
  static void name##_backward(const ag_node *node, ag_grads *grads, void *scratch) {                         \
    (void)grads, (void)scratch;                                                                              \
    function_backward(node, backward_kind);                                                                  \
  }
AG_FUNCTION(relu, AG_CUDNN_RELU, AG_CUDNN_RELU_BACK)
AG_FUNCTION(sigmoid, AG_CUDNN_SIGMOID, AG_CUDNN_SIGMOID_BACK)
AG_FUNCTION(tanh, AG_CUDNN_TANH, AG_CUDNN_TANH_BACK)

bool ag_cuda_use_cudnn(ag_backend *backend, char *why, size_t why_bytes) {
  ag_cuda *cuda = backend->context;
  cuda->cudnn = ag_cudnn_open(cuda->stream, why, why_bytes);
  if (!cuda->cudnn) return false;
  backend->kernels[AG_OP_layer_norm] = (ag_kernel){norm_forward, norm_backward};
  backend->kernels[AG_OP_relu] = (ag_kernel){relu_forward, relu_backward};
  backend->kernels[AG_OP_sigmoid] = (ag_kernel){sigmoid_forward, sigmoid_backward};
  backend->kernels[AG_OP_tanh] = (ag_kernel){tanh_forward, tanh_backward};
  return true;
}
