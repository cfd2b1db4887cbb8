/* Getting ready to train, and tidying up. Knows the run and everything below it. */
#include "base/file.h"
#include "nn/init.h"
#include "train/run.h"
#include "train/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tr_writes(const tr_run *run) {
  return !run->job->dry_run && m4_ranks_index(run->job->ranks) == 0;
}

/* ---- data ---- */

static m4_status open_split(tr_run *run, m4_error *err) {
  if (!run->job->resume) {
    ds_sampling_options sampling = tr_sampling(run->values);
    sampling.batch_size = run->batch_size;
    return ds_split_draw(&run->split, run->dataset, &sampling, err);
  }
  char path[TR_PATH_BYTES];
  M4_TRY(tr_folder_file(&run->folder, "data_list.json", path, err));
  return ds_split_read(&run->split, run->dataset, path, err);
}

/* training.overfit_batches: the first batches only, and the same again for validation. */
static m4_status shrink_split(tr_run *run, m4_error *err) {
  ds_split *split = &run->split;
  int64_t wanted = run->values->training.overfit_batches * run->batch_size;
  if (wanted == 0 || wanted > split->n_train) return M4_OK;
  int64_t *val = calloc((size_t)wanted, sizeof *val);
  if (!val) return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld samples", (long long)wanted);
  memcpy(val, split->train, (size_t)wanted * sizeof *val);
  free(split->val);
  split->val = val;
  split->n_train = split->n_val = wanted;
  return M4_OK;
}

static m4_status plan_steps(tr_run *run, m4_error *err) {
  const tr_config *values = run->values;
  int64_t accumulate = values->training.accumulate_batches;
  run->batches_per_epoch = run->split.n_train / run->batch_size;
  if (run->batches_per_epoch == 0)
    return m4_fail(err, M4_DATA, values->dataset.path, "%lld training samples do not fill one batch of %lld",
                   (long long)run->split.n_train, (long long)run->batch_size);
  run->steps_per_epoch = (run->batches_per_epoch + accumulate - 1) / accumulate;
  run->total_steps = run->steps_per_epoch * values->training.n_epochs;
  if (values->training.max_steps > 0 && values->training.max_steps < run->total_steps)
    run->total_steps = values->training.max_steps;
  return M4_OK;
}

static m4_status open_data(tr_run *run, m4_error *err) {
  const tr_config *values = run->values;
  if (values->dataset.path[0] == '\0')
    return m4_hint(err, m4_config_complain(run->job->config, "dataset.path", err, "no dataset given"),
                   "--dataset PATH, or --set dataset.path=PATH; m4-datagen makes one");
  M4_TRY(ds_open(&run->dataset, values->dataset.path, err));
  M4_TRY(open_split(run, err));
  M4_TRY(shrink_split(run, err));
  M4_TRY(plan_steps(run, err));
  run->order = calloc((size_t)run->split.n_train, sizeof *run->order);
  run->periods = calloc((size_t)run->split.n_train, sizeof *run->periods);
  run->items = calloc((size_t)values->training.batch_size, sizeof *run->items);
  run->losses = calloc((size_t)run->batch_size, sizeof *run->losses);
  if (!run->order || !run->periods || !run->items || !run->losses)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for the epoch's order");
  return M4_OK;
}

/* ---- model ---- */

/* training.devices, or training.device alone. */
static m4_status open_devices(tr_run *run, const ag_backend **backends, int *n, m4_error *err) {
  const tr_config *values = run->values;
  const m4_int_list *numbers = &values->training.devices;
  ag_gemm gemm = ag_gemm_named(values->training.gemm);
  *n = numbers->count > 0 ? (int)numbers->count : 1;
  if (*n > TR_MOST_DEVICES || (numbers->count > 0 && tr_dtype(values) != AG_F32))
    return m4_config_complain(run->job->config, "training.devices", err, "at most %d GPUs, in float32",
                              (int)TR_MOST_DEVICES);
  for (int d = 0; d < *n; ++d) {
    char name[32];
    snprintf(name, sizeof name, "cuda:%lld", numbers->count > 0 ? (long long)numbers->items[d] : 0LL);
    M4_TRY(tr_open_backend(&backends[d], numbers->count > 0 ? name : values->training.device,
                           tr_dtype(values), gemm, run->job->log, err));
    for (int other = 0; other < d; ++other)
      if (backends[other] == backends[d])
        return m4_config_complain(run->job->config, "training.devices", err, "names %s twice", name);
  }
  return M4_OK;
}

static m4_status make_model(tr_run *run, m4_error *err) {
  const tr_config *values = run->values;
  const ag_backend *backends[TR_MOST_DEVICES];
  int n;
  M4_TRY(open_devices(run, backends, &n, err));
  M4_TRY(m4_model_create(&run->model, tr_widths(values), backends[0], err));
  run->model->size_feature = tr_size_feature(values);
  run->model->input_form = tr_input_form(values);
  m4_model_init(run->model, (uint64_t)values->dataset.shard);
  if (values->training.init_from[0] && !run->job->resume)
    M4_TRY(m4_weights_load_into(run->model, values->training.init_from, NULL, err));
  M4_TRY(nn_adam_create(&run->adam, run->model, err));
  size_t budget = (size_t)values->training.segment_budget_mib << 20;
  M4_TRY(tr_crew_create(&run->crew, run->model, backends + 1, n - 1, run->job->pool, run->job->ranks, budget,
                        (int32_t)values->training.batch_size, err));
  if (values->training.own_departures > 0)
    M4_TRY(tr_crew_unfold(run->crew, run->job->unfolder, values->training.own_departures, err));
  return run->job->profile ? tr_crew_profile(run->crew, err) : M4_OK;
}

static void fresh_state(tr_run *run) {
  const tr_config *values = run->values;
  run->state.learning_rate = values->training.learning_rate;
  run->state.best_metric = run->state.stop_metric = INFINITY;
  run->state.plateau = nn_plateau_default();
  run->state.plateau.factor = values->training.lr_factor;
  run->state.plateau.patience = values->training.lr_patience;
  run->state.plateau.threshold = values->training.lr_threshold;
  run->state.plateau.min_lr = values->training.lr_min;
  tr_ranges_clear(&run->state.ranges);
}

static m4_status resume_state(tr_run *run, const char *path, m4_error *err) {
  const tr_numbers numbers = {run->model, run->adam, tr_crew_total(run->crew)};
  tr_state *state = &run->state;
  M4_TRY(tr_load_state(path, &numbers, state, ds_hash(run->dataset), err));
  if (state->batch > run->batches_per_epoch || state->in_step >= run->values->training.accumulate_batches)
    return m4_hint(err,
                   m4_fail(err, M4_USAGE, path, "stands at batch %lld of an epoch, which has %lld now",
                           (long long)state->batch, (long long)run->batches_per_epoch),
                   "resume with the same batch_size x ranks and accumulate_batches");
  m4_info(run->job->log, "resume %s at epoch %lld, step %lld", run->folder.dir, (long long)state->epoch,
          (long long)state->step);
  return M4_OK;
}

/* ---- folder ---- */

static m4_status make_folder(tr_run *run, m4_error *err) {
  const tr_config *values = run->values;
  char path[TR_PATH_BYTES];
  if (!run->job->resume) {
    M4_TRY(tr_folder_create(&run->folder, values->training.dir_output, values->training.note, err));
    M4_TRY(tr_folder_file(&run->folder, "data_list.json", path, err));
    M4_TRY(ds_split_write(&run->split, run->dataset, values->dataset.topo_type,
                          (uint64_t)values->dataset.shard, path, err));
  }
  M4_TRY(tr_folder_write(&run->folder, "config.yaml", run->config_yaml, err));
  if (run->job->command_line)
    M4_TRY(tr_folder_write(&run->folder, "command.txt", run->job->command_line, err));
  return M4_OK;
}

/* The reference's name: bs2_lr0.0001_lstm_nlayer2.log. */
static m4_status open_log(tr_run *run, m4_error *err) {
  char name[160], path[TR_PATH_BYTES];
  snprintf(name, sizeof name, "bs%lld_lr%g_%.64s_nlayer%lld.log", (long long)run->values->training.batch_size,
           run->values->training.learning_rate, run->values->model.model_name,
           (long long)run->values->model.n_layer);
  M4_TRY(tr_folder_file(&run->folder, name, path, err));
  return m4_log_to_file(run->job->log, path, err);
}

static m4_status open_journal(tr_run *run, m4_error *err) {
  if (run->job->resume) tr_folder_sweep(&run->folder);
  M4_TRY(make_folder(run, err));
  if (run->job->log) M4_TRY(open_log(run, err));
  if (run->job->resume) return tr_journal_resume(&run->journal, run->folder.dir, &run->state, err);
  M4_TRY(tr_journal_open(&run->journal, run->folder.dir, err));
  tr_journal_settings(run->journal, run->values, run->split.n_train, run->split.n_val);
  return tr_save_init(run, err);
}

static m4_status prepare(tr_run *run, m4_error *err) {
  char state_path[TR_PATH_BYTES];
  run->values = run->job->values;
  run->batch_size = run->values->training.batch_size * m4_ranks_count(run->job->ranks);
  if (m4_ranks_count(run->job->ranks) > 1 && tr_dtype(run->values) != AG_F32)
    return m4_config_complain(run->job->config, "training.precision", err,
                              "several ranks train in float32 only");
  if (run->job->resume) {
    if (tr_dtype(run->values) != AG_F32)
      return m4_config_complain(run->job->config, "training.precision", err,
                                "a float64 run cannot be resumed");
    M4_TRY(tr_folder_resume(&run->folder, run->job->resume, state_path, err));
  }
  M4_TRY(open_data(run, err));
  M4_TRY(make_model(run, err));
  M4_TRY(tr_config_text(run->job->config, &run->config_yaml, err));
  fresh_state(run);
  return run->job->resume ? resume_state(run, state_path, err) : M4_OK;
}

m4_status tr_run_start(tr_run *run, m4_error *err) {
  M4_TRY(m4_ranks_agree(run->job->ranks, prepare(run, err), err));
  M4_TRY(m4_ranks_agree(run->job->ranks, tr_crew_connect(run->crew, err), err));
  if (tr_crew_note(run->crew)) m4_info(run->job->log, "%s", tr_crew_note(run->crew));
  M4_TRY(m4_ranks_agree(run->job->ranks, tr_writes(run) ? open_journal(run, err) : M4_OK, err));
  tr_print_summary(run->job->log, run->values, run->model, run->dataset, &run->split, run->job->pool,
                   m4_ranks_count(run->job->ranks), run->total_steps);
  M4_TRY(m4_ranks_broadcast(run->job->ranks, &run->folder, sizeof run->folder, 0, err));
  if (run->job->dry_run) return M4_OK;
  return m4_progress_create(&run->progress, run->job->log, "train", "steps", (uint64_t)run->total_steps, err);
}

void tr_run_finish(tr_run *run) {
  m4_progress_free(run->progress);
  tr_crew_free(run->crew);
  nn_adam_free(run->adam);
  m4_model_free(run->model);
  ds_split_free(&run->split);
  ds_close(run->dataset);
  free(run->config_yaml);
  free(run->order);
  free(run->periods);
  free(run->items);
  free(run->losses);
}
