/* From a scenario's number to its parameters: an entry of the mix, or draws from the configured ranges.
 * Source: workloads.md 5, 6. */
#include "datagen/campaign.h"

#include <math.h>
#include <string.h>

static sim_clos with_rates(sim_clos shape, const dg_campaign_config *config) {
  if (shape.delay_ns > 0) return shape; /* a cluster file has its own */
  shape.host_rate_bps = llround(config->host_rate_gbps * 1e9);
  shape.fabric_rate_bps = llround(config->fabric_rate_gbps * 1e9);
  shape.spine_rate_bps = llround(config->spine_rate_gbps * 1e9);
  shape.delay_ns = config->delay_ns;
  return shape;
}

/* ---- from a mix ---- */

/* The application set runs the same traffic with several limits: the first entry that differs in nothing else
 * says which. */
static size_t first_twin(const dg_campaign *campaign, size_t index) {
  const dg_mix_entry *entries = campaign->mix->entries, *entry = &entries[index];
  const dg_mix_inputs *inputs = campaign->entries;
  if (entry->max_inflight_flows == 0) return index;
  for (size_t i = 0; i < index; ++i)
    if (inputs[i].matrix == inputs[index].matrix && inputs[i].sizes == inputs[index].sizes &&
        memcmp(&inputs[i].shape, &inputs[index].shape, sizeof inputs->shape) == 0 &&
        entries[i].max_load == entry->max_load && entries[i].lognorm_sigma == entry->lognorm_sigma)
      return i;
  return index;
}

static uint64_t table_of(const dg_campaign *campaign, size_t sizes) {
  uint64_t table = 0;
  for (size_t i = 0; i < sizes; ++i) table += campaign->sizes[i].count;
  return table;
}

static dg_draw draw_of_entry(const dg_campaign *campaign, size_t index) {
  enum { LONG_DURATION_FLOWS = 50000 };
  const double long_duration_s = 5; /* longer ones end at that many flows, workloads.md 5.6 */
  const dg_mix_entry *entry = &campaign->mix->entries[index];
  const dg_mix_inputs *inputs = &campaign->entries[index];
  bool timed = entry->duration_s > 0, by_count = !timed || entry->duration_s > long_duration_s;
  return (dg_draw){.id = entry->id,
                   .matrix = campaign->matrices[inputs->matrix],
                   .matrix_copies = inputs->matrix_copies,
                   .size_table = table_of(campaign, inputs->sizes),
                   .sigma = entry->lognorm_sigma,
                   .max_load = entry->max_load,
                   .shape = with_rates(inputs->shape, campaign->config),
                   .n_flows = !by_count ? 0
                              : timed   ? LONG_DURATION_FLOWS
                                        : campaign->config->n_flows,
                   .duration_s = entry->duration_s,
                   .flow_limit = entry->max_inflight_flows,
                   .traffic_stream = (uint32_t)first_twin(campaign, index),
                   .bfsz = entry->bfsz,
                   .buffer_kb = 10 * entry->bfsz,
                   .window_bytes = entry->window_bytes,
                   .enable_pfc = entry->enable_pfc,
                   .cc = entry->cc,
                   .p1 = entry->param_1,
                   .p2 = entry->param_2};
}

/* ---- from ranges ---- */

static double draw_in(const m4_real_list *range, m4_rng *rng) {
  return range->items[0] + (range->items[1] - range->items[0]) * m4_rng_uniform(rng);
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

static sim_clos draw_shape(const dg_campaign_config *config, m4_rng *rng) {
  int64_t oversubscription =
      config->oversubscription.items[m4_rng_below(rng, config->oversubscription.count)];
  sim_clos shape = {.pods = (int32_t)config->pods,
                    .fabrics_per_pod = (int32_t)config->fabrics_per_pod,
                    .racks_per_pod = (int32_t)config->racks_per_pod,
                    .hosts_per_rack = (int32_t)config->hosts_per_rack,
                    .spines_per_plane = (int32_t)(config->racks_per_pod / oversubscription)};
  return with_rates(shape, config);
}

/* The order of the draws is part of what a seed means. */
static dg_draw draw_from_ranges(const dg_campaign *campaign, int64_t index) {
  const dg_campaign_config *config = campaign->config;
  m4_rng rng = m4_rng_make((uint64_t)config->seed, M4_RNG_CAMPAIGN, (uint32_t)index);
  dg_draw draw = {.id = index,
                  .matrix_copies = (int32_t)config->matrix_copies,
                  .n_flows = config->duration_s > 0 ? 0 : config->n_flows,
                  .duration_s = config->duration_s,
                  .flow_limit = config->flow_limit,
                  .traffic_stream = (uint32_t)index,
                  .enable_pfc = true};
  draw.matrix = campaign->matrices[m4_rng_below(&rng, campaign->n_matrices)];
  draw.size_table = m4_rng_below(&rng, campaign->n_size_tables);
  draw.sigma = config->sigma.items[m4_rng_below(&rng, config->sigma.count)];
  draw.max_load = draw_in(&config->load, &rng);
  draw.shape = draw_shape(config, &rng);
  draw.buffer_kb = draw_in(&config->buffer_kb, &rng);
  draw.bfsz = draw.buffer_kb / 10;
  draw.window_bytes = (int64_t)draw_in(&config->window_bytes, &rng);
  const char *cc = config->cc.items[m4_rng_below(&rng, config->cc.count)];
  dg_cc_of_name(&draw.cc, cc); /* one of the key's choices */
  draw_cc_parameters(&draw, config, &rng);
  return draw;
}

dg_draw dg_draw_scenario(const dg_campaign *campaign, int64_t index) {
  return campaign->mix ? draw_of_entry(campaign, (size_t)index) : draw_from_ranges(campaign, index);
}
