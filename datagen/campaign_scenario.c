/* From a scenario's number to the scenario: the draws, the fabric, the traffic, the simulator settings.
 * Source: workloads.md 6.3, 8. */
#include "datagen/campaign.h"

#include "datagen/workload/flows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double draw_in(const m4_real_list *range, m4_rng *rng) {
  return range->items[0] + (range->items[1] - range->items[0]) * m4_rng_uniform(rng);
}

static pkt_cc_mode cc_named(const char *name) {
  if (strcmp(name, "dcqcn") == 0) return PKT_CC_DCQCN;
  if (strcmp(name, "timely") == 0) return PKT_CC_TIMELY;
  return strcmp(name, "hp") == 0 ? PKT_CC_HPCC : PKT_CC_DCTCP;
}

/* Both parameters are always drawn, so that later draws do not depend on the congestion control. */
static void draw_cc_parameters(dg_draw *draw, const dg_campaign_config *config, m4_rng *rng) {
  static const double zero[2] = {0, 0};
  const m4_real_list nothing = {.items = (double *)zero, .count = 2};
  const m4_real_list *first = &config->dctcp_k_kb, *second = &nothing;
  if (draw->cc == PKT_CC_DCQCN) first = &config->dcqcn_kmin_kb, second = &config->dcqcn_kmax_kb;
  if (draw->cc == PKT_CC_TIMELY) first = &config->timely_low_us, second = &config->timely_high_us;
  if (draw->cc == PKT_CC_HPCC) first = &config->hpcc_eta_percent, second = &config->hpcc_ai_10mbps;
  draw->p1 = draw_in(first, rng);
  draw->p2 = draw_in(second, rng);
}

dg_draw dg_draw_scenario(const dg_campaign *campaign, int64_t index) {
  const dg_campaign_config *config = campaign->config;
  m4_rng rng = m4_rng_make((uint64_t)config->seed, M4_RNG_CAMPAIGN, (uint32_t)index);
  dg_draw draw = {0};
  draw.matrix = campaign->matrices[m4_rng_below(&rng, config->matrices.count)];
  draw.size_table = m4_rng_below(&rng, campaign->n_size_tables);
  draw.sigma = config->sigma.items[m4_rng_below(&rng, config->sigma.count)];
  draw.max_load = draw_in(&config->load, &rng);
  draw.oversubscription = config->oversubscription.items[m4_rng_below(&rng, config->oversubscription.count)];
  draw.buffer_kb = draw_in(&config->buffer_kb, &rng);
  draw.window_bytes = (int64_t)draw_in(&config->window_bytes, &rng);
  draw.cc = cc_named(config->cc.items[m4_rng_below(&rng, config->cc.count)]);
  draw_cc_parameters(&draw, config, &rng);
  return draw;
}

static void fill_params(double params[SIM_N_PARAMS], const dg_draw *draw) {
  memset(params, 0, SIM_N_PARAMS * sizeof *params);
  params[0] = draw->buffer_kb / 10;
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

static sim_clos shape_of(const dg_campaign_config *config, const dg_draw *draw) {
  return (sim_clos){.pods = (int32_t)config->pods,
                    .fabrics_per_pod = (int32_t)config->fabrics_per_pod,
                    .racks_per_pod = (int32_t)config->racks_per_pod,
                    .hosts_per_rack = (int32_t)config->hosts_per_rack,
                    .spines_per_plane = (int32_t)(config->racks_per_pod / draw->oversubscription),
                    .host_rate_bps = llround(config->host_rate_gbps * 1e9),
                    .fabric_rate_bps = llround(config->fabric_rate_gbps * 1e9),
                    .spine_rate_bps = llround(config->spine_rate_gbps * 1e9),
                    .delay_ns = config->delay_ns};
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

static m4_status draw_traffic(sim_flow **flows, const dg_campaign *campaign, const dg_draw *draw,
                              int64_t index, const sim_clos *shape, const sim_topology *topology,
                              m4_error *err) {
  dg_traffic traffic = {.spatial = draw->matrix,
                        .sigma = draw->sigma,
                        .max_load = draw->max_load,
                        .n_flows = campaign->config->n_flows};
  dg_sizes *made;
  M4_TRY(find_sizes(&traffic.sizes, &made, campaign, draw->size_table, err));
  m4_rng rng = m4_rng_make((uint64_t)campaign->config->seed, M4_RNG_WORKLOAD, (uint32_t)index);
  m4_status status = dg_draw_flows(flows, NULL, &traffic, shape, topology, &rng, err);
  dg_sizes_free(made);
  return status;
}

/* Takes over nothing: on failure topology and flows stay the caller's. */
static m4_status assemble(sim_scenario **scenario, const dg_draw *draw, int64_t index, sim_topology *topology,
                          sim_flow *flows, int64_t n_flows, m4_error *err) {
  pkt_settings packet;
  double params[SIM_N_PARAMS];
  char name[32];
  M4_TRY(pkt_settings_for(&packet, draw->cc, draw->buffer_kb, draw->window_bytes, draw->p1, draw->p2, err));
  packet.stop_time_ns += flows[n_flows - 1].start_ns; /* never before flows that can finish have finished */
  fill_params(params, draw);
  snprintf(name, sizeof name, "%05lld", (long long)index);
  return sim_scenario_create(scenario, name, topology, flows, n_flows, &packet, params, err);
}

m4_status dg_make_scenario(sim_scenario **scenario, const dg_campaign *campaign, int64_t index,
                           m4_error *err) {
  *scenario = NULL;
  dg_draw draw = dg_draw_scenario(campaign, index);
  sim_clos shape = shape_of(campaign->config, &draw);
  sim_topology *topology = NULL;
  sim_flow *flows = NULL;
  m4_status status = sim_topology_clos(&topology, &shape, err);
  if (status == M4_OK) status = draw_traffic(&flows, campaign, &draw, index, &shape, topology, err);
  if (status == M4_OK)
    status = assemble(scenario, &draw, index, topology, flows, campaign->config->n_flows, err);
  if (status != M4_OK) {
    sim_topology_free(topology);
    free(flows);
  }
  return status;
}
