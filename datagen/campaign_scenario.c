/* From a scenario's parameters to the scenario: the fabric, the traffic, the simulator settings. Source:
 * workloads.md 5, 8. */
#include "datagen/campaign.h"

#include "datagen/campaign_folder.h"
#include "datagen/workload/flows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fill_params(double params[SIM_N_PARAMS], const dg_draw *draw) {
  memset(params, 0, SIM_N_PARAMS * sizeof *params);
  params[0] = draw->bfsz;
  params[1] = (double)draw->window_bytes / 1000;
  switch (draw->cc) {
  case PKT_CC_DCTCP:
    params[2] = 1;
    params[6] = draw->p1;
    break;
  case PKT_CC_DCQCN:
    params[3] = 1;
    params[7] = draw->p1;
    params[8] = draw->p2;
    break;
  case PKT_CC_HPCC:
    params[4] = 1;
    params[9] = draw->p1;
    params[10] = draw->p2;
    break;
  case PKT_CC_TIMELY:
    params[5] = 1;
    params[11] = draw->p1;
    params[12] = draw->p2;
    break;
  }
}

/* The drawn table: one that was read, or a synthetic one made now into *made. */
static m4_status find_sizes(const dg_sizes **sizes, dg_sizes **made, const dg_campaign *campaign,
                            uint64_t table, m4_error *err) {
  const dg_size_source *source = campaign->sizes;
  for (; table >= source->count; ++source) table -= source->count;
  *made = NULL;
  if (!source->table)
    M4_TRY(dg_sizes_synthetic(made, (uint64_t)campaign->config->synthetic_seed,
                              source->first + (uint32_t)table, err));
  *sizes = source->table ? source->table : *made;
  return M4_OK;
}

/* Runs `use` on the draw's traffic; its size table lives as long. */
static m4_status with_traffic(const dg_campaign *campaign, const dg_draw *draw,
                              m4_status (*use)(void *arg, const dg_traffic *traffic, m4_error *err),
                              void *arg, m4_error *err) {
  dg_traffic traffic = {.spatial = draw->matrix,
                        .matrix_copies = draw->matrix_copies,
                        .sigma = draw->sigma,
                        .max_load = draw->max_load,
                        .n_flows = draw->n_flows,
                        .duration_s = draw->duration_s,
                        .expected_load = draw->duration_s > 0,
                        .together = draw->flow_limit > 0};
  dg_sizes *made;
  M4_TRY(find_sizes(&traffic.sizes, &made, campaign, draw->size_table, err));
  m4_status status = use(arg, &traffic, err);
  dg_sizes_free(made);
  return status;
}

typedef struct drawing {
  dg_flow_list *list;
  const sim_clos *shape;
  const sim_topology *topology;
  m4_rng rng;
} drawing;

static m4_status draw_flows(void *arg, const dg_traffic *traffic, m4_error *err) {
  drawing *to = arg;
  return dg_draw_flows(to->list, traffic, to->shape, to->topology, &to->rng, err);
}

/* Takes over nothing: on failure topology and flows stay the caller's. */
static m4_status assemble(sim_scenario **scenario, const dg_draw *draw, sim_topology *topology,
                          const dg_flow_list *list, m4_error *err) {
  pkt_settings packet;
  double params[SIM_N_PARAMS];
  char name[32];
  M4_TRY(pkt_settings_for(&packet, draw->cc, draw->buffer_kb, draw->window_bytes, draw->p1, draw->p2, err));
  packet.enable_pfc = draw->enable_pfc || draw->cc == PKT_CC_DCQCN;
  packet.stop_time_ns +=
      list->flows[list->n_flows - 1].start_ns; /* never before flows that can finish have finished */
  fill_params(params, draw);
  snprintf(name, sizeof name, DG_NAME_FORMAT, (long long)draw->id);
  return sim_scenario_create(scenario, name, topology, list->flows, list->n_flows, &packet, params, err);
}

m4_status dg_make_scenario(sim_scenario **scenario, const dg_campaign *campaign, int64_t index,
                           m4_error *err) {
  *scenario = NULL;
  dg_draw draw = dg_draw_scenario(campaign, index);
  dg_flow_list list = {0};
  sim_topology *topology = NULL;
  m4_status status = sim_topology_clos(&topology, &draw.shape, err);
  drawing to = {&list, &draw.shape, topology,
                m4_rng_make((uint64_t)campaign->config->seed, M4_RNG_WORKLOAD, draw.traffic_stream)};
  if (status == M4_OK) status = with_traffic(campaign, &draw, draw_flows, &to, err);
  if (status == M4_OK) status = assemble(scenario, &draw, topology, &list, err);
  if (status != M4_OK) {
    sim_topology_free(topology);
    free(list.flows);
    return status;
  }
  if (draw.flow_limit == 0) return M4_OK;
  return sim_scenario_limit_flows(*scenario, draw.flow_limit, draw.shape.hosts_per_rack, err);
}

/* ---- without drawing ---- */

typedef struct expecting {
  const sim_clos *shape;
  double mean_gap_ns;
} expecting;

static m4_status expect_gap(void *arg, const dg_traffic *traffic, m4_error *err) {
  expecting *to = arg;
  return dg_expect_gap(&to->mean_gap_ns, traffic, to->shape, err);
}

m4_status dg_expect_flows(int64_t *n_flows, const dg_campaign *campaign, int64_t index, m4_error *err) {
  dg_draw draw = dg_draw_scenario(campaign, index);
  *n_flows = draw.n_flows;
  if (draw.n_flows > 0) return M4_OK;
  expecting to = {.shape = &draw.shape};
  M4_TRY(with_traffic(campaign, &draw, expect_gap, &to, err));
  *n_flows = 1 + (int64_t)(draw.duration_s * 1e9 / to.mean_gap_ns);
  return M4_OK;
}
