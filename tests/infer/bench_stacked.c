/* bench_stacked: processor time per event of scenarios that step together, on one thread, by flows connected
 * in each and scenarios in a stack; full-size and compact widths. Not a test. */
#include "infer/stack.h"
#include "nn/init.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { LINKS = 64, HOPS = 4, BEST_OF = 5, MOST_SCENARIOS = 64 };

typedef struct scenario {
  inf_session *session;
  int64_t next_tag;
} scenario;

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* All flows share link 0. */
static m4_status arrive(scenario *s, m4_error *err) {
  static const float params[M4_N_PARAMS] = {10, 10, 1, 0, 0, 0, 10};
  int32_t path[HOPS] = {0};
  for (int32_t i = 1; i < HOPS; ++i) path[i] = 1 + (int32_t)((s->next_tag * 7 + i * 11) % (LINKS - 1));
  const inf_flow flow = {s->next_tag++, 50000, 45000, path, HOPS, params};
  return inf_arrive(s->session, inf_clock(s->session) + 700, &flow, err);
}

/* The oldest flow leaves, or a new one comes. */
static m4_status live(scenario *s, int32_t n_active, m4_error *err) {
  if (inf_n_active(s->session) <= n_active) return arrive(s, err);
  return inf_complete(s->session, inf_clock(s->session) + 700, inf_active_tag(s->session, 0), err);
}

static m4_status play(scenario *scenarios, int n, int32_t n_active, inf_stack *stack, int n_steps,
                      m4_error *err) {
  for (int step = 0; step < n_steps; ++step) {
    for (int i = 0; i < n; ++i) M4_TRY(live(&scenarios[i], n_active, err));
    M4_TRY(inf_stack_step(stack, err));
  }
  return M4_OK;
}

/* Microseconds per event. */
static m4_status time_stack(const m4_model *model, int n, int32_t n_active, double *best, m4_error *err) {
  scenario scenarios[MOST_SCENARIOS] = {{0}};
  inf_stack *stack;
  M4_TRY(inf_stack_create(&stack, model, err));
  for (int i = 0; i < n; ++i) M4_TRY(inf_stack_session(&scenarios[i].session, stack, LINKS, NULL, err));
  M4_TRY(play(scenarios, n, n_active, stack, 2 * n_active + 4, err));
  int n_steps = 2 * (1 + 400 / (n * (n_active + 2)));
  *best = INFINITY;
  for (int round = 0; round < BEST_OF; ++round) {
    double start = seconds_now();
    M4_TRY(play(scenarios, n, n_active, stack, n_steps, err));
    *best = fmin(*best, 1e6 * (seconds_now() - start) / (n_steps * n));
  }
  for (int i = 0; i < n; ++i) inf_session_free(scenarios[i].session);
  inf_stack_free(stack);
  return M4_OK;
}

static m4_status bench(const char *name, m4_widths widths, m4_error *err) {
  static const int32_t actives[] = {1, 2, 4, 8, 16, 32};
  static const int stacks[] = {1, 2, 4, 8, 16, 64};
  m4_model *model;
  M4_TRY(m4_model_create(&model, widths, ag_cpu_backend(AG_F32), err));
  m4_model_init(model, 1);
  printf("%s, us per event\n%16s", name, "connected flows");
  for (size_t k = 0; k < sizeof stacks / sizeof *stacks; ++k) printf("  stack %2d", stacks[k]);
  printf("\n");
  for (size_t i = 0; i < sizeof actives / sizeof *actives; ++i) {
    printf("%16d", (int)actives[i]);
    for (size_t k = 0; k < sizeof stacks / sizeof *stacks; ++k) {
      double us;
      M4_TRY(time_stack(model, stacks[k], actives[i], &us, err));
      printf(" %9.1f", us);
    }
    printf("\n");
  }
  m4_model_free(model);
  return M4_OK;
}

int main(void) {
  m4_error err = {0};
  m4_widths compact = {.hidden = 64, .gcn_hidden = 96, .gcn_layers = 3, .head_hidden = 64};
  m4_status status = bench("full size (200/300)", m4_default_widths(), &err);
  if (status == M4_OK) status = bench("compact (64/96)", compact, &err);
  if (status != M4_OK) fprintf(stderr, "bench_stacked: error: %s\n", err.what);
  return m4_exit_code(status);
}
