/* bench_event [THREADS [profile]]: what an event of the full-size model costs: training (forward,
 * recomputation, backward) on one thread and shared by THREADS (default 2), and inference (event and readout
 * of every active flow; processor time) on one thread, by number of active nodes; with `profile` also a table
 * per op. Not a test. */
#include "nn/init.h"
#include "nn/m4_pass.h"
#include "tests/nn/synthetic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TRAINING_FLOWS = 60, BEST_OF = 6, INFERENCE_BEST_OF = 10, REPETITIONS = 30 };

static double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double processor_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static m4_status make_sample(m4_sample **sample, const synthetic_plan *plan, m4_arena *arena, m4_error *err) {
  m4_period period = synthetic_period(plan, arena);
  return m4_sample_from_period(sample, &period, M4_SIZE_KILOBYTES, arena, err);
}

/* Best run, in seconds. */
static m4_status time_training(m4_workspace *workspace, const m4_model *model, const m4_sample *sample,
                               ag_grads *grads, double *best, m4_error *err) {
  m4_loss_options options = m4_default_loss();
  ag_rng_state rng = {.seed = 1};
  m4_losses losses;
  *best = 1e9;
  for (int i = 0; i < BEST_OF; i++) {
    double start = now_seconds();
    M4_TRY(m4_pass_gradients(workspace, model, sample, &options, 1.0, rng, grads, &losses, NULL, err));
    double seconds = now_seconds() - start;
    if (seconds < *best) *best = seconds;
  }
  return M4_OK;
}

/* Products of forward and backward, without recomputation (model.md 11). */
static double useful_flops(const m4_sample *sample) {
  double flops = 0;
  for (int32_t j = 0; j < sample->n_events; j++) {
    const m4_event_data *event = &sample->events[j];
    double time_step = event->dt_us > 0 ? 120600 : 0;
    flops += event->n_flows * (640000 + 247800 + time_step) + event->n_links * (640000 + 240000 + time_step) +
             40200.0 * (event->n_size_labels + event->n_queue_labels);
  }
  return 6 * flops;
}

static void print_profile(const ag_profile *profile, double seconds) {
  ag_profile_row rows[AG_PROFILE_ROWS];
  int n = ag_profile_rows(profile, rows);
  for (int i = 0; i < n; i++)
    printf("    %-17s %-9s %7lld calls %9.3f ms %6.1f GFLOP/s %5.1f %%\n", rows[i].name, rows[i].direction,
           (long long)rows[i].calls, 1e-6 * (double)rows[i].ns, rows[i].flops / (double)rows[i].ns,
           1e-7 * (double)rows[i].ns / seconds);
}

/* The table of one more run, as the workspace is shared now. */
static m4_status profile_training(m4_workspace *workspace, const m4_model *model, const m4_sample *sample,
                                  ag_grads *grads, m4_error *err) {
  ag_profile *profile;
  m4_loss_options options = m4_default_loss();
  m4_losses losses;
  M4_TRY(ag_profile_create(&profile, 0, err));
  m4_workspace_profile(workspace, profile);
  double start = now_seconds();
  m4_status status = m4_pass_gradients(workspace, model, sample, &options, 1.0, (ag_rng_state){.seed = 1},
                                       grads, &losses, NULL, err);
  print_profile(profile, now_seconds() - start);
  m4_workspace_profile(workspace, NULL);
  ag_profile_free(profile);
  return status;
}

static m4_status bench_training(const m4_model *model, const synthetic_plan *plan, size_t budget_bytes,
                                m4_pool *pool, bool profile, m4_error *err) {
  m4_arena arena;
  m4_sample *sample;
  m4_workspace *workspace;
  ag_grads *grads;
  double alone, together;
  M4_TRY(m4_arena_init(&arena, (size_t)1 << 30, err));
  M4_TRY(make_sample(&sample, plan, &arena, err));
  M4_TRY(m4_workspace_create(&workspace, model, budget_bytes, err));
  M4_TRY(ag_grads_create(&grads, model->backend, model->params, model->n_params, err));
  M4_TRY(time_training(workspace, model, sample, grads, &alone, err));
  if (profile) M4_TRY(profile_training(workspace, model, sample, grads, err));
  m4_workspace_share(workspace, pool);
  M4_TRY(time_training(workspace, model, sample, grads, &together, err));
  printf("training   %5.1f nodes  %3d segments  %7.3f ms/event (%3.0f GFLOP/s)  %7.3f on %d threads (%.2fx)  "
         "%4.0f MB\n",
         (double)sample->node_events / sample->n_events, (int)m4_workspace_segments(workspace),
         1e3 * alone / sample->n_events, 1e-9 * useful_flops(sample) / alone,
         1e3 * together / sample->n_events, m4_pool_threads(pool), alone / together,
         (double)m4_workspace_peak_bytes(workspace) / 1e6);
  if (profile) M4_TRY(profile_training(workspace, model, sample, grads, err));
  ag_grads_free(grads);
  m4_workspace_free(workspace);
  m4_arena_free(&arena);
  return M4_OK;
}

/* The busiest event of the period, again and again. */
static const m4_event_data *busiest(const m4_sample *sample) {
  const m4_event_data *event = &sample->events[0];
  for (int32_t j = 1; j < sample->n_events; j++)
    if (sample->events[j].n_flows + sample->events[j].n_links > event->n_flows + event->n_links)
      event = &sample->events[j];
  return event;
}

static m4_status bench_inference(const m4_model *model, const synthetic_plan *plan, m4_error *err) {
  m4_arena arena;
  m4_sample *sample;
  ag_tape *tape;
  m4_state state;
  M4_TRY(m4_arena_init(&arena, (size_t)1 << 30, err));
  M4_TRY(make_sample(&sample, plan, &arena, err));
  M4_TRY(ag_tape_create(&tape, model->backend, &arena, err));
  M4_TRY(m4_state_create(&state, model, &arena, sample->n_flows, sample->n_links, err));
  m4_event_data event = *busiest(sample);
  event.dt_us = 1;
  size_t mark = m4_arena_mark(&arena);
  double best = 1e9;
  for (int round = 0; round < INFERENCE_BEST_OF; round++) {
    double start = processor_seconds();
    for (int i = 0; i < REPETITIONS; i++) {
      m4_event(model, tape, &state, &event, 0, NULL);
      m4_readout(model, tape, &state, event.flow_rows, event.n_flows, NULL, 0);
      m4_arena_release(&arena, mark);
    }
    best = fmin(best, processor_seconds() - start);
  }
  M4_TRY(ag_tape_status(tape, err));
  printf("inference  %5d nodes/event  (%d flows, %d links)  %7.3f ms/event\n",
         (int)(event.n_flows + event.n_links), (int)event.n_flows, (int)event.n_links,
         1e3 * best / REPETITIONS);
  ag_tape_free(tape);
  m4_arena_free(&arena);
  return M4_OK;
}

static m4_status bench_model(const m4_model *model, m4_pool *pool, bool profile, m4_error *err) {
  static const synthetic_plan training[] = {
      {.seed = 1, .n_flows = TRAINING_FLOWS, .n_links = 10, .n_hops = 4, .active_flows = 3, .labels = true},
      {.seed = 1, .n_flows = TRAINING_FLOWS, .n_links = 30, .n_hops = 4, .active_flows = 14, .labels = true},
      {.seed = 1, .n_flows = TRAINING_FLOWS, .n_links = 50, .n_hops = 4, .active_flows = 29, .labels = true},
      {.seed = 1, .n_flows = TRAINING_FLOWS, .n_links = 90, .n_hops = 6, .active_flows = 50, .labels = true},
  };
  static const synthetic_plan inference[] = {
      {.seed = 1, .n_flows = 20, .n_links = 8, .n_hops = 4, .active_flows = 3},
      {.seed = 1, .n_flows = 200, .n_links = 38, .n_hops = 4, .active_flows = 16},
  };
  for (size_t i = 0; i < sizeof training / sizeof *training; i++) {
    M4_TRY(bench_training(model, &training[i], 0, pool, profile, err));
  }
  M4_TRY(bench_training(model, &training[2], (size_t)64 << 20, pool, profile, err));
  for (size_t i = 0; i < sizeof inference / sizeof *inference; i++)
    M4_TRY(bench_inference(model, &inference[i], err));
  return M4_OK;
}

static m4_status bench_backend(const ag_backend *backend, const char *products, m4_pool *pool, bool profile,
                               m4_error *err) {
  m4_model *model;
  M4_TRY(m4_model_create(&model, m4_default_widths(), backend, err));
  m4_model_init(model, 1);
  printf("-- %s products\n", products);
  m4_status status = bench_model(model, pool, profile, err);
  m4_model_free(model);
  return status;
}

int main(int argc, char **argv) {
  m4_pool *pool = NULL;
  m4_error err = {0};
  bool profile = argc > 2 && strcmp(argv[2], "profile") == 0;
  m4_status status = m4_pool_create(&pool, argc > 1 ? atoi(argv[1]) : 2, &err);
  if (status == M4_OK) status = bench_backend(ag_cpu_backend(AG_F32), "float32", pool, profile, &err);
  if (status == M4_OK && ag_cpu_bf16_backend())
    status = bench_backend(ag_cpu_bf16_backend(), "bf16", pool, profile, &err);
  m4_pool_free(pool);
  if (status != M4_OK) fprintf(stderr, "bench_event: error: %s\n", err.what);
  return m4_exit_code(status);
}
