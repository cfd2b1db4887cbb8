/* long_period FLOWS BUDGET_MIB LIMIT_MB [whole]: trains the full-size model on one busy period of FLOWS flows
 * with about 120 active nodes, in segments of BUDGET_MIB, on all cores. Fails when the process has needed
 * more than LIMIT_MB; with `whole` also when the same period without recomputation gives other bits. A test
 * when short; by hand for the whole length: long_period 2000 256 2000 is 4000 events. */
#include "nn/init.h"
#include "nn/m4_pass.h"
#include "tests/nn/synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

typedef struct bench {
  m4_arena arena;
  m4_model *model;
  m4_sample *sample;
  m4_pool *pool;
  ag_grads *segmented, *whole;
} bench;

static double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double peak_mb(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss * 1024e-6;
}

static m4_status open_bench(bench *b, int32_t n_flows, m4_error *err) {
  const synthetic_plan plan = {
      .seed = 2, .n_flows = n_flows, .n_links = 80, .n_hops = 6, .active_flows = 40, .labels = true};
  M4_TRY(m4_arena_init(&b->arena, (size_t)1 << 32, err));
  m4_period period = synthetic_period(&plan, &b->arena);
  M4_TRY(m4_sample_from_period(&b->sample, &period, M4_SIZE_KILOBYTES, &b->arena, err));
  M4_TRY(m4_model_create(&b->model, m4_default_widths(), ag_cpu_backend(AG_F32), err));
  m4_model_init(b->model, 1);
  M4_TRY(m4_pool_create(&b->pool, 0, err));
  M4_TRY(ag_grads_create(&b->segmented, b->model->backend, b->model->params, b->model->n_params, err));
  return ag_grads_create(&b->whole, b->model->backend, b->model->params, b->model->n_params, err);
}

static void close_bench(bench *b) {
  ag_grads_free(b->segmented);
  ag_grads_free(b->whole);
  m4_pool_free(b->pool);
  m4_model_free(b->model);
  m4_arena_free(&b->arena);
}

static m4_status train(bench *b, size_t budget_bytes, ag_grads *grads, m4_losses *losses, m4_error *err) {
  m4_workspace *workspace;
  m4_loss_options options = m4_default_loss();
  M4_TRY(m4_workspace_create(&workspace, b->model, budget_bytes, err));
  m4_workspace_share(workspace, b->pool);
  double start = now_seconds();
  m4_status status = m4_pass_gradients(workspace, b->model, b->sample, &options, 1.0,
                                       (ag_rng_state){.seed = 1}, grads, losses, NULL, err);
  printf("%d events, %.1f nodes each: %d segments, %.1f s on %d threads, tape %.0f MB, process %.0f MB\n",
         (int)b->sample->n_events, (double)b->sample->node_events / b->sample->n_events,
         (int)m4_workspace_segments(workspace), now_seconds() - start, m4_pool_threads(b->pool),
         1e-6 * (double)m4_workspace_peak_bytes(workspace), peak_mb());
  m4_workspace_free(workspace);
  return status;
}

static m4_status compare(bench *b, const m4_losses *segmented, m4_error *err) {
  m4_losses losses;
  int64_t count;
  M4_TRY(train(b, 0, b->whole, &losses, err));
  const float *expected = ag_grads_all(b->whole, &count), *found = ag_grads_all(b->segmented, &count);
  if (memcmp(expected, found, (size_t)count * sizeof *found) != 0 ||
      memcmp(&losses, segmented, sizeof losses) != 0)
    return m4_fail(err, M4_NUMERIC, NULL, "recomputation changes bits");
  return M4_OK;
}

static m4_status run(bench *b, int argc, char **argv, m4_error *err) {
  if (argc < 4) return m4_fail(err, M4_USAGE, NULL, "usage: long_period FLOWS BUDGET_MIB LIMIT_MB [whole]");
  m4_losses losses;
  double limit_mb = atof(argv[3]);
  M4_TRY(open_bench(b, atoi(argv[1]), err));
  M4_TRY(train(b, (size_t)atoi(argv[2]) << 20, b->segmented, &losses, err));
  if (peak_mb() > limit_mb)
    return m4_fail(err, M4_MEMORY, NULL, "%.0f MB, more than %.0f MB", peak_mb(), limit_mb);
  return argc > 4 && strcmp(argv[4], "whole") == 0 ? compare(b, &losses, err) : M4_OK;
}

int main(int argc, char **argv) {
  bench b = {0};
  m4_error err = {0};
  m4_status status = run(&b, argc, argv, &err);
  close_bench(&b);
  if (status != M4_OK) fprintf(stderr, "long_period: error: %s\n", err.what);
  return m4_exit_code(status);
}
