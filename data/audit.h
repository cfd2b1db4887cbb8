/* Audits: everything that can be wrong with a dataset, told as findings. Asks more than readers do, because
 * it may take longer. Knows the schema, shards and busy periods. Source: data/FORMAT.md. */
#ifndef DATA_AUDIT_H
#define DATA_AUDIT_H

#include "base/log.h"
#include "data/events.h"

typedef struct ds_audit_report {
  int64_t n_shards, n_scenarios, n_flows, n_periods; /* looked at */
  int64_t n_findings;
  bool has_campaign; /* a campaign.yaml was compared with the shards */
} ds_audit_report;

/* Reads the whole dataset: one shard, or a folder. The findings' places begin with the file. A shard whose
 * layout is wrong is one finding; its content is not judged then. M4_OK with findings; errors are what keeps
 * the audit from looking: M4_IO, M4_MEMORY, M4_INTERRUPTED after a requested stop. */
m4_status ds_audit(const char *path, ds_findings *findings, m4_log *log, ds_audit_report *report,
                   m4_error *err);

/* What readers do not ask of one scenario: hosts and switches, loops, the configuration vector, ideal
 * completion times against line rates, growth of received bytes, and whether its busy periods are the
 * connected components of its flows. The scenario has passed ds_find_problems. */
m4_status ds_audit_scenario(const ds_scenario *scenario, const ds_events *events, ds_findings *findings,
                            m4_error *err);

/* What a campaign's folder promises against the shards in it; *found is false when it promises nothing. */
typedef struct ds_campaign {
  char *config; /* what every shard must say about its origin; owned */
  int64_t n_scenarios, n_per_shard, seed;
} ds_campaign;
m4_status ds_campaign_read(ds_campaign *campaign, bool *found, const char *folder, ds_findings *findings,
                           m4_error *err);
void ds_campaign_free(ds_campaign *campaign);

#endif
