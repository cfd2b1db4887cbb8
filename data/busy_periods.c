/* Busy periods: maximal stretches of flows connected by shared links in time. Flows are united by a
 * union-find whose trees end with the period; periods are numbered in the order they end. A flow that never
 * finishes keeps its component open: no period holds it. Source: training.md 4. */
#include "data/busy_periods.h"

#include "data/events.h"

enum {
  NOBODY = -1,
  MAX_FLOWS = 1 << 30,
  SCRATCH_PER_FLOW = 128,
  SCRATCH_PER_LINK = 16,
  SCRATCH_BYTES = 1 << 16
};
#define MAX_TIME_NS ((int64_t)1 << 61)

/* The walk over a scenario's events. All arrays are scratch memory. */
typedef struct walk {
  const ds_scenario *facts;
  ds_events events;
  int32_t *parent;      /* [n_flows] union-find */
  int32_t *n_active;    /* [n_flows] at the root: active flows of the component; later by period */
  int32_t *period_of;   /* [n_flows] at the root, then of every flow; NOBODY while open */
  int64_t *start_ns;    /* [n_flows] at the root: earliest start */
  int64_t *first_ns;    /* [n_flows] by period */
  int64_t *end_ns;      /* [n_flows] by period */
  int64_t *next;        /* [n_flows] by period: where its next flow or event goes */
  int32_t *link_owner;  /* [n_links] a flow of the owning component, or NOBODY */
  int32_t *link_active; /* [n_links] */
  int32_t n_periods;
} walk;

static int32_t find_root(int32_t *parent, int32_t flow) {
  while (parent[flow] != flow) {
    parent[flow] = parent[parent[flow]];
    flow = parent[flow];
  }
  return flow;
}

static void unite(walk *w, int32_t a, int32_t b) {
  a = find_root(w->parent, a);
  b = find_root(w->parent, b);
  if (a == b) return;
  if (w->n_active[a] < w->n_active[b]) {
    int32_t other = a;
    a = b;
    b = other;
  }
  w->parent[b] = a;
  w->n_active[a] += w->n_active[b];
  if (w->start_ns[b] < w->start_ns[a]) w->start_ns[a] = w->start_ns[b];
}

static void arrive(walk *w, int32_t flow) {
  const ds_scenario *facts = w->facts;
  w->parent[flow] = flow;
  w->n_active[flow] = 1;
  w->period_of[flow] = NOBODY;
  w->start_ns[flow] = facts->start_ns[flow];
  for (int64_t hop = facts->path_offset[flow]; hop < facts->path_offset[flow + 1]; ++hop) {
    int32_t link = facts->path_link[hop];
    if (w->link_owner[link] != NOBODY) unite(w, flow, w->link_owner[link]);
    w->link_owner[link] = flow;
    w->link_active[link]++;
  }
}

static void depart(walk *w, int32_t flow) {
  const ds_scenario *facts = w->facts;
  for (int64_t hop = facts->path_offset[flow]; hop < facts->path_offset[flow + 1]; ++hop) {
    int32_t link = facts->path_link[hop];
    if (--w->link_active[link] == 0) w->link_owner[link] = NOBODY;
  }
  int32_t root = find_root(w->parent, flow);
  if (--w->n_active[root] > 0) return;
  w->first_ns[w->n_periods] = w->start_ns[root];
  w->end_ns[w->n_periods] = facts->start_ns[flow] + facts->fct_ns[flow];
  w->period_of[root] = w->n_periods++;
}

static m4_status prepare(walk *w, const ds_scenario *facts, m4_arena *scratch, m4_error *err) {
  size_t n_flows = (size_t)facts->n_flows, n_links = (size_t)facts->n_links;
  *w = (walk){.facts = facts};
  M4_TRY(ds_order_events(&w->events, facts, scratch, err));
  w->parent = m4_arena_alloc(scratch, n_flows, sizeof *w->parent);
  w->n_active = m4_arena_alloc(scratch, n_flows, sizeof *w->n_active);
  w->period_of = m4_arena_alloc(scratch, n_flows, sizeof *w->period_of);
  w->start_ns = m4_arena_alloc(scratch, n_flows, sizeof *w->start_ns);
  w->first_ns = m4_arena_alloc(scratch, n_flows, sizeof *w->first_ns);
  w->end_ns = m4_arena_alloc(scratch, n_flows, sizeof *w->end_ns);
  w->next = m4_arena_alloc(scratch, n_flows, sizeof *w->next);
  w->link_owner = m4_arena_alloc(scratch, n_links, sizeof *w->link_owner);
  w->link_active = m4_arena_calloc(scratch, n_links, sizeof *w->link_active);
  if (!w->parent || !w->n_active || !w->period_of || !w->start_ns || !w->first_ns || !w->end_ns || !w->next ||
      !w->link_owner || !w->link_active)
    return m4_fail(err, M4_MEMORY, facts->name, "no memory to find the busy periods of %zu flows", n_flows);
  for (size_t link = 0; link < n_links; ++link) w->link_owner[link] = NOBODY;
  return M4_OK;
}

static void walk_events(walk *w) {
  for (int64_t event = 0; event < 2 * w->facts->n_flows; ++event) {
    int32_t flow = w->events.flow[event];
    if (ds_is_arrival(&w->events, event))
      arrive(w, flow);
    else if (w->facts->fct_ns[flow] > 0)
      depart(w, flow);
  }
  for (int32_t flow = 0; flow < w->facts->n_flows; ++flow)
    if (find_root(w->parent, flow) != flow) w->period_of[flow] = w->period_of[find_root(w->parent, flow)];
}

/* What the facts get; counting sort keeps flows and events ascending within their period. */
typedef struct periods {
  int64_t *flow_offset, *event_offset, *event, *start_ns, *end_ns;
  int32_t *flow, *max_active;
} periods;

static m4_status allocate(periods *p, const walk *w, m4_arena *arena, m4_error *err) {
  size_t n_periods = (size_t)w->n_periods;
  p->flow_offset = m4_arena_calloc(arena, n_periods + 1, sizeof *p->flow_offset);
  p->event_offset = m4_arena_calloc(arena, n_periods + 1, sizeof *p->event_offset);
  p->start_ns = m4_arena_alloc(arena, n_periods, sizeof *p->start_ns);
  p->end_ns = m4_arena_alloc(arena, n_periods, sizeof *p->end_ns);
  p->max_active = m4_arena_calloc(arena, n_periods, sizeof *p->max_active);
  p->flow = m4_arena_alloc(arena, (size_t)w->facts->n_flows, sizeof *p->flow);
  p->event = m4_arena_alloc(arena, 2 * (size_t)w->facts->n_flows, sizeof *p->event);
  if (!p->flow_offset || !p->event_offset || !p->start_ns || !p->end_ns || !p->max_active || !p->flow ||
      !p->event)
    return m4_fail(err, M4_MEMORY, w->facts->name, "no memory for %zu busy periods", n_periods);
  return M4_OK;
}

static void list_flows(periods *p, walk *w) {
  for (int64_t flow = 0; flow < w->facts->n_flows; ++flow)
    if (w->period_of[flow] != NOBODY) p->flow_offset[w->period_of[flow] + 1]++;
  for (int32_t k = 0; k < w->n_periods; ++k) {
    p->flow_offset[k + 1] += p->flow_offset[k];
    p->event_offset[k + 1] = 2 * p->flow_offset[k + 1];
    p->start_ns[k] = w->first_ns[k];
    p->end_ns[k] = w->end_ns[k];
    w->next[k] = p->flow_offset[k];
  }
  for (int32_t flow = 0; flow < w->facts->n_flows; ++flow)
    if (w->period_of[flow] != NOBODY) p->flow[w->next[w->period_of[flow]]++] = flow;
}

static m4_status list_events(periods *p, walk *w, m4_error *err) {
  for (int32_t k = 0; k < w->n_periods; ++k) {
    w->next[k] = p->event_offset[k];
    w->n_active[k] = 0;
  }
  for (int64_t event = 0; event < 2 * w->facts->n_flows; ++event) {
    int32_t k = w->period_of[w->events.flow[event]];
    if (k == NOBODY) continue;
    w->n_active[k] += ds_is_arrival(&w->events, event) ? 1 : -1;
    if (w->n_active[k] > p->max_active[k]) p->max_active[k] = w->n_active[k];
    p->event[w->next[k]++] = event;
  }
  for (int32_t k = 0; k < w->n_periods; ++k)
    if (w->next[k] != p->event_offset[k + 1] || w->n_active[k] != 0)
      return m4_fail(err, M4_INTERNAL, w->facts->name, "busy period %d has %lld events for %lld flows", k,
                     (long long)(w->next[k] - p->event_offset[k]),
                     (long long)(p->flow_offset[k + 1] - p->flow_offset[k]));
  return M4_OK;
}

static m4_status check(const ds_scenario *facts, m4_error *err) {
  if (facts->n_flows < 0 || facts->n_flows > MAX_FLOWS)
    return m4_fail(err, M4_DATA, facts->name, "%lld flows", (long long)facts->n_flows);
  for (int64_t flow = 0; flow < facts->n_flows; ++flow) {
    long long id = facts->flow_id[flow], start_ns = facts->start_ns[flow], fct_ns = facts->fct_ns[flow];
    if (start_ns < 0 || start_ns > MAX_TIME_NS || fct_ns < -1 || fct_ns == 0 || fct_ns > MAX_TIME_NS)
      return m4_fail(err, M4_DATA, facts->name, "flow %lld starts at %lld ns and takes %lld ns", id, start_ns,
                     fct_ns);
    for (int64_t hop = facts->path_offset[flow]; hop < facts->path_offset[flow + 1]; ++hop)
      if (facts->path_link[hop] < 0 || facts->path_link[hop] >= facts->n_links)
        return m4_fail(err, M4_DATA, facts->name, "flow %lld crosses link %d of %d", id,
                       facts->path_link[hop], facts->n_links);
  }
  return M4_OK;
}

static void publish(ds_scenario *facts, const periods *p, int32_t n_periods) {
  facts->n_periods = n_periods;
  facts->period_flow_offset = p->flow_offset;
  facts->period_flow = p->flow;
  facts->period_event_offset = p->event_offset;
  facts->period_event = p->event;
  facts->period_start_ns = p->start_ns;
  facts->period_end_ns = p->end_ns;
  facts->period_max_active = p->max_active;
}

m4_status ds_busy_periods(ds_scenario *facts, m4_arena *arena, m4_error *err) {
  M4_TRY(check(facts, err));
  m4_arena scratch = {0};
  size_t n_flows = (size_t)facts->n_flows, n_links = (size_t)facts->n_links;
  M4_TRY(
      m4_arena_init(&scratch, SCRATCH_PER_FLOW * n_flows + SCRATCH_PER_LINK * n_links + SCRATCH_BYTES, err));
  walk w;
  periods p;
  m4_status status = prepare(&w, facts, &scratch, err);
  if (status == M4_OK) {
    walk_events(&w);
    status = allocate(&p, &w, arena, err);
  }
  if (status == M4_OK) {
    list_flows(&p, &w);
    status = list_events(&p, &w, err);
  }
  if (status == M4_OK) publish(facts, &p, w.n_periods);
  m4_arena_free(&scratch);
  return status;
}
