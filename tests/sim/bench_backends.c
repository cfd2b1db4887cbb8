/* When to use which back end: processor time per flow event (an arrival or a completion) with a constant
 * number of flows in flight, each completion starting the next flow between hosts drawn evenly; against
 * active flows, hosts and mean flow size. Writes time_per_event.csv and .svg, time_by_size and time_by_hosts
 * into a folder. Never a test. usage: bench_backends DIR [CHECKPOINT]    CHECKPOINT: a compact model to be
 * drawn beside the full-size one */
#include "base/file.h"
#include "base/log.h"
#include "base/philox.h"
#include "base/plot.h"
#include "nn/init.h"
#include "nn/weights.h"
#include "sim/learned/learned.h"
#include "tests/sim/bench_giant.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define GBPS(x) ((int64_t)(x)*1000000000)

enum {
  N_SHAPES = 4,
  N_COUNTS = 7,
  N_SIZES = 7,
  N_KINDS = 4,
  MAX_FLOWS = 200000,
  MIDDLE_BYTES = 100000,
  MOST_ONE_BY_ONE = 1000
};
static const double BUDGET_SECONDS = 1.0; /* of a case, and as much to warm up */

static const sim_clos shapes[N_SHAPES] = {{2, 1, 4, 4, 4, GBPS(10), GBPS(10), GBPS(10), 1000},
                                          {4, 4, 4, 16, 8, GBPS(10), GBPS(10), GBPS(10), 1000},
                                          {4, 4, 16, 16, 16, GBPS(10), GBPS(10), GBPS(10), 1000},
                                          {8, 4, 48, 16, 48, GBPS(10), GBPS(10), GBPS(10), 1000}};
static const int64_t counts[N_COUNTS] = {10, 30, 100, 300, 1000, 3000, 10000};
static const int64_t sizes[N_SIZES] = {1000, 3000, 10000, 30000, 100000, 1000000, 10000000};

typedef enum kind { PACKET, FLOWSIM, FULL_M4, COMPACT_M4 } kind;
static const char *const kind_names[N_KINDS] = {"packet", "flowsim", "m4 full size", "m4 compact"};

typedef struct bench {
  sim_learned_model *learned[N_KINDS]; /* NULL where there is none */
  m4_model *weights[N_KINDS];
} bench;

static double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void must(m4_status status, const m4_error *err) {
  if (status == M4_OK) return;
  m4_print_error("bench_backends", err);
  exit(m4_exit_code(status));
}

/* Sizes between half and one and a half of the mean. */
static sim_scenario *make_scenario(const sim_clos *shape, int64_t mean_bytes, int64_t n_flows) {
  m4_error err = {0};
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  sim_topology *topology;
  sim_scenario *scenario;
  const double params[SIM_N_PARAMS] = {100, 10, 1, 0, 0, 0, 20};
  pkt_settings settings;
  must(pkt_settings_for(&settings, PKT_CC_DCTCP, 100, 10000, 20, 0, &err), &err);
  must(sim_topology_clos(&topology, shape, &err), &err);
  sim_flow *flows = calloc((size_t)n_flows, sizeof *flows);
  for (int64_t i = 0; flows && i < n_flows; i++) {
    sim_flow *flow = &flows[i];
    *flow = (sim_flow){.id = i, .priority = 3, .destination_port = 100};
    flow->src = (int32_t)m4_rng_below(&rng, (uint64_t)topology->n_hosts);
    do flow->dst = (int32_t)m4_rng_below(&rng, (uint64_t)topology->n_hosts);
    while (flow->dst == flow->src);
    flow->size_bytes = mean_bytes / 2 + (int64_t)m4_rng_below(&rng, (uint64_t)mean_bytes);
  }
  must(sim_scenario_create(&scenario, "bench", topology, flows, n_flows, &settings, params, &err), &err);
  return scenario;
}

/* ---- one case ---- */

static sim_backend *make_backend(const bench *self, kind which, const sim_scenario *scenario) {
  m4_error err = {0};
  sim_backend *backend = NULL;
  if (which == PACKET) must(sim_packet_backend(&backend, scenario, NULL, &err), &err);
  if (which == FLOWSIM) must(sim_flowsim_backend(&backend, scenario, NULL, &err), &err);
  if (which >= FULL_M4) must(sim_learned_backend(&backend, scenario, self->learned[which], NULL, &err), &err);
  return backend;
}

/* Keeps `active` flows in flight until `completions` of them are over or the budget is spent. Returns how
 * many. */
static int64_t keep_going(sim_backend *backend, int64_t *next, int64_t completions, double *seconds) {
  m4_error err = {0};
  int64_t done = 0;
  double start = cpu_seconds();
  while (done < completions && *next < MAX_FLOWS) {
    sim_completion completion;
    bool found;
    must(backend->ops->advance(backend, INFINITY, &found, &completion, &err), &err);
    if (!found) break;
    must(backend->ops->submit(backend, next, &completion.time_ns, 1, &err), &err);
    ++*next;
    done++;
    if (done % 16 == 0 && cpu_seconds() - start > BUDGET_SECONDS) break;
  }
  *seconds = cpu_seconds() - start;
  return done;
}

/* Microseconds per arrival or completion. */
static double time_case(const bench *self, kind which, const sim_clos *shape, int64_t active,
                        int64_t mean_bytes) {
  m4_error err = {0};
  sim_scenario *scenario = make_scenario(shape, mean_bytes, MAX_FLOWS);
  if (which >= FULL_M4 && active > MOST_ONE_BY_ONE) { /* so many are connected on any of the fabrics */
    double us = giant_event_us(self->weights[which], scenario, active);
    sim_scenario_free(scenario);
    return us;
  }
  sim_backend *backend = make_backend(self, which, scenario);
  double start_ns = 0, seconds;
  for (int64_t i = 0; i < active; i++) must(backend->ops->submit(backend, &i, &start_ns, 1, &err), &err);
  int64_t next = active;
  keep_going(backend, &next, active, &seconds);
  int64_t done = keep_going(backend, &next, active > 2000 ? active : 2000, &seconds);
  sim_backend_free(backend);
  sim_scenario_free(scenario);
  return done > 0 ? 1e6 * seconds / (2.0 * (double)done) : NAN;
}

static int32_t hosts_of(const sim_clos *shape) {
  return shape->pods * shape->racks_per_pod * shape->hosts_per_rack;
}

static double told(const bench *self, kind which, const sim_clos *shape, int64_t active, int64_t mean_bytes) {
  double us = time_case(self, which, shape, active, mean_bytes);
  printf("%-13s %5d hosts %6lld flows in flight, mean %9lld B: %12.2f us/event\n", kind_names[which],
         hosts_of(shape), (long long)active, (long long)mean_bytes, us);
  fflush(stdout);
  return us;
}

/* ---- figures ---- */

static void draw(const char *dir, const char *name, const char *x_label, const m4_curve *curves, size_t n) {
  char stem[4096];
  m4_error err = {0};
  const m4_plot plot = {.x_label = x_label,
                        .y_label = "processor time per flow event (us)",
                        .x_log = true,
                        .y_log = true,
                        .curves = curves,
                        .n_curves = n};
  must(m4_path_join(stem, sizeof stem, dir, name, &err), &err);
  must(m4_plot_write(&plot, stem, NULL, &err), &err);
}

/* Active flows, on the smallest, a middle and the largest fabric: a figure each. */
static void by_active_flows(const bench *self, const char *dir, int n_kinds) {
  static const int used[] = {0, 2, 3};
  for (size_t s = 0; s < sizeof used / sizeof used[0]; s++) {
    const sim_clos *shape = &shapes[used[s]];
    double x[N_COUNTS], y[N_KINDS][N_COUNTS];
    m4_curve curves[N_KINDS];
    char name[64], label[64];
    for (int i = 0; i < N_COUNTS; i++) x[i] = (double)counts[i];
    for (int k = 0; k < n_kinds; k++) {
      for (int i = 0; i < N_COUNTS; i++) y[k][i] = told(self, (kind)k, shape, counts[i], MIDDLE_BYTES);
      curves[k] = (m4_curve){kind_names[k], M4_CURVE_LINE, x, y[k], N_COUNTS};
    }
    snprintf(name, sizeof name, "time_by_flows_%d_hosts", hosts_of(shape));
    snprintf(label, sizeof label, "flows of 100 KB in flight, %d hosts", hosts_of(shape));
    draw(dir, name, label, curves, (size_t)n_kinds);
  }
}

static void by_size(const bench *self, const char *dir, int n_kinds) {
  static double x[N_SIZES], y[N_KINDS][N_SIZES];
  m4_curve curves[N_KINDS];
  for (int i = 0; i < N_SIZES; i++) x[i] = (double)sizes[i];
  for (int k = 0; k < n_kinds; k++) {
    for (int i = 0; i < N_SIZES; i++) y[k][i] = told(self, (kind)k, &shapes[2], 100, sizes[i]);
    curves[k] = (m4_curve){kind_names[k], M4_CURVE_LINE, x, y[k], N_SIZES};
  }
  draw(dir, "time_by_size", "mean flow size (bytes), 100 flows in flight, 1024 hosts", curves,
       (size_t)n_kinds);
}

static void by_hosts(const bench *self, const char *dir, int n_kinds) {
  static double x[N_SHAPES], y[N_KINDS][N_SHAPES];
  m4_curve curves[N_KINDS];
  for (int i = 0; i < N_SHAPES; i++) x[i] = hosts_of(&shapes[i]);
  for (int k = 0; k < n_kinds; k++) {
    for (int i = 0; i < N_SHAPES; i++) y[k][i] = told(self, (kind)k, &shapes[i], 100, MIDDLE_BYTES);
    curves[k] = (m4_curve){kind_names[k], M4_CURVE_LINE, x, y[k], N_SHAPES};
  }
  draw(dir, "time_by_hosts", "hosts, 100 flows of 100 KB in flight", curves, (size_t)n_kinds);
}

/* ---- models ---- */

/* Weights matter to the time only through their sizes: random ones do. */
static void make_full_model(bench *self, const char *dir) {
  m4_error err = {0};
  char path[4096];
  m4_widths widths = m4_default_widths();
  widths.has_size_head = widths.has_queue_head = false;
  must(m4_path_join(path, sizeof path, dir, "random.safetensors", &err), &err);
  must(m4_model_create(&self->weights[FULL_M4], widths, ag_cpu_backend(AG_F32), &err), &err);
  m4_model_init(self->weights[FULL_M4], 1);
  must(m4_weights_save(self->weights[FULL_M4], path, NULL, false, &err), &err);
  must(sim_learned_model_load(&self->learned[FULL_M4], path, &err), &err);
  remove(path);
}

int main(int argc, char **argv) {
  m4_error err = {0};
  bench self = {0};
  if (argc < 2) {
    fprintf(stderr, "usage: bench_backends DIR [CHECKPOINT]\n");
    return 2;
  }
  must(m4_dir_make(argv[1], &err), &err);
  make_full_model(&self, argv[1]);
  if (argc > 2) {
    must(sim_learned_model_load(&self.learned[COMPACT_M4], argv[2], &err), &err);
    must(m4_weights_load(&self.weights[COMPACT_M4], ag_cpu_backend(AG_F32), argv[2], NULL, &err), &err);
  }
  int n_kinds = argc > 2 ? N_KINDS : COMPACT_M4;
  by_size(&self, argv[1], n_kinds);
  by_hosts(&self, argv[1], n_kinds);
  by_active_flows(&self, argv[1], n_kinds);
  for (int k = 0; k < N_KINDS; k++) {
    sim_learned_model_free(self.learned[k]);
    m4_model_free(self.weights[k]);
  }
  return 0;
}
