/* Inside autograd/cuda/: single operations through cuDNN's graph API, a second opinion beside the own
 * kernels. A graph is built and compiled for one shape; shapes are kept. cuDNN is loaded when it is wanted.
 */
#ifndef AG_CUDA_CUDNN_GRAPH_H
#define AG_CUDA_CUDNN_GRAPH_H

#include <cuda_runtime_api.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ag_cudnn_kind {
  AG_CUDNN_NORM,      /* x, gain, bias, &epsilon (host), y, mean [rows], 1 / deviation [rows] */
  AG_CUDNN_NORM_BACK, /* x, dy, gain, mean, 1 / deviation, dx, d_gain, d_bias */
  AG_CUDNN_RELU,      /* x, y */
  AG_CUDNN_SIGMOID,
  AG_CUDNN_TANH,
  AG_CUDNN_RELU_BACK, /* x, dy, dx */
  AG_CUDNN_SIGMOID_BACK,
  AG_CUDNN_TANH_BACK,
  AG_CUDNN_KIND_COUNT
} ag_cudnn_kind;
enum { AG_CUDNN_MOST_OPERANDS = 8 };

typedef struct ag_cudnn ag_cudnn;

/* On failure NULL and a line in why. M4_CUDNN_LIBRARY names another file than libcudnn.so.9. */
ag_cudnn *ag_cudnn_open(cudaStream_t stream, char *why, size_t why_bytes);
void ag_cudnn_close(ag_cudnn *cudnn); /* NULL accepted */

/* Starts the operation for matrices [rows, cols] in device memory, pointers as listed above; results are
 * overwritten. False: why[why_bytes] says what cuDNN refused. */
bool ag_cudnn_run(ag_cudnn *cudnn, ag_cudnn_kind kind, int32_t rows, int32_t cols, void *const *pointers,
                  char *why, size_t why_bytes);
/* Does cuDNN take the description of the operation? Compiles nothing and needs no GPU. */
bool ag_cudnn_accepts(ag_cudnn_kind kind, int32_t rows, int32_t cols, char *why, size_t why_bytes);

#endif
