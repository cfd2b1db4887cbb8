/* device_training compare DEVICE [HIDDEN GCN_HIDDEN STEPS]: a short training (dropout, Adam) on the CPU and
 * on DEVICE; exit 1 when a loss differs by more than 1e-3 of itself. Default: full width, 10 steps.
 * device_training time DEVICE [BATCH [TF32 or BF16 products]]: ms per event of a training step at full width
 * (forward, backward, Adam), best of six. Made-up busy periods, 60 flows each. */
#include "autograd/device.h"
#include "autograd/memory.h"
#include "nn/adam.h"
#include "nn/init.h"
#include "nn/m4_pass.h"
#include "tests/nn/synthetic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_SAMPLES = 64, BEST_OF = 6 };
static const double tolerance = 1e-3, learning_rate = 1e-3;

typedef struct training {
  const ag_backend *backend;
  m4_model *model;
  m4_workspace *workspace;
  ag_grads *grads; /* of the step */
  nn_adam *adam;
  m4_arena arena;
  m4_sample *samples[MOST_SAMPLES];
  int n_samples;
  int64_t n_events;
  double node_events;
} training;

static double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static m4_status make_samples(training *t, int n, m4_error *err) {
  t->n_samples = n;
  for (int i = 0; i < n; ++i) {
    const synthetic_plan plan = {.seed = 1 + (uint64_t)i,
                                 .n_flows = 60,
                                 .n_links = 50,
                                 .n_hops = 4,
                                 .active_flows = 29,
                                 .labels = true};
    m4_period period = synthetic_period(&plan, &t->arena);
    M4_TRY(m4_sample_from_period(&t->samples[i], &period, M4_SIZE_KILOBYTES, &t->arena, err));
    t->n_events += t->samples[i]->n_events;
    t->node_events += (double)t->samples[i]->node_events;
  }
  return M4_OK;
}

static m4_status start(training *t, const char *device, ag_gemm gemm, m4_widths widths, int n,
                       m4_error *err) {
  M4_TRY(m4_arena_init(&t->arena, (size_t)4 << 30, err));
  M4_TRY(make_samples(t, n, err));
  M4_TRY(ag_device_open_with(&t->backend, device, gemm, NULL, err));
  M4_TRY(m4_model_create(&t->model, widths, t->backend, err));
  m4_model_init(t->model, 1);
  M4_TRY(m4_workspace_create(&t->workspace, t->model, (size_t)512 << 20, err));
  M4_TRY(ag_grads_create(&t->grads, t->backend, t->model->params, t->model->n_params, err));
  return nn_adam_create(&t->adam, t->model, err);
}

static void stop(training *t) {
  nn_adam_free(t->adam);
  ag_grads_free(t->grads);
  m4_workspace_free(t->workspace);
  m4_model_free(t->model);
  m4_arena_free(&t->arena);
}

/* One step over all samples; *loss: their mean. */
static m4_status step(training *t, uint32_t number, double *loss, m4_error *err) {
  m4_loss_options options = m4_default_loss();
  m4_losses losses;
  *loss = 0;
  ag_grads_zero(t->grads);
  for (int i = 0; i < t->n_samples; ++i) {
    const ag_rng_state rng = {.seed = 1, .step = number, .next_index = (uint64_t)i << 40};
    M4_TRY(m4_pass_gradients(t->workspace, t->model, t->samples[i], &options, 1.0 / t->n_samples, rng,
                             t->grads, &losses, NULL, err));
    *loss += losses.total / t->n_samples;
  }
  nn_adam_step(t->adam, t->model, t->grads, learning_rate);
  return ag_backend_status(t->backend, err);
}

static m4_status compare(training *t, const char *device, m4_widths widths, int n_steps, double *worst,
                         m4_error *err) {
  M4_TRY(start(&t[0], "cpu", AG_GEMM_F32, widths, 2, err));
  M4_TRY(start(&t[1], device, AG_GEMM_F32, widths, 2, err));
  double first = 0, losses[2] = {0};
  for (int i = 0; i < n_steps; ++i) {
    for (int k = 0; k < 2; ++k) M4_TRY(step(&t[k], (uint32_t)i, &losses[k], err));
    double difference = fabs(losses[0] - losses[1]) / fabs(losses[0]);
    *worst = difference <= *worst ? *worst : isnan(difference) ? INFINITY : difference;
    if (i == 0) first = losses[0];
  }
  printf("%s, %d steps, loss %.4f to %.4f: differs from the CPU's by %.2g of itself, allowed %.0e\n", device,
         n_steps, first, losses[0], *worst, tolerance);
  return M4_OK;
}

static m4_status measure(training *t, const char *device, ag_gemm gemm, int n, m4_error *err) {
  double best = INFINITY, loss;
  M4_TRY(start(t, device, gemm, m4_default_widths(), n, err));
  for (int i = 0; i <= BEST_OF; ++i) {
    double begin = now_seconds();
    M4_TRY(step(t, (uint32_t)i, &loss, err));
    if (i > 0) best = fmin(best, now_seconds() - begin);
  }
  printf("training %s, %s products, batch %d, %.1f nodes per event, %d segments: %.4f ms/event\n", device,
         ag_gemm_names[gemm], n, t->node_events / (double)t->n_events,
         (int)m4_workspace_segments(t->workspace), 1e3 * best / (double)t->n_events);
  return M4_OK;
}

int main(int argc, char **argv) {
  training t[2] = {{0}};
  m4_error err = {0};
  m4_status status = M4_USAGE;
  double worst = 0;
  if (argc >= 3 && strcmp(argv[1], "time") == 0) {
    int n = argc > 3 ? atoi(argv[3]) : 2;
    status = measure(&t[0], argv[2], ag_gemm_named(argc > 4 ? argv[4] : ""),
                     n >= 1 && n <= MOST_SAMPLES ? n : MOST_SAMPLES, &err);
  } else if ((argc == 3 || argc == 6) && strcmp(argv[1], "compare") == 0) {
    m4_widths widths = m4_default_widths();
    if (argc == 6) {
      widths.hidden = widths.head_hidden = widths.aux_hidden = atoi(argv[3]);
      widths.gcn_hidden = atoi(argv[4]);
    }
    status = compare(t, argv[2], widths, argc == 6 ? atoi(argv[5]) : 10, &worst, &err);
  }
  for (int k = 0; k < 2; ++k) stop(&t[k]);
  if (status == M4_USAGE) fprintf(stderr, "usage: device_training compare|time DEVICE ...\n");
  if (status != M4_OK) fprintf(stderr, "device_training: %s %s\n", err.where, err.what);
  return status != M4_OK ? m4_exit_code(status) : worst <= tolerance ? 0 : 1;
}
