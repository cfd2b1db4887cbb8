/* Progressive filling over the links that the flows present use. */
#include "nn/m4_fluid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

static m4_status no_memory(m4_error *err) {
  return m4_fail(err, M4_MEMORY, NULL, "no memory for the fluid of an event");
}

m4_status m4_fluid_init(m4_fluid *fluid, int32_t n_flows, int32_t n_links, m4_error *err) {
  memset(fluid, 0, sizeof *fluid);
  fluid->n_links = n_links;
  fluid->links = calloc((size_t)n_links, sizeof *fluid->links);
  fluid->touched = calloc((size_t)n_links, sizeof *fluid->touched);
  m4_status status = fluid->links && fluid->touched ? M4_OK : no_memory(err);
  if (status == M4_OK) status = m4_fluid_grow(fluid, n_flows, err);
  if (status != M4_OK) m4_fluid_free(fluid);
  return status;
}

m4_status m4_fluid_grow(m4_fluid *fluid, int32_t n_flows, m4_error *err) {
  m4_fluid_flow *flows = realloc(fluid->flows, (size_t)n_flows * sizeof *flows);
  if (flows) fluid->flows = flows;
  float *features = realloc(fluid->features, (size_t)n_flows * M4_N_FLUID * sizeof *features);
  if (features) fluid->features = features;
  if (!flows || !features) return no_memory(err);
  fluid->n_flows = n_flows;
  return M4_OK;
}

void m4_fluid_free(m4_fluid *fluid) {
  free(fluid->flows);
  free(fluid->links);
  free(fluid->features);
  free(fluid->touched);
  free(fluid->users);
  memset(fluid, 0, sizeof *fluid);
}

static m4_status reserve_users(m4_fluid *fluid, int64_t count, m4_error *err) {
  if (count <= fluid->users_capacity) return M4_OK;
  if (count > INT32_MAX / 2) return no_memory(err);
  int32_t *users = realloc(fluid->users, 2 * (size_t)count * sizeof *users);
  if (!users) return no_memory(err);
  fluid->users = users;
  fluid->users_capacity = 2 * (int32_t)count;
  return M4_OK;
}

/* ---- flows ---- */

static const double UNKNOWN = -1.0; /* the rate of a flow that has not got one yet */

void m4_fluid_start(m4_fluid *fluid, int32_t row, double now_ns, double size_bytes, double ideal_fct_ns,
                    const int32_t *links, int32_t n_links) {
  double solo_rate = INFINITY;
  for (int32_t i = 0; i < n_links; ++i) solo_rate = fmin(solo_rate, fluid->links[links[i]].capacity);
  fluid->flows[row] = (m4_fluid_flow){.start_ns = now_ns,
                                      .ideal_fct_ns = ideal_fct_ns,
                                      .size_bytes = size_bytes,
                                      .solo_rate = solo_rate,
                                      .last_ns = now_ns,
                                      .remaining_bytes = size_bytes,
                                      .links = links,
                                      .n_links = n_links};
}

static void drain(m4_fluid *fluid, const int32_t *rows, int32_t n_rows, double now_ns) {
  for (int32_t i = 0; i < n_rows; ++i) {
    m4_fluid_flow *flow = &fluid->flows[rows[i]];
    double drained = now_ns > flow->last_ns ? flow->rate * (now_ns - flow->last_ns) : 0.0;
    bool runs_out = flow->remaining_bytes > 0.0 && drained >= flow->remaining_bytes;
    if (runs_out) flow->finish_ns = flow->last_ns + flow->remaining_bytes / flow->rate;
    flow->remaining_bytes = runs_out ? 0.0 : fmax(flow->remaining_bytes - drained, 0.0);
    flow->last_ns = now_ns;
    flow->rate = flow->remaining_bytes > 0.0 ? UNKNOWN : 0.0;
  }
}

/* ---- rates ---- */

static void touch_links(m4_fluid *fluid, const int32_t *rows, int32_t n_rows) {
  fluid->n_touched = 0;
  for (int32_t i = 0; i < n_rows; ++i) {
    const m4_fluid_flow *flow = &fluid->flows[rows[i]];
    for (int32_t hop = 0; flow->rate < 0.0 && hop < flow->n_links; ++hop) {
      m4_fluid_link *link = &fluid->links[flow->links[hop]];
      if (link->open++ == 0) fluid->touched[fluid->n_touched++] = flow->links[hop];
    }
  }
  int32_t next = 0;
  for (int32_t i = 0; i < fluid->n_touched; ++i) {
    m4_fluid_link *link = &fluid->links[fluid->touched[i]];
    link->left = link->capacity;
    link->first = link->next = next;
    next += link->open;
  }
}

/* Needs room for the hops of all flows. */
static void list_users(m4_fluid *fluid, const int32_t *rows, int32_t n_rows) {
  for (int32_t i = 0; i < n_rows; ++i) {
    const m4_fluid_flow *flow = &fluid->flows[rows[i]];
    for (int32_t hop = 0; flow->rate < 0.0 && hop < flow->n_links; ++hop)
      fluid->users[fluid->links[flow->links[hop]].next++] = rows[i];
  }
}

/* The link that fills first; NULL when every flow has its rate. */
static const m4_fluid_link *tightest(const m4_fluid *fluid, double *share) {
  const m4_fluid_link *found = NULL;
  for (int32_t i = 0; i < fluid->n_touched; ++i) {
    const m4_fluid_link *link = &fluid->links[fluid->touched[i]];
    if (link->open == 0) continue;
    double offer = fmax(link->left, 0.0) / link->open;
    if (found && offer >= *share) continue;
    *share = offer;
    found = link;
  }
  return found;
}

static void give_rate(m4_fluid *fluid, m4_fluid_flow *flow, double rate) {
  flow->rate = rate;
  for (int32_t hop = 0; hop < flow->n_links; ++hop) {
    m4_fluid_link *link = &fluid->links[flow->links[hop]];
    link->left -= rate;
    --link->open;
  }
}

static m4_status share_out(m4_fluid *fluid, const int32_t *rows, int32_t n_rows, m4_error *err) {
  int64_t n_hops = 0;
  for (int32_t i = 0; i < n_rows; ++i) n_hops += fluid->flows[rows[i]].n_links;
  M4_TRY(reserve_users(fluid, n_hops, err));
  touch_links(fluid, rows, n_rows);
  list_users(fluid, rows, n_rows);
  const m4_fluid_link *link;
  double share = 0.0;
  while ((link = tightest(fluid, &share)))
    for (int32_t k = link->first; k < link->next; ++k)
      if (fluid->flows[fluid->users[k]].rate < 0.0) give_rate(fluid, &fluid->flows[fluid->users[k]], share);
  return M4_OK;
}

/* ---- features ---- */

static void describe(const m4_fluid_flow *flow, double now_ns, float *features) {
  static const double LARGEST = 1e6; /* slowdown told of a flow that stands still */
  double spent_ns = now_ns - flow->start_ns;
  double finish_ns =
      flow->remaining_bytes > 0.0 ? now_ns + flow->remaining_bytes / flow->rate : flow->finish_ns;
  double queueing_ns = finish_ns - flow->start_ns - flow->size_bytes / flow->solo_rate;
  double estimate = 1.0 + queueing_ns / flow->ideal_fct_ns;
  if (!(estimate < LARGEST)) estimate = LARGEST;
  features[0] = (float)log(fmax(estimate, 1.0));
  features[1] = (float)log1p(fmax(spent_ns, 0.0) / flow->ideal_fct_ns);
  features[2] = flow->solo_rate > 0.0 ? (float)(flow->rate / flow->solo_rate) : 0.0f;
  features[3] = (float)(flow->remaining_bytes / flow->size_bytes);
}

m4_status m4_fluid_step(m4_fluid *fluid, const int32_t *rows, int32_t n_rows, double now_ns, m4_error *err) {
  drain(fluid, rows, n_rows, now_ns);
  M4_TRY(share_out(fluid, rows, n_rows, err));
  for (int32_t i = 0; i < n_rows; ++i)
    describe(&fluid->flows[rows[i]], now_ns, fluid->features + (size_t)i * M4_N_FLUID);
  return M4_OK;
}
