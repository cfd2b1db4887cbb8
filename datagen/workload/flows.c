/* Puts a scenario's flows together. Order of draws: placement, test pairs, then per flow pair, size, gap.
 * Source: workloads.md 5. */
#include "datagen/workload/flows.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_FLOWS = 1 << 26 };
static const double MAX_START_NS = 1e15; /* eleven days: later starts are mistakes */

/* Mean gap with which the busiest link is expected to carry max_load of its rate in payload. */
static m4_status calibrate(double *mean_gap_ns, const dg_traffic *traffic, const dg_busiest_link *busiest,
                           m4_error *err) {
  double offered_bps = traffic->max_load * (double)busiest->rate_bps / busiest->fraction;
  *mean_gap_ns = round(8e9 * round(traffic->sizes->mean_bytes) / offered_bps);
  if (!(*mean_gap_ns >= 1 && *mean_gap_ns <= MAX_START_NS))
    return m4_fail(err, M4_USAGE, NULL,
                   "load %g with flows of %.0f bytes on average needs a mean gap of %g ns", traffic->max_load,
                   traffic->sizes->mean_bytes, *mean_gap_ns);
  return M4_OK;
}

static m4_status place(dg_placement *placement, const dg_traffic *traffic, const sim_clos *shape, m4_rng *rng,
                       m4_error *err) {
  return dg_placement_create(placement, traffic->spatial, traffic->matrix_copies, shape->pods,
                             shape->racks_per_pod, shape->hosts_per_rack, rng, err);
}

static m4_status find_gap(double *mean_gap_ns, const dg_traffic *traffic, const dg_placement *placement,
                          const sim_clos *shape, const sim_topology *topology, m4_rng *rng, m4_error *err) {
  dg_busiest_link busiest;
  if (traffic->expected_load)
    M4_TRY(dg_expect_busiest_link(&busiest, placement, shape, err));
  else
    M4_TRY(dg_find_busiest_link(&busiest, placement, topology, traffic->n_flows, rng, err));
  return calibrate(mean_gap_ns, traffic, &busiest, err);
}

m4_status dg_expect_gap(double *mean_gap_ns, const dg_traffic *traffic, const sim_clos *shape,
                        m4_error *err) {
  dg_placement placement;
  dg_busiest_link busiest;
  m4_rng rng = m4_rng_make(0, M4_RNG_WORKLOAD, 0); /* which racks are busy does not matter */
  m4_status status = place(&placement, traffic, shape, &rng, err);
  if (status == M4_OK) status = dg_expect_busiest_link(&busiest, &placement, shape, err);
  if (status == M4_OK) status = calibrate(mean_gap_ns, traffic, &busiest, err);
  dg_placement_free(&placement);
  return status;
}

/* ---- drawing ---- */

/* Room for all flows, or for those that a duration is expected to have. */
static m4_status make_list(dg_flow_list *list, int64_t *capacity, const dg_traffic *traffic, m4_error *err) {
  const double spare = 1.25;
  double expected = traffic->n_flows > 0 ? (double)traffic->n_flows
                                         : 1 + spare * traffic->duration_s * 1e9 / list->mean_gap_ns;
  if (!(expected <= MAX_FLOWS))
    return m4_fail(err, M4_USAGE, NULL, "%g flows are more than %d (mean gap %g ns)", expected, MAX_FLOWS,
                   list->mean_gap_ns);
  *capacity = (int64_t)expected;
  list->flows = calloc((size_t)*capacity, sizeof *list->flows);
  return list->flows ? M4_OK
                     : m4_fail(err, M4_MEMORY, NULL, "no memory for %lld flows", (long long)*capacity);
}

static m4_status make_room(dg_flow_list *list, int64_t *capacity, m4_error *err) {
  if (list->n_flows < *capacity) return M4_OK;
  sim_flow *longer = realloc(list->flows, 2 * (size_t)*capacity * sizeof *longer);
  if (!longer) return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld flows", 2 * (long long)*capacity);
  list->flows = longer;
  *capacity *= 2;
  return M4_OK;
}

static bool wants_more(const dg_flow_list *list, const dg_traffic *traffic, double start_ns) {
  if (traffic->n_flows > 0) return list->n_flows < traffic->n_flows;
  return start_ns < DG_FIRST_START_NS + traffic->duration_s * 1e9;
}

static m4_status draw_flows(dg_flow_list *list, const dg_traffic *traffic, const dg_placement *placement,
                            m4_rng *rng, m4_error *err) {
  int64_t capacity = 0;
  double start_ns = DG_FIRST_START_NS;
  M4_TRY(make_list(list, &capacity, traffic, err));
  while (wants_more(list, traffic, start_ns)) {
    M4_TRY(make_room(list, &capacity, err));
    sim_flow *flow = &list->flows[list->n_flows];
    *flow = (sim_flow){
        .id = list->n_flows, .priority = DG_DATA_PRIORITY, .destination_port = DG_DESTINATION_PORT};
    dg_pair_draw(placement, rng, &flow->src, &flow->dst);
    flow->size_bytes = dg_size_draw(traffic->sizes, rng);
    flow->start_ns = traffic->together ? DG_FIRST_START_NS : (int64_t)start_ns;
    start_ns += dg_gap_draw(list->mean_gap_ns, traffic->sigma, rng);
    list->n_flows++;
    if (!(start_ns <= MAX_START_NS))
      return m4_fail(err, M4_USAGE, NULL, "flow %lld would start after %g s (mean gap %g ns, sigma %g)",
                     (long long)list->n_flows, MAX_START_NS * 1e-9, list->mean_gap_ns, traffic->sigma);
  }
  return M4_OK;
}

m4_status dg_draw_flows(dg_flow_list *list, const dg_traffic *traffic, const sim_clos *shape,
                        const sim_topology *topology, m4_rng *rng, m4_error *err) {
  *list = (dg_flow_list){0};
  dg_placement placement;
  m4_status status = place(&placement, traffic, shape, rng, err);
  if (status == M4_OK) status = find_gap(&list->mean_gap_ns, traffic, &placement, shape, topology, rng, err);
  if (status == M4_OK) status = draw_flows(list, traffic, &placement, rng, err);
  dg_placement_free(&placement);
  if (status == M4_OK) return M4_OK;
  free(list->flows);
  *list = (dg_flow_list){0};
  return status;
}
