/* m4-test: a trained model, teacher-forced, on busy periods of a dataset: errors beside flowSim's. */
#include "base/command.h"
#include "base/file.h"
#include "base/signals.h"
#include "nn/weights.h"
#include "train/config.h"
#include "train/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct test_options {
  const char *dataset, *checkpoint, *run, *out;
} test_options;

static const m4_option option_table[] = {
    {"--checkpoint", M4_OPTION_TEXT, offsetof(test_options, checkpoint), "FILE",
     "weights (safetensors); default: best of --run", NULL},
    {"--run", M4_OPTION_TEXT, offsetof(test_options, run), "DIR",
     "run folder (.../version_N): test what its data_list.json lists, with its configuration", NULL},
    {"--dataset", M4_OPTION_TEXT, offsetof(test_options, dataset), "PATH",
     "dataset shard or folder (dataset.path)", NULL},
    {"--out", M4_OPTION_TEXT, offsetof(test_options, out), "DIR",
     "folder for flows.csv size.csv queue.csv summary.json", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {
    "m4-test",
    "tests a trained model on busy periods, teacher-forced, and compares it with flowSim",
    "m4-test --run runs/m4/version_0 --out results",
    "m4-test --run runs/m4/version_0 --out results\n"
    "m4-test --checkpoint best.safetensors --dataset datasets/test --out results\n"
    "m4-test --config test.yaml --checkpoint best.safetensors --out results --set test.max_samples=500",
    option_table,
    tr_keys};

typedef struct test_run {
  const test_options *options;
  const m4_common *common;
  tr_config values;
  m4_config *config;
  m4_log *log;
  m4_pool *pool;
  ds_dataset *dataset;
  m4_model *model;
  int64_t *periods;
  int64_t n_periods;
  char checkpoint[4096];
} test_run;

static m4_status configure(test_run *job, m4_error *err) {
  char path[4096];
  M4_TRY(m4_config_create(&job->config, tr_keys, &job->values, err));
  if (job->options->run) {
    M4_TRY(m4_path_join(path, sizeof path, job->options->run, "config.yaml", err));
    M4_TRY(m4_config_load(job->config, path, err));
  }
  M4_TRY(m4_config_set_text(job->config, "dataset.path", job->options->dataset, err));
  M4_TRY(m4_command_configure(job->common, job->config, err));
  return tr_config_check(&job->values, job->config, err);
}

static m4_status check_usage(test_run *job, m4_error *err) {
  if (!job->options->out && !job->common->dry_run)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--out", "no folder for the results given"), "--out results");
  if (job->values.dataset.path[0] == '\0')
    return m4_hint(err, m4_fail(err, M4_USAGE, "--dataset", "no dataset given"),
                   "--dataset PATH or --run DIR");
  if (!job->options->checkpoint && !job->options->run)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--checkpoint", "no weights given"),
                   "--checkpoint FILE or --run DIR");
  if (job->options->checkpoint)
    snprintf(job->checkpoint, sizeof job->checkpoint, "%s", job->options->checkpoint);
  else
    M4_TRY(m4_path_join(job->checkpoint, sizeof job->checkpoint, job->options->run,
                        "checkpoints/best.safetensors", err));
  return M4_OK;
}

static m4_status keep_periods(test_run *job, const int64_t *source, int64_t count, m4_error *err) {
  job->periods = malloc(((size_t)count + 1) * sizeof *job->periods);
  if (!job->periods) return m4_fail(err, M4_MEMORY, NULL, "no memory for the list of periods");
  memcpy(job->periods, source, (size_t)count * sizeof *source);
  job->n_periods = count;
  return M4_OK;
}

static m4_status all_usable_periods(test_run *job, m4_error *err) {
  int64_t count = ds_n_periods(job->dataset);
  job->periods = malloc(((size_t)count + 1) * sizeof *job->periods);
  if (!job->periods) return m4_fail(err, M4_MEMORY, NULL, "no memory for the list of periods");
  for (int64_t p = 0; p < count; ++p)
    if (ds_scenario_usable(job->dataset, ds_period(job->dataset, p).scenario))
      job->periods[job->n_periods++] = p;
  return M4_OK;
}

/* The run's test list, or every usable period; at most test.max_samples of them, drawn at random, in
 * ascending order. */
static m4_status list_periods(test_run *job, m4_error *err) {
  if (job->options->run) {
    char path[4096];
    ds_split split;
    M4_TRY(m4_path_join(path, sizeof path, job->options->run, "data_list.json", err));
    M4_TRY(ds_split_read(&split, job->dataset, path, err));
    m4_status status = keep_periods(job, split.val, split.n_val, err);
    ds_split_free(&split);
    M4_TRY(status);
  } else {
    M4_TRY(all_usable_periods(job, err));
  }
  int64_t wanted = job->values.test.max_samples;
  if (wanted > 0 && wanted < job->n_periods) {
    int64_t *order = malloc((size_t)job->n_periods * sizeof *order),
            *chosen = calloc((size_t)job->n_periods, sizeof *chosen);
    if (order && chosen) {
      ds_epoch_order(order, job->n_periods, (uint64_t)job->values.dataset.shard, 0);
      for (int64_t i = 0; i < wanted; ++i) chosen[order[i]] = 1;
      int64_t kept = 0;
      for (int64_t i = 0; i < job->n_periods; ++i)
        if (chosen[i]) job->periods[kept++] = job->periods[i];
      job->n_periods = kept;
    }
    bool good = order && chosen;
    free(order);
    free(chosen);
    if (!good) return m4_fail(err, M4_MEMORY, NULL, "no memory for the list of periods");
  }
  if (job->n_periods == 0) return m4_fail(err, M4_DATA, job->values.dataset.path, "no busy period to test");
  return M4_OK;
}

static void print_row(const char *name, const m4_accuracy *accuracy) {
  printf("%-10s %9.2f %9.2f %9.2f %9.2f %9.2f", name, 100 * accuracy->all.mean, 100 * accuracy->all.p50,
         100 * accuracy->all.p90, 100 * accuracy->all.p99, 100 * accuracy->p99_tail);
  for (int b = 0; b < M4_N_SIZE_BUCKETS; ++b) printf(" %10.2f", 100 * accuracy->by_size[b].mean);
  printf("\n");
}

static void print_result(const tr_test_result *result) {
  printf("%lld busy periods, %lld flows; per-flow error of the FCT in percent (teacher-forced)\n",
         (long long)result->n_periods, (long long)result->n_flows);
  printf("%-10s %9s %9s %9s %9s %9s", "", "mean", "p50", "p90", "p99", "p99 tail");
  for (int b = 0; b < M4_N_SIZE_BUCKETS; ++b) printf(" %10s", m4_bucket_name(b));
  printf("\n");
  print_row("flowSim", &result->flowsim);
  print_row("m4", &result->m4);
  printf("test_loss %.6f  size %.6f  queue %.6f", result->losses.fct, result->losses.size,
         result->losses.queue);
  if (isfinite(result->size_mean_error))
    printf("  mean error: remaining ratio %.4f", result->size_mean_error);
  if (isfinite(result->queue_mean_error)) printf(", queue (cube root) %.3f", result->queue_mean_error);
  printf("\n");
}

static m4_status test(test_run *job, m4_error *err) {
  m4_loss_options loss = tr_loss_options(&job->values, false);
  tr_test_result result;
  M4_TRY(check_usage(job, err));
  M4_TRY(m4_log_create(&job->log, job->common->quiet, NULL, err));
  M4_TRY(m4_pool_create(&job->pool, (int)job->common->threads, err));
  M4_TRY(m4_weights_load(&job->model, ag_cpu_backend(AG_F32), job->checkpoint, NULL, err));
  M4_TRY(ds_open(&job->dataset, job->values.dataset.path, err));
  M4_TRY(list_periods(job, err));
  m4_info(job->log, "%s on %lld busy periods of %s", job->checkpoint, (long long)job->n_periods,
          job->values.dataset.path);
  if (job->common->dry_run) return M4_OK;
  tr_test_job work = {.dataset = job->dataset,
                      .periods = job->periods,
                      .n_periods = job->n_periods,
                      .model = job->model,
                      .loss = &loss,
                      .out = job->options->out,
                      .checkpoint = job->checkpoint,
                      .dataset_path = job->values.dataset.path,
                      .reader_threads = (int)job->values.training.num_workers,
                      .pool = job->pool,
                      .log = job->log};
  M4_TRY(tr_test(&work, &result, err));
  print_result(&result);
  return M4_OK;
}

static m4_status run(const test_options *options, const m4_common *common, m4_error *err) {
  test_run *job = calloc(1, sizeof *job);
  if (!job) return m4_fail(err, M4_MEMORY, NULL, "no memory");
  job->options = options;
  job->common = common;
  m4_status status = configure(job, err);
  if (status == M4_OK)
    status = common->print_config ? m4_config_print(job->config, stdout, true, err) : test(job, err);
  free(job->periods);
  m4_model_free(job->model);
  ds_close(job->dataset);
  m4_pool_free(job->pool);
  m4_log_free(job->log);
  m4_config_free(job->config);
  free(job);
  return status;
}

int main(int argc, char **argv) {
  test_options options = {0};
  m4_common common;
  memset(&common, 0, sizeof common);
  m4_error error = {0};
  bool finished = false;
  m4_signals_install();
  m4_status status = m4_command_parse(&program, argc, argv, &options, &common, &finished, &error);
  if (status == M4_OK && !finished) status = run(&options, &common, &error);
  m4_command_free(&program, &options, &common);
  if (status == M4_INTERRUPTED && m4_stop_requested()) return m4_stop_requested();
  if (status != M4_OK) m4_print_error(program.name, &error);
  return m4_exit_code(status);
}
