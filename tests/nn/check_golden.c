/* check_golden FILE.h5 FILE.safetensors [DEVICE]: the model against PyTorch: forward pass, loss parts, every
 * gradient, ten Adam losses. Prints the largest relative error of each (max |a-b| / max |b|); exit 1 beyond
 * 1e-5, on another device than the CPU beyond 1e-4. Linked as check_golden_flat it reads flat golden files,
 * which hold the weights, too: check_golden_flat FILE.flat - [DEVICE]. */
#include "autograd/device.h"
#include "autograd/memory.h"
#include "nn/adam.h"
#include "nn/m4_pass.h"
#include "tests/nn/golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ADAM_STEPS = 10, EXIT_DIFFERENT = 1 };
static const double adam_learning_rate = 1e-3;

typedef struct check {
  const ag_backend *backend;
  double tolerance;
  golden_file *file;
  m4_model *model;
  m4_sample *sample;
  m4_workspace *workspace;
  ag_grads *grads;
  m4_loss_options options;
  double worst;
} check;

/* a, b: [count]; a may be transposed by giving its width: element (r, c) of b [rows, cols] is a[c * rows +
 * r]. */
static double relative_error(const float *a, const double *b, int64_t rows, int64_t cols) {
  double largest = 0, difference = 0;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < cols; c++) {
      double expected = b[r * cols + c], gap = fabs((double)a[c * rows + r] - expected);
      if (!(gap <= difference)) difference = gap;
      if (fabs(expected) > largest) largest = fabs(expected);
    }
  return largest > 0 ? difference / largest : difference;
}

static void report(check *c, const char *name, double error) {
  printf("%-60s %.3g%s\n", name, error, error <= c->tolerance ? "" : "  TOO LARGE");
  if (!(error <= c->worst)) c->worst = error;
}

static m4_status compare_values(check *c, const char *name, const float *values, int64_t rows, int64_t cols,
                                m4_error *err) {
  double *expected;
  int64_t count;
  M4_TRY(golden_read(c->file, name, &expected, &count, err));
  if (count != rows * cols)
    return m4_fail(err, M4_DATA, name, "%lld values, expected %lld", (long long)count,
                   (long long)(rows * cols));
  report(c, name, relative_error(values, expected, rows, cols));
  return M4_OK;
}

static m4_status compare_scalar(check *c, const char *name, double value, m4_error *err) {
  float single = (float)value;
  return compare_values(c, name, &single, 1, 1, err);
}

static m4_status compare_gradient(check *c, int32_t i, m4_error *err) {
  const ag_param *param = c->model->params[i];
  size_t count = (size_t)param->rows * (size_t)param->cols;
  float *values = calloc(count, sizeof *values);
  if (!values) return m4_fail(err, M4_MEMORY, NULL, "no memory");
  ag_download(c->backend, values, ag_grads_data(c->grads, i), count * sizeof *values);
  char name[160];
  snprintf(name, sizeof name, "grads/%s", param->name);
  m4_status status = compare_values(c, name, values, param->cols, param->rows, err);
  free(values);
  return status;
}

static m4_status compare_gradients(check *c, m4_error *err) {
  for (int32_t i = 0; i < c->model->n_params; i++) M4_TRY(compare_gradient(c, i, err));
  return ag_backend_status(c->backend, err);
}

static m4_status gradients(check *c, m4_losses *losses, m4_pass_output *output, m4_error *err) {
  ag_rng_state rng = {0};
  ag_grads_zero(c->grads);
  return m4_pass_gradients(c->workspace, c->model, c->sample, &c->options, 1.0, rng, c->grads, losses, output,
                           err);
}

static void round_sums(float *to, const double *from, int64_t count) {
  for (int64_t i = 0; i < count; i++) to[i] = (float)from[i];
}

static m4_status compare_forward_and_gradients(check *c, m4_error *err) {
  int32_t n_flows = c->sample->n_flows, n_links = c->sample->n_links;
  size_t most = (size_t)(n_flows > n_links ? n_flows : n_links);
  float *slowdown = calloc((size_t)n_flows, sizeof *slowdown), *sums = calloc(most, sizeof *sums);
  double *sizes = calloc((size_t)n_flows, sizeof *sizes), *queues = calloc((size_t)n_links, sizeof *queues);
  m4_status status = slowdown && sums && sizes && queues ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory");
  m4_losses losses = {0};
  m4_pass_output output = {.slowdown = slowdown, .size_error_sum = sizes, .queue_error_sum = queues};
  if (status == M4_OK) status = gradients(c, &losses, &output, err);
  if (status == M4_OK) status = compare_values(c, "output/slowdown", slowdown, n_flows, 1, err);
  if (status == M4_OK) {
    round_sums(sums, sizes, n_flows);
    status = compare_values(c, "output/size_abs_error_sum", sums, n_flows, 1, err);
  }
  if (status == M4_OK) {
    round_sums(sums, queues, n_links);
    status = compare_values(c, "output/queue_abs_error_sum", sums, n_links, 1, err);
  }
  free(slowdown);
  free(sums);
  free(sizes);
  free(queues);
  M4_TRY(status);
  M4_TRY(compare_scalar(c, "output/loss", losses.total, err));
  M4_TRY(compare_scalar(c, "output/loss_fct", losses.fct, err));
  M4_TRY(compare_scalar(c, "output/loss_size", losses.size, err));
  M4_TRY(compare_scalar(c, "output/loss_queue", losses.queue, err));
  return compare_gradients(c, err);
}

static m4_status compare_adam(check *c, m4_error *err) {
  nn_adam *adam;
  float values[ADAM_STEPS];
  M4_TRY(nn_adam_create(&adam, c->model, err));
  m4_status status = M4_OK;
  for (int i = 0; i < ADAM_STEPS && status == M4_OK; i++) {
    m4_losses losses = {0};
    status = gradients(c, &losses, NULL, err);
    values[i] = (float)losses.total;
    if (status == M4_OK) nn_adam_step(adam, c->model, c->grads, adam_learning_rate);
  }
  nn_adam_free(adam);
  M4_TRY(status);
  return compare_values(c, "output/adam_lr1e-3_loss_10_steps", values, ADAM_STEPS, 1, err);
}

static m4_status run(check *c, const char *data_path, const char *weights_path, const char *device,
                     m4_error *err) {
  M4_TRY(ag_device_open(&c->backend, device, NULL, err));
  c->tolerance = ag_on_host(c->backend) ? 1e-5 : 1e-4;
  c->options = m4_default_loss();
  c->options.dropout = 0;
  M4_TRY(golden_open(&c->file, data_path, err));
  M4_TRY(golden_model(c->file, &c->model, c->backend, weights_path, err));
  M4_TRY(golden_sample(c->file, &c->sample, err));
  M4_TRY(golden_loss_attributes(c->file, &c->options.link_slots, &c->options.weight_size, err));
  c->options.weight_queue = c->options.weight_size;
  M4_TRY(m4_workspace_create(&c->workspace, c->model, 0, err));
  M4_TRY(ag_grads_create(&c->grads, c->model->backend, c->model->params, c->model->n_params, err));
  M4_TRY(compare_forward_and_gradients(c, err));
  return compare_adam(c, err);
}

int main(int argc, char **argv) {
  if (argc < 3 || argc > 4) {
    fprintf(stderr, "usage: check_golden FILE.h5 FILE.safetensors [DEVICE]\n");
    return m4_exit_code(M4_USAGE);
  }
  check c = {0};
  m4_error err = {0};
  m4_status status = run(&c, argv[1], argv[2], argc > 3 ? argv[3] : "cpu", &err);
  ag_grads_free(c.grads);
  m4_workspace_free(c.workspace);
  m4_model_free(c.model);
  golden_close(c.file);
  if (status != M4_OK) {
    fprintf(stderr, "check_golden: error: %s: %s\n", err.where, err.what);
    return m4_exit_code(status);
  }
  bool good = c.worst <= c.tolerance;
  printf("%s: largest relative error %.3g, allowed %.3g\n", good ? "ok" : "DIFFERENT", c.worst, c.tolerance);
  return good ? 0 : EXIT_DIFFERENT;
}
