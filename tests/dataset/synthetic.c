/* See synthetic.h. */
#include "tests/dataset/synthetic.h"

#include "base/arena.h"
#include "base/philox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINK_RATE_BPS = 1000000000, LINK_DELAY_NS = 1000 };

static void *take(m4_arena *arena, int64_t count, size_t size) {
  void *memory = m4_arena_calloc(arena, (size_t)count, size);
  assert_non_null(memory);
  return memory;
}

/* Host h sends on link 2h (to the switch) and receives on link 2h + 1. */
static void make_star(ds_scenario *s, m4_arena *arena, int32_t n_hosts) {
  s->n_nodes = n_hosts + 1;
  s->n_links = 2 * n_hosts;
  uint8_t *is_switch = take(arena, s->n_nodes, 1);
  is_switch[n_hosts] = 1;
  int32_t *from = take(arena, s->n_links, sizeof *from), *to = take(arena, s->n_links, sizeof *to);
  int64_t *rate = take(arena, s->n_links, sizeof *rate), *delay = take(arena, s->n_links, sizeof *delay);
  for (int32_t l = 0; l < s->n_links; ++l) {
    from[l] = l % 2 ? n_hosts : l / 2;
    to[l] = l % 2 ? l / 2 : n_hosts;
    rate[l] = LINK_RATE_BPS;
    delay[l] = LINK_DELAY_NS;
  }
  s->node_is_switch = is_switch;
  s->link_from = from, s->link_to = to, s->link_rate_bps = rate, s->link_delay_ns = delay;
}

static void make_flows(ds_scenario *s, m4_arena *arena, synthetic_options o) {
  int64_t n = s->n_flows = o.n_flows;
  int64_t *id = take(arena, n, 8), *size = take(arena, n, 8), *start = take(arena, n, 8),
          *fct = take(arena, n, 8), *ideal = take(arena, n, 8), *offset = take(arena, n + 1, 8),
          *queue = take(arena, 2 * n, 8);
  int32_t *src = take(arena, n, 4), *dst = take(arena, n, 4), *link = take(arena, 2 * n, 4);
  double *flowsim = take(arena, n, sizeof *flowsim);
  m4_rng rng = m4_rng_make(o.seed, M4_RNG_TEST, 0);
  int64_t now_ns = 0;
  for (int64_t f = 0; f < n; ++f) {
    now_ns += (int64_t)m4_rng_below(&rng, (uint64_t)(2 * o.mean_gap_ns));
    id[f] = f * 2 + (int64_t)m4_rng_below(&rng, 2);
    src[f] = (int32_t)m4_rng_below(&rng, (uint64_t)o.n_hosts);
    dst[f] = (src[f] + 1 + (int32_t)m4_rng_below(&rng, (uint64_t)o.n_hosts - 1)) % o.n_hosts;
    size[f] = 1 + (int64_t)m4_rng_below(&rng, m4_rng_below(&rng, 10) ? 20000 : 500000);
    start[f] = now_ns;
    ideal[f] = 2 * LINK_DELAY_NS + size[f] * 8;
    fct[f] = ideal[f] + (int64_t)m4_rng_below(&rng, (uint64_t)ideal[f] * 2);
    flowsim[f] = (double)ideal[f] * (1 + m4_rng_uniform(&rng));
    link[2 * f] = 2 * src[f];
    link[2 * f + 1] = 2 * dst[f] + 1;
    offset[f + 1] = 2 * (f + 1);
    queue[2 * f] = (int64_t)m4_rng_below(&rng, 100000);
    queue[2 * f + 1] = (int64_t)m4_rng_below(&rng, 2) - 1;
  }
  if (o.last_unfinished) fct[n - 1] = -1;
  s->flow_id = id, s->size_bytes = size, s->start_ns = start, s->fct_ns = fct, s->ideal_fct_ns = ideal;
  s->src = src, s->dst = dst, s->flowsim_fct_ns = flowsim;
  s->path_offset = offset, s->path_link = link, s->queue_bytes = queue;
}

static int64_t end_ns(const ds_scenario *s, int64_t f) {
  return s->fct_ns[f] < 0 ? INT64_MAX : s->start_ns[f] + s->fct_ns[f];
}

static int compare_events(const void *left, const void *right) {
  const synthetic_event *a = left, *b = right;
  int64_t difference = a->time_ns != b->time_ns         ? (a->time_ns > b->time_ns ? 1 : -1)
                       : a->is_arrival != b->is_arrival ? a->is_arrival - b->is_arrival
                                                        : a->flow - b->flow;
  return difference > 0 ? 1 : difference < 0 ? -1 : 0;
}

synthetic_event *synthetic_events(m4_arena *arena, const ds_scenario *s) {
  synthetic_event *events = take(arena, 2 * s->n_flows, sizeof *events);
  for (int64_t f = 0; f < s->n_flows; ++f) {
    events[2 * f] = (synthetic_event){s->start_ns[f], f, 1};
    events[2 * f + 1] = (synthetic_event){end_ns(s, f), f, 0};
  }
  qsort(events, (size_t)(2 * s->n_flows), sizeof *events, compare_events);
  return events;
}

int64_t synthetic_received(const ds_scenario *s, int64_t f, int64_t time_ns) {
  if (s->fct_ns[f] < 0) return 0;
  return (int64_t)((double)s->size_bytes[f] * (double)(time_ns - s->start_ns[f]) / (double)s->fct_ns[f]);
}

static void make_received(ds_scenario *s, m4_arena *arena, const synthetic_event *events) {
  int64_t n_events = 2 * s->n_flows, at = 0, capacity = 0, active = 0;
  for (int64_t e = 0; e < n_events; ++e) capacity += active += events[e].is_arrival ? 1 : -1;
  int64_t *offset = take(arena, n_events + 1, 8), *bytes = take(arena, capacity, 8);
  uint8_t *is_active = take(arena, s->n_flows, 1);
  int64_t oldest = 0;
  for (int64_t e = 0; e < n_events; ++e) {
    is_active[events[e].flow] = (uint8_t)events[e].is_arrival;
    while (oldest < s->n_flows && s->start_ns[oldest] <= events[e].time_ns && !is_active[oldest] &&
           end_ns(s, oldest) <= events[e].time_ns)
      oldest++;
    for (int64_t f = oldest; f < s->n_flows && s->start_ns[f] <= events[e].time_ns; ++f)
      if (is_active[f])
        bytes[at++] =
            synthetic_received(s, f, events[e].time_ns < INT64_MAX ? events[e].time_ns : s->start_ns[f]);
    offset[e + 1] = at;
  }
  assert_int_equal(at, capacity);
  s->received_offset = offset, s->received_bytes = bytes;
}

/* ---- busy periods by relabelling ---- */

typedef struct periods {
  int32_t *component;     /* [n_flows], -1 before arrival */
  int32_t *owner, *users; /* [n_links] */
  int32_t *alive;         /* [n_flows] active flows of each component */
  int32_t *closed;        /* components in the order they end */
  int64_t n_closed;
} periods;

static void arrive(const ds_scenario *s, periods *p, int64_t f) {
  p->component[f] = (int32_t)f;
  p->alive[f] = 1;
  for (int64_t hop = s->path_offset[f]; hop < s->path_offset[f + 1]; ++hop) {
    int32_t link = s->path_link[hop], other = p->owner[link];
    if (p->users[link] > 0 && other != f) {
      for (int64_t g = 0; g < f; ++g)
        if (p->component[g] == other) p->component[g] = (int32_t)f;
      for (int32_t l = 0; l < s->n_links; ++l)
        if (p->users[l] > 0 && p->owner[l] == other) p->owner[l] = (int32_t)f;
      p->alive[f] += p->alive[other];
    }
  }
  for (int64_t hop = s->path_offset[f]; hop < s->path_offset[f + 1]; ++hop) {
    p->owner[s->path_link[hop]] = (int32_t)f;
    p->users[s->path_link[hop]]++;
  }
}

static void depart(const ds_scenario *s, periods *p, int64_t f) {
  for (int64_t hop = s->path_offset[f]; hop < s->path_offset[f + 1]; ++hop) p->users[s->path_link[hop]]--;
  if (--p->alive[p->component[f]] == 0) p->closed[p->n_closed++] = p->component[f];
}

static void list_period(ds_scenario *s, m4_arena *arena, const periods *p, const synthetic_event *events) {
  int64_t n = p->n_closed, members = 0;
  int64_t *flow_offset = take(arena, n + 1, 8), *event_offset = take(arena, n + 1, 8),
          *event = take(arena, 2 * s->n_flows, 8), *start = take(arena, n, 8), *end = take(arena, n, 8);
  int32_t *flow = take(arena, s->n_flows, 4), *max_active = take(arena, n, 4);
  for (int64_t i = 0; i < n; ++i) {
    start[i] = INT64_MAX;
    for (int64_t f = 0; f < s->n_flows; ++f) {
      if (p->component[f] != p->closed[i]) continue;
      flow[members++] = (int32_t)f;
      if (s->start_ns[f] < start[i]) start[i] = s->start_ns[f];
      if (end_ns(s, f) > end[i]) end[i] = end_ns(s, f);
    }
    flow_offset[i + 1] = members;
    event_offset[i + 1] = event_offset[i];
    int32_t active = 0;
    for (int64_t e = 0; e < 2 * s->n_flows; ++e) {
      if (p->component[events[e].flow] != p->closed[i]) continue;
      event[event_offset[i + 1]++] = e;
      active += events[e].is_arrival ? 1 : -1;
      if (active > max_active[i]) max_active[i] = active;
    }
  }
  s->n_periods = n;
  s->period_flow_offset = flow_offset, s->period_event_offset = event_offset;
  s->period_flow = flow, s->period_event = event, s->period_start_ns = start, s->period_end_ns = end,
  s->period_max_active = max_active;
}

static void make_periods(ds_scenario *s, m4_arena *arena, const synthetic_event *events) {
  periods p = {take(arena, s->n_flows, 4), take(arena, s->n_links, 4), take(arena, s->n_links, 4),
               take(arena, s->n_flows, 4), take(arena, s->n_flows, 4), 0};
  memset(p.component, -1, (size_t)s->n_flows * 4);
  for (int64_t e = 0; e < 2 * s->n_flows; ++e) {
    if (events[e].time_ns == INT64_MAX) break;
    if (events[e].is_arrival)
      arrive(s, &p, events[e].flow);
    else
      depart(s, &p, events[e].flow);
  }
  list_period(s, arena, &p, events);
}

ds_scenario synthetic_scenario(m4_arena *arena, const char *name, synthetic_options options) {
  ds_scenario s = {.name = name};
  for (int i = 0; i < M4_N_PARAMS; ++i) s.params[i] = (double)(options.seed % 7) + (i + 1) / 8.0;
  for (int cc = 0; cc < 4; ++cc) s.params[2 + cc] = options.seed % 4 == (uint64_t)cc; /* one is chosen */
  make_star(&s, arena, options.n_hosts);
  make_flows(&s, arena, options);
  synthetic_event *events = synthetic_events(arena, &s);
  make_received(&s, arena, events);
  make_periods(&s, arena, events);
  return s;
}

void synthetic_shard(const char *path, const char *prefix, int n_scenarios, synthetic_options options) {
  m4_error err = {0};
  ds_writer *writer;
  m4_arena arena;
  assert_ok(m4_arena_init(&arena, (size_t)1 << 30, &err), &err);
  assert_ok(ds_writer_create(&writer, path, options.seed, "synthetic 1", "flows: invented\n", &err), &err);
  for (int i = 0; i < n_scenarios; ++i, ++options.seed) {
    char name[64];
    snprintf(name, sizeof name, "%s%d", prefix, i);
    ds_scenario scenario = synthetic_scenario(&arena, name, options);
    assert_ok(ds_writer_add(writer, &scenario, &err), &err);
    m4_arena_release(&arena, 0);
  }
  assert_ok(ds_writer_commit(writer, &err), &err);
  m4_arena_free(&arena);
}

/* ---- files ---- */

int scratch_make(void **state) {
  char *path = strdup(M4_BUILD_DIR "/tests/dataset-XXXXXX");
  *state = path ? mkdtemp(path) : NULL;
  return *state ? 0 : -1;
}

int scratch_remove(void **state) {
  char command[4096];
  snprintf(command, sizeof command, "rm -r '%s'", (char *)*state);
  int failure = system(command);
  free(*state);
  return failure;
}

const char *scratch_path(void **state, const char *name) {
  static char paths[4][4096];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(paths[turn], sizeof paths[turn], "%s/%s", (char *)*state, name);
  return paths[turn];
}

unsigned char *load_bytes(const char *path, size_t *length) {
  FILE *in = fopen(path, "rb");
  assert_non_null(in);
  fseek(in, 0, SEEK_END);
  *length = (size_t)ftell(in);
  rewind(in);
  unsigned char *bytes = malloc(*length);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *length, in), *length);
  fclose(in);
  return bytes;
}

void save_bytes(const char *path, const unsigned char *bytes, size_t length) {
  FILE *out = fopen(path, "wb");
  assert_non_null(out);
  assert_int_equal(fwrite(bytes, 1, length, out), length);
  assert_int_equal(fclose(out), 0);
}
