/* Made-up busy periods. Received bytes come from a plain walk over all flows per event, independent of
 * m4_inputs.c. */
#include "tests/nn/synthetic.h"

#include "base/philox.h"

#include <stdlib.h>
#include <string.h>

enum { GRID_NS = 1000 };

typedef struct maker {
  const synthetic_plan *plan;
  m4_arena *arena;
  m4_rng rng;
} maker;

static int64_t *longs(const maker *make, size_t count) {
  return m4_arena_calloc(make->arena, count, sizeof(int64_t));
}

static void make_times(maker *make, m4_period *period) {
  size_t n = (size_t)period->n_flows;
  int64_t *id = longs(make, n), *size = longs(make, n), *start = longs(make, n), *fct = longs(make, n),
          *ideal = longs(make, n);
  float *params = m4_arena_calloc(make->arena, n * M4_N_PARAMS, sizeof *params);
  int64_t now = 7 * GRID_NS;
  for (size_t i = 0; i < n; i++) {
    id[i] = 5 + 2 * (int64_t)i;
    size[i] = 100 + (int64_t)m4_rng_below(&make->rng, 200000);
    now += GRID_NS * (int64_t)m4_rng_below(&make->rng, 3);
    start[i] = now;
    fct[i] = GRID_NS * (1 + make->plan->active_flows / 2 +
                        (int64_t)m4_rng_below(&make->rng, (uint64_t)make->plan->active_flows));
    ideal[i] = 1 + fct[i] / (1 + (int64_t)m4_rng_below(&make->rng, 4));
    if (ideal[i] > fct[i]) ideal[i] = fct[i];
    for (int k = 0; k < M4_N_PARAMS; k++)
      params[i * M4_N_PARAMS + (size_t)k] = (float)(16.0 * m4_rng_uniform(&make->rng));
  }
  period->flow_id = id;
  period->size_bytes = size;
  period->start_ns = start;
  period->fct_ns = fct;
  period->ideal_fct_ns = ideal;
  period->params = params;
}

static void make_paths(maker *make, m4_period *period) {
  size_t n_hops = (size_t)period->n_flows * (size_t)make->plan->n_hops;
  int32_t *offset = m4_arena_alloc(make->arena, (size_t)period->n_flows + 1, sizeof *offset);
  int32_t *link = m4_arena_alloc(make->arena, n_hops, sizeof *link);
  int64_t *queue = longs(make, n_hops);
  for (int32_t i = 0; i <= period->n_flows; i++) offset[i] = i * make->plan->n_hops;
  for (int32_t i = 0; i < period->n_flows; i++) {
    int32_t first = (int32_t)m4_rng_below(&make->rng, (uint64_t)make->plan->n_links);
    for (int32_t k = 0; k < make->plan->n_hops; k++)
      link[offset[i] + k] = 10 + 3 * ((first + 7 * k) % make->plan->n_links);
  }
  for (size_t k = 0; k < n_hops; k++) queue[k] = (int64_t)m4_rng_below(&make->rng, 100000) - 10000;
  for (size_t k = 0; k < n_hops; k++) queue[k] = queue[k] < -5000 ? -1 : queue[k] < 0 ? 0 : queue[k];
  period->path_offset = offset;
  period->path_link = link;
  period->queue_bytes = make->plan->labels ? queue : NULL;
  int64_t *rate_bps = longs(make, n_hops);
  for (size_t k = 0; k < n_hops; k++) rate_bps[k] = link[k] % 2 ? 10000000000 : 40000000000;
  period->path_rate_bps = rate_bps;
}

typedef struct instant {
  int64_t time_ns;
  int32_t arrival, flow;
} instant;

static int by_time(const void *a, const void *b) {
  const instant *x = a, *y = b;
  if (x->time_ns != y->time_ns) return x->time_ns < y->time_ns ? -1 : 1;
  if (x->arrival != y->arrival) return x->arrival - y->arrival;
  return x->flow - y->flow;
}

/* Row j: every active flow has sent in proportion to its time; a single 0 when nobody is active. */
static void make_received(maker *make, m4_period *period) {
  int32_t n = period->n_flows, n_events = 2 * n;
  instant *events = m4_arena_alloc(make->arena, (size_t)n_events, sizeof *events);
  unsigned char *active = m4_arena_calloc(make->arena, (size_t)n, 1);
  int64_t *offset = longs(make, (size_t)n_events + 1), count = 0;
  int64_t *received = longs(make, (size_t)n_events * (size_t)(n < 400 ? n : 400));
  for (int32_t i = 0; i < n; i++) {
    events[2 * i] = (instant){period->start_ns[i], 1, i};
    events[2 * i + 1] = (instant){period->start_ns[i] + period->fct_ns[i], 0, i};
  }
  qsort(events, (size_t)n_events, sizeof *events, by_time);
  for (int32_t j = 0; j < n_events; j++) {
    active[events[j].flow] = (unsigned char)events[j].arrival;
    for (int32_t i = 0; i < n; i++)
      if (active[i])
        received[count++] =
            (int64_t)((double)period->size_bytes[i] * (double)(events[j].time_ns - period->start_ns[i]) /
                      (double)period->fct_ns[i]);
    if (count == offset[j]) received[count++] = 0;
    offset[j + 1] = count;
  }
  period->received_offset = offset;
  period->received_bytes = received;
}

m4_period synthetic_period(const synthetic_plan *plan, m4_arena *arena) {
  maker make = {.plan = plan, .arena = arena, .rng = m4_rng_make(plan->seed, M4_RNG_TEST, 0)};
  m4_period period = {.n_flows = plan->n_flows};
  make_times(&make, &period);
  make_paths(&make, &period);
  if (plan->labels) make_received(&make, &period);
  return period;
}
