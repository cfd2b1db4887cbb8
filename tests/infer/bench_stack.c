/* bench_stack [DEVICE [SCENARIOS [SECONDS]]]: simulated events per second of the full-size model with random
 * weights: SCENARIOS (default 1) closed loops of 24 flows on 36 links, 60 nodes per event, in one stack: each
 * completion, at the predicted time, is followed by an arrival. Wall clock. Not a test. */
#include "autograd/device.h"
#include "base/philox.h"
#include "infer/stack.h"
#include "nn/init.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N_FLOWS = 24, N_LINKS = 36, N_HOPS = 4, MOST_SCENARIOS = 4096, WARM_STEPS = 20 };

typedef struct scenario {
  inf_session *session;
  m4_rng rng;
  int64_t next_tag;
} scenario;

static double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static m4_status arrive(scenario *s, m4_error *err) {
  static const float params[M4_N_PARAMS] = {10, 10, 1, 0, 0, 0, 10};
  int32_t path[N_HOPS], first = (int32_t)m4_rng_below(&s->rng, N_LINKS);
  for (int32_t i = 0; i < N_HOPS; ++i) path[i] = (first + i * 7) % N_LINKS;
  inf_flow flow = {.tag = s->next_tag++,
                   .size_bytes = 1000 + (int64_t)m4_rng_below(&s->rng, 1000000),
                   .links = path,
                   .n_links = N_HOPS,
                   .params = params};
  flow.ideal_fct_ns = 8000.0 + 0.8 * (double)flow.size_bytes;
  return inf_arrive(s->session, inf_clock(s->session) + 500, &flow, err);
}

/* An arrival as long as there are too few flows, then the next completion. */
static m4_status live(scenario *s, m4_error *err) {
  double time_ns;
  int64_t tag;
  if (inf_n_active(s->session) < N_FLOWS || !inf_next(s->session, &time_ns, &tag)) return arrive(s, err);
  double clock_ns = inf_clock(s->session);
  return inf_complete(s->session, time_ns > clock_ns ? time_ns : clock_ns, tag, err);
}

static m4_status step(inf_stack *stack, scenario *scenarios, int n, m4_error *err) {
  for (int i = 0; i < n; ++i) M4_TRY(live(&scenarios[i], err));
  M4_TRY(inf_stack_step(stack, err));
  for (int i = 0; i < n; ++i) M4_TRY(inf_outcome(scenarios[i].session, err));
  return M4_OK;
}

static m4_status measure(inf_stack *stack, scenario *scenarios, int n, double seconds, const char *device,
                         m4_error *err) {
  for (int i = 0; i < N_FLOWS + WARM_STEPS; ++i) M4_TRY(step(stack, scenarios, n, err));
  inf_stack_counters before = inf_stack_count(stack);
  double start = now_seconds(), elapsed = 0;
  int64_t events = 0;
  for (; elapsed < seconds; elapsed = now_seconds() - start, events += n)
    M4_TRY(step(stack, scenarios, n, err));
  inf_stack_counters after = inf_stack_count(stack);
  double updates = (double)(after.updates - before.updates);
  printf("simulation %s, %d scenarios, %.1f flows and %.1f rows of links per event: %.0f events/s\n", device,
         n, (double)(after.flows - before.flows) / updates,
         (double)(after.link_rows - before.link_rows) / updates, (double)events / elapsed);
  return M4_OK;
}

static m4_status run(const char *device, int n, double seconds, m4_error *err) {
  const ag_backend *backend;
  m4_model *model;
  inf_stack *stack;
  inf_options options = {.global_scope = true};
  M4_TRY(ag_device_open(&backend, device, NULL, err));
  M4_TRY(m4_model_create(&model, m4_default_widths(), backend, err));
  m4_model_init(model, 1);
  M4_TRY(inf_stack_create(&stack, model, err));
  scenario *scenarios = calloc((size_t)n, sizeof *scenarios);
  if (!scenarios) return m4_fail(err, M4_MEMORY, NULL, "no memory");
  for (int i = 0; i < n; ++i) {
    M4_TRY(inf_stack_session(&scenarios[i].session, stack, N_LINKS, &options, err));
    scenarios[i].rng = m4_rng_make(1, M4_RNG_TEST, (uint32_t)i);
  }
  m4_status status = measure(stack, scenarios, n, seconds, device, err);
  for (int i = 0; i < n; ++i) inf_session_free(scenarios[i].session);
  free(scenarios);
  inf_stack_free(stack);
  m4_model_free(model);
  return status;
}

int main(int argc, char **argv) {
  m4_error err = {0};
  int n = argc > 2 ? atoi(argv[2]) : 1;
  if (n < 1 || n > MOST_SCENARIOS) n = 1;
  m4_status status = run(argc > 1 ? argv[1] : "cpu", n, argc > 3 ? atof(argv[3]) : 3, &err);
  if (status != M4_OK) fprintf(stderr, "bench_stack: error: %s: %s\n", err.where, err.what);
  return m4_exit_code(status);
}
