/* A campaign: many scenarios drawn from one configuration, simulated in parallel, written as shards. Scenario
 * i depends on (seed, i) only; shards have the same bytes on any number of threads and after any
 * interruption. Knows datagen.h, campaign_config.h, workload. Source: workloads.md 6. */
#ifndef DATAGEN_CAMPAIGN_H
#define DATAGEN_CAMPAIGN_H

#include "base/log.h"
#include "base/threads.h"
#include "datagen/campaign_config.h"
#include "datagen/workload/sizes.h"
#include "datagen/workload/spatial.h"
#include "sim/scenario.h"

/* One entry of traffic.sizes: a table from a file, or a range of synthetic ones that are made when drawn. */
typedef struct dg_size_source {
  dg_sizes *table; /* NULL: synthetic */
  uint32_t first, count;
} dg_size_source;

typedef struct dg_campaign {
  const dg_campaign_config *config;
  dg_spatial **matrices; /* [config->matrices.count] */
  dg_size_source *sizes; /* [config->sizes.count] */
  uint64_t n_size_tables;
  char *identity;       /* resolved configuration without `output`: the same text, the same scenarios */
  uint64_t fingerprint; /* of identity, the program version and the content of every file named in it */
} dg_campaign;

/* Reads every file the configuration names. `identity` is copied. config must outlive the campaign. */
m4_status dg_campaign_open(dg_campaign **campaign, const dg_campaign_config *config, const char *identity,
                           m4_error *err);
void dg_campaign_close(dg_campaign *campaign); /* NULL accepted */

/* What scenario `index` is made of (workloads.md 6.3). */
typedef struct dg_draw {
  const dg_spatial *matrix;
  uint64_t size_table; /* 0 .. n_size_tables - 1 */
  double sigma, max_load;
  int64_t oversubscription;
  double buffer_kb;
  int64_t window_bytes;
  pkt_cc_mode cc;
  double p1, p2; /* parameters of the congestion control, workloads.md 6.3 */
} dg_draw;
dg_draw dg_draw_scenario(const dg_campaign *campaign, int64_t index);

/* The whole scenario, named "00042" for index 42. */
m4_status dg_make_scenario(sim_scenario **scenario, const dg_campaign *campaign, int64_t index,
                           m4_error *err);

/* What a run did. */
typedef struct dg_campaign_report {
  int64_t n_scenarios; /* simulated now */
  int64_t n_kept;      /* found in complete shards */
  int64_t n_flows, n_unfinished, n_periods;
  double seconds;
} dg_campaign_report;

/* Writes output/campaign.yaml and output/shard-00000.h5, ...; complete shards of the same campaign are kept.
 * M4_USAGE: the folder holds another campaign; M4_INTERRUPTED: m4_stop_requested(), finished shards stay. */
m4_status dg_campaign_run(const dg_campaign *campaign, m4_pool *pool, m4_log *log, dg_campaign_report *report,
                          m4_error *err);

/* Shards of the campaign, and roughly how many bytes they will take. */
int64_t dg_campaign_shards(const dg_campaign_config *config);
int64_t dg_campaign_bytes(const dg_campaign_config *config);

#endif
