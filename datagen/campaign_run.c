/* Runs a campaign on all ranks: one of them prepares the folder, all take their share of what is missing. */
#include "base/signals.h"
#include "datagen/campaign_work.h"

#include <stdlib.h>
#include <time.h>

/* ---- the list ---- */

m4_status dg_work_create(dg_work *work, int64_t capacity, m4_error *err) {
  *work = (dg_work){.items = calloc((size_t)capacity, sizeof *work->items)};
  return work->items ? M4_OK
                     : m4_fail(err, M4_MEMORY, NULL, "no memory for %lld shards", (long long)capacity);
}

void dg_work_free(dg_work *work) {
  free(work->items);
  *work = (dg_work){0};
}

void dg_work_add(dg_work *work, int64_t item, int64_t n_scenarios, bool complete, m4_ranks *ranks) {
  if (complete) {
    work->n_kept += n_scenarios;
    return;
  }
  bool mine = work->n_missing++ % m4_ranks_count(ranks) == m4_ranks_index(ranks);
  if (!mine) return;
  work->items[work->n_items++] = item;
  work->n_scenarios += n_scenarios;
}

/* ---- the run ---- */

static double now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static m4_status list_work(dg_work *work, const dg_campaign *campaign, m4_ranks *ranks, m4_error *err) {
  return campaign->config->write_shards ? dg_list_shards(work, campaign, ranks, err)
                                        : dg_list_ns3(work, campaign, ranks, err);
}

static m4_status do_work(const dg_work *work, const dg_campaign *campaign, m4_pool *pool, m4_log *log,
                         dg_campaign_report *report, m4_error *err) {
  if (work->n_kept > 0)
    m4_info(log, "continuing: %lld of %lld scenarios are done", (long long)work->n_kept,
            (long long)campaign->config->n_scenarios);
  return campaign->config->write_shards ? dg_run_shards(work, campaign, pool, log, report, err)
                                        : dg_run_ns3(work, campaign, pool, log, report, err);
}

/* Counts of all ranks. */
static m4_status add_reports(dg_campaign_report *report, m4_ranks *ranks, m4_error *err) {
  dg_campaign_report mine = *report, *all = calloc((size_t)m4_ranks_count(ranks), sizeof *all);
  m4_status status =
      all ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for %d ranks", m4_ranks_count(ranks));
  status = m4_ranks_agree(ranks, status, err);
  if (status == M4_OK) status = m4_ranks_gather(ranks, all, &mine, sizeof mine, err);
  for (int rank = 0; status == M4_OK && rank < m4_ranks_count(ranks); ++rank) {
    if (rank == m4_ranks_index(ranks)) continue;
    report->n_scenarios += all[rank].n_scenarios;
    report->n_flows += all[rank].n_flows;
    report->n_unfinished += all[rank].n_unfinished;
    report->n_periods += all[rank].n_periods;
  }
  free(all);
  return status;
}

m4_status dg_campaign_run(const dg_campaign *campaign, m4_ranks *ranks, m4_pool *pool, m4_log *log,
                          dg_campaign_report *report, m4_error *err) {
  double start = now_seconds();
  *report = (dg_campaign_report){0};
  m4_status status = m4_ranks_index(ranks) == 0 ? dg_folder_prepare(campaign, err) : M4_OK;
  M4_TRY(m4_ranks_agree(ranks, status, err));
  dg_work work = {0};
  status = m4_ranks_agree(ranks, list_work(&work, campaign, ranks, err), err); /* all lists before any file */
  if (status == M4_OK) status = m4_ranks_agree(ranks, do_work(&work, campaign, pool, log, report, err), err);
  if (status == M4_OK) status = add_reports(report, ranks, err);
  report->n_kept = work.n_kept;
  report->seconds = now_seconds() - start;
  dg_work_free(&work);
  return status;
}
