/* m4-test: trained models, teacher-forced, on busy periods of a dataset: errors beside flowSim's. */
#include "train/m4_test.h"

#include "base/file.h"
#include "base/plot.h"
#include "base/program.h"
#include "nn/weights.h"
#include "train/test_plot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct test_options {
  const char *dataset, *run, *out;
  m4_text_list checkpoints;
  bool on_train, plots;
} test_options;

static const m4_option option_table[] = {
    {"--checkpoint", M4_OPTION_TEXT_LIST, offsetof(test_options, checkpoints), "FILE",
     "weights (safetensors); may be repeated: one table for all, each with a folder of its own in --out; "
     "default: "
     "best of --run",
     NULL},
    {"--run", M4_OPTION_TEXT, offsetof(test_options, run), "DIR",
     "run folder (.../version_N): test what its data_list.json lists, with its configuration", NULL},
    {"--on-train", M4_OPTION_FLAG, offsetof(test_options, on_train), NULL,
     "test what --run was trained on instead of its test list", NULL},
    {"--dataset", M4_OPTION_TEXT, offsetof(test_options, dataset), "PATH",
     "dataset shard or folder (dataset.path)", NULL},
    {"--out", M4_OPTION_TEXT, offsetof(test_options, out), "DIR",
     "folder for models.csv buckets.csv, and flows.csv size.csv queue.csv summary.json of each model", NULL},
    {"--plots", M4_OPTION_FLAG, offsetof(test_options, plots), NULL,
     "also draws figures into --out/plots as SVG and PNG with their data as CSV: errors, slowdowns, "
     "predicted and "
     "true, errors by kinds of flows, auxiliary heads",
     NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {
    "m4-test",
    "tests trained models on busy periods, teacher-forced, and compares them with flowSim",
    "m4-test --run runs/m4/version_0 --out results",
    "m4-test --run runs/m4/version_0 --out results --plots\n"
    "m4-test --checkpoint best.safetensors --dataset datasets/test --out results\n"
    "m4-test --checkpoint a.safetensors --checkpoint b.safetensors --dataset datasets/test --out out\n"
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
  const ag_backend *backend;
  ds_dataset *dataset;
  test_list list;
  double *loads;
  test_model *models;
  tr_test_result *results;
  int n_models;
} test_run;

static m4_status configure(test_run *job, m4_error *err) {
  char path[TEST_PATH_BYTES];
  M4_TRY(m4_config_create(&job->config, tr_keys, &job->values, err));
  if (job->options->run) {
    M4_TRY(m4_path_join(path, sizeof path, job->options->run, "config.yaml", err));
    M4_TRY(m4_config_load(job->config, path, err));
  }
  M4_TRY(m4_config_set_text(job->config, "dataset.path", job->options->dataset, err));
  M4_TRY(m4_command_configure(job->common, job->config, err));
  M4_TRY(m4_command_device(job->common, job->config, "test.device", err));
  M4_TRY(m4_command_seed(job->common, job->config, "dataset.shard", err));
  return tr_config_check(&job->values, job->config, err);
}

static m4_status check_usage(const test_run *job, m4_error *err) {
  if (!job->options->out && !job->common->dry_run)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--out", "no folder for the results given"), "--out results");
  if (job->values.dataset.path[0] == '\0')
    return m4_hint(err, m4_fail(err, M4_USAGE, "--dataset", "no dataset given"),
                   "--dataset PATH or --run DIR");
  if (job->options->on_train && !job->options->run)
    return m4_fail(err, M4_USAGE, "--on-train", "needs --run DIR: which run's training list?");
  return M4_OK;
}

static m4_status test_one(test_run *job, int k, m4_error *err) {
  const test_model *tested = &job->models[k];
  m4_loss_options loss = tr_loss_options(&job->values, false);
  m4_model *model = NULL;
  M4_TRY(m4_weights_load(&model, job->backend, tested->checkpoint, NULL, err));
  m4_info(job->log, "%s on %lld busy periods of %s", tested->checkpoint, (long long)job->list.count,
          job->values.dataset.path);
  tr_test_job work = {.dataset = job->dataset,
                      .periods = job->list.periods,
                      .n_periods = job->list.count,
                      .scenario_loads = job->loads,
                      .model = model,
                      .loss = &loss,
                      .out = tested->folder,
                      .label = tested->label,
                      .checkpoint = tested->checkpoint,
                      .dataset_path = job->values.dataset.path,
                      .reader_threads = (int)job->values.training.num_workers,
                      .pool = job->pool,
                      .log = job->log};
  m4_status status = job->common->dry_run ? M4_OK : tr_test(&work, &job->results[k], err);
  m4_model_free(model);
  return status == M4_NUMERIC ? m4_within(err, status, tested->checkpoint) : status;
}

static m4_status write_tables(const test_run *job, m4_error *err) {
  const char **checkpoints = calloc((size_t)job->n_models, sizeof *checkpoints);
  if (!checkpoints) return m4_fail(err, M4_MEMORY, NULL, "no memory for a table");
  for (int k = 0; k < job->n_models; ++k) checkpoints[k] = job->models[k].checkpoint;
  m4_status status = tr_write_models(job->results, job->n_models, checkpoints, job->options->out, err);
  free(checkpoints);
  return status == M4_OK ? tr_write_buckets(job->results, job->n_models, job->options->out, err) : status;
}

static m4_status draw(const test_run *job, m4_error *err) {
  char dir[TEST_PATH_BYTES];
  bool drawn;
  if (!job->options->plots) return M4_OK;
  M4_TRY(m4_path_join(dir, sizeof dir, job->options->out, "plots", err));
  M4_TRY(tr_plot_test(job->results, job->n_models, dir, &drawn, err));
  if (!drawn) m4_warn(job->log, "%s", m4_plot_missing());
  return M4_OK;
}

static m4_status test(test_run *job, m4_error *err) {
  M4_TRY(check_usage(job, err));
  M4_TRY(test_models_make(&job->models, &job->n_models, &job->options->checkpoints, job->options->run,
                          job->options->out, err));
  job->results = calloc((size_t)job->n_models, sizeof *job->results);
  if (!job->results) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d results", job->n_models);
  M4_TRY(m4_log_create(&job->log, job->common->quiet, NULL, err));
  M4_TRY(m4_pool_create(&job->pool, (int)job->common->threads, err));
  M4_TRY(tr_open_backend(&job->backend, job->values.test.device, AG_F32, AG_GEMM_F32, job->log, err));
  M4_TRY(ds_open(&job->dataset, job->values.dataset.path, err));
  M4_TRY(
      test_list_make(&job->list, job->dataset, job->options->run, job->options->on_train, &job->values, err));
  if (!job->common->dry_run)
    M4_TRY(tr_test_loads(&job->loads, job->dataset, job->list.periods, job->list.count, err));
  for (int k = 0; k < job->n_models; ++k) M4_TRY(test_one(job, k, err));
  if (job->common->dry_run) return M4_OK;
  M4_TRY(write_tables(job, err));
  M4_TRY(test_print(job->results, job->n_models, err));
  return draw(job, err);
}

static m4_status run(void *options, const m4_common *common, m4_error *err) {
  test_run *job = calloc(1, sizeof *job);
  if (!job) return m4_fail(err, M4_MEMORY, NULL, "no memory");
  job->options = options;
  job->common = common;
  m4_status status = configure(job, err);
  if (status == M4_OK)
    status = common->print_config ? m4_config_print(job->config, stdout, true, err) : test(job, err);
  for (int k = 0; job->results && k < job->n_models; ++k) tr_test_result_free(&job->results[k]);
  free(job->results);
  free(job->models);
  free(job->loads);
  test_list_free(&job->list);
  ds_close(job->dataset);
  m4_pool_free(job->pool);
  m4_log_free(job->log);
  m4_config_free(job->config);
  free(job);
  return status;
}

int main(int argc, char **argv) {
  test_options options = {0};
  return m4_main(&program, run, &options, argc, argv);
}
