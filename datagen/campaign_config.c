/* Keys of a campaign and the rules between them. Does not read the files that are named. */
#include "datagen/campaign_config.h"

#include <string.h>

static const char *const cc_names[] = {"dctcp", "dcqcn", "timely", "hp", NULL};

#define FIELD(name) offsetof(dg_campaign_config, name)
#define INT(path, field, text, low, high, help)                                                              \
  { path, M4_KEY_INT, FIELD(field), text, low, high, NULL, help }
#define REAL(path, field, text, low, high, help)                                                             \
  { path, M4_KEY_REAL, FIELD(field), text, low, high, NULL, help }
#define RANGE(path, field, text, low, high, help)                                                            \
  { path, M4_KEY_REAL_LIST, FIELD(field), text, low, high, NULL, help }

const m4_key dg_campaign_keys[] = {
    {"output", M4_KEY_TEXT, FIELD(output), NULL, 0, 0, NULL,
     "folder of the shards; made when missing, continued when it exists"},
    INT("seed", seed, "0", 0, 4e18, "scenario i is a function of (seed, i) only"),
    INT("scenarios", n_scenarios, "4000", 1, 1e6, "number of scenarios"),
    INT("flows_per_scenario", n_flows, "2000", 1, 1e6, "flows of each scenario, where no duration decides"),
    INT("scenarios_per_shard", scenarios_per_shard, "50", 1, 1e5,
        "scenarios in one HDF5 file; an interrupted run repeats at most these"),
    {"mix", M4_KEY_TEXT, FIELD(mix), NULL, 0, 0, NULL,
     "mix file (JSON), or a published set (eval_train, eval_test, ...): one scenario per entry, instead of "
     "what topology, traffic and network say"},
    {"workloads", M4_KEY_TEXT, FIELD(workloads), "configs/workloads", 0, 0, NULL,
     "folder of stand-ins for published tables that a mix names"},
    {"write_shards", M4_KEY_BOOL, FIELD(write_shards), "true", 0, 0, NULL,
     "false: ns-3 folders with fct.txt and flows.csv instead of a dataset, for test sets and closed loop"},
    {"write_ns3_folders", M4_KEY_BOOL, FIELD(write_ns3_folders), "false", 0, 0, NULL,
     "also write every scenario as an ns-3 folder: {topology,flows,config,params,fct,paths}.txt, mix.tr"},
    {"ns3_output", M4_KEY_TEXT, FIELD(ns3_output), NULL, 0, 0, NULL,
     "folder for them, NAME/ each; empty: ns3/ under output"},

    INT("topology.pods", pods, "2", 1, 256, "pods of the Clos fabric"),
    INT("topology.fabrics_per_pod", fabrics_per_pod, "1", 1, 64, "fabric switches in a pod"),
    INT("topology.racks_per_pod", racks_per_pod, "4", 1, 256, "racks (ToRs) in a pod"),
    INT("topology.hosts_per_rack", hosts_per_rack, "4", 1, 256, "hosts in a rack"),
    {"topology.oversubscription", M4_KEY_INT_LIST, FIELD(oversubscription), "[1, 2, 4]", 1, 256, NULL,
     "N of N:1, racks_per_pod / spines per plane; one is drawn"},
    REAL("topology.host_rate_gbps", host_rate_gbps, "10", 0.001, 1000, "host-ToR links, Gbps"),
    REAL("topology.fabric_rate_gbps", fabric_rate_gbps, "10", 0.001, 1000, "ToR-fabric links, Gbps"),
    REAL("topology.spine_rate_gbps", spine_rate_gbps, "10", 0.001, 1000, "fabric-spine links, Gbps"),
    INT("topology.delay_ns", delay_ns, "1000", 1, 1e9, "one-way delay of every link, ns"),

    {"traffic.matrices", M4_KEY_TEXT_LIST, FIELD(matrices), NULL, 0, 0, NULL,
     "rack matrices (CSV, plain or gzip), paths from the current folder; one is drawn"},
    INT("traffic.matrix_copies", matrix_copies, "1", 1, 256,
        "enlarged matrix: the cluster has this many times its pods"),
    {"traffic.sizes", M4_KEY_TEXT_LIST, FIELD(sizes), "[synthetic:0-1999]", 0, 0, NULL,
     "size tables: FILE (interpolated), atoms:FILE, synthetic:FIRST-LAST; one table is drawn"},
    INT("traffic.synthetic_seed", synthetic_seed, "0", 0, 4e18, "seed of the synthetic size tables"),
    RANGE("traffic.sigma", sigma, "[1, 2]", 0, 5, "burstiness: sigma of the lognormal gaps; one is drawn"),
    RANGE("traffic.load", load, "[0.3, 0.8]", 0.001, 2,
          "payload utilisation of the busiest link, [low, high]"),
    REAL("traffic.duration_s", duration_s, "0", 0, 1e6,
         "flows start within so many seconds, instead of flows_per_scenario; 0 = off"),
    INT("traffic.max_inflight_flows", flow_limit, "0", 0, 1e9,
        "closed loop: all flows start together, so many in flight per rack; 0 = open loop"),

    {"network.cc", M4_KEY_TEXT_LIST, FIELD(cc), "[dctcp]", 0, 0, cc_names,
     "congestion controls; one is drawn"},
    RANGE("network.buffer_kb", buffer_kb, "[100, 160]", 1, 1e6, "switch buffer, KiB, [low, high]"),
    RANGE("network.window_bytes", window_bytes, "[5000, 15000]", 1, 1e9,
          "initial window, bytes, [low, high]"),
    RANGE("network.dctcp_k_kb", dctcp_k_kb, "[10, 30]", 0, 1e5, "DCTCP marking threshold K, KB, [low, high]"),
    RANGE("network.dcqcn_kmin_kb", dcqcn_kmin_kb, "[10, 30]", 0, 1e5,
          "DCQCN Kmin at 25 Gbps, KB, [low, high]"),
    RANGE("network.dcqcn_kmax_kb", dcqcn_kmax_kb, "[30, 50]", 0, 1e5,
          "DCQCN Kmax at 25 Gbps, KB, [low, high]"),
    RANGE("network.timely_low_us", timely_low_us, "[40, 60]", 0, 1e6, "TIMELY Tlow, us, [low, high]"),
    RANGE("network.timely_high_us", timely_high_us, "[100, 150]", 0, 1e6, "TIMELY Thigh, us, [low, high]"),
    RANGE("network.hpcc_eta_percent", hpcc_eta_percent, "[70, 95]", 1, 100, "HPCC eta, percent, [low, high]"),
    RANGE("network.hpcc_ai_10mbps", hpcc_ai_10mbps, "[50, 100]", 0, 1e4,
          "HPCC additive increase, units of 10 Mbps, [low, high]"),
    {NULL, M4_KEY_BOOL, 0, NULL, 0, 0, NULL, NULL}};

static m4_status check_range(const m4_config *config, const char *path, const m4_real_list *range,
                             m4_error *err) {
  if (range->count != 2) return m4_config_complain(config, path, err, "needs two numbers: [low, high]");
  if (range->items[0] > range->items[1])
    return m4_config_complain(config, path, err, "low end %g is above high end %g", range->items[0],
                              range->items[1]);
  return M4_OK;
}

static m4_status check_ranges(const dg_campaign_config *campaign, const m4_config *config, m4_error *err) {
  const struct {
    const char *path;
    const m4_real_list *range;
  } rows[] = {{"traffic.load", &campaign->load},
              {"network.buffer_kb", &campaign->buffer_kb},
              {"network.window_bytes", &campaign->window_bytes},
              {"network.dctcp_k_kb", &campaign->dctcp_k_kb},
              {"network.dcqcn_kmin_kb", &campaign->dcqcn_kmin_kb},
              {"network.dcqcn_kmax_kb", &campaign->dcqcn_kmax_kb},
              {"network.timely_low_us", &campaign->timely_low_us},
              {"network.timely_high_us", &campaign->timely_high_us},
              {"network.hpcc_eta_percent", &campaign->hpcc_eta_percent},
              {"network.hpcc_ai_10mbps", &campaign->hpcc_ai_10mbps}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i)
    M4_TRY(check_range(config, rows[i].path, rows[i].range, err));
  return M4_OK;
}

static m4_status check_filled(const m4_config *config, const char *path, size_t count, m4_error *err) {
  return count > 0 ? M4_OK : m4_config_complain(config, path, err, "needs at least one entry");
}

/* What a mix says itself. */
static m4_status check_mix(const m4_config *config, m4_error *err) {
  static const char *const kept[] = {"topology.host_rate_gbps", "topology.fabric_rate_gbps",
                                     "topology.spine_rate_gbps", "topology.delay_ns",
                                     "traffic.synthetic_seed"};
  for (const m4_key *key = dg_campaign_keys; key->path; ++key) {
    bool of_mix = strncmp(key->path, "topology.", 9) == 0 || strncmp(key->path, "traffic.", 8) == 0 ||
                  strncmp(key->path, "network.", 8) == 0;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; ++i)
      if (strcmp(key->path, kept[i]) == 0) of_mix = false;
    if (of_mix && m4_config_given(config, key->path))
      return m4_config_complain(config, key->path, err, "the mix decides this; leave the key out");
  }
  return M4_OK;
}

static m4_status check_shape(const dg_campaign_config *campaign, const m4_config *config, m4_error *err) {
  for (size_t i = 0; i < campaign->oversubscription.count; ++i)
    if (campaign->racks_per_pod % campaign->oversubscription.items[i] != 0)
      return m4_config_complain(config, "topology.oversubscription", err,
                                "%lld:1 gives no whole number of spines for %lld racks per pod",
                                (long long)campaign->oversubscription.items[i],
                                (long long)campaign->racks_per_pod);
  if (campaign->pods % campaign->matrix_copies != 0)
    return m4_config_complain(config, "traffic.matrix_copies", err, "%lld copies do not fill %lld pods",
                              (long long)campaign->matrix_copies, (long long)campaign->pods);
  return M4_OK;
}

m4_status dg_campaign_check(const dg_campaign_config *campaign, const m4_config *config, m4_error *err) {
  if (campaign->mix[0]) return check_mix(config, err);
  M4_TRY(check_ranges(campaign, config, err));
  M4_TRY(check_filled(config, "traffic.matrices", campaign->matrices.count, err));
  M4_TRY(check_filled(config, "traffic.sizes", campaign->sizes.count, err));
  M4_TRY(check_filled(config, "traffic.sigma", campaign->sigma.count, err));
  M4_TRY(check_filled(config, "network.cc", campaign->cc.count, err));
  M4_TRY(check_filled(config, "topology.oversubscription", campaign->oversubscription.count, err));
  M4_TRY(check_shape(campaign, config, err));
  if (campaign->flow_limit > 0 && campaign->write_shards)
    return m4_config_complain(config, "traffic.max_inflight_flows", err,
                              "data sets are made of open-loop scenarios; set write_shards: false for ns-3 "
                              "folders alone");
  return M4_OK;
}
