/* Time per event of the fluid back end beside the plain way, with a constant number of flows in flight: each
 * completion starts the next flow. Never a test.
 * usage: bench_flowsim [CASE]    one line per case, or for the case of that number (from 0) */
#include "tests/sim/plain/plain_flowsim.h"

#include "base/philox.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define GBPS(x) ((int64_t)(x)*1000000000)

typedef m4_status (*make_backend)(sim_backend **, const sim_scenario *, const sim_flowsim_options *,
                                  m4_error *);

typedef struct bench_case {
  const char *name;
  sim_clos shape;
  int64_t active, flows;
  double skew; /* hosts are drawn as n * u^skew: 1 = evenly */
  bool plain;  /* run the plain way too */
} bench_case;

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void stop(const char *what) {
  fprintf(stderr, "bench_flowsim: %s\n", what);
  exit(1);
}

/* Sizes from 100 B to 10 MB, evenly over the decades. */
static sim_scenario *make_scenario(const bench_case *bench) {
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  sim_topology *topology;
  sim_scenario *scenario;
  if (sim_topology_clos(&topology, &bench->shape, NULL) != M4_OK) stop("no topology");
  sim_flow *flows = calloc((size_t)bench->flows, sizeof *flows);
  if (!flows) stop("no memory");
  double hosts = topology->n_hosts;
  for (int64_t i = 0; i < bench->flows; i++) {
    sim_flow *flow = &flows[i];
    flow->id = i;
    flow->src = (int32_t)(hosts * pow(m4_rng_uniform(&rng), bench->skew));
    do flow->dst = (int32_t)(hosts * pow(m4_rng_uniform(&rng), bench->skew));
    while (flow->dst == flow->src);
    flow->priority = 3;
    flow->destination_port = 100;
    flow->size_bytes = (int64_t)pow(10, 2 + 5 * m4_rng_uniform(&rng));
  }
  const pkt_settings settings = pkt_settings_default();
  const double params[SIM_N_PARAMS] = {0};
  if (sim_scenario_create(&scenario, "bench", topology, flows, bench->flows, &settings, params, NULL) !=
      M4_OK)
    stop("no scenario");
  return scenario;
}

/* The best of three thirds, the flows that start together not counted. */
static double microseconds_per_event(const sim_scenario *scenario, int64_t active, int64_t n,
                                     make_backend make) {
  sim_backend *backend;
  sim_completion done;
  bool found;
  double time_ns = 0, best = INFINITY;
  if (make(&backend, scenario, NULL, NULL) != M4_OK) stop("no back end");
  for (int64_t i = 0; i < active; i++)
    if (backend->ops->submit(backend, &i, &time_ns, 1, NULL) != M4_OK) stop("submit");
  for (int third = 0; third < 3; third++) {
    uint64_t before, after, unused;
    int64_t flow = active + (n - active) * third / 3, end = active + (n - active) * (third + 1) / 3;
    if (backend->ops->advance(backend, time_ns, &found, &done, NULL) != M4_OK) stop("advance");
    backend->ops->count(backend, &before, &unused);
    double start = seconds_now();
    for (; flow < end; flow++) {
      if (backend->ops->advance(backend, INFINITY, &found, &done, NULL) != M4_OK || !found) stop("advance");
      time_ns = done.time_ns;
      if (backend->ops->submit(backend, &flow, &time_ns, 1, NULL) != M4_OK) stop("submit");
    }
    backend->ops->count(backend, &after, &unused);
    best = fmin(best, 1e6 * (seconds_now() - start) / (double)(after - before));
  }
  sim_backend_free(backend);
  return best;
}

static void run(const bench_case *bench) {
  sim_scenario *scenario = make_scenario(bench);
  double fast = microseconds_per_event(scenario, bench->active, bench->flows, sim_flowsim_backend);
  printf("%-28s %6d hosts %6lld flows in flight  %9.2f us/event", bench->name, scenario->topology->n_hosts,
         (long long)bench->active, fast);
  if (bench->plain) {
    int64_t some = bench->active + 3000;
    double plain = microseconds_per_event(scenario, bench->active, some < bench->flows ? some : bench->flows,
                                          plain_flowsim_backend);
    printf("   plain %9.2f us/event  (%.0fx)", plain, plain / fast);
  }
  putchar('\n');
  fflush(stdout);
  sim_scenario_free(scenario);
}

int main(int argc, char **argv) {
  static const sim_clos small = {2, 1, 4, 4, 4, GBPS(10), GBPS(10), GBPS(10), 1000};
  static const sim_clos medium = {4, 4, 16, 16, 16, GBPS(10), GBPS(10), GBPS(10), 1000};
  static const sim_clos large = {8, 4, 48, 16, 48, GBPS(10), GBPS(10), GBPS(10), 1000};
  const bench_case cases[] = {{"even", small, 10, 40000, 1, true},
                              {"even", small, 100, 40000, 1, true},
                              {"even", medium, 10, 40000, 1, true},
                              {"even", medium, 100, 40000, 1, true},
                              {"even", medium, 1000, 40000, 1, true},
                              {"even", medium, 10000, 40000, 1, true},
                              {"few busy hosts", medium, 1000, 40000, 3, true},
                              {"even", large, 1000, 40000, 1, true},
                              {"even", large, 10000, 60000, 1, true},
                              {"few busy hosts", large, 10000, 60000, 3, true}};
  size_t n = sizeof cases / sizeof cases[0], first = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
  for (size_t i = first; i < (argc > 1 && first < n ? first + 1 : n); i++) run(&cases[i]);
  return 0;
}
