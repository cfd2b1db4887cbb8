/* What is left to do in a campaign, and the two ways of doing it. Shared by campaign_run.c, campaign_shards.c
 * and campaign_ns3.c. */
#ifndef DATAGEN_CAMPAIGN_WORK_H
#define DATAGEN_CAMPAIGN_WORK_H

#include "datagen/campaign.h"
#include "datagen/campaign_folder.h"

/* The shards, or scenarios, that this rank makes. */
typedef struct dg_work {
  int64_t *items; /* ascending */
  int64_t n_items, n_scenarios;
  int64_t n_kept;    /* scenarios found complete, on all ranks */
  int64_t n_missing; /* items, on all ranks */
} dg_work;

m4_status dg_work_create(dg_work *work, int64_t capacity, m4_error *err);
void dg_work_free(dg_work *work);
/* The next item; missing ones are dealt to the ranks in turn. */
void dg_work_add(dg_work *work, int64_t item, int64_t n_scenarios, bool complete, m4_ranks *ranks);

/* Shards into output/. */
m4_status dg_list_shards(dg_work *work, const dg_campaign *campaign, m4_ranks *ranks, m4_error *err);
m4_status dg_run_shards(const dg_work *work, const dg_campaign *campaign, m4_pool *pool, m4_log *log,
                        dg_campaign_report *report, m4_error *err);

/* ns-3 folders with the packet simulator's results, without supervision. */
m4_status dg_list_ns3(dg_work *work, const dg_campaign *campaign, m4_ranks *ranks, m4_error *err);
m4_status dg_run_ns3(const dg_work *work, const dg_campaign *campaign, m4_pool *pool, m4_log *log,
                     dg_campaign_report *report, m4_error *err);

#endif
