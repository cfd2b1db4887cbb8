/* Reads scenarios and runs every contender on each of them; see study.h. */
#include "sim/accuracy/study.h"

#include "base/file.h"
#include "base/signals.h"
#include "sim/accuracy/folders.h"
#include "sim/meter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH_BYTES = 4096 };

/* ---- contenders ---- */

/* "runs/a/best.safetensors" -> "best" */
static void name_after_file(char label[ACC_LABEL_BYTES], const char *path) {
  m4_path_last(label, ACC_LABEL_BYTES, path);
  char *ending = strstr(label, ".safetensors");
  if (ending && ending != label) *ending = '\0';
}

m4_status acc_study_add(acc_study *study, const char *label, const char *path, m4_error *err) {
  if (study->n_contenders == ACC_MAX_CONTENDERS)
    return m4_fail(err, M4_USAGE, "--checkpoint", "more than %d checkpoints", ACC_MAX_CONTENDERS - 1);
  acc_contender *added = &study->contenders[study->n_contenders];
  if (label)
    snprintf(added->label, sizeof added->label, "%s", label);
  else
    name_after_file(added->label, path);
  for (int i = 0; i < study->n_contenders; i++)
    if (strcmp(study->contenders[i].label, added->label) == 0)
      return m4_hint(err, m4_fail(err, M4_USAGE, "--checkpoint", "two are called \"%s\"", added->label),
                     "name them: --checkpoint NAME=FILE");
  study->n_contenders++;
  if (!path) return M4_OK;
  M4_TRY(sim_learned_model_load(&added->model, path, err));
  added->cost = sim_learned_model_cost(added->model);
  return M4_OK;
}

/* ---- scenarios ---- */

static m4_status read_run(acc_run *run, const char *dir, const char *name, m4_log *log, m4_error *err) {
  char path[MAX_PATH_BYTES], last[MAX_PATH_BYTES];
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  m4_path_last(last, sizeof last, dir);
  run->name = strdup(*name ? name : last);
  if (!run->name) return m4_fail(err, M4_MEMORY, path, "no memory for a scenario");
  M4_TRY(sim_scenario_read(&run->scenario, path, err));
  for (char **warning = run->scenario->warnings; warning && *warning; warning++) m4_info(log, "%s", *warning);
  return acc_facts_of(&run->facts, run->scenario, err);
}

static m4_status read_all(acc_study *study, const char *dir, const acc_folders *folders, m4_log *log,
                          m4_error *err) {
  study->runs = calloc(folders->n, sizeof *study->runs);
  if (!study->runs) return m4_fail(err, M4_MEMORY, dir, "no memory for %zu scenarios", folders->n);
  for (size_t i = 0; i < folders->n; i++) {
    if (m4_stop_requested()) return m4_fail(err, M4_INTERRUPTED, dir, "interrupted");
    study->n_runs++;
    M4_TRY(read_run(&study->runs[i], dir, folders->names[i], log, err));
  }
  return M4_OK;
}

m4_status acc_study_read(acc_study *study, const char *dir, m4_log *log, m4_error *err) {
  acc_folders folders;
  size_t without_truth = 0;
  m4_status status = acc_folders_find(&folders, dir, &without_truth, err);
  if (status == M4_OK && without_truth > 0)
    m4_warn(log, "%s: %zu scenarios without fct.txt are left out", dir, without_truth);
  if (status == M4_OK && folders.n == 0) {
    status = m4_fail(err, M4_USAGE, dir, "no scenario with topology.txt and fct.txt in it or below it");
  } else if (status == M4_OK) {
    status = read_all(study, dir, &folders, log, err);
  }
  acc_folders_free(&folders);
  return status;
}

double acc_true_completion_ns(const sim_scenario *scenario) {
  if (scenario->n_flows == 0 || scenario->truth_end_ns < 0) return NAN;
  return (double)(scenario->truth_end_ns - scenario->flows[0].start_ns);
}

/* ---- simulations ---- */

/* All runs of all contenders are tasks of one list: run after run, contender after contender. */
typedef struct simulation {
  acc_study *study;
  sim_meter *meter;
  m4_status *statuses; /* [n_tasks] */
  m4_error *errors;
} simulation;

typedef struct progress {
  const simulation *simulation;
  const acc_contender *contender;
  int64_t reported;
} progress;

static bool on_completion(void *ctx, double now_ns, int64_t finished, int64_t total) {
  progress *self = ctx;
  sim_meter_add(self->simulation->meter, self->contender->label, (uint64_t)(finished - self->reported),
                now_ns, total - finished);
  self->reported = finished;
  return m4_stop_requested() == 0;
}

static m4_status make_backend(sim_backend **backend, const acc_contender *contender,
                              const sim_scenario *scenario, m4_error *err) {
  return contender->model ? sim_learned_backend(backend, scenario, contender->model, NULL, err)
                          : sim_flowsim_backend(backend, scenario, NULL, err);
}

/* Keeps what both worlds finished. */
static m4_status keep(acc_cell *cell, const sim_scenario *scenario, const sim_result *result, m4_error *err) {
  cell->fct_ns = malloc(((size_t)scenario->n_flows + 1) * sizeof *cell->fct_ns);
  if (!cell->fct_ns) return m4_fail(err, M4_MEMORY, scenario->name, "no memory for the FCTs");
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    bool both = !isnan(result->fct_ns[i]) && scenario->truth_fct_ns[i] >= 0;
    cell->fct_ns[i] = both ? (double)sim_reported_fct_ns(result, i) : NAN;
  }
  cell->completion_ns = sim_application_completion_ns(scenario, result);
  cell->wall_seconds = result->wall_seconds;
  cell->events = result->events;
  return sim_compare(scenario, result, &cell->errors, err);
}

static void run_task(void *arg, size_t index, int worker) {
  (void)worker;
  simulation *self = arg;
  acc_study *study = self->study;
  size_t number = index % (size_t)study->n_contenders;
  acc_run *run = &study->runs[index / (size_t)study->n_contenders];
  progress told = {.simulation = self, .contender = &study->contenders[number]};
  sim_backend *backend = NULL;
  sim_result result = {0};
  m4_error *err = &self->errors[index];
  m4_status status = m4_stop_requested() ? m4_fail(err, M4_INTERRUPTED, NULL, "interrupted") : M4_OK;
  if (status == M4_OK) status = make_backend(&backend, told.contender, run->scenario, err);
  if (status == M4_OK) status = sim_run(run->scenario, backend, on_completion, &told, &result, err);
  if (status == M4_OK) status = keep(&run->cells[number], run->scenario, &result, err);
  sim_backend_free(backend);
  sim_result_free(&result);
  self->statuses[index] = status == M4_OK ? M4_OK : m4_within(err, status, run->name);
}

/* ---- all flows of all runs together ---- */

static int64_t collect(const acc_run *run, int contender, m4_outcome *outcomes) {
  const sim_scenario *scenario = run->scenario;
  int64_t n = 0;
  for (int64_t i = 0; i < scenario->n_flows; i++)
    if (!isnan(run->cells[contender].fct_ns[i]))
      outcomes[n++] =
          (m4_outcome){scenario->flows[i].size_bytes, run->cells[contender].fct_ns[i],
                       (double)scenario->truth_fct_ns[i], (double)scenario->flows[i].ideal_fct_ns};
  return n;
}

static m4_status pool_flows(acc_study *study, m4_error *err) {
  int64_t most = 1;
  for (size_t i = 0; i < study->n_runs; i++) most += study->runs[i].scenario->n_flows;
  m4_outcome *outcomes = calloc((size_t)most, sizeof *outcomes);
  if (!outcomes) return m4_fail(err, M4_MEMORY, NULL, "no memory to compare %lld flows", (long long)most);
  m4_status status = M4_OK;
  for (int c = 0; status == M4_OK && c < study->n_contenders; c++) {
    int64_t n = 0;
    for (size_t i = 0; i < study->n_runs; i++) n += collect(&study->runs[i], c, outcomes + n);
    status = m4_accuracy_of(outcomes, n, &study->pooled[c], err);
  }
  free(outcomes);
  return status;
}

/* The first failure in the order of the tasks; an interruption only when nothing else went wrong. */
static m4_status first_failure(const simulation *self, size_t n_tasks, m4_error *err) {
  m4_status status = M4_OK;
  for (size_t i = 0; i < n_tasks; i++) {
    if (self->statuses[i] == M4_OK || (status != M4_OK && self->statuses[i] == M4_INTERRUPTED)) continue;
    if (status != M4_OK && status != M4_INTERRUPTED) continue;
    status = self->statuses[i];
    if (err) *err = self->errors[i];
  }
  return status;
}

m4_status acc_study_simulate(acc_study *study, m4_pool *pool, m4_log *log, m4_error *err) {
  size_t n_tasks = study->n_runs * (size_t)study->n_contenders;
  uint64_t flows = 0;
  for (size_t i = 0; i < study->n_runs; i++) flows += (uint64_t)study->runs[i].scenario->n_flows;
  simulation self = {.study = study,
                     .statuses = calloc(n_tasks + 1, sizeof *self.statuses),
                     .errors = calloc(n_tasks + 1, sizeof *self.errors)};
  m4_status status = self.statuses && self.errors
                         ? M4_OK
                         : m4_fail(err, M4_MEMORY, NULL, "no memory for %zu simulations", n_tasks);
  if (status == M4_OK)
    status = sim_meter_create(&self.meter, log, flows * (uint64_t)study->n_contenders, n_tasks == 1, err);
  if (status == M4_OK) {
    m4_parallel_for(pool, n_tasks, run_task, &self);
    status = first_failure(&self, n_tasks, err);
  }
  sim_meter_free(self.meter);
  free(self.statuses);
  free(self.errors);
  return status == M4_OK ? pool_flows(study, err) : status;
}

void acc_study_free(acc_study *study) {
  for (size_t i = 0; i < study->n_runs; i++) {
    for (int c = 0; c < study->n_contenders; c++) free(study->runs[i].cells[c].fct_ns);
    sim_scenario_free(study->runs[i].scenario);
    free(study->runs[i].name);
  }
  free(study->runs);
  for (int c = 0; c < study->n_contenders; c++) sim_learned_model_free(study->contenders[c].model);
  *study = (acc_study){0};
}
