/* Progressive filling on the arrays of an event. */
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
  fluid->capacity = calloc((size_t)n_links, sizeof *fluid->capacity);
  fluid->left = calloc((size_t)n_links, sizeof *fluid->left);
  fluid->open = calloc((size_t)n_links, sizeof *fluid->open);
  m4_status status = fluid->capacity && fluid->left && fluid->open ? M4_OK : no_memory(err);
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
  free(fluid->features);
  free(fluid->capacity);
  free(fluid->left);
  free(fluid->open);
  memset(fluid, 0, sizeof *fluid);
}

/* ---- flows ---- */

void m4_fluid_start(m4_fluid *fluid, int32_t row, double now_ns, double size_bytes, double ideal_fct_ns,
                    const int32_t *links, int32_t n_links) {
  double solo_rate = INFINITY;
  for (int32_t i = 0; i < n_links; ++i) solo_rate = fmin(solo_rate, fluid->capacity[links[i]]);
  fluid->flows[row] = (m4_fluid_flow){.start_ns = now_ns,
                                      .ideal_fct_ns = ideal_fct_ns,
                                      .size_bytes = size_bytes,
                                      .solo_rate = solo_rate,
                                      .last_ns = now_ns,
                                      .remaining_bytes = size_bytes};
}

static void drain(m4_fluid *fluid, const m4_event_data *event, double now_ns) {
  for (int32_t i = 0; i < event->n_flows; ++i) {
    m4_fluid_flow *flow = &fluid->flows[event->flow_rows[i]];
    if (now_ns > flow->last_ns) flow->remaining_bytes -= flow->rate * (now_ns - flow->last_ns);
    flow->remaining_bytes = fmax(flow->remaining_bytes, 0.0);
    flow->last_ns = now_ns;
    flow->rate = -1.0;
  }
}

/* ---- rates ---- */

/* The link that fills first; -1 when every flow has its rate. */
static int32_t tightest(const m4_fluid *fluid, int32_t n_links, double *share) {
  int32_t found = -1;
  *share = INFINITY;
  for (int32_t l = 0; l < n_links; ++l) {
    if (fluid->open[l] == 0) continue;
    double offer = fmax(fluid->left[l], 0.0) / fluid->open[l];
    if (found >= 0 && offer >= *share) continue;
    *share = offer;
    found = l;
  }
  return found;
}

static void share_out(m4_fluid *fluid, const m4_event_data *event) {
  const int32_t *offset = event->neighbour_offset, *index = event->neighbour_index;
  int32_t n_flows = event->n_flows, link;
  for (int32_t l = 0; l < event->n_links; ++l) {
    fluid->left[l] = fluid->capacity[event->link_rows[l]];
    fluid->open[l] = offset[n_flows + l + 1] - offset[n_flows + l];
  }
  double share;
  while ((link = tightest(fluid, event->n_links, &share)) >= 0)
    for (int32_t k = offset[n_flows + link]; k < offset[n_flows + link + 1]; ++k) {
      m4_fluid_flow *flow = &fluid->flows[event->flow_rows[index[k]]];
      if (flow->rate >= 0.0) continue;
      flow->rate = share;
      for (int32_t hop = offset[index[k]]; hop < offset[index[k] + 1]; ++hop) {
        fluid->left[index[hop] - n_flows] -= share;
        --fluid->open[index[hop] - n_flows];
      }
    }
}

/* ---- features ---- */

static void describe(const m4_fluid_flow *flow, double now_ns, float *features) {
  static const double LARGEST = 1e6; /* slowdown told of a flow that stands still */
  double spent_ns = now_ns - flow->start_ns;
  double queueing_ns = spent_ns + flow->remaining_bytes / flow->rate - flow->size_bytes / flow->solo_rate;
  double estimate = fmax(1.0 + queueing_ns / flow->ideal_fct_ns, spent_ns / flow->ideal_fct_ns);
  if (!(estimate < LARGEST)) estimate = LARGEST;
  features[0] = (float)log(fmax(estimate, 1.0));
  features[1] = (float)log1p(fmax(spent_ns, 0.0) / flow->ideal_fct_ns);
  features[2] = flow->solo_rate > 0.0 ? (float)(flow->rate / flow->solo_rate) : 0.0f;
  features[3] = (float)(flow->remaining_bytes / flow->size_bytes);
}

const float *m4_fluid_step(m4_fluid *fluid, const m4_event_data *event, double now_ns) {
  drain(fluid, event, now_ns);
  share_out(fluid, event);
  for (int32_t i = 0; i < event->n_flows; ++i)
    describe(&fluid->flows[event->flow_rows[i]], now_ns, fluid->features + (size_t)i * M4_N_FLUID);
  return fluid->features;
}
