/* The training loop: epochs, batches, validation, schedule, checkpoints, journal. Knows nn, data and the rest
 * of this room. */
#include "train/train.h"

#include "base/file.h"
#include "base/signals.h"
#include "nn/init.h"
#include "train/batch.h"
#include "train/journal.h"
#include "train/run_folder.h"
#include "train/schedule.h"
#include "train/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct tr_run {
  const tr_job *job;
  ds_dataset *dataset;
  ds_split split;
  m4_model *model;
  nn_adam *adam;
  tr_crew *crew;
  tr_state state;
  tr_folder folder;
  tr_journal *journal;
  m4_progress *progress;
  char *config_yaml;
  int64_t *order, *periods; /* [n_train] positions and periods of the running epoch */
  ds_item **items;          /* [batch_size] */
  int64_t batches_per_epoch, total_steps;
  tr_norms norms;
  double rate; /* learning rate of the last step */
} tr_run;

static double now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static tr_origin origin_of(const tr_run *run) {
  tr_origin origin = {ds_hash(run->dataset), run->config_yaml};
  return origin;
}

/* ---- getting ready ---- */

static m4_status open_data(tr_run *run, m4_error *err) {
  const tr_config *values = run->job->values;
  if (values->dataset.path[0] == '\0')
    return m4_hint(err, m4_config_complain(run->job->config, "dataset.path", err, "no dataset given"),
                   "--dataset PATH, or --set dataset.path=PATH; m4-datagen makes one");
  M4_TRY(ds_open(&run->dataset, values->dataset.path, err));
  if (run->job->resume) {
    char path[TR_PATH_BYTES];
    if (tr_dtype(values) != AG_F32)
      return m4_config_complain(run->job->config, "training.precision", err,
                                "a float64 run cannot be resumed");
    M4_TRY(tr_folder_open(&run->folder, run->job->resume, err));
    M4_TRY(tr_folder_file(&run->folder, "data_list.json", path, err));
    M4_TRY(ds_split_read(&run->split, run->dataset, path, err));
  } else {
    ds_sampling_options sampling = tr_sampling(values);
    M4_TRY(ds_split_draw(&run->split, run->dataset, &sampling, err));
  }
  run->batches_per_epoch = run->split.n_train / values->training.batch_size;
  if (run->batches_per_epoch == 0)
    return m4_fail(err, M4_DATA, values->dataset.path, "%lld training samples do not fill one batch of %lld",
                   (long long)run->split.n_train, (long long)values->training.batch_size);
  run->total_steps = run->batches_per_epoch * values->training.n_epochs;
  if (values->training.max_steps > 0 && values->training.max_steps < run->total_steps)
    run->total_steps = values->training.max_steps;
  run->order = calloc((size_t)run->split.n_train, sizeof *run->order);
  run->periods = calloc((size_t)run->split.n_train, sizeof *run->periods);
  run->items = calloc((size_t)values->training.batch_size, sizeof *run->items);
  if (!run->order || !run->periods || !run->items)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for the epoch's order");
  return M4_OK;
}

static m4_status make_model(tr_run *run, m4_error *err) {
  const tr_config *values = run->job->values;
  const ag_backend *backend = ag_cpu_backend(tr_dtype(values));
  M4_TRY(m4_model_create(&run->model, tr_widths(values), backend, err));
  run->model->size_feature = tr_size_feature(values);
  run->model->input_form = tr_input_form(values);
  m4_model_init(run->model, (uint64_t)values->dataset.shard);
  if (values->training.init_from[0] && !run->job->resume)
    M4_TRY(m4_weights_load_into(run->model, values->training.init_from, NULL, err));
  M4_TRY(nn_adam_create(&run->adam, run->model, err));
  size_t budget = (size_t)values->training.segment_budget_mib << 20;
  return tr_crew_create(&run->crew, run->model, run->job->pool, budget, (int32_t)values->training.batch_size,
                        true, err);
}

static void fresh_state(tr_run *run) {
  const tr_config *values = run->job->values;
  run->state.learning_rate = values->training.learning_rate;
  run->state.best_metric = INFINITY;
  run->state.plateau = nn_plateau_default();
  run->state.plateau.factor = values->training.lr_factor;
  run->state.plateau.patience = values->training.lr_patience;
  run->state.plateau.threshold = values->training.lr_threshold;
  run->state.plateau.min_lr = values->training.lr_min;
  tr_ranges_clear(&run->state.ranges);
}

static m4_status make_folder(tr_run *run, m4_error *err) {
  const tr_config *values = run->job->values;
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

static m4_status start(tr_run *run, m4_error *err) {
  char path[TR_PATH_BYTES];
  M4_TRY(open_data(run, err));
  M4_TRY(make_model(run, err));
  M4_TRY(tr_config_text(run->job->config, &run->config_yaml, err));
  fresh_state(run);
  if (run->job->resume) {
    M4_TRY(tr_folder_checkpoint(&run->folder, "last.state.safetensors", path, err));
    M4_TRY(tr_load_state(path, run->model, run->adam, &run->state, ds_hash(run->dataset), err));
    m4_info(run->job->log, "resume %s at epoch %lld, step %lld", run->folder.dir, (long long)run->state.epoch,
            (long long)run->state.step);
  }
  tr_print_summary(run->job->log, run->job->values, run->model, run->dataset, &run->split, run->job->pool,
                   run->total_steps);
  if (run->job->dry_run) return M4_OK;
  M4_TRY(make_folder(run, err));
  M4_TRY(tr_journal_open(&run->journal, run->folder.dir, run->job->resume ? run->state.step + 1 : -1, err));
  if (!run->job->resume) {
    tr_journal_settings(run->journal, run->job->values, run->split.n_train, run->split.n_val);
    tr_origin origin = origin_of(run);
    M4_TRY(tr_folder_checkpoint(&run->folder, "init.safetensors", path, err));
    M4_TRY(tr_save_weights(path, run->model, &run->state, &origin, err));
  }
  return m4_progress_create(&run->progress, run->job->log, "train", "steps", (uint64_t)run->total_steps, err);
}

static void finish(tr_run *run) {
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
}

/* ---- saving ---- */

static m4_status save_as(tr_run *run, const char *name, m4_error *err) {
  char path[TR_PATH_BYTES];
  tr_origin origin = origin_of(run);
  M4_TRY(tr_folder_checkpoint(&run->folder, name, path, err));
  return tr_save_weights(path, run->model, &run->state, &origin, err);
}

static m4_status save_last(tr_run *run, m4_error *err) {
  char path[TR_PATH_BYTES];
  tr_origin origin = origin_of(run);
  M4_TRY(save_as(run, "last.safetensors", err));
  if (tr_dtype(run->job->values) != AG_F32) return M4_OK; /* state files hold float32 */
  M4_TRY(tr_folder_checkpoint(&run->folder, "last.state.safetensors", path, err));
  return tr_save_state(path, run->model, run->adam, &run->state, &origin, err);
}

/* ---- validation ---- */

static m4_status validate(tr_run *run, int64_t n_samples, tr_sums *sums, m4_error *err) {
  enum { WAVE = 64 };
  const tr_config *values = run->job->values;
  m4_loss_options options = tr_loss_options(values, false);
  ds_prefetch *prefetch;
  ds_item *items[WAVE];
  memset(sums, 0, sizeof *sums);
  M4_TRY(ds_prefetch_create(&prefetch, run->dataset, run->split.val, n_samples, run->model->size_feature,
                            (int)values->training.num_workers, WAVE, err));
  m4_status status = M4_OK;
  bool more = true;
  while (status == M4_OK && more) {
    int32_t count = 0;
    while (count < WAVE && status == M4_OK && more) {
      status = ds_prefetch_next(prefetch, &items[count], err);
      more = status == M4_OK && items[count];
      if (more) ++count;
    }
    if (status == M4_OK) status = tr_crew_losses(run->crew, items, count, &options, sums, err);
    for (int32_t i = 0; i < count; ++i) ds_prefetch_return(prefetch, items[i]);
  }
  ds_prefetch_free(prefetch);
  return status;
}

/* ---- one step, one epoch ---- */

static m4_status take_batch(tr_run *run, ds_prefetch *prefetch, int32_t *count, m4_error *err) {
  int64_t max_events = run->job->values->dataset.max_events;
  *count = 0;
  while (*count < (int32_t)run->job->values->training.batch_size) {
    M4_TRY(ds_prefetch_next(prefetch, &run->items[*count], err));
    if (!run->items[*count]) return m4_fail(err, M4_INTERNAL, "train", "the epoch ended inside a batch");
    if (max_events > 0) m4_sample_cut_short(run->items[*count]->sample, (int32_t)max_events);
    ++*count;
  }
  return M4_OK;
}

static bool all_finite(const ag_grads *grads, ag_dtype dtype) {
  int64_t n;
  const void *values = ag_grads_all(grads, &n);
  bool finite = true;
  for (int64_t i = 0; i < n; ++i)
    finite &= isfinite(dtype == AG_F64 ? ((const double *)values)[i] : ((const float *)values)[i]) != 0;
  return finite;
}

static m4_status step(tr_run *run, int32_t count, double *last_log, m4_error *err) {
  const tr_config *values = run->job->values;
  m4_loss_options options = tr_loss_options(values, true);
  m4_losses losses;
  ag_grads *grads;
  int64_t periods[4096]; /* batch_size's largest value */
  for (int32_t i = 0; i < count; ++i) {
    periods[i] = run->items[i]->period;
    tr_ranges_add(&run->state.ranges, run->items[i]->sample);
  }
  M4_TRY(tr_crew_gradients(run->crew, run->items, count, &options, (uint64_t)values->dataset.shard,
                           run->state.step, &grads, &losses, &run->state.sums, err));
  if (values->training.check_finite && !all_finite(grads, tr_dtype(values)))
    return m4_fail(err, M4_NUMERIC, "train", "a gradient is not finite at step %lld",
                   (long long)run->state.step);
  run->rate = tr_learning_rate(values, run->state.learning_rate, run->state.step, run->total_steps);
  nn_adam_step(run->adam, run->model, grads, run->rate);
  ++run->state.step;
  ++run->state.batch;
  bool epoch_ends = run->state.batch == run->batches_per_epoch;
  bool log_now = run->state.step % values->training.log_every_n_steps == 0;
  if (log_now || epoch_ends) run->norms = tr_gradient_norms(run->model, grads);
  if (log_now && run->journal) {
    double now = now_seconds(), interval = (now - *last_log) / (double)values->training.log_every_n_steps;
    tr_journal_step(run->journal, &run->state, run->rate, &losses, &run->norms, periods, count,
                    1e3 * interval);
    *last_log = now;
    M4_TRY(tr_journal_flush(run->journal, err));
  }
  char note[96];
  snprintf(note, sizeof note, "epoch %lld/%lld  loss %.4f  lr %.1e", (long long)run->state.epoch + 1,
           (long long)values->training.n_epochs, losses.fct, run->rate);
  if (run->progress) m4_progress_update(run->progress, (uint64_t)run->state.step, note);
  return M4_OK;
}

static m4_status save_when_due(tr_run *run, m4_error *err) {
  int64_t every = run->job->values->training.checkpoint_every_n_steps;
  bool due = (every > 0 && run->state.step % every == 0) || m4_save_requested();
  return due ? save_last(run, err) : M4_OK;
}

static bool out_of_steps(const tr_run *run) {
  return run->state.step >= run->total_steps;
}

/* Batches of the running epoch from where the state stands. */
static m4_status run_batches(tr_run *run, m4_error *err) {
  const tr_config *values = run->job->values;
  int64_t n = run->split.n_train, done = run->state.batch * values->training.batch_size;
  ds_epoch_order(run->order, n, (uint64_t)values->dataset.shard, run->state.epoch);
  for (int64_t i = 0; i < n; ++i) run->periods[i] = run->split.train[run->order[i]];
  ds_prefetch *prefetch;
  M4_TRY(ds_prefetch_create(&prefetch, run->dataset, run->periods + done, n - done, run->model->size_feature,
                            (int)values->training.num_workers, 2 * (int)values->training.batch_size + 4,
                            err));
  m4_status status = M4_OK;
  double last_log = now_seconds();
  while (status == M4_OK && run->state.batch < run->batches_per_epoch && !out_of_steps(run)) {
    int32_t count;
    status = take_batch(run, prefetch, &count, err);
    if (status == M4_OK) status = step(run, count, &last_log, err);
    for (int32_t i = 0; i < count; ++i) ds_prefetch_return(prefetch, run->items[i]);
    if (status == M4_OK && run->journal && run->state.batch < run->batches_per_epoch)
      status = save_when_due(run, err);
    if (status == M4_OK && m4_stop_requested())
      status = m4_fail(err, M4_INTERRUPTED, "train", "stopped after step %lld", (long long)run->state.step);
    if (run->job->dry_run) break;
  }
  ds_prefetch_free(prefetch);
  return status;
}

static void report_epoch(const tr_run *run, const tr_sums *val, bool best) {
  const tr_sums *train = &run->state.sums;
  char text[128] = "";
  if (val->samples > 0)
    snprintf(text, sizeof text, "  val_loss %.5f%s", val->fct / val->samples, best ? " (best)" : "");
  m4_info(run->job->log, "epoch %lld/%lld  step %lld  train_loss %.5f%s  lr %.2e",
          (long long)run->state.epoch, (long long)run->job->values->training.n_epochs,
          (long long)run->state.step, train->fct / train->samples, text, run->rate);
}

/* After the last batch of an epoch: validate, journal, schedule, save. */
static m4_status close_epoch(tr_run *run, m4_error *err) {
  const tr_config *values = run->job->values;
  tr_sums val = {0}, train = run->state.sums;
  if (values->training.enable_val && run->split.n_val > 0) M4_TRY(validate(run, run->split.n_val, &val, err));
  double metric = val.samples > 0 ? val.fct / val.samples : train.fct / train.samples;
  ++run->state.epoch;
  run->state.batch = 0;
  tr_journal_epoch(run->journal, &run->state, run->rate, &train, &val, &run->norms);
  M4_TRY(tr_journal_flush(run->journal, err));
  bool best = metric < run->state.best_metric;
  if (best) run->state.best_metric = metric;
  if (strcmp(values->training.lr_schedule, "plateau") == 0)
    run->state.learning_rate = nn_plateau_step(&run->state.plateau, metric, run->state.learning_rate);
  report_epoch(run, &val, best);
  memset(&run->state.sums, 0, sizeof run->state.sums);
  char name[64];
  snprintf(name, sizeof name, "epoch=%03lld.safetensors", (long long)run->state.epoch - 1);
  M4_TRY(save_as(run, name, err));
  if (best) M4_TRY(save_as(run, "best.safetensors", err));
  M4_TRY(save_last(run, err));
  tr_folder_prune(&run->folder, run->state.epoch - 1, values->training.keep_epochs);
  return M4_OK;
}

static m4_status train(tr_run *run, m4_error *err) {
  const tr_config *values = run->job->values;
  int64_t sanity = values->training.sanity_val_samples < run->split.n_val
                       ? values->training.sanity_val_samples
                       : run->split.n_val;
  tr_sums ignored;
  if (values->training.enable_val && sanity > 0 && !run->job->resume)
    M4_TRY(validate(run, sanity, &ignored, err));
  if (run->job->dry_run) return run_batches(run, err);
  while (run->state.epoch < values->training.n_epochs &&
         (!out_of_steps(run) || run->state.batch == run->batches_per_epoch)) {
    M4_TRY(run_batches(run, err));
    if (run->state.batch == run->batches_per_epoch) M4_TRY(close_epoch(run, err));
  }
  return run->state.batch > 0 ? save_last(run, err) : M4_OK;
}

m4_status tr_train(const tr_job *job, char *run_dir, m4_error *err) {
  tr_run run = {.job = job};
  m4_status status = start(&run, err);
  if (status == M4_OK) {
    status = train(&run, err);
    if (status == M4_INTERRUPTED && !job->dry_run) {
      m4_status saved = save_last(&run, err);
      if (saved != M4_OK) status = saved;
    }
    if (status == M4_OK && run.journal) tr_journal_end(run.journal, true);
    m4_info(job->log, "tape memory at its peak: %.1f MiB", (double)tr_crew_peak_bytes(run.crew) / 1048576.0);
  }
  m4_status closed = tr_journal_close(run.journal, status == M4_OK ? err : NULL);
  if (status == M4_OK) status = closed;
  snprintf(run_dir, TR_PATH_BYTES, "%s", run.folder.dir);
  finish(&run);
  return status;
}
