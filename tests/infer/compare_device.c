/* compare_device DEVICE [HIDDEN GCN_HIDDEN EVENTS]: a short simulation of three scenarios at once, twice: on
 * the CPU, which decides the events, and on DEVICE. Weights are random, but slowdowns lie around 3, so that
 * none is clamped. Every predicted completion of every event must be the same to 1e-4 of the time it is away;
 * exit 1 otherwise. Random weights; default: full width, 200 events. */
#include "autograd/device.h"
#include "autograd/memory.h"
#include "base/philox.h"
#include "infer/stack.h"
#include "nn/init.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_SCENARIOS = 3, MOST_FLOWS = 12, N_LINKS = 20, N_HOPS = 3 };
static const double tolerance = 1e-4;

typedef struct side {
  m4_model *model;
  inf_stack *stack;
  inf_session *sessions[N_SCENARIOS];
} side;

/* The last bias of the FCT head. */
static void lift_predictions(m4_model *model, const ag_backend *backend) {
  const float slowdown = 3;
  for (int32_t i = 0; i < model->n_params; ++i) {
    ag_param *param = model->params[i];
    if (param->rows == 1 && param->cols == 1 && strncmp(param->name, "output_layer.", 13) == 0)
      ag_upload(backend, param->data, &slowdown, sizeof slowdown);
  }
}

static m4_status open_side(side *s, const char *device, m4_widths widths, m4_error *err) {
  const ag_backend *backend;
  M4_TRY(ag_device_open(&backend, device, NULL, err));
  M4_TRY(m4_model_create(&s->model, widths, backend, err));
  m4_model_init(s->model, 1);
  lift_predictions(s->model, backend);
  M4_TRY(inf_stack_create(&s->stack, s->model, err));
  for (int i = 0; i < N_SCENARIOS; ++i)
    M4_TRY(inf_stack_session(&s->sessions[i], s->stack, N_LINKS, NULL, err));
  return M4_OK;
}

static void close_side(side *s) {
  for (int i = 0; i < N_SCENARIOS; ++i) inf_session_free(s->sessions[i]);
  inf_stack_free(s->stack);
  m4_model_free(s->model);
}

static m4_status arrive(side *sides, int i, int64_t tag, m4_rng *rng, m4_error *err) {
  static const float params[M4_N_PARAMS] = {10, 10, 1, 0, 0, 0, 10};
  int32_t path[N_HOPS], first = (int32_t)m4_rng_below(rng, N_LINKS);
  for (int32_t k = 0; k < N_HOPS; ++k) path[k] = (first + 3 * k) % N_LINKS;
  inf_flow flow = {.tag = tag,
                   .size_bytes = 1000 + (int64_t)m4_rng_below(rng, 1000000),
                   .links = path,
                   .n_links = N_HOPS,
                   .params = params};
  flow.ideal_fct_ns = 8000.0 + 0.8 * (double)flow.size_bytes;
  double time_ns = inf_clock(sides[0].sessions[i]) + 700;
  for (int k = 0; k < 2; ++k) M4_TRY(inf_arrive(sides[k].sessions[i], time_ns, &flow, err));
  return M4_OK;
}

static m4_status live(side *sides, int i, int64_t event, m4_rng *rng, m4_error *err) {
  inf_session *cpu = sides[0].sessions[i];
  double time_ns;
  int64_t tag;
  bool full = inf_n_active(cpu) == MOST_FLOWS || (inf_n_active(cpu) > 2 && m4_rng_below(rng, 5) < 2);
  if (!full || !inf_next(cpu, &time_ns, &tag)) return arrive(sides, i, event, rng, err);
  time_ns = fmax(time_ns, inf_clock(cpu));
  for (int k = 0; k < 2; ++k) M4_TRY(inf_complete(sides[k].sessions[i], time_ns, tag, err));
  return M4_OK;
}

/* Largest relative difference; *variety: how far slowdowns are from 3 at most. */
static double worst_difference(const side *sides, int i, double *variety) {
  const inf_session *cpu = sides[0].sessions[i];
  double worst = 0, now_ns = inf_clock(cpu);
  for (int32_t k = 0; k < inf_n_active(cpu); ++k) {
    int64_t tag = inf_active_tag(cpu, k);
    double a = inf_finish_ns(cpu, tag), b = inf_finish_ns(sides[1].sessions[i], tag);
    double difference = fabs(a - b) / fmax(fabs(a - now_ns), 1000);
    double slowdown = 3, release_ns;
    inf_prediction(cpu, tag, &slowdown, &release_ns);
    *variety = fmax(*variety, fabs(slowdown - 3));
    worst = difference <= worst ? worst : isnan(difference) ? INFINITY : difference;
  }
  return worst;
}

static m4_status run(side *sides, int64_t n_events, double *worst, double *variety, m4_error *err) {
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  for (int64_t event = 0; event < n_events; ++event) {
    for (int i = 0; i < N_SCENARIOS; ++i) M4_TRY(live(sides, i, event, &rng, err));
    for (int k = 0; k < 2; ++k) M4_TRY(inf_stack_step(sides[k].stack, err));
    for (int i = 0; i < N_SCENARIOS; ++i) {
      for (int k = 0; k < 2; ++k) M4_TRY(inf_outcome(sides[k].sessions[i], err));
      *worst = fmax(*worst, worst_difference(sides, i, variety));
    }
  }
  return M4_OK;
}

int main(int argc, char **argv) {
  side sides[2] = {{0}};
  m4_error err = {0};
  double worst = 0, variety = 0;
  m4_widths widths = m4_default_widths();
  if (argc != 2 && argc != 5) {
    fprintf(stderr, "usage: compare_device DEVICE [HIDDEN GCN_HIDDEN EVENTS]\n");
    return m4_exit_code(M4_USAGE);
  }
  if (argc == 5) {
    widths.hidden = widths.head_hidden = widths.aux_hidden = atoi(argv[2]);
    widths.gcn_hidden = atoi(argv[3]);
  }
  int64_t n_events = argc == 5 ? atoll(argv[4]) : 200;
  m4_status status = open_side(&sides[0], "cpu", widths, &err);
  if (status == M4_OK) status = open_side(&sides[1], argv[1], widths, &err);
  if (status == M4_OK) status = run(sides, n_events, &worst, &variety, &err);
  for (int k = 0; k < 2; ++k) close_side(&sides[k]);
  if (status != M4_OK) {
    fprintf(stderr, "compare_device: error: %s: %s\n", err.where, err.what);
    return m4_exit_code(status);
  }
  printf(
      "%s: %d scenarios, %lld events each, slowdowns 3 +- %.2g: predictions differ by %.2g, allowed %.0e\n",
      argv[1], (int)N_SCENARIOS, (long long)n_events, variety, worst, tolerance);
  return worst <= tolerance && variety > 0.01 ? 0 : 1;
}
