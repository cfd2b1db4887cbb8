/* A campaign: many scenarios drawn from one configuration or listed in a mix, simulated in parallel, written
 * as shards or folders. Scenario i depends on (seed, i) only; files have the same bytes on any number of
 * threads and ranks and after any interruption. Knows datagen.h, campaign_config.h, mix, workload. Source:
 * workloads.md 6. */
#ifndef DATAGEN_CAMPAIGN_H
#define DATAGEN_CAMPAIGN_H

#include "base/log.h"
#include "base/ranks.h"
#include "base/threads.h"
#include "datagen/campaign_config.h"
#include "datagen/mix.h"
#include "datagen/workload/sizes.h"
#include "datagen/workload/spatial.h"
#include "sim/scenario.h"

/* A table from a file, or a range of synthetic ones that are made when drawn. */
typedef struct dg_size_source {
  dg_sizes *table; /* NULL: synthetic */
  uint32_t first, count;
} dg_size_source;

/* What a mix entry's names were found to be. */
typedef struct dg_mix_inputs {
  size_t matrix, sizes; /* indices */
  int32_t matrix_copies;
  sim_clos shape; /* a name gives counts only: rates and delay 0 */
} dg_mix_inputs;

typedef struct dg_campaign {
  const dg_campaign_config *config;
  dg_spatial **matrices; /* [n_matrices] */
  size_t n_matrices;
  dg_size_source *sizes; /* [n_sizes] */
  size_t n_sizes;
  uint64_t n_size_tables;
  dg_mix *mix;            /* NULL: scenarios are drawn */
  dg_mix_inputs *entries; /* [mix->n_entries] */
  size_t n_stand_ins;     /* files of the mix that stand-ins are taken for */
  char *identity;         /* resolved configuration without folders: the same text, the same scenarios */
  uint64_t fingerprint;   /* of identity, the program version and the content of every file named in it */
} dg_campaign;

/* Reads every file the configuration names: beside the file that named it, or from the current folder. With a
 * mix the key `scenarios` becomes its number of entries, unless fewer are given. settings is what config
 * fills; it must outlive the campaign. */
m4_status dg_campaign_open(dg_campaign **campaign, const dg_campaign_config *settings, m4_config *config,
                           m4_error *err);
/* Once, before running: `identity` (copied) goes into the fingerprint. */
m4_status dg_campaign_identify(dg_campaign *campaign, const char *identity, m4_error *err);
void dg_campaign_close(dg_campaign *campaign); /* NULL accepted */

/* What scenario `index` is made of (workloads.md 6). */
typedef struct dg_draw {
  int64_t id; /* names the scenario */
  const dg_spatial *matrix;
  int32_t matrix_copies;
  uint64_t size_table; /* 0 .. n_size_tables - 1 */
  double sigma, max_load;
  sim_clos shape;
  int64_t n_flows; /* 0: as many as start within duration_s */
  double duration_s;
  int64_t flow_limit;      /* closed loop: flows in flight per rack; 0: open loop */
  uint32_t traffic_stream; /* of random numbers: the same stream, the same flows */
  double bfsz, buffer_kb;  /* the buffer in units of 10 KB, and in KB */
  int64_t window_bytes;
  bool enable_pfc;
  pkt_cc_mode cc;
  double p1, p2; /* parameters of the congestion control, workloads.md 6.3 */
} dg_draw;
dg_draw dg_draw_scenario(const dg_campaign *campaign, int64_t index);

/* The whole scenario, named "00042" for id 42. */
m4_status dg_make_scenario(sim_scenario **scenario, const dg_campaign *campaign, int64_t index,
                           m4_error *err);
/* How many flows it has, or is expected to have where a duration decides; draws none. */
m4_status dg_expect_flows(int64_t *n_flows, const dg_campaign *campaign, int64_t index, m4_error *err);

/* What a run did, on all ranks together. */
typedef struct dg_campaign_report {
  int64_t n_scenarios; /* simulated now */
  int64_t n_kept;      /* found complete */
  int64_t n_flows, n_unfinished, n_periods;
  double seconds;
} dg_campaign_report;

/* Writes output/campaign.yaml and output/shard-00000.h5, ... (key write_shards) or ns-3 folders alone; what
 * is complete is kept. The work is spread over `ranks` (NULL: one), all of which must call. M4_USAGE: the
 * folder holds another campaign; M4_INTERRUPTED: m4_stop_requested(), what is finished stays. Failures are
 * agreed on by all ranks. */
m4_status dg_campaign_run(const dg_campaign *campaign, m4_ranks *ranks, m4_pool *pool, m4_log *log,
                          dg_campaign_report *report, m4_error *err);

/* Prints what will be made: scenarios, flows, disk need, how often each choice is drawn. M4_IO. */
m4_status dg_campaign_plan(const dg_campaign *campaign, FILE *out, m4_error *err);

int64_t dg_campaign_shards(const dg_campaign_config *config);

#endif
