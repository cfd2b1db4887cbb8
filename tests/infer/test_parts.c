/* infer/heap, roster, components against slow and simple versions of themselves. */
#include "base/heap.h"
#include "infer/components.h"

#include "base/philox.h"
#include "tests/base/testing.h"

#include <math.h>

/* ---- heap ---- */

enum { SLOTS = 50 };

static void heap_finds_the_earliest(void **state) {
  (void)state;
  m4_heap heap = {0};
  assert_int_equal(m4_heap_reserve(&heap, SLOTS / 2, NULL), M4_OK);
  assert_int_equal(m4_heap_reserve(&heap, SLOTS, NULL), M4_OK);
  double time[SLOTS];
  bool present[SLOTS] = {false};
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  for (int round = 0; round < 20000; ++round) {
    int32_t slot = (int32_t)m4_rng_below(&rng, SLOTS);
    if (m4_rng_below(&rng, 3) == 0) {
      m4_heap_remove(&heap, slot);
      present[slot] = false;
    } else {
      time[slot] = (double)m4_rng_below(&rng, 20); /* many ties */
      present[slot] = true;
      m4_heap_set(&heap, slot, time[slot], 1000 - slot);
    }
    int32_t best = -1, count = 0;
    for (int32_t i = 0; i < SLOTS; ++i) {
      count += present[i];
      if (present[i] && (best < 0 || time[i] <= time[best])) best = i; /* the later slot has the lower tag */
    }
    assert_int_equal(heap.count, count);
    if (best >= 0) assert_int_equal(heap.entries[0].item, best);
  }
  m4_heap_free(&heap);
}

/* ---- roster ---- */

static void roster_stays_sorted(void **state) {
  (void)state;
  enum { KEYS = 200 };
  inf_roster left = {0}, right = {0};
  int owner[KEYS] = {0}; /* 0 nobody, 1 left, 2 right */
  m4_rng rng = m4_rng_make(2, M4_RNG_TEST, 0);
  for (int round = 0; round < 20000; ++round) {
    int key = (int)m4_rng_below(&rng, KEYS);
    int side = (int)m4_rng_below(&rng, 2);
    inf_roster *roster = side ? &right : &left;
    if (owner[key] == 0) {
      assert_int_equal(inf_roster_add(roster, key, 2 * key, NULL), M4_OK);
      owner[key] = side + 1;
    } else {
      inf_roster_remove(roster, key); /* perhaps not there: then nothing happens */
      if (owner[key] == side + 1) owner[key] = 0;
    }
    if (round % 500 == 0) {
      assert_int_equal(inf_roster_absorb(&left, &right, NULL), M4_OK);
      assert_int_equal(right.count, 0);
      for (int i = 0; i < KEYS; ++i)
        if (owner[i] == 2) owner[i] = 1;
    }
  }
  for (int i = 0; i < KEYS; ++i) {
    assert_int_equal(inf_roster_find(&left, i), owner[i] == 1 ? 2 * i : -1);
    assert_int_equal(inf_roster_find(&right, i), owner[i] == 2 ? 2 * i : -1);
  }
  for (int32_t i = 1; i < left.count; ++i) assert_true(left.members[i - 1].key < left.members[i].key);
  inf_roster_free(&left);
  inf_roster_free(&right);
}

/* ---- components ---- */

enum { LINKS = 60, FLOWS = 40, PATH = 3 };

/* simulation.md 3 word for word: labels that are never reused. */
typedef struct naive {
  int next_label, link_label[LINKS], link_count[LINKS], flow_label[FLOWS];
  int32_t path[FLOWS][PATH];
} naive;

static void naive_join(naive *n, int flow, bool single) {
  int label = n->next_label++;
  for (int i = 0; i < PATH; ++i) {
    int old = n->link_label[n->path[flow][i]];
    if (old < 0) continue;
    for (int f = 0; f < FLOWS; ++f)
      if (n->flow_label[f] == old) n->flow_label[f] = label;
    for (int l = 0; l < LINKS; ++l)
      if (n->link_label[l] == old) n->link_label[l] = label;
  }
  n->flow_label[flow] = label;
  for (int i = 0; i < PATH; ++i) {
    n->link_label[n->path[flow][i]] = label;
    ++n->link_count[n->path[flow][i]];
  }
  if (!single) return;
  for (int f = 0; f < FLOWS; ++f)
    if (n->flow_label[f] >= 0) n->flow_label[f] = label;
  for (int l = 0; l < LINKS; ++l)
    if (n->link_label[l] >= 0) n->link_label[l] = label;
}

static void naive_leave(naive *n, int flow) {
  n->flow_label[flow] = -1;
  for (int i = 0; i < PATH; ++i)
    if (--n->link_count[n->path[flow][i]] == 0) n->link_label[n->path[flow][i]] = -1;
}

/* The component holds exactly the flows and links that carry `label`, each once, in order. */
static void assert_same_component(const inf_component *component, const naive *n, int label) {
  int32_t flows = 0, links = 0;
  for (int f = 0; f < FLOWS; ++f) {
    if (n->flow_label[f] != label) continue;
    assert_true(flows < component->flows.count);
    assert_int_equal(component->flows.members[flows].key, f);
    assert_int_equal(component->flows.members[flows++].row, FLOWS - f);
  }
  for (int l = 0; l < LINKS; ++l) {
    if (n->link_label[l] != label) continue;
    assert_true(links < component->links.count);
    assert_int_equal(component->links.members[links++].row, l);
  }
  assert_int_equal(component->flows.count, flows);
  assert_int_equal(component->links.count, links);
}

static void follow_naive(bool single) {
  naive n = {0};
  for (int i = 0; i < LINKS; ++i) n.link_label[i] = -1;
  for (int i = 0; i < FLOWS; ++i) n.flow_label[i] = -1;
  inf_components components;
  assert_int_equal(inf_components_init(&components, LINKS, single, NULL), M4_OK);
  m4_rng rng = m4_rng_make(3, M4_RNG_TEST, single);
  int merges = 0, most = 0;
  for (int round = 0; round < 4000; ++round) {
    int flow = (int)m4_rng_below(&rng, FLOWS), active = 0;
    for (int f = 0; f < FLOWS; ++f) active += n.flow_label[f] >= 0;
    if (n.flow_label[flow] < 0 && active < 12) {
      for (int i = 0; i < PATH; ++i)
        n.path[flow][i] = (int32_t)m4_rng_below(&rng, LINKS); /* a link may repeat */
      int first = n.link_label[n.path[flow][0]], second = n.link_label[n.path[flow][1]];
      merges += first >= 0 && second >= 0 && first != second;
      naive_join(&n, flow, single);
      assert_int_equal(inf_components_join(&components, flow, FLOWS - flow, n.path[flow], PATH, NULL), M4_OK);
      assert_same_component(inf_components_of(&components, n.path[flow]), &n, n.flow_label[flow]);
    } else if (n.flow_label[flow] >= 0) {
      int label = n.flow_label[flow];
      naive_leave(&n, flow);
      assert_same_component(inf_components_leave(&components, flow, n.path[flow], PATH), &n, label);
    }
    for (int l = 0; l < LINKS; ++l) assert_int_equal(components.flow_count[l], n.link_count[l]);
    int in_use = components.n_list - components.n_free;
    if (in_use > most) most = in_use;
  }
  assert_true(single ? most == 1 : most > 3 && merges > 20); /* the run met what it is meant to test */
  assert_true(components.n_list < 20);                       /* labels are reused */
  inf_components_free(&components);
}

static void components_merge_and_never_split(void **state) {
  (void)state;
  follow_naive(false);
}

static void global_scope_is_one_component(void **state) {
  (void)state;
  follow_naive(true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(heap_finds_the_earliest),
      cmocka_unit_test(roster_stays_sorted),
      cmocka_unit_test(components_merge_and_never_split),
      cmocka_unit_test(global_scope_is_one_component),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
