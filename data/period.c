/* Cuts one busy period out of a scenario. The received bytes of the scenario are read in blocks, only where
 * the period has events, and restricted to the period's flows (training.md 5). */
#include "data/period.h"

#include "base/ascending.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_VALUES = 16384 }; /* received bytes read at once, unless one row is longer */

/* The period's place in its scenario. */
typedef struct cut {
  const ds_loaded *loaded;
  const int32_t *flow; /* [n_flows] ascending */
  int32_t n_flows;
  const int64_t *event; /* [2 * n_flows] ascending */
} cut;

static m4_status no_memory(const cut *c, m4_error *err) {
  return m4_fail(err, M4_MEMORY, c->loaded->shard->path, "no memory for a busy period of %d flows of %s",
                 c->n_flows, c->loaded->facts.name);
}

static const int64_t *pick(const cut *c, const int64_t *values, m4_arena *arena) {
  int64_t *picked = m4_arena_alloc(arena, (size_t)c->n_flows, sizeof *picked);
  for (int32_t i = 0; picked && i < c->n_flows; ++i) picked[i] = values[c->flow[i]];
  return picked;
}

static m4_status pick_flows(const cut *c, m4_arena *arena, m4_period *facts, const double **flowsim_fct_ns,
                            m4_error *err) {
  const ds_scenario *s = &c->loaded->facts;
  facts->n_flows = c->n_flows;
  facts->flow_id = pick(c, s->flow_id, arena);
  facts->size_bytes = pick(c, s->size_bytes, arena);
  facts->start_ns = pick(c, s->start_ns, arena);
  facts->fct_ns = pick(c, s->fct_ns, arena);
  facts->ideal_fct_ns = pick(c, s->ideal_fct_ns, arena);
  float *params = m4_arena_alloc(arena, (size_t)c->n_flows * M4_N_PARAMS, sizeof *params);
  double *flowsim = m4_arena_alloc(arena, (size_t)c->n_flows, sizeof *flowsim);
  if (!facts->flow_id || !facts->size_bytes || !facts->start_ns || !facts->fct_ns || !facts->ideal_fct_ns ||
      !params || !flowsim)
    return no_memory(c, err);
  for (int32_t i = 0; i < c->n_flows; ++i) {
    for (int k = 0; k < M4_N_PARAMS; ++k) params[i * M4_N_PARAMS + k] = (float)s->params[k];
    flowsim[i] = s->flowsim_fct_ns[c->flow[i]];
  }
  facts->params = params;
  if (flowsim_fct_ns) *flowsim_fct_ns = flowsim;
  return M4_OK;
}

static m4_status pick_paths(const cut *c, m4_arena *arena, m4_period *facts, m4_error *err) {
  const ds_scenario *s = &c->loaded->facts;
  int64_t n_hops = 0;
  for (int32_t i = 0; i < c->n_flows; ++i)
    n_hops += s->path_offset[c->flow[i] + 1] - s->path_offset[c->flow[i]];
  if (n_hops > INT32_MAX)
    return m4_fail(err, M4_DATA, s->name, "a busy period with %lld hops is too large", (long long)n_hops);
  int32_t *offset = m4_arena_alloc(arena, (size_t)c->n_flows + 1, sizeof *offset);
  int32_t *link = m4_arena_alloc(arena, (size_t)n_hops, sizeof *link);
  int64_t *queue = m4_arena_alloc(arena, (size_t)n_hops, sizeof *queue);
  int64_t *rate_bps = m4_arena_alloc(arena, (size_t)n_hops, sizeof *rate_bps);
  if (!offset || !link || !queue || !rate_bps) return no_memory(c, err);
  offset[0] = 0;
  for (int32_t i = 0; i < c->n_flows; ++i) {
    int64_t first = s->path_offset[c->flow[i]];
    int32_t hops = (int32_t)(s->path_offset[c->flow[i] + 1] - first);
    memcpy(link + offset[i], s->path_link + first, (size_t)hops * sizeof *link);
    memcpy(queue + offset[i], s->queue_bytes + first, (size_t)hops * sizeof *queue);
    offset[i + 1] = offset[i] + hops;
    for (int32_t hop = offset[i]; hop < offset[i + 1]; ++hop) rate_bps[hop] = s->link_rate_bps[link[hop]];
  }
  facts->path_offset = offset;
  facts->path_link = link;
  facts->queue_bytes = queue;
  facts->path_rate_bps = rate_bps;
  return M4_OK;
}

/* ---- received bytes ---- */

/* Walks the scenario's events and keeps who is active, both sorted by flow. */
typedef struct walk {
  const ds_events *events;
  int64_t next_event;  /* not applied yet */
  m4_ascending active; /* flows of the whole scenario */
  uint8_t *is_member;  /* [scenario flows] of the period */
} walk;

static void apply_through(walk *w, int64_t event) {
  for (; w->next_event <= event; ++w->next_event) {
    int32_t flow = w->events->flow[w->next_event];
    if (ds_is_arrival(w->events, w->next_event))
      m4_ascending_insert(&w->active, flow);
    else
      m4_ascending_remove(&w->active, flow);
  }
}

/* Starts just before the period's first event: no need to walk the events before it. */
static bool start_walk(walk *w, const cut *c, m4_arena *arena) {
  const ds_events *events = &c->loaded->events;
  int64_t n_flows = c->loaded->facts.n_flows, first = c->event[0];
  *w = (walk){.events = events, .next_event = first};
  w->active.items = m4_arena_alloc(arena, (size_t)n_flows, sizeof *w->active.items);
  w->is_member = m4_arena_calloc(arena, (size_t)n_flows, sizeof *w->is_member);
  if (!w->active.items || !w->is_member) return false;
  for (int32_t f = 0; f < n_flows; ++f)
    if (events->arrival[f] < first && events->departure[f] >= first) w->active.items[w->active.count++] = f;
  for (int32_t i = 0; i < c->n_flows; ++i) w->is_member[c->flow[i]] = 1;
  return true;
}

/* The members' values of one row of the scenario; a row with an unknown value gives no row. Returns the
 * number kept, -1 for bad data. */
static int64_t restrict_row(const walk *w, const int64_t *row, int64_t *kept) {
  int64_t n = 0;
  for (int64_t i = 0; i < w->active.count; ++i) {
    if (row[i] < -1) return -1;
    if (!w->is_member[w->active.items[i]]) continue;
    if (row[i] < 0) return 0;
    kept[n++] = row[i];
  }
  return n;
}

static int64_t row_begin(const cut *c, int32_t j) {
  return c->loaded->facts.received_offset[c->event[j]];
}
static int64_t row_end(const cut *c, int32_t j) {
  return c->loaded->facts.received_offset[c->event[j] + 1];
}

/* How many of the period's events from j on lie in one block; at least 1. */
static int32_t block_length(const cut *c, int32_t j) {
  int32_t end = j + 1;
  while (end < 2 * c->n_flows && row_end(c, end) - row_begin(c, j) <= BLOCK_VALUES) ++end;
  return end - j;
}

/* Rows of the events of one block, values[0] being the first value of event j. */
static m4_status restrict_block(const cut *c, walk *w, int32_t j, int32_t count, const int64_t *values,
                                int64_t *offset, int64_t *kept, m4_error *err) {
  for (int32_t k = j; k < j + count; ++k) {
    apply_through(w, c->event[k]);
    int64_t n = 0;
    if (row_end(c, k) - row_begin(c, k) == w->active.count)
      n = restrict_row(w, values + row_begin(c, k) - row_begin(c, j), kept + offset[k]);
    if (n < 0)
      return ds_h5_reject(err, c->loaded->shard->path, "event/received_bytes", "holds a value below -1");
    offset[k + 1] = offset[k] + n;
  }
  return M4_OK;
}

static m4_status read_blocks(const cut *c, walk *w, int64_t *values, int64_t *offset, int64_t *kept,
                             m4_error *err) {
  offset[0] = 0;
  for (int32_t j = 0, count; j < 2 * c->n_flows; j += count) {
    count = block_length(c, j);
    int64_t start = row_begin(c, j), length = row_end(c, j + count - 1) - start;
    M4_TRY(ds_shard_read(c->loaded->shard, DS_ROW_RECEIVED_BYTES, c->loaded->received_start + start, length,
                         values, err));
    M4_TRY(restrict_block(c, w, j, count, values, offset, kept, err));
  }
  return M4_OK;
}

/* Upper bounds: values kept (members active, where a row is recorded) and values of the longest block. */
static void measure_rows(const cut *c, int64_t *n_kept, int64_t *n_block) {
  int64_t n_active = 0;
  *n_kept = 0;
  *n_block = BLOCK_VALUES;
  for (int32_t j = 0; j < 2 * c->n_flows; ++j) {
    n_active += ds_is_arrival(&c->loaded->events, c->event[j]) ? 1 : -1;
    int64_t length = row_end(c, j) - row_begin(c, j);
    if (length > 0) *n_kept += n_active;
    if (length > *n_block) *n_block = length;
  }
}

static m4_status pick_received(const cut *c, m4_arena *arena, m4_period *facts, m4_error *err) {
  int64_t n_kept, n_block;
  measure_rows(c, &n_kept, &n_block);
  int64_t *offset = m4_arena_alloc(arena, 2 * (size_t)c->n_flows + 1, sizeof *offset);
  int64_t *kept = m4_arena_alloc(arena, (size_t)n_kept, sizeof *kept);
  size_t mark = m4_arena_mark(arena);
  walk w;
  int64_t *values = m4_arena_alloc(arena, (size_t)n_block, sizeof *values);
  if (!offset || !kept || !values || !start_walk(&w, c, arena)) return no_memory(c, err);
  M4_TRY(read_blocks(c, &w, values, offset, kept, err));
  m4_arena_release(arena, mark);
  facts->received_offset = offset;
  facts->received_bytes = kept;
  return M4_OK;
}

m4_status ds_extract_period(const ds_loaded *loaded, int64_t segment, m4_arena *arena, m4_period *facts,
                            const double **flowsim_fct_ns, m4_error *err) {
  const ds_scenario *s = &loaded->facts;
  int64_t first = s->period_flow_offset[segment];
  cut c = {loaded, s->period_flow + first, (int32_t)(s->period_flow_offset[segment + 1] - first),
           s->period_event + 2 * first};
  memset(facts, 0, sizeof *facts);
  M4_TRY(pick_flows(&c, arena, facts, flowsim_fct_ns, err));
  M4_TRY(pick_paths(&c, arena, facts, err));
  return pick_received(&c, arena, facts, err);
}
