/* A campaign into ns-3 folders: inputs, and the packet simulator's results beside them. For test sets, closed
 * loop and fabrics too large for supervision. */
#include "base/file.h"
#include "base/signals.h"
#include "datagen/campaign_work.h"
#include "sim/engine.h"
#include "sim/output.h"
#include "sim/packet/packet.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

typedef struct runner {
  const dg_work *work;
  const dg_campaign *campaign;
  m4_progress *progress;
  dg_campaign_report *report;
  pthread_mutex_t lock;
  m4_status status;
  m4_error error;
} runner;

/* The last file that is written. */
static m4_status is_complete(bool *complete, const dg_campaign *campaign, int64_t index, m4_error *err) {
  char name[32], dir[DG_PATH_BYTES], path[DG_PATH_BYTES];
  dg_draw draw = dg_draw_scenario(campaign, index);
  snprintf(name, sizeof name, DG_NAME_FORMAT, (long long)draw.id);
  M4_TRY(dg_ns3_path(dir, campaign->config, name, err));
  M4_TRY(m4_path_join(path, sizeof path, dir, "summary.json", err));
  *complete = m4_file_exists(path);
  return M4_OK;
}

m4_status dg_list_ns3(dg_work *work, const dg_campaign *campaign, m4_ranks *ranks, m4_error *err) {
  M4_TRY(dg_work_create(work, campaign->config->n_scenarios, err));
  for (int64_t index = 0; index < campaign->config->n_scenarios; ++index) {
    bool complete;
    M4_TRY(is_complete(&complete, campaign, index, err));
    dg_work_add(work, index, 1, complete, ranks);
  }
  return M4_OK;
}

static bool go_on(void *ctx, double now_ns, int64_t finished, int64_t total) {
  (void)ctx, (void)now_ns, (void)finished, (void)total;
  return m4_stop_requested() == 0;
}

static m4_status simulate(const sim_scenario *scenario, const char *dir, dg_campaign_report *report,
                          m4_error *err) {
  sim_backend *packet = NULL;
  sim_result result = {0};
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(sim_scenario_write(scenario, dir, err));
  m4_status status = sim_packet_backend(&packet, scenario, NULL, err);
  if (status == M4_OK) status = sim_run(scenario, packet, go_on, NULL, &result, err);
  if (status == M4_OK) status = sim_write_results(dir, scenario, "packet", &result, NULL, err);
  *report = (dg_campaign_report){
      .n_scenarios = 1, .n_flows = result.n_flows, .n_unfinished = result.n_flows - result.n_finished};
  sim_result_free(&result);
  sim_backend_free(packet);
  return status;
}

static m4_status make(const runner *run, int64_t index, dg_campaign_report *report, m4_error *err) {
  char dir[DG_PATH_BYTES];
  if (m4_stop_requested()) return m4_fail(err, M4_INTERRUPTED, NULL, "interrupted");
  sim_scenario *scenario;
  M4_TRY(dg_make_scenario(&scenario, run->campaign, index, err));
  m4_status status = dg_ns3_path(dir, run->campaign->config, scenario->name, err);
  if (status == M4_OK) status = simulate(scenario, dir, report, err);
  sim_scenario_free(scenario);
  return status;
}

static void count(runner *run, const dg_campaign_report *report) {
  run->report->n_scenarios += report->n_scenarios;
  run->report->n_flows += report->n_flows;
  run->report->n_unfinished += report->n_unfinished;
  m4_progress_update(run->progress, (uint64_t)run->report->n_scenarios, NULL);
}

static void do_task(void *arg, size_t task, int worker) {
  (void)worker;
  runner *run = arg;
  pthread_mutex_lock(&run->lock);
  bool go = run->status == M4_OK;
  pthread_mutex_unlock(&run->lock);
  if (!go) return;
  m4_error error = {0};
  dg_campaign_report report = {0};
  int64_t index = run->work->items[task];
  m4_status status = make(run, index, &report, &error);
  if (status != M4_OK && status != M4_INTERRUPTED) {
    char where[48];
    snprintf(where, sizeof where, "scenario %lld", (long long)index);
    m4_within(&error, status, where);
  }
  pthread_mutex_lock(&run->lock);
  if (status == M4_OK) count(run, &report);
  if (status != M4_OK && run->status == M4_OK) {
    run->status = status;
    run->error = error;
  }
  pthread_mutex_unlock(&run->lock);
}

m4_status dg_run_ns3(const dg_work *work, const dg_campaign *campaign, m4_pool *pool, m4_log *log,
                     dg_campaign_report *report, m4_error *err) {
  runner run = {.work = work, .campaign = campaign, .report = report};
  M4_TRY(m4_progress_create(&run.progress, log, "simulate", "scenarios", (uint64_t)work->n_items, err));
  pthread_mutex_init(&run.lock, NULL);
  m4_parallel_for(pool, (size_t)work->n_items, do_task, &run);
  pthread_mutex_destroy(&run.lock);
  m4_progress_free(run.progress);
  if (run.status != M4_OK && err) *err = run.error;
  return run.status;
}
