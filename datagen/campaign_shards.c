/* A campaign into shards: workers simulate scenarios in any order within a window, whoever completes the next
 * one in line writes what is ready. So shards grow in scenario order whatever the number of threads. */
#include "datagen/campaign_work.h"

#include "base/file.h"
#include "base/signals.h"
#include "datagen/campaign_folder.h"
#include "datagen/datagen.h"
#include "datagen/facts.h"
#include "datagen/ns3_folder.h"

#include <pthread.h>
#include <stdlib.h>

enum { SLOTS_PER_THREAD = 2 };

/* A simulated scenario that waits for its turn. */
typedef struct slot {
  m4_arena arena;
  ds_scenario facts;
  bool ready;
} slot;

typedef struct runner {
  const dg_campaign *campaign;
  m4_log *log;
  m4_progress *progress;
  dg_campaign_report *report;
  const int64_t *shards; /* to be made, ascending */
  int64_t n_tasks;
  pthread_mutex_t lock;
  pthread_cond_t moved; /* next_task has grown, or the run failed */
  slot *slots;          /* [n_slots] task t uses slot t % n_slots */
  int64_t n_slots;
  int64_t next_task; /* the next to be written */
  bool writing;
  ds_writer *writer; /* of the shard that is growing */
  m4_status status;
  m4_error error;
} runner;

/* Every shard but a campaign's last is full, and the last comes last: tasks count on through the list. */
static int64_t scenario_of(const runner *run, int64_t task) {
  int64_t per_shard = run->campaign->config->scenarios_per_shard;
  return run->shards[task / per_shard] * per_shard + task % per_shard;
}

/* ---- simulating ---- */

static m4_status supervise(const dg_campaign_config *config, const sim_scenario *scenario, slot *to,
                           m4_error *err) {
  char dir[DG_PATH_BYTES], trace_path[DG_PATH_BYTES];
  if (!config->write_ns3_folders) return dg_supervise(&to->facts, scenario, NULL, &to->arena, err);
  M4_TRY(dg_ns3_path(dir, config, scenario->name, err));
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(m4_path_join(trace_path, sizeof trace_path, dir, DG_TRACE_NAME, err));
  M4_TRY(dg_supervise(&to->facts, scenario, trace_path, &to->arena, err));
  return dg_write_ns3_folder(dir, scenario, &to->facts, err);
}

static m4_status simulate(const dg_campaign *campaign, int64_t index, slot *to, m4_error *err) {
  sim_scenario *scenario;
  M4_TRY(dg_make_scenario(&scenario, campaign, index, err));
  m4_status status = m4_arena_init(&to->arena, dg_facts_bytes(scenario->n_flows), err);
  if (status == M4_OK) status = supervise(campaign->config, scenario, to, err);
  sim_scenario_free(scenario);
  return status;
}

/* ---- writing, in order ---- */

static m4_status write_scenario(runner *run, int64_t task, const ds_scenario *facts, m4_error *err) {
  const dg_campaign *campaign = run->campaign;
  int64_t index = scenario_of(run, task), per_shard = campaign->config->scenarios_per_shard;
  int64_t shard = index / per_shard, place = index % per_shard;
  char path[DG_PATH_BYTES];
  M4_TRY(dg_shard_path(path, campaign, shard, err));
  if (place == 0)
    M4_TRY(ds_writer_create(&run->writer, path, (uint64_t)campaign->config->seed, "m4-datagen " M4_VERSION,
                            campaign->identity, err));
  M4_TRY(ds_writer_add(run->writer, facts, err));
  if (place + 1 < dg_shard_scenarios(campaign->config, shard)) return M4_OK;
  ds_writer *finished = run->writer;
  run->writer = NULL;
  return ds_writer_commit(finished, err);
}

static void count(dg_campaign_report *report, const ds_scenario *facts) {
  report->n_scenarios++;
  report->n_flows += facts->n_flows;
  report->n_periods += facts->n_periods;
  for (int64_t flow = 0; flow < facts->n_flows; ++flow) report->n_unfinished += facts->fct_ns[flow] < 0;
}

static void fail_run(runner *run, m4_status status, const m4_error *error) {
  if (run->status == M4_OK) {
    run->status = status;
    run->error = *error;
  }
  pthread_cond_broadcast(&run->moved);
}

/* Called and left with the lock held; the lock is free while a scenario goes to disk. */
static void write_ready(runner *run) {
  while (!run->writing && run->status == M4_OK && run->next_task < run->n_tasks) {
    slot *next = &run->slots[run->next_task % run->n_slots];
    if (!next->ready) return;
    m4_error error = {0};
    run->writing = true;
    pthread_mutex_unlock(&run->lock);
    m4_status status = write_scenario(run, run->next_task, &next->facts, &error);
    count(run->report, &next->facts);
    m4_arena_free(&next->arena);
    pthread_mutex_lock(&run->lock);
    run->writing = next->ready = false;
    run->next_task++;
    m4_progress_update(run->progress, (uint64_t)run->next_task, NULL);
    pthread_cond_broadcast(&run->moved);
    if (status != M4_OK) fail_run(run, status, &error);
  }
}

/* ---- the run ---- */

static bool wait_for_slot(runner *run, int64_t task) {
  pthread_mutex_lock(&run->lock);
  while (run->status == M4_OK && task >= run->next_task + run->n_slots)
    pthread_cond_wait(&run->moved, &run->lock);
  bool go = run->status == M4_OK;
  pthread_mutex_unlock(&run->lock);
  return go;
}

static void do_task(void *arg, size_t task, int worker) {
  (void)worker;
  runner *run = arg;
  if (!wait_for_slot(run, (int64_t)task)) return;
  int64_t index = scenario_of(run, (int64_t)task);
  slot *mine = &run->slots[(int64_t)task % run->n_slots];
  m4_error error = {0};
  m4_status status = simulate(run->campaign, index, mine, &error);
  if (status != M4_OK && status != M4_INTERRUPTED) {
    char where[32];
    snprintf(where, sizeof where, "scenario %lld", (long long)index);
    m4_within(&error, status, where);
  }
  pthread_mutex_lock(&run->lock);
  if (status == M4_OK) {
    mine->ready = true;
    write_ready(run);
  } else {
    fail_run(run, status, &error);
  }
  pthread_mutex_unlock(&run->lock);
}

m4_status dg_list_shards(dg_work *work, const dg_campaign *campaign, m4_ranks *ranks, m4_error *err) {
  int64_t n_shards = dg_campaign_shards(campaign->config);
  M4_TRY(dg_work_create(work, n_shards, err));
  for (int64_t shard = 0; shard < n_shards; ++shard) {
    bool complete;
    M4_TRY(dg_shard_check(&complete, campaign, shard, err));
    dg_work_add(work, shard, dg_shard_scenarios(campaign->config, shard), complete, ranks);
  }
  return M4_OK;
}

static m4_status run_tasks(runner *run, m4_pool *pool, m4_error *err) {
  run->n_slots = SLOTS_PER_THREAD * (pool ? m4_pool_threads(pool) : 1);
  run->slots = calloc((size_t)run->n_slots, sizeof *run->slots);
  if (!run->slots)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld scenarios", (long long)run->n_slots);
  M4_TRY(m4_progress_create(&run->progress, run->log, "generate", "scenarios", (uint64_t)run->n_tasks, err));
  m4_parallel_for(pool, (size_t)run->n_tasks, do_task, run);
  if (run->status != M4_OK && err) *err = run->error;
  return run->status;
}

m4_status dg_run_shards(const dg_work *work, const dg_campaign *campaign, m4_pool *pool, m4_log *log,
                        dg_campaign_report *report, m4_error *err) {
  runner run = {.campaign = campaign,
                .log = log,
                .report = report,
                .shards = work->items,
                .n_tasks = work->n_scenarios};
  pthread_mutex_init(&run.lock, NULL);
  pthread_cond_init(&run.moved, NULL);
  m4_status status = run_tasks(&run, pool, err);
  m4_progress_free(run.progress);
  ds_writer_abandon(run.writer);
  for (int64_t i = 0; run.slots && i < run.n_slots; ++i) m4_arena_free(&run.slots[i].arena);
  free(run.slots);
  pthread_cond_destroy(&run.moved);
  pthread_mutex_destroy(&run.lock);
  return status;
}
