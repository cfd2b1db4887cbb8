/* The configuration of a campaign: which networks, traffic and congestion control its scenarios are drawn
 * from. Knows base's config. Source: workloads.md 6. */
#ifndef DATAGEN_CAMPAIGN_CONFIG_H
#define DATAGEN_CAMPAIGN_CONFIG_H

#include "base/config.h"

typedef struct dg_campaign_config {
  char *output; /* folder; not part of what is generated */
  int64_t seed, n_scenarios, n_flows, scenarios_per_shard;
  bool write_shards, write_ns3_folders;
  char *ns3_output; /* folder for them; not part of what is generated */

  char *mix, *workloads; /* mix: scenarios are listed there instead of drawn */

  int64_t pods, fabrics_per_pod, racks_per_pod, hosts_per_rack, delay_ns;
  m4_int_list oversubscription; /* N of "N:1": racks per pod / spines per plane */
  double host_rate_gbps, fabric_rate_gbps, spine_rate_gbps;

  int64_t matrix_copies, flow_limit;
  double duration_s;
  m4_text_list matrices, sizes; /* sizes: FILE, atoms:FILE or synthetic:FIRST-LAST */
  int64_t synthetic_seed;
  m4_real_list sigma, load; /* choices; [low, high] */

  m4_text_list cc;
  m4_real_list buffer_kb, window_bytes, dctcp_k_kb, dcqcn_kmin_kb, dcqcn_kmax_kb; /* [low, high] each */
  m4_real_list timely_low_us, timely_high_us, hpcc_eta_percent, hpcc_ai_10mbps;
} dg_campaign_config;

extern const m4_key dg_campaign_keys[];

/* Rules between keys: ranges are [low, high], spines come out whole, lists are not empty. M4_USAGE at the
 * key's place. */
m4_status dg_campaign_check(const dg_campaign_config *campaign, const m4_config *config, m4_error *err);

#endif
