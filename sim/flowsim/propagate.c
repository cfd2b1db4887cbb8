/* Makes max-min fair rates right again after changes; see maxmin.h. Does not know how flows join and leave.
 *
 * The level of a link with own or free flows follows from its other flows' rates alone: the water level at
 * which the link is full. The update goes through the unsettled links by ascending rate, as water filling
 * does; everything below the rate reached is final. At its turn a link either keeps its level; or its level
 * falls, and whoever is faster is slowed down to it; or its level will rise, and its own flows are set free
 * at the old level, to be limited here or elsewhere further up.
 *
 * Whose other links are then unsettled, too? Those of flows that were slowed down, where others may go
 * faster; and of the many links that a flow set free meets, only those where something can change before the
 * flow reaches the rate at which its former bottleneck is full again (look_ahead). A link with free flows of
 * several former bottlenecks is always unsettled. All other links, whose flows kept their rates, are never
 * looked at.
 */
#include "sim/flowsim/maxmin_state.h"

#include <math.h>

/* Levels that differ by less are one level: sums in another order must not count as a change. */
#define SAME_LEVEL 1e-13
/* A link without own flows this far from full limits nobody, whatever rounding has done to the sum. */
#define SLACK 1e-6

/* ---- one link ---- */

/* No rate below this one can change on account of the link; INFINITY: it limits nobody. */
static double lowest_change(const sim_fair_link *link) {
  int32_t here = link->own + link->free;
  if (link->count == 0) return INFINITY;
  if (link->known) return fmin(link->level, link->next_level);
  if (here == 0 && link->elsewhere <= link->capacity * (1 - SLACK)) return INFINITY;
  double even = link->capacity / link->count;
  if (here > 0) even = fmax(even, (link->capacity - link->elsewhere) / here);
  return fmin(link->level, even);
}

static void schedule(sim_maxmin *fair, int32_t link) {
  double rate = lowest_change(&fair->links[link]);
  if (rate < INFINITY)
    m4_heap_set(&fair->unsettled, link, rate, link);
  else
    m4_heap_remove(&fair->unsettled, link);
}

/* Its turn comes at this rate or before. */
static void hasten(sim_maxmin *fair, int32_t link, double rate) {
  if (!m4_heap_holds(&fair->unsettled, link) || m4_heap_key(&fair->unsettled, link) > rate)
    m4_heap_set(&fair->unsettled, link, rate, link);
}

void sim_fair_touch(sim_maxmin *fair, int32_t id) {
  sim_fair_link *link = &fair->links[id];
  link->known = false;
  if (link->own == 0) link->level = INFINITY;
  if (link->count == 0) link->elsewhere = 0;
  schedule(fair, id);
}

/* Copies the rates of the flows limited elsewhere to the scratch; their sum becomes exact. */
static int32_t collect_rates(sim_maxmin *fair, int32_t id) {
  sim_fair_link *link = &fair->links[id];
  int32_t n = 0;
  double sum = 0;
  for (int32_t i = 0; i < link->count; i++) {
    const sim_fair_flow *flow = &fair->flows[link->flows[i]];
    if (flow->bottleneck == SIM_FAIR_FREE || flow->bottleneck == id) continue;
    fair->rates[n++] = flow->rate;
    sum += flow->rate;
  }
  link->elsewhere = sum;
  return n;
}

/* The level at which the link is full; INFINITY if it cannot be. Ascends: flows below the level so far take
 * their rate, all others an even share of the rest. */
static double water_level(sim_maxmin *fair, int32_t id) {
  int32_t n = collect_rates(fair, id);
  const sim_fair_link *link = &fair->links[id];
  double level = fmax(0, link->capacity / link->count);
  for (;;) {
    double rest = link->capacity;
    int32_t sharing = link->own + link->free;
    for (int32_t i = 0; i < n; i++) {
      bool slow = fair->rates[i] <= level;
      rest -= slow ? fair->rates[i] : 0;
      sharing += !slow;
    }
    if (sharing == 0) return INFINITY;
    double next = rest / sharing;
    if (!(next > level)) return level;
    level = next;
  }
}

/* ---- flows ---- */

static void list_change(sim_maxmin *fair, int32_t flow) {
  if (fair->flows[flow].listed_in == fair->update) return;
  fair->flows[flow].listed_in = fair->update;
  fair->changed[fair->n_changed++] = flow;
}

/* A flow of the link has got its rate: others may have to follow. Free ones are looked after when they get
 * theirs. */
static void reconsider(sim_maxmin *fair, int32_t id) {
  sim_fair_link *link = &fair->links[id];
  if (link->settled_in == fair->update) return;
  link->known = false;
  if (link->own == 0) link->level = INFINITY;
  if (link->own == 0 && link->free > 0) return;
  double rate = lowest_change(link);
  if (rate < INFINITY) hasten(fair, id, rate);
}

/* From now on the link `by` limits the flow to `rate`. */
static void limit(sim_maxmin *fair, int32_t id, int32_t by, double rate) {
  sim_fair_flow *flow = &fair->flows[id];
  int32_t before = flow->bottleneck;
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    int32_t on = flow->links[hop];
    sim_fair_link *link = &fair->links[on];
    if (before == SIM_FAIR_FREE)
      link->free--;
    else if (on == before)
      link->own--;
    else
      link->elsewhere -= flow->rate;
    if (on == by) {
      link->own++;
      continue;
    }
    link->elsewhere += rate;
    reconsider(fair, on);
  }
  if (flow->rate != rate) list_change(fair, id);
  flow->rate = rate;
  flow->bottleneck = by;
}

static void set_free(sim_maxmin *fair, int32_t id) {
  sim_fair_flow *flow = &fair->flows[id];
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    sim_fair_link *link = &fair->links[flow->links[hop]];
    sim_fair_set_free_on(link, flow->bottleneck);
    if (flow->links[hop] == flow->bottleneck) {
      link->own--;
      continue;
    }
    link->elsewhere -= flow->rate;
    link->known = false;
    link->settled_in = 0;
    if (link->own == 0) link->level = INFINITY;
  }
  flow->bottleneck = SIM_FAIR_FREE;
}

/* ---- a link's turn ---- */

/* The free flows of a link may meet tighter links before they reach this rate: those get their turn first.
 * Most links never do, which is why links that flows were set free on are not unsettled by that alone. */
static void look_ahead(sim_maxmin *fair, int32_t id, double rate) {
  const sim_fair_link *link = &fair->links[id];
  for (int32_t i = 0, left = link->free; left > 0; i++) {
    const sim_fair_flow *flow = &fair->flows[link->flows[i]];
    if (flow->bottleneck != SIM_FAIR_FREE) continue;
    left--;
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      int32_t other = flow->links[hop];
      if (other == id) continue;
      double change = lowest_change(&fair->links[other]);
      if (change < rate || fair->links[other].freed_by != id) hasten(fair, other, change);
    }
  }
}

/* The link waits until something can change on it; what its free flows meet before waits, too. */
static void postpone(sim_maxmin *fair, int32_t id) {
  schedule(fair, id);
  look_ahead(fair, id, lowest_change(&fair->links[id]));
}

static void settle(sim_maxmin *fair, int32_t id, double level) {
  sim_fair_link *link = &fair->links[id];
  m4_heap_remove(&fair->unsettled, id);
  link->settled_in = fair->update;
  for (int32_t i = 0; i < link->count; i++) {
    const sim_fair_flow *flow = &fair->flows[link->flows[i]];
    bool slower = flow->bottleneck == id ? flow->rate != level : flow->rate > level * (1 + SAME_LEVEL);
    if (flow->bottleneck == SIM_FAIR_FREE || slower) limit(fair, link->flows[i], id, level);
  }
  link->level = link->own > 0 ? level : INFINITY;
}

static void release(sim_maxmin *fair, int32_t id) {
  sim_fair_link *link = &fair->links[id];
  link->released_in = fair->update;
  for (int32_t i = 0; i < link->count; i++)
    if (fair->flows[link->flows[i]].bottleneck == id) set_free(fair, link->flows[i]);
  link->level = INFINITY;
  postpone(fair, id);
}

static bool same(double a, double b) {
  return fabs(a - b) <= SAME_LEVEL * fmin(a, b);
}

static void take_turn(sim_maxmin *fair, m4_heap_entry turn) {
  sim_fair_link *link = &fair->links[turn.item];
  if (lowest_change(link) > turn.key) { /* less is wanted of it meanwhile */
    postpone(fair, turn.item);
    return;
  }
  if (!link->known) link->next_level = water_level(fair, turn.item);
  link->known = true;
  double change = lowest_change(link);
  if (change > turn.key)
    postpone(fair, turn.item); /* later, or never */
  else if (link->next_level < link->level && !same(link->next_level, link->level))
    settle(fair, turn.item, link->next_level);
  else if (same(link->next_level, link->level) || link->released_in == fair->update)
    settle(fair, turn.item, link->level);
  else
    release(fair, turn.item);
}

int32_t sim_maxmin_update(sim_maxmin *fair, const int32_t **changed) {
  fair->update++;
  fair->n_changed = 0;
  while (fair->unsettled.count > 0) take_turn(fair, fair->unsettled.entries[0]);
  *changed = fair->changed;
  return fair->n_changed;
}
