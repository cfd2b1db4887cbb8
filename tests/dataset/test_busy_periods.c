/* Busy periods against a slow, literal version of training.md 4 on random traffic with many ties; small cases
 * by hand. */
#include "tests/dataset/synthetic.h"

#include "base/arena.h"
#include "base/philox.h"
#include "data/busy_periods.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FLOWS = 40, MAX_LINKS = 8, MAX_EVENTS = 2 * MAX_FLOWS };

/* Room for the facts that ds_busy_periods reads. */
typedef struct traffic {
  ds_scenario facts;
  int64_t id[MAX_FLOWS], start[MAX_FLOWS], fct[MAX_FLOWS], path_offset[MAX_FLOWS + 1];
  int32_t path[MAX_FLOWS * MAX_LINKS];
} traffic;

static void link_facts(traffic *t, int64_t n_flows, int32_t n_links) {
  t->facts = (ds_scenario){.name = "test",
                           .n_links = n_links,
                           .n_flows = n_flows,
                           .flow_id = t->id,
                           .start_ns = t->start,
                           .fct_ns = t->fct,
                           .path_offset = t->path_offset,
                           .path_link = t->path};
}

static void random_traffic(traffic *t, m4_rng *rng) {
  int64_t n_flows = 1 + (int64_t)m4_rng_below(rng, MAX_FLOWS), used = 0;
  int32_t n_links = 1 + (int32_t)m4_rng_below(rng, MAX_LINKS);
  uint64_t horizon = 1 + m4_rng_below(rng, 60), longest = 1 + m4_rng_below(rng, 20);
  t->path_offset[0] = 0;
  for (int64_t flow = 0; flow < n_flows; ++flow) {
    t->id[flow] = 3 * flow;
    t->start[flow] = (int64_t)m4_rng_below(rng, horizon);
    t->fct[flow] = 1 + (int64_t)m4_rng_below(rng, longest);
    uint64_t mask = 1 + m4_rng_below(rng, (1u << n_links) - 1);
    mask &= m4_rng_u64(rng) | (1u << m4_rng_below(rng, (uint64_t)n_links)); /* mostly short paths */
    if (mask == 0) mask = 1;
    for (int32_t link = 0; link < n_links; ++link)
      if (mask >> link & 1) t->path[used++] = link;
    t->path_offset[flow + 1] = used;
  }
  link_facts(t, n_flows, n_links);
}

/* ---- the literal version ---- */

typedef struct event {
  int64_t time;
  int flow;
  bool arrival;
} event;

static bool earlier(const event *a, const event *b) {
  if (a->time != b->time) return a->time < b->time;
  if (a->arrival != b->arrival) return b->arrival;
  return a->flow < b->flow;
}

static int list_events(event *events, const ds_scenario *facts) {
  int count = 0;
  for (int flow = 0; flow < facts->n_flows; ++flow) {
    events[count++] = (event){facts->start_ns[flow], flow, true};
    int64_t end = facts->fct_ns[flow] < 0 ? INT64_MAX : facts->start_ns[flow] + facts->fct_ns[flow];
    events[count++] = (event){end, flow, false};
  }
  for (int i = 1; i < count; ++i)
    for (int j = i; j > 0 && earlier(&events[j], &events[j - 1]); --j) {
      event swap = events[j];
      events[j] = events[j - 1];
      events[j - 1] = swap;
    }
  return count;
}

/* component[f] is a label, -1 outside; owner[l] is a label or -1. */
typedef struct naive {
  int component[MAX_FLOWS], owner[MAX_LINKS], event_of[MAX_EVENTS];
  bool active[MAX_FLOWS];
} naive;

static bool uses(const ds_scenario *facts, int flow, int link) {
  for (int64_t hop = facts->path_offset[flow]; hop < facts->path_offset[flow + 1]; ++hop)
    if (facts->path_link[hop] == link) return true;
  return false;
}

static void naive_arrival(naive *n, const ds_scenario *facts, int flow) {
  int label = flow;
  n->component[flow] = label;
  n->active[flow] = true;
  for (int link = 0; link < facts->n_links; ++link) {
    if (!uses(facts, flow, link)) continue;
    int other = n->owner[link];
    n->owner[link] = label;
    if (other < 0 || other == label) continue;
    for (int f = 0; f < facts->n_flows; ++f)
      if (n->component[f] == other) n->component[f] = label;
    for (int l = 0; l < facts->n_links; ++l)
      if (n->owner[l] == other) n->owner[l] = label;
  }
}

/* True when the flow's component has no active flow left. */
static bool naive_departure(naive *n, const ds_scenario *facts, int flow) {
  n->active[flow] = false;
  bool over = true;
  for (int link = 0; link < facts->n_links; ++link) {
    bool busy = false;
    for (int f = 0; f < facts->n_flows; ++f) busy |= n->active[f] && uses(facts, f, link);
    if (!busy) n->owner[link] = -1;
  }
  for (int f = 0; f < facts->n_flows; ++f)
    if (n->active[f] && n->component[f] == n->component[flow]) over = false;
  return over;
}

static void compare_period(const ds_scenario *facts, int64_t k, const naive *n, const event *events,
                           int now) {
  int label = n->component[events[now].flow], active = 0, max_active = 0;
  int64_t next_flow = facts->period_flow_offset[k], next_event = facts->period_event_offset[k];
  int64_t start = INT64_MAX;
  for (int f = 0; f < facts->n_flows; ++f) {
    if (n->component[f] != label) continue;
    assert_true(next_flow < facts->period_flow_offset[k + 1]);
    assert_int_equal(facts->period_flow[next_flow++], f);
    if (facts->start_ns[f] < start) start = facts->start_ns[f];
  }
  for (int i = 0; i <= now; ++i) {
    if (n->component[events[i].flow] != label) continue;
    assert_true(next_event < facts->period_event_offset[k + 1]);
    assert_int_equal(facts->period_event[next_event++], i);
    active += events[i].arrival ? 1 : -1;
    if (active > max_active) max_active = active;
  }
  assert_int_equal(next_flow, facts->period_flow_offset[k + 1]);
  assert_int_equal(next_event, facts->period_event_offset[k + 1]);
  assert_int_equal(facts->period_max_active[k], max_active);
  assert_int_equal(facts->period_start_ns[k], start);
  assert_int_equal(facts->period_end_ns[k], events[now].time);
}

static void compare_with_naive(const ds_scenario *facts) {
  event events[MAX_EVENTS];
  int n_events = list_events(events, facts);
  naive n;
  memset(n.active, 0, sizeof n.active);
  for (int f = 0; f < MAX_FLOWS; ++f) n.component[f] = -1;
  for (int link = 0; link < MAX_LINKS; ++link) n.owner[link] = -1;
  int64_t k = 0;
  for (int i = 0; i < n_events; ++i) {
    if (events[i].arrival) {
      naive_arrival(&n, facts, events[i].flow);
    } else if (events[i].time < INT64_MAX && naive_departure(&n, facts, events[i].flow)) {
      assert_true(k < facts->n_periods);
      compare_period(facts, k++, &n, events, i);
      int label = n.component[events[i].flow];
      for (int f = 0; f < facts->n_flows; ++f)
        if (n.component[f] == label) n.component[f] = -1;
    }
  }
  assert_int_equal(k, facts->n_periods);
}

static void test_random_traffic(void **state) {
  (void)state;
  static traffic t;
  m4_error error = {0};
  m4_arena arena = {0};
  assert_ok(m4_arena_init(&arena, 1 << 20, &error), &error);
  for (uint32_t round = 0; round < 3000; ++round) {
    m4_rng rng = m4_rng_make(11, M4_RNG_TEST, round);
    random_traffic(&t, &rng);
    assert_ok(ds_busy_periods(&t.facts, &arena, &error), &error);
    compare_with_naive(&t.facts);
    assert_int_equal(t.facts.period_flow_offset[t.facts.n_periods], t.facts.n_flows);
    m4_arena_release(&arena, 0);
  }
  m4_arena_free(&arena);
}

/* With flows that never finish: their components give no period, everything else is as in the literal
 * version. */
static void test_unfinished_flows(void **state) {
  (void)state;
  static traffic t;
  m4_error error = {0};
  m4_arena arena = {0};
  assert_ok(m4_arena_init(&arena, 1 << 20, &error), &error);
  for (uint32_t round = 0; round < 500; ++round) {
    m4_rng rng = m4_rng_make(12, M4_RNG_TEST, round);
    random_traffic(&t, &rng);
    t.fct[m4_rng_below(&rng, (uint64_t)t.facts.n_flows)] = -1;
    assert_ok(ds_busy_periods(&t.facts, &arena, &error), &error);
    compare_with_naive(&t.facts);
    for (int64_t i = 0; i < t.facts.period_flow_offset[t.facts.n_periods]; ++i)
      assert_true(t.fct[t.facts.period_flow[i]] > 0);
    m4_arena_release(&arena, 0);
  }
  m4_arena_free(&arena);
}

/* Flow 1 joins flows 0 and 2, which share no link; flow 3 starts at the instant flow 1, the last, leaves: a
 * new period. */
static void test_by_hand(void **state) {
  (void)state;
  static traffic t;
  const int64_t start[] = {0, 5, 2, 20}, fct[] = {10, 15, 4, 1}, offset[] = {0, 1, 3, 4, 5};
  const int32_t path[] = {0, 0, 1, 1, 0};
  memcpy(t.start, start, sizeof start);
  memcpy(t.fct, fct, sizeof fct);
  memcpy(t.path_offset, offset, sizeof offset);
  memcpy(t.path, path, sizeof path);
  link_facts(&t, 4, 2);
  m4_error error = {0};
  m4_arena arena = {0};
  assert_ok(m4_arena_init(&arena, 1 << 20, &error), &error);
  assert_ok(ds_busy_periods(&t.facts, &arena, &error), &error);
  assert_int_equal(t.facts.n_periods, 2);
  const int32_t flows[] = {0, 1, 2, 3};
  const int64_t events[] = {0, 1, 2, 3, 4, 5, 6, 7};
  assert_memory_equal(t.facts.period_flow, flows, sizeof flows);
  assert_memory_equal(t.facts.period_event, events, sizeof events);
  assert_int_equal(t.facts.period_flow_offset[1], 3);
  assert_int_equal(t.facts.period_max_active[0], 3);
  assert_int_equal(t.facts.period_max_active[1], 1);
  assert_int_equal(t.facts.period_end_ns[0], 20);
  assert_int_equal(t.facts.period_start_ns[1], 20);
  m4_arena_free(&arena);
}

static void test_impossible_facts(void **state) {
  (void)state;
  static traffic t;
  m4_arena arena = {0}, small = {0};
  m4_error error = {0};
  assert_ok(m4_arena_init(&arena, 1 << 20, &error), &error);
  assert_ok(m4_arena_init(&small, 1, &error), &error);
  m4_rng rng = m4_rng_make(13, M4_RNG_TEST, 0);
  const struct { int64_t start, fct; } times[] = {{0, 0}, {0, -2}, {-1, 1}, {INT64_MAX, 1}, {1, INT64_MAX}};
  for (size_t i = 0; i < sizeof times / sizeof times[0]; ++i) {
    random_traffic(&t, &rng);
    t.start[0] = times[i].start;
    t.fct[0] = times[i].fct;
    assert_int_equal(ds_busy_periods(&t.facts, &arena, &error), M4_DATA);
  }
  random_traffic(&t, &rng);
  t.path[0] = t.facts.n_links;
  assert_int_equal(ds_busy_periods(&t.facts, &arena, &error), M4_DATA);
  random_traffic(&t, &rng);
  while (m4_arena_alloc(&small, 64, 1)) {
  }
  assert_int_equal(ds_busy_periods(&t.facts, &small, &error), M4_MEMORY);
  m4_arena_free(&arena);
  m4_arena_free(&small);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_traffic),
                                     cmocka_unit_test(test_unfinished_flows), cmocka_unit_test(test_by_hand),
                                     cmocka_unit_test(test_impossible_facts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
