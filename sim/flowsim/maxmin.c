/* The active flows of every link; see maxmin.h. Does not compute rates (propagate.c). */
#include "sim/flowsim/maxmin_state.h"

#include <math.h>
#include <stdlib.h>

enum { FIRST_ROOM = 4 };

m4_status sim_maxmin_create(sim_maxmin **out, const sim_topology *topology, int32_t max_path, m4_error *err) {
  *out = NULL;
  sim_maxmin *fair = calloc(1, sizeof *fair);
  size_t n_links = (size_t)topology->n_links;
  if (fair) fair->links = calloc(n_links + 1, sizeof *fair->links);
  bool ready = fair && fair->links && m4_heap_reserve(&fair->unsettled, topology->n_links, NULL) == M4_OK;
  if (!ready) {
    sim_maxmin_free(fair);
    return m4_fail(err, M4_MEMORY, "flowsim", "no memory for %d links", topology->n_links);
  }
  fair->n_links = topology->n_links;
  fair->max_path = max_path;
  for (int32_t link = 0; link < topology->n_links; link++) {
    fair->links[link].capacity = (double)topology->links[link].rate_bps / 8e9;
    fair->links[link].level = INFINITY;
  }
  *out = fair;
  return M4_OK;
}

void sim_maxmin_free(sim_maxmin *fair) {
  if (!fair) return;
  for (int32_t link = 0; link < fair->n_links; link++) free(fair->links[link].flows);
  m4_heap_free(&fair->unsettled);
  free(fair->links);
  free(fair->flows);
  free(fair->place);
  free(fair->changed);
  free(fair->rates);
  free(fair);
}

static bool grow(void *array, size_t count, size_t bytes) {
  void **memory = array, *larger = realloc(*memory, count * bytes);
  if (larger) *memory = larger;
  return larger != NULL;
}

m4_status sim_maxmin_reserve(sim_maxmin *fair, int32_t n_flows, m4_error *err) {
  if (n_flows <= fair->n_flows) return M4_OK;
  size_t n = (size_t)n_flows;
  if (!grow(&fair->flows, n, sizeof *fair->flows) || !grow(&fair->changed, n, sizeof *fair->changed) ||
      !grow(&fair->place, n * (size_t)fair->max_path + 1, sizeof *fair->place))
    return m4_fail(err, M4_MEMORY, "flowsim", "no memory for %d active flows", n_flows);
  fair->n_flows = n_flows;
  return M4_OK;
}

static m4_status make_room(sim_maxmin *fair, sim_fair_link *link, m4_error *err) {
  if (link->count < link->room) return M4_OK;
  int32_t room = link->room ? 2 * link->room : FIRST_ROOM;
  bool ready = grow(&link->flows, (size_t)room, sizeof *link->flows);
  if (ready && room > fair->rates_room) {
    ready = grow(&fair->rates, (size_t)room, sizeof *fair->rates);
    if (ready) fair->rates_room = room;
  }
  if (!ready) return m4_fail(err, M4_MEMORY, "flowsim", "no memory for %d flows on a link", room);
  link->room = room;
  return M4_OK;
}

m4_status sim_maxmin_add(sim_maxmin *fair, int32_t flow, const int32_t *links, int32_t n_links,
                         m4_error *err) {
  int32_t *place = fair->place + (size_t)flow * (size_t)fair->max_path;
  for (int32_t hop = 0; hop < n_links; hop++) M4_TRY(make_room(fair, &fair->links[links[hop]], err));
  fair->flows[flow] = (sim_fair_flow){.links = links, .n_links = n_links, .bottleneck = SIM_FAIR_FREE};
  for (int32_t hop = 0; hop < n_links; hop++) {
    sim_fair_link *link = &fair->links[links[hop]];
    place[hop] = link->count;
    link->flows[link->count++] = flow;
    sim_fair_set_free_on(link, SIM_FAIR_SEVERAL);
    sim_fair_touch(fair, links[hop]);
  }
  return M4_OK;
}

static int32_t hop_of(const sim_fair_flow *flow, int32_t link) {
  int32_t hop = 0;
  while (flow->links[hop] != link) hop++;
  return hop;
}

/* The last flow of the link takes the place of the one that leaves. */
static void leave_list(sim_maxmin *fair, sim_fair_link *link, int32_t id, int32_t place) {
  int32_t last = link->flows[--link->count];
  link->flows[place] = last;
  fair->place[(size_t)last * (size_t)fair->max_path + (size_t)hop_of(&fair->flows[last], id)] = place;
}

void sim_maxmin_remove(sim_maxmin *fair, int32_t flow) {
  const sim_fair_flow *leaving = &fair->flows[flow];
  const int32_t *place = fair->place + (size_t)flow * (size_t)fair->max_path;
  for (int32_t hop = 0; hop < leaving->n_links; hop++) {
    int32_t id = leaving->links[hop];
    sim_fair_link *link = &fair->links[id];
    leave_list(fair, link, id, place[hop]);
    if (leaving->bottleneck == SIM_FAIR_FREE)
      link->free--;
    else if (leaving->bottleneck == id)
      link->own--;
    else
      link->elsewhere -= leaving->rate;
    sim_fair_touch(fair, id);
  }
}

void sim_maxmin_set_capacity(sim_maxmin *fair, int32_t link, double bytes_per_ns) {
  fair->links[link].capacity = bytes_per_ns;
  sim_fair_touch(fair, link);
}

double sim_maxmin_rate(const sim_maxmin *fair, int32_t flow) {
  return fair->flows[flow].rate;
}
