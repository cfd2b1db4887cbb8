/* Reads, simulates, compares and writes scenarios in parallel; see batch.h. Results do not depend on the
 * number of threads: each scenario is one task. Warnings and errors come out in the order of the command
 * line. */
#include "sim/batch.h"

#include "base/file.h"
#include "base/signals.h"
#include "sim/output.h"
#include "sim/packet/trace.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PATH_BYTES = 4096 };

typedef struct batch batch;

/* One scenario on its way through. */
typedef struct task {
  batch *batch;
  const char *dir;
  char out_dir[MAX_PATH_BYTES];
  pkt_trace *trace;       /* with options->trace */
  sim_scenario *scenario; /* freed as soon as its results are written */
  int64_t reported;       /* flows counted in the progress so far */
  bool announced;
  m4_status status;
  m4_error error;
} task;

struct batch {
  const sim_batch_options *options;
  m4_log *log;
  m4_progress *progress;
  _Atomic uint64_t flows_done;
  task *tasks;
  size_t n_tasks;
};

/* ---- reading ---- */

static m4_status prepare_scenario(task *mine) {
  const sim_batch_options *options = mine->batch->options;
  m4_error *err = &mine->error;
  M4_TRY(sim_scenario_read(&mine->scenario, mine->dir, err));
  if (options->compare && !mine->scenario->truth_fct_ns)
    return m4_fail(err, M4_IO, mine->dir, "there is no fct.txt to compare with");
  if (options->backend == SIM_BACKEND_M4) M4_TRY(sim_learned_warn(options->model, mine->scenario, err));
  if (options->flow_limit < 0) return M4_OK;
  int64_t hosts = options->hosts_per_rack > 0 ? options->hosts_per_rack : mine->scenario->hosts_per_group;
  return sim_scenario_limit_flows(mine->scenario, options->flow_limit, hosts, err);
}

static void read_task(void *arg, size_t index, int worker) {
  (void)worker;
  task *mine = &((batch *)arg)->tasks[index];
  mine->status = m4_stop_requested() ? M4_INTERRUPTED : prepare_scenario(mine);
}

static bool same_folder(const char *a, const char *b) {
  struct stat one, other;
  return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

/* Where the results go. Names must differ, and an input folder is never written to: its fct.txt is the truth.
 */
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
  if (same_folder(mine->dir, mine->out_dir))
    return m4_fail(err, M4_USAGE, mine->dir,
                   "results would overwrite the scenario's own files; choose another --out");
  return M4_OK;
}

/* ---- simulating ---- */

static m4_status make_traced(sim_backend **backend, task *mine, m4_error *err) {
  char path[MAX_PATH_BYTES];
  M4_TRY(m4_dir_make(mine->out_dir, err));
  M4_TRY(m4_path_join(path, sizeof path, mine->out_dir, "mix.tr", err));
  M4_TRY(pkt_trace_create(&mine->trace, mine->scenario, path, err));
  const pkt_probe probe = pkt_trace_probe(mine->trace);
  return sim_packet_backend(backend, mine->scenario, &probe, err);
}

/* A complete run goes on to the last acknowledgement, which no result needs. */
static m4_status finish_trace(task *mine, sim_backend *backend, bool complete, m4_error *err) {
  bool found = false;
  sim_completion unused;
  if (!mine->trace) return M4_OK;
  if (complete) M4_TRY(backend->ops->advance(backend, INFINITY, &found, &unused, err));
  return pkt_trace_commit(mine->trace, err);
}

static m4_status make_backend(sim_backend **backend, task *mine, m4_error *err) {
  const sim_batch_options *options = mine->batch->options;
  switch (options->backend) {
  case SIM_BACKEND_PACKET:
    if (options->trace) return make_traced(backend, mine, err);
    return sim_packet_backend(backend, mine->scenario, NULL, err);
  case SIM_BACKEND_FLOWSIM:
    return sim_flowsim_backend(backend, mine->scenario, &options->flowsim, err);
  case SIM_BACKEND_M4:
    return sim_learned_backend(backend, mine->scenario, options->model, &options->learned, err);
  }
  return m4_fail(err, M4_INTERNAL, mine->dir, "unknown back end");
}

static bool on_completion(void *ctx, double now_ns, int64_t finished, int64_t total) {
  (void)now_ns;
  (void)total;
  task *mine = ctx;
  uint64_t step = (uint64_t)(finished - mine->reported);
  uint64_t done = atomic_fetch_add(&mine->batch->flows_done, step) + step;
  mine->reported = finished;
  m4_progress_update(mine->batch->progress, done, NULL);
  return m4_stop_requested() == 0;
}

static void announce(const task *mine, const sim_result *result, const m4_accuracy *errors) {
  double seconds = fmax(result->wall_seconds, 1e-9);
  char error[96] = "";
  if (errors && errors->all.n_flows > 0)
    snprintf(error, sizeof error, "; error mean %.1f %%, p90 %.1f %%, tail %.1f %%", 100 * errors->all.mean,
             100 * errors->all.p90, 100 * errors->p99_tail);
  m4_info(mine->batch->log, "%s: %lld of %lld flows finished, %llu events in %.2f s (%.3g events/s)%s",
          mine->scenario->name, (long long)result->n_finished, (long long)result->n_flows,
          (unsigned long long)result->events, result->wall_seconds, (double)result->events / seconds, error);
}

/* What finished is written also when the run was interrupted; the status says so. */
static m4_status simulate(task *mine, sim_backend *backend) {
  sim_result result = {0};
  m4_accuracy errors, *wanted = mine->batch->options->compare ? &errors : NULL;
  m4_status ran = sim_run(mine->scenario, backend, on_completion, mine, &result, &mine->error), status = ran;
  if (ran == M4_INTERRUPTED) status = M4_OK;
  if (status == M4_OK && wanted) status = sim_compare(mine->scenario, &result, &errors, &mine->error);
  if (status == M4_OK)
    status =
        sim_write_results(mine->out_dir, mine->scenario, backend->ops->name, &result, wanted, &mine->error);
  if (status == M4_OK) status = finish_trace(mine, backend, ran == M4_OK, &mine->error);
  if (status == M4_OK) announce(mine, &result, wanted);
  sim_result_free(&result);
  return status == M4_OK ? ran : status;
}

static void run_task(void *arg, size_t index, int worker) {
  (void)worker;
  task *mine = &((batch *)arg)->tasks[index];
  if (mine->status != M4_OK) return;
  sim_backend *backend = NULL;
  mine->status = m4_stop_requested() ? M4_INTERRUPTED : make_backend(&backend, mine, &mine->error);
  if (mine->status == M4_OK) mine->status = simulate(mine, backend);
  if (mine->status != M4_OK) m4_within(&mine->error, mine->status, mine->dir);
  sim_backend_free(backend);
  pkt_trace_free(mine->trace);
  mine->trace = NULL;
  sim_scenario_free(mine->scenario);
  mine->scenario = NULL;
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
  M4_TRY(m4_progress_create(&all->progress, all->log, "simulate", "flows", total, err));
  m4_parallel_for(pool, all->n_tasks, run_task, all);
  m4_progress_free(all->progress);
  report_new_errors(all);
  return M4_OK;
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
  for (size_t i = 0; i < all.n_tasks; i++) sim_scenario_free(all.tasks[i].scenario);
  free(all.tasks);
  return status;
}
