/* Reads, simulates, compares and writes scenarios in parallel; see batch.h. Results do not depend on the
 * number of threads: each scenario is one task. Warnings and errors come out in the order of the command
 * line. */
#include "sim/batch.h"

#include "base/file.h"
#include "base/signals.h"
#include "sim/dag.h"
#include "sim/output.h"
#include "sim/report.h"
#include "sim/stacked.h"
#include "sim/tally.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_PATH_BYTES = 4096 };

typedef struct batch batch;

/* One scenario on its way through. */
typedef struct task {
  batch *batch;
  const char *dir;
  char out_dir[MAX_PATH_BYTES];
  sim_scenario *scenario; /* freed as soon as its results are written */
  int next_backend;       /* of the list */
  sim_running *running;   /* its trial, while it waits */
  char trial_dir[MAX_PATH_BYTES];
  sim_result result;
  sim_comparison comparison;
  sim_tally_entry tally; /* what is kept of its comparison */
  bool announced;
  m4_status status;
  m4_error error;
} task;

struct batch {
  const sim_batch_options *options;
  m4_log *log;
  sim_meter *meter;
  task *tasks;
  size_t n_tasks;
};

/* ---- reading ---- */

static bool uses(const sim_batch_options *options, sim_backend_kind kind) {
  for (int i = 0; i < options->n_backends; i++)
    if (options->backends[i] == kind) return true;
  return false;
}

static m4_status prepare_scenario(task *mine) {
  const sim_batch_options *options = mine->batch->options;
  m4_error *err = &mine->error;
  M4_TRY(sim_scenario_read(&mine->scenario, mine->dir, err));
  if (options->trial.compare && !mine->scenario->truth_fct_ns)
    return m4_fail(err, M4_IO, mine->dir, "there is no fct.txt to compare with");
  if (options->dag_path) M4_TRY(sim_dag_read(&mine->scenario->dag, options->dag_path, mine->scenario, err));
  if (uses(options, SIM_BACKEND_M4)) M4_TRY(sim_learned_warn(options->trial.model, mine->scenario, err));
  if (options->flow_limit < 0) return M4_OK;
  int64_t hosts = options->hosts_per_rack > 0 ? options->hosts_per_rack : mine->scenario->hosts_per_group;
  return sim_scenario_limit_flows(mine->scenario, options->flow_limit, hosts, err);
}

static void read_task(void *arg, size_t index, int worker) {
  (void)worker;
  task *mine = &((batch *)arg)->tasks[index];
  mine->status = m4_stop_requested() ? M4_INTERRUPTED : prepare_scenario(mine);
}

/* One back end writes to the scenario's folder of results itself, several each to one below it. */
static m4_status name_backend_dir(const task *mine, sim_backend_kind kind, char out_dir[MAX_PATH_BYTES],
                                  m4_error *err) {
  const char *below = mine->batch->options->n_backends > 1 ? sim_backend_name(kind) : "";
  return m4_path_join(out_dir, MAX_PATH_BYTES, mine->out_dir, below, err);
}

/* Where the results go. Names must differ, and an input folder is never written to. */
static m4_status name_output(batch *all, task *mine, m4_error *err) {
  const char *out_dir = all->options->out_dir;
  if (!out_dir || !mine->scenario) return M4_OK;
  if (all->n_tasks == 1)
    M4_TRY(m4_path_join(mine->out_dir, sizeof mine->out_dir, out_dir, "", err));
  else
    M4_TRY(m4_path_join(mine->out_dir, sizeof mine->out_dir, out_dir, mine->scenario->name, err));
  for (task *other = all->tasks; other < mine; other++)
    if (strcmp(other->out_dir, mine->out_dir) == 0)
      return m4_fail(err, M4_USAGE, mine->dir,
                     "another scenario is called \"%s\" too: their results would collide",
                     mine->scenario->name);
  M4_TRY(sim_check_out_dir(mine->out_dir, mine->dir, err));
  for (int i = 0; i < all->options->n_backends; i++) {
    char backend_dir[MAX_PATH_BYTES];
    M4_TRY(name_backend_dir(mine, all->options->backends[i], backend_dir, err));
    M4_TRY(sim_check_out_dir(backend_dir, mine->dir, err));
  }
  return M4_OK;
}

/* ---- simulating ---- */

static m4_status begin_trial(task *mine, inf_stack *stack, m4_error *err) {
  const batch *all = mine->batch;
  sim_backend_kind kind = all->options->backends[mine->next_backend];
  if (m4_stop_requested()) return M4_INTERRUPTED;
  M4_TRY(name_backend_dir(mine, kind, mine->trial_dir, err));
  const sim_trial trial = {.options = &all->options->trial,
                           .backend = kind,
                           .scenario = mine->scenario,
                           .out_dir = mine->trial_dir,
                           .stack = stack,
                           .meter = all->meter,
                           .log = all->log};
  return sim_trial_begin(&mine->running, &trial, &mine->result, err);
}

static m4_status end_trial(task *mine, m4_status status, m4_error *err) {
  status = sim_trial_end(mine->running, status, err);
  mine->running = NULL;
  const char *name = sim_backend_name(mine->batch->options->backends[mine->next_backend++]);
  sim_comparison_add(&mine->comparison, name, &mine->result);
  return status;
}

/* The back ends one after the other, until one waits for a step of the stack or all are done. */
static m4_status run_backends(task *mine, inf_stack *stack, bool *waits, m4_error *err) {
  *waits = false;
  while (mine->next_backend < mine->batch->options->n_backends) {
    if (!mine->running) M4_TRY(begin_trial(mine, stack, err));
    m4_status status = sim_trial_go(mine->running, waits, err);
    if (status == M4_OK && *waits) return M4_OK;
    M4_TRY(end_trial(mine, status, err));
  }
  return M4_OK;
}

static m4_status report(task *mine, m4_error *err) {
  const sim_batch_options *options = mine->batch->options;
  if (!options->report) return M4_OK;
  M4_TRY(sim_comparison_finish(&mine->comparison, options->trial.compare, err));
  M4_TRY(sim_tally_keep(&mine->tally, &mine->comparison, err));
  return sim_report_write(mine->out_dir, &mine->comparison, err);
}

static void show_table(const task *mine) {
  char line[256];
  for (int i = 0; sim_comparison_line(&mine->comparison, i, line, sizeof line); i++)
    m4_info(mine->batch->log, "%s: %s", mine->scenario->name, line);
}

static void finish_task(task *mine) {
  if (mine->status == M4_OK) mine->status = report(mine, &mine->error);
  if (mine->status == M4_OK && mine->batch->options->n_backends > 1) show_table(mine);
  if (mine->status != M4_OK) m4_within(&mine->error, mine->status, mine->dir);
  sim_comparison_free(&mine->comparison);
  sim_scenario_free(mine->scenario);
  mine->scenario = NULL;
}

static bool run_task(void *ctx, size_t index, inf_stack *stack) {
  task *mine = &((batch *)ctx)->tasks[index];
  bool waits = false;
  if (mine->status != M4_OK) return false;
  mine->comparison.scenario = mine->scenario;
  mine->status = run_backends(mine, stack, &waits, &mine->error);
  if (!waits) finish_task(mine);
  return waits;
}

static void fail_task(void *ctx, size_t index, m4_status status, const m4_error *err) {
  task *mine = &((batch *)ctx)->tasks[index];
  if (mine->status != M4_OK) return;
  mine->error = *err;
  mine->status = mine->running ? end_trial(mine, status, &mine->error) : status;
  finish_task(mine);
}

/* Scenarios in one step (docs/performance.md has what it brings). Threads take scenarios as they come: where
 * bits depend on the stack, several threads are not to depend on luck. */
static int64_t best_stack(const sim_learned_model *model) {
  enum { ON_CPU = 8, ON_DEVICE = 64 };
  if (sim_learned_on_device(model)) return ON_DEVICE;
  return sim_learned_stacks_exactly(model) ? ON_CPU : 1;
}

/* Every thread gets its share; when nobody asked for a stack, a quarter of it at a time, so that a thread
 * with short scenarios can take more of them. */
static int count_places(const batch *all, const m4_pool *pool) {
  const sim_trial_options *trial = &all->options->trial;
  if (!uses(all->options, SIM_BACKEND_M4) || trial->explain) return 1;
  bool chosen = all->options->stack > 0;
  int64_t wanted = chosen ? all->options->stack : best_stack(trial->model);
  int64_t threads = sim_learned_on_device(trial->model) ? 1 : m4_pool_threads(pool);
  int64_t portions = threads > 1 && !chosen ? 4 * threads : threads;
  int64_t share = ((int64_t)all->n_tasks + portions - 1) / portions;
  return (int)(wanted < share ? wanted : share);
}

static void simulate_all(batch *all, m4_pool *pool) {
  const sim_stacked jobs = {.n_jobs = all->n_tasks,
                            .n_places = count_places(all, pool),
                            .model = uses(all->options, SIM_BACKEND_M4) ? all->options->trial.model : NULL,
                            .go_on = run_task,
                            .fail = fail_task,
                            .ctx = all};
  sim_stacked_run(&jobs, pool);
}

/* ---- all of them ---- */

static void report_new_errors(batch *all) {
  for (size_t i = 0; i < all->n_tasks; i++) {
    task *mine = &all->tasks[i];
    if (mine->status == M4_OK || mine->status == M4_INTERRUPTED || mine->announced) continue;
    m4_log_error(all->log, "m4-sim", &mine->error);
    mine->announced = true;
  }
}

static void report_warnings(const batch *all) {
  for (size_t i = 0; i < all->n_tasks; i++)
    for (char **warning = all->tasks[i].scenario ? all->tasks[i].scenario->warnings : NULL;
         warning && *warning; warning++)
      m4_warn(all->log, "%s", *warning);
}

/* Several scenarios together: OUT/comparison.csv and a table. */
static m4_status write_tally(const batch *all, const sim_tally_entry *const *entries, m4_error *err) {
  char path[MAX_PATH_BYTES], line[256];
  m4_outfile file = {0};
  M4_TRY(m4_dir_make(all->options->out_dir, err));
  M4_TRY(m4_path_join(path, sizeof path, all->options->out_dir, "comparison.csv", err));
  M4_TRY(m4_outfile_open(&file, path, err));
  sim_tally_csv(file.stream, entries, all->n_tasks);
  m4_status status = m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  for (int i = 0; sim_tally_line(entries, all->n_tasks, i, line, sizeof line); i++)
    m4_info(all->log, "%s", line);
  return status;
}

static m4_status tally_all(const batch *all, m4_error *err) {
  if (!all->options->report || all->n_tasks == 1) return M4_OK;
  const sim_tally_entry **entries = calloc(all->n_tasks, sizeof *entries);
  if (!entries) return m4_fail(err, M4_MEMORY, NULL, "no memory for %zu scenarios", all->n_tasks);
  for (size_t i = 0; i < all->n_tasks; i++) entries[i] = &all->tasks[i].tally;
  m4_status status = write_tally(all, entries, err);
  free(entries);
  return status;
}

static m4_status run_all(batch *all, m4_pool *pool, m4_error *err) {
  uint64_t total = 0;
  m4_parallel_for(pool, all->n_tasks, read_task, all);
  report_warnings(all);
  report_new_errors(all);
  for (size_t i = 0; i < all->n_tasks; i++) {
    M4_TRY(name_output(all, &all->tasks[i], err));
    if (all->tasks[i].status == M4_OK) total += (uint64_t)all->tasks[i].scenario->n_flows;
  }
  if (!all->options->out_dir) {
    m4_info(all->log, "%zu scenarios, %llu flows: nothing simulated (--dry-run)", all->n_tasks,
            (unsigned long long)total);
    return M4_OK;
  }
  total *= (uint64_t)all->options->n_backends;
  m4_status status = sim_meter_create(&all->meter, all->log, total, all->n_tasks == 1, err);
  if (status == M4_OK) simulate_all(all, pool);
  sim_meter_free(all->meter);
  M4_TRY(status);
  report_new_errors(all);
  return tally_all(all, err);
}

/* The first failure in the order of the command line; an interruption only when nothing else went wrong. */
static m4_status first_failure(const batch *all, m4_error *err) {
  m4_status status = M4_OK;
  for (size_t i = 0; i < all->n_tasks; i++) {
    const task *mine = &all->tasks[i];
    if (mine->status == M4_OK || (mine->status == M4_INTERRUPTED && status != M4_OK)) continue;
    if (status != M4_OK && status != M4_INTERRUPTED) continue;
    status = mine->status;
    if (err) *err = mine->error;
  }
  return status;
}

m4_status sim_batch_run(const m4_text_list *dirs, const sim_batch_options *options, m4_pool *pool,
                        m4_log *log, m4_error *err) {
  batch all = {.options = options,
               .log = log,
               .n_tasks = dirs->count,
               .tasks = calloc(dirs->count + 1, sizeof *all.tasks)};
  if (!all.tasks) return m4_fail(err, M4_MEMORY, NULL, "no memory for %zu scenarios", dirs->count);
  for (size_t i = 0; i < dirs->count; i++) all.tasks[i] = (task){.batch = &all, .dir = dirs->items[i]};
  m4_status status = run_all(&all, pool, err);
  if (status != M4_OK)
    m4_log_error(log, "m4-sim", err);
  else
    status = first_failure(&all, err);
  for (size_t i = 0; i < all.n_tasks; i++) {
    sim_scenario_free(all.tasks[i].scenario);
    sim_tally_free(&all.tasks[i].tally);
  }
  free(all.tasks);
  return status;
}
