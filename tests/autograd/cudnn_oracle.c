/* cudnn_oracle describe: does cuDNN take the descriptions of all our graphs? Needs no GPU.
 * cudnn_oracle gru DEVICE: our GRU cell beside one step of cuDNN's GRU, results and gradients of both inputs;
 * exit 1 beyond 1e-5 of the largest element. */
#include "autograd/cuda/cudnn_graph.h"
#include "autograd/device.h"
#include "autograd/memory.h"

#include <cudnn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 61, INPUT = 213, HIDDEN = 200, GATES = 3 };

static int describe(void) {
  static const int32_t shapes[][2] = {{1, 200}, {60, 300}, {61, 7}, {4096, 200}};
  char why[256];
  int failures = 0;
  for (int kind = 0; kind < AG_CUDNN_KIND_COUNT; ++kind)
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; ++i)
      if (!ag_cudnn_accepts((ag_cudnn_kind)kind, shapes[i][0], shapes[i][1], why, sizeof why)) {
        printf("operation %d: %s\n", kind, why);
        ++failures;
      }
  printf("cuDNN %zu: %d operations, %d refusals\n", cudnnGetVersion(), AG_CUDNN_KIND_COUNT, failures);
  return failures > 0;
}

/* ---- the GRU ---- */

typedef struct gru {
  const ag_backend *backend;
  float x[ROWS * INPUT], h[ROWS * HIDDEN], d_out[ROWS * HIDDEN];
  float weight_x[INPUT * GATES * HIDDEN], weight_h[HIDDEN * GATES * HIDDEN]; /* [in, 3 H] */
  float bias_x[GATES * HIDDEN], bias_h[GATES * HIDDEN];
  float out[2][ROWS * HIDDEN], dx[2][ROWS * INPUT], dh[2][ROWS * HIDDEN]; /* ours, cuDNN's */
} gru;

static void fill(float *values, int n, double step, double scale) {
  for (int i = 0; i < n; ++i) values[i] = (float)(scale * sin(step * (i + 1)));
}

static m4_status set_param(ag_param *param, const gru *g, const char *name, int32_t rows, const float *values,
                           m4_error *err) {
  M4_TRY(ag_param_init(param, g->backend, name, rows, GATES * HIDDEN, err));
  ag_upload(g->backend, param->data, values, (size_t)rows * GATES * HIDDEN * sizeof(float));
  ag_param_refresh(param, g->backend);
  return M4_OK;
}

/* The gradient of sum(d_out * cell), through tables whose rows the tape differentiates. */
static m4_status ours(gru *g, m4_error *err) {
  const ag_backend *b = g->backend;
  ag_param params[4];
  m4_arena arena;
  ag_tape *tape;
  int32_t rows[ROWS], *far_rows = ag_take(b, sizeof rows);
  for (int i = 0; i < ROWS; ++i) rows[i] = i;
  ag_upload(b, far_rows, rows, sizeof rows);
  M4_TRY(set_param(&params[0], g, "weight_x", INPUT, g->weight_x, err));
  M4_TRY(set_param(&params[1], g, "weight_h", HIDDEN, g->weight_h, err));
  M4_TRY(set_param(&params[2], g, "bias_x", 1, g->bias_x, err));
  M4_TRY(set_param(&params[3], g, "bias_h", 1, g->bias_h, err));
  M4_TRY(m4_arena_init(&arena, 64 << 20, err));
  M4_TRY(ag_tape_create(&tape, b, &arena, err));
  ag_tape_record(tape, true);
  ag_table x = {.rows = ROWS, .cols = INPUT, .data = ag_take(b, sizeof g->x)};
  ag_table h = {.rows = ROWS, .cols = HIDDEN, .data = ag_take(b, sizeof g->h)};
  ag_upload(b, x.data, g->x, sizeof g->x);
  ag_upload(b, h.data, g->h, sizeof g->h);
  ag_tensor *out = ag_gru_cell(tape, ag_gather(tape, &x, far_rows, ROWS), ag_gather(tape, &h, far_rows, ROWS),
                               &params[0], &params[1], &params[2], &params[3]);
  M4_TRY(ag_table_grad(tape, &x, err));
  M4_TRY(ag_table_grad(tape, &h, err));
  ag_seed(tape, out, 0);
  M4_TRY(ag_tape_status(tape, err));
  ag_upload(b, out->grad, g->d_out, sizeof g->d_out);
  M4_TRY(ag_backward(tape, NULL, err));
  ag_download(b, g->out[0], out->data, sizeof g->out[0]);
  ag_download(b, g->dx[0], x.grad, sizeof g->dx[0]);
  ag_download(b, g->dh[0], h.grad, sizeof g->dh[0]);
  return ag_tape_status(tape, err);
}

static m4_status check(cudnnStatus_t status, const char *what, m4_error *err) {
  return status == CUDNN_STATUS_SUCCESS
             ? M4_OK
             : m4_fail(err, M4_IO, "cuDNN", "%s: %s", what, cudnnGetErrorString(status));
}
#define TRY(call) M4_TRY(check(call, #call, err))

/* Columns gate * H .. of ours [in, 3 H] are cuDNN's matrix [H, in] of that gate. */
static m4_status put_gate(const gru *g, cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, void *weights,
                          size_t bytes, int gate, bool recurrent, m4_error *err) {
  float matrix[HIDDEN * INPUT];
  const float *from = recurrent ? g->weight_h : g->weight_x, *bias = recurrent ? g->bias_h : g->bias_x;
  const int n_in = recurrent ? HIDDEN : INPUT;
  cudnnTensorDescriptor_t matrix_shape, bias_shape;
  void *matrix_place = NULL, *bias_place = NULL;
  TRY(cudnnCreateTensorDescriptor(&matrix_shape));
  TRY(cudnnCreateTensorDescriptor(&bias_shape));
  TRY(cudnnGetRNNWeightParams(handle, rnn, 0, bytes, weights, gate + (recurrent ? GATES : 0), matrix_shape,
                              &matrix_place, bias_shape, &bias_place));
  for (int j = 0; j < HIDDEN; ++j)
    for (int i = 0; i < n_in; ++i) matrix[j * n_in + i] = from[i * GATES * HIDDEN + gate * HIDDEN + j];
  ag_upload(g->backend, matrix_place, matrix, (size_t)HIDDEN * (size_t)n_in * sizeof *matrix);
  ag_upload(g->backend, bias_place, bias + gate * HIDDEN, HIDDEN * sizeof *bias);
  cudnnDestroyTensorDescriptor(matrix_shape);
  cudnnDestroyTensorDescriptor(bias_shape);
  return M4_OK;
}

static float *put(const gru *g, const float *values, size_t bytes) {
  float *memory = ag_take(g->backend, bytes);
  if (values) ag_upload(g->backend, memory, values, bytes);
  return memory;
}

/* Our uploads are waited for before cuDNN's stream starts, and that before our downloads. */
static void wait_for_ours(const gru *g, const float *any) {
  float value;
  ag_download(g->backend, &value, any, sizeof value);
}

static m4_status theirs(gru *g, m4_error *err) {
  cudnnHandle_t handle;
  cudnnRNNDescriptor_t rnn;
  cudnnDropoutDescriptor_t dropout;
  cudnnRNNDataDescriptor_t x_shape, y_shape;
  cudnnTensorDescriptor_t h_shape;
  int lengths[ROWS], h_dims[3] = {1, ROWS, HIDDEN}, h_strides[3] = {ROWS * HIDDEN, HIDDEN, 1};
  size_t weight_bytes, work_bytes, reserve_bytes;
  for (int i = 0; i < ROWS; ++i) lengths[i] = 1;
  TRY(cudnnCreate(&handle));
  TRY(cudnnCreateRNNDescriptor(&rnn));
  TRY(cudnnCreateDropoutDescriptor(&dropout));
  TRY(cudnnSetDropoutDescriptor(dropout, handle, 0, NULL, 0, 0));
  TRY(cudnnSetRNNDescriptor_v8(rnn, CUDNN_RNN_ALGO_STANDARD, CUDNN_GRU, CUDNN_RNN_DOUBLE_BIAS,
                               CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT, CUDNN_DATA_FLOAT, CUDNN_DATA_FLOAT,
                               CUDNN_FMA_MATH, INPUT, HIDDEN, HIDDEN, 1, dropout,
                               CUDNN_RNN_PADDED_IO_ENABLED));
  TRY(cudnnCreateRNNDataDescriptor(&x_shape));
  TRY(cudnnCreateRNNDataDescriptor(&y_shape));
  TRY(cudnnSetRNNDataDescriptor(x_shape, CUDNN_DATA_FLOAT, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED, 1, ROWS,
                                INPUT, lengths, NULL));
  TRY(cudnnSetRNNDataDescriptor(y_shape, CUDNN_DATA_FLOAT, CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED, 1, ROWS,
                                HIDDEN, lengths, NULL));
  TRY(cudnnCreateTensorDescriptor(&h_shape));
  TRY(cudnnSetTensorNdDescriptor(h_shape, CUDNN_DATA_FLOAT, 3, h_dims, h_strides));
  TRY(cudnnGetRNNWeightSpaceSize(handle, rnn, &weight_bytes));
  TRY(cudnnGetRNNTempSpaceSizes(handle, rnn, CUDNN_FWD_MODE_TRAINING, x_shape, &work_bytes, &reserve_bytes));
  void *weights = put(g, NULL, weight_bytes), *work = put(g, NULL, work_bytes),
       *reserve = put(g, NULL, reserve_bytes);
  for (int gate = 0; gate < GATES; ++gate) {
    M4_TRY(put_gate(g, handle, rnn, weights, weight_bytes, gate, false, err));
    M4_TRY(put_gate(g, handle, rnn, weights, weight_bytes, gate, true, err));
  }
  float *x = put(g, g->x, sizeof g->x), *h = put(g, g->h, sizeof g->h),
        *dy = put(g, g->d_out, sizeof g->d_out);
  float *y = put(g, NULL, sizeof g->h), *hy = put(g, NULL, sizeof g->h), *dx = put(g, NULL, sizeof g->x),
        *dh = put(g, NULL, sizeof g->h);
  int32_t *far_lengths = ag_take(g->backend, sizeof lengths);
  ag_upload(g->backend, far_lengths, lengths, sizeof lengths);
  wait_for_ours(g, x);
  TRY(cudnnRNNForward(handle, rnn, CUDNN_FWD_MODE_TRAINING, far_lengths, x_shape, x, y_shape, y, h_shape, h,
                      hy, h_shape, NULL, NULL, weight_bytes, weights, work_bytes, work, reserve_bytes,
                      reserve));
  TRY(cudnnRNNBackwardData_v8(handle, rnn, far_lengths, y_shape, y, dy, x_shape, dx, h_shape, h, NULL, dh,
                              h_shape, NULL, NULL, NULL, weight_bytes, weights, work_bytes, work,
                              reserve_bytes, reserve));
  if (cudaDeviceSynchronize() != cudaSuccess) return m4_fail(err, M4_IO, "cuDNN", "the device has failed");
  ag_download(g->backend, g->out[1], y, sizeof g->out[1]);
  ag_download(g->backend, g->dx[1], dx, sizeof g->dx[1]);
  ag_download(g->backend, g->dh[1], dh, sizeof g->dh[1]);
  return ag_backend_status(g->backend, err);
}

static double difference(const float *a, const float *b, int n) {
  double worst = 0, largest = 1e-30;
  for (int i = 0; i < n; ++i) {
    double d = fabs((double)a[i] - b[i]);
    worst = d <= worst ? worst : isnan(d) ? INFINITY : d;
    largest = fmax(largest, fabs(b[i]));
  }
  return worst / largest;
}

static int compare_gru(const char *device) {
  m4_error err = {0};
  gru *g = calloc(1, sizeof *g);
  if (!g) return 1;
  fill(g->x, ROWS * INPUT, 0.37, 1);
  fill(g->h, ROWS * HIDDEN, 0.71, 1);
  fill(g->d_out, ROWS * HIDDEN, 1.3, 1);
  fill(g->weight_x, INPUT * GATES * HIDDEN, 0.113, 0.1);
  fill(g->weight_h, HIDDEN * GATES * HIDDEN, 0.217, 0.1);
  fill(g->bias_x, GATES * HIDDEN, 0.5, 0.2);
  fill(g->bias_h, GATES * HIDDEN, 0.9, 0.2);
  m4_status status = ag_device_open(&g->backend, device, NULL, &err);
  if (status == M4_OK) status = ours(g, &err);
  if (status == M4_OK) status = theirs(g, &err);
  if (status != M4_OK) fprintf(stderr, "cudnn_oracle: error: %s: %s\n", err.where, err.what);
  double out = difference(g->out[0], g->out[1], ROWS * HIDDEN),
         dx = difference(g->dx[0], g->dx[1], ROWS * INPUT),
         dh = difference(g->dh[0], g->dh[1], ROWS * HIDDEN);
  free(g);
  if (status != M4_OK) return m4_exit_code(status);
  printf("GRU cell beside cuDNN's: result %.2g, gradient of x %.2g, of h %.2g, allowed 1e-05\n", out, dx, dh);
  return fmax(out, fmax(dx, dh)) <= 1e-5 ? 0 : 1;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "describe") == 0) return describe();
  if (argc == 3 && strcmp(argv[1], "gru") == 0) return compare_gru(argv[2]);
  fprintf(stderr, "usage: cudnn_oracle describe | gru DEVICE\n");
  return m4_exit_code(M4_USAGE);
}
