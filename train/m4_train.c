/* m4-train: command line of the trainer. */
#include "base/command.h"
#include "base/signals.h"
#include "infer/unfold.h"
#include "train/replay.h"
#include "train/run_folder.h"
#include "train/train.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct train_options {
  const char *dataset, *out, *note, *resume, *replay;
  bool profile;
} train_options;

static const m4_option option_table[] = {
    {"--dataset", M4_OPTION_TEXT, offsetof(train_options, dataset), "PATH",
     "dataset shard or folder (dataset.path)", NULL},
    {"--out", M4_OPTION_TEXT, offsetof(train_options, out), "DIR",
     "folder of all runs (training.dir_output, default runs)", NULL},
    {"--note", M4_OPTION_TEXT, offsetof(train_options, note), "NAME",
     "name of this series of runs (training.note)", NULL},
    {"--resume", M4_OPTION_TEXT, offsetof(train_options, resume), "DIR",
     "continue the run in DIR (.../version_N) with its configuration "
     "and data list, from its last checkpoint; or from "
     "any *.state.safetensors in its checkpoints/",
     NULL},
    {"--replay", M4_OPTION_TEXT, offsetof(train_options, replay), "DIR",
     "compute a sample again that failed (runs/.../failures/...), naming the op that made a NaN", NULL},
    {"--profile", M4_OPTION_FLAG, offsetof(train_options, profile), NULL,
     "time of every op: a table on the log and in the run folder, and trace.json for chrome://tracing", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {
    "m4-train",
    "trains the m4 model on a dataset made by m4-datagen",
    "m4-train --dataset PATH [--config FILE] [--set KEY=VALUE ...]   new run; without --config the published "
    "settings\n"
    "m4-train --resume runs/m4/version_0                             goes on where it was stopped or killed\n"
    "mpirun -n 2 m4-train --threads 1 ...                            every process takes training.batch_size "
    "samples",
    "# a first training from nothing, some minutes on two cores\n"
    "m4-datagen --config configs/datagen-demo.yaml --out datasets/demo\n"
    "m4-train --config configs/train-demo.yaml --dataset datasets/demo --dry-run   # only the plan\n"
    "m4-train --config configs/train-demo.yaml --dataset datasets/demo\n"
    "tensorboard --logdir runs                        # losses, errors, histograms, pictures\n"
    "m4-test --run runs/m4/version_0 --out results    # error of every flow, beside flowSim's\n"
    "\n"
    "# settings that are changed most; all of them: m4-train --help config\n"
    "--set training.n_epochs=30 --set training.batch_size=4 --set training.learning_rate=0.001\n"
    "--set training.lr_schedule=cosine --set training.early_stop_patience=8\n"
    "--set training.overfit_batches=1                 # can it learn two samples by heart?\n"
    "\n"
    "# Ctrl-C saves and ends; kill -USR1 saves and goes on; everything is in runs/m4/version_N",
    option_table,
    tr_keys};

/* Files first (a resumed run starts from its own), then options, then --set. */
static m4_status configure(m4_config *config, const train_options *options, const m4_common *common,
                           m4_error *err) {
  if (options->resume) {
    tr_folder folder;
    char path[TR_PATH_BYTES];
    M4_TRY(tr_folder_resume(&folder, options->resume, path, err));
    M4_TRY(tr_folder_config(&folder, path, err));
    M4_TRY(m4_config_load(config, path, err));
  }
  M4_TRY(m4_config_set_text(config, "dataset.path", options->dataset, err));
  M4_TRY(m4_config_set_text(config, "training.dir_output", options->out, err));
  M4_TRY(m4_config_set_text(config, "training.note", options->note, err));
  M4_TRY(m4_command_configure(common, config, err));
  M4_TRY(m4_command_device(common, config, "training.device", err));
  return m4_command_seed(common, config, "dataset.shard", err);
}

static char *join_arguments(int argc, char **argv) {
  size_t length = 2;
  for (int i = 0; i < argc; ++i) length += strlen(argv[i]) + 1;
  char *text = calloc(length, 1);
  for (int i = 0; text && i < argc; ++i) {
    strcat(text, argv[i]);
    strcat(text, i + 1 < argc ? " " : "\n");
  }
  return text;
}

/* Prints what a saved sample gives now; M4_NUMERIC when it still fails. */
static m4_status replay(const char *dir, const char *device, m4_error *err) {
  char story[768];
  m4_losses losses;
  const ag_backend *backend;
  M4_TRY(ag_device_open(&backend, device, NULL, err));
  m4_status status = tr_replay(dir, backend, &losses, story, sizeof story, err);
  if (story[0]) printf("%s\n", story);
  if (status == M4_OK)
    printf("every value is finite now: loss %.6f  fct %.6f  size %.6f  queue %.6f\n", losses.total,
           losses.fct, losses.size, losses.queue);
  return status;
}

/* What a training needs besides its configuration. */
typedef struct workshop {
  m4_ranks *ranks;
  m4_log *log;
  m4_pool *pool;
} workshop;

static m4_status open_workshop(workshop *shop, const m4_common *common, m4_error *err) {
  bool quiet = common->quiet || m4_ranks_index(shop->ranks) > 0;
  M4_TRY(m4_log_create(&shop->log, quiet, NULL, err));
  return m4_pool_create(&shop->pool, (int)common->threads, err);
}

static m4_status train(tr_job *job, workshop *shop, const m4_common *common, m4_error *err) {
  char run_dir[TR_PATH_BYTES] = "";
  M4_TRY(tr_config_check(job->values, job->config, err));
  M4_TRY(open_workshop(shop, common, err));
  const char *unused = m4_config_unused(job->config);
  if (unused[0]) m4_warn(shop->log, "keys of the reference without effect: %s", unused);
  job->ranks = shop->ranks;
  job->pool = shop->pool;
  job->log = shop->log;
  m4_status status = tr_train(job, run_dir, err);
  if (status == M4_OK && !common->dry_run) {
    m4_info(shop->log, "run folder: %s", run_dir);
    m4_info(shop->log, "next: m4-test --run %s --out results", run_dir);
  }
  if (status == M4_INTERRUPTED && run_dir[0])
    m4_info(shop->log, "state saved; continue with: m4-train --resume %s", run_dir);
  return status;
}

static m4_status run(int argc, char **argv, const train_options *options, const m4_common *common,
                     workshop *shop, m4_error *err) {
  tr_config values;
  memset(&values, 0, sizeof values);
  m4_config *config = NULL;
  char *command_line = join_arguments(argc, argv);
  m4_status status = m4_config_create(&config, tr_keys, &values, err);
  if (status == M4_OK) status = configure(config, options, common, err);
  tr_job job = {.values = &values,
                .config = config,
                .resume = options->resume,
                .command_line = command_line,
                .unfolder = {inf_unfold_most_bytes, inf_unfold},
                .profile = options->profile,
                .dry_run = common->dry_run};
  if (status == M4_OK && common->print_config)
    status = m4_config_print(config, stdout, true, err);
  else if (status == M4_OK)
    status = train(&job, shop, common, err);
  m4_pool_free(shop->pool);
  m4_log_free(shop->log);
  m4_config_free(config);
  free(command_line);
  return status;
}

int main(int argc, char **argv) {
  train_options options = {0};
  m4_common common;
  memset(&common, 0, sizeof common);
  workshop shop = {0};
  m4_error error = {0};
  bool finished = false;
  m4_signals_install();
  m4_status status = m4_command_parse(&program, argc, argv, &options, &common, &finished, &error);
  if (status == M4_OK && !finished) status = m4_ranks_join(&shop.ranks, &error);
  if (status == M4_OK && !finished)
    status = options.replay ? replay(options.replay, common.device, &error)
                            : run(argc, argv, &options, &common, &shop, &error);
  m4_command_free(&program, &options, &common);
  bool interrupted = status == M4_INTERRUPTED && m4_stop_requested();
  if (status != M4_OK && !interrupted && m4_ranks_speaks(shop.ranks, status))
    m4_print_error(program.name, &error);
  m4_ranks_leave(shop.ranks, status);
  return interrupted ? m4_stop_requested() : m4_exit_code(status);
}
