/* The training: epochs, validation, schedule, stopping. Knows the run. */
#include "train/picture.h"
#include "train/profile.h"
#include "train/run.h"
#include "train/schedule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the end of an epoch ---- */

/* The number that decides which epoch is best, when the plateau schedule acts and when to stop early. */
static double monitored(const tr_run *run, const tr_epoch_record *record) {
  bool validated = record->val.samples > 0;
  m4_losses losses = tr_sums_mean(validated ? &record->val : &record->train);
  if (strcmp(run->values->training.monitor, "val_error") == 0) return losses.error;
  if (strcmp(run->values->training.monitor, "train_loss") == 0) return tr_sums_mean(&record->train).fct;
  return losses.fct;
}

static void report_epoch(const tr_run *run, bool best) {
  const tr_epoch_record *record = &run->state.last_epoch;
  m4_losses train = tr_sums_mean(&record->train), val = tr_sums_mean(&record->val);
  char text[160] = "";
  if (record->val.samples > 0)
    snprintf(text, sizeof text, "  val_loss %.5f  val_error %.2f %%%s", val.fct, 100 * val.error,
             best ? " (best)" : "");
  m4_info(run->job->log, "epoch %lld/%lld  step %lld  train_loss %.5f%s  lr %.2e",
          (long long)run->state.epoch, (long long)run->values->training.n_epochs, (long long)run->state.step,
          train.fct, text, record->rate);
}

/* Early stopping as users of Lightning know it. */
static void watch_metric(tr_run *run, double metric) {
  tr_state *state = &run->state;
  double min_delta = run->values->training.early_stop_min_delta;
  int64_t patience = run->values->training.early_stop_patience;
  const char *monitor = run->values->training.monitor;
  bool improved = metric < state->stop_metric - min_delta;
  if (patience > 0 && improved && isfinite(state->stop_metric))
    m4_info(run->job->log, "Metric %s improved by %.5f >= min_delta = %g. New best score: %.5f", monitor,
            state->stop_metric - metric, min_delta, metric);
  if (improved) state->stop_metric = metric;
  state->bad_epochs = improved ? 0 : state->bad_epochs + 1;
  if (patience > 0 && state->bad_epochs >= patience)
    m4_info(run->job->log,
            "Monitored metric %s did not improve in the last %lld epochs. Best score: %.5f. Stopping.",
            monitor, (long long)state->bad_epochs, state->stop_metric);
}

/* Of the step before: also right when that was taken by another process (a stop at the end of an epoch). */
static double last_rate(const tr_run *run) {
  tr_state before = run->state;
  --before.step;
  return tr_learning_rate(run->values, &before, run->total_steps);
}

static void record_epoch(tr_run *run, const tr_sums *val) {
  tr_state *state = &run->state;
  state->last_epoch = (tr_epoch_record){.train = state->sums,
                                        .val = *val,
                                        .norms = run->norms,
                                        .rate = last_rate(run),
                                        .clipped = (double)state->clipped};
  ++state->epoch;
  state->batch = state->clipped = 0;
  memset(&state->sums, 0, sizeof state->sums);
}

static bool is_due(const tr_run *run, int64_t every) {
  return run->journal && every > 0 && run->state.epoch % every == 0;
}

/* What TensorBoard shows beside numbers. Written before the checkpoint, at its step: a run that resumes from
 * an older one makes them void. */
static m4_status record_pictures(tr_run *run, const tfe_histogram *errors, m4_error *err) {
  if (is_due(run, run->values->training.histograms_every_n_epochs)) {
    tr_journal_weights(run->journal, run->state.step, run->model);
    tr_journal_histogram(run->journal, "errors/val_slowdown", run->state.step, errors);
  }
  if (is_due(run, run->values->training.images_every_n_epochs)) M4_TRY(tr_draw_example(run, err));
  return M4_OK;
}

/* Validates, schedules, saves, then writes the records: a run that is killed in between resumes from the
 * saved state, which knows the records that are still to be written. */
static m4_status close_epoch(tr_run *run, m4_error *err) {
  tr_state *state = &run->state;
  tr_sums val = {0};
  tfe_histogram errors;
  tfe_histogram_clear(&errors);
  if (run->values->training.enable_val) M4_TRY(tr_validate(run, run->split.n_val, &val, &errors, err));
  record_epoch(run, &val);
  double metric = monitored(run, &state->last_epoch);
  bool best = metric < state->best_metric;
  if (best) state->best_metric = metric;
  if (strcmp(run->values->training.lr_schedule, "plateau") == 0)
    state->learning_rate = nn_plateau_step(&state->plateau, metric, state->learning_rate);
  report_epoch(run, best);
  watch_metric(run, metric);
  m4_status status = record_pictures(run, &errors, err);
  if (status == M4_OK) status = tr_save_epoch(run, metric, best, err);
  if (status == M4_OK && run->journal) {
    tr_journal_epoch(run->journal, state);
    status = tr_journal_flush(run->journal, err);
  }
  return m4_ranks_agree(run->job->ranks, status, err);
}

/* ---- the whole training ---- */

static bool is_finished(const tr_run *run) {
  const tr_state *state = &run->state;
  int64_t patience = run->values->training.early_stop_patience;
  if (state->batch == run->batches_per_epoch) return false; /* stopped before the epoch was closed */
  if (patience > 0 && state->batch == 0 && state->bad_epochs >= patience) return true;
  return state->epoch >= run->values->training.n_epochs || state->step >= run->total_steps;
}

/* A few validation samples before hours of training: mistakes in data or memory show up now. */
static m4_status check_sanity(tr_run *run, m4_error *err) {
  int64_t n_samples = run->values->training.sanity_val_samples;
  if (n_samples > run->split.n_val) n_samples = run->split.n_val;
  if (!run->values->training.enable_val || n_samples == 0 || run->job->resume) return M4_OK;
  tr_sums sums;
  M4_TRY(tr_validate(run, n_samples, &sums, NULL, err));
  m4_info(run->job->log, "sanity check: %lld validation samples, val_loss %.4f", (long long)n_samples,
          tr_sums_mean(&sums).fct);
  return M4_OK;
}

static void report_end(const tr_run *run) {
  const tr_state *state = &run->state;
  const char *monitor = run->values->training.monitor;
  if (state->epoch >= run->values->training.n_epochs)
    m4_info(run->job->log, "`training.n_epochs=%lld` reached", (long long)run->values->training.n_epochs);
  else if (state->step >= run->total_steps)
    m4_info(run->job->log, "`training.max_steps=%lld` reached", (long long)run->total_steps);
  if (isfinite(state->best_metric)) m4_info(run->job->log, "best %s %.5f", monitor, state->best_metric);
}

static m4_status train(tr_run *run, m4_error *err) {
  M4_TRY(check_sanity(run, err));
  if (run->job->dry_run) return tr_run_batches(run, err);
  while (!is_finished(run)) {
    M4_TRY(tr_run_batches(run, err));
    if (run->state.batch == run->batches_per_epoch) M4_TRY(close_epoch(run, err));
  }
  report_end(run);
  m4_status status = run->state.batch > 0 ? tr_save_last(run, err) : M4_OK;
  return m4_ranks_agree(run->job->ranks, status, err);
}

/* After a request to stop. */
static m4_status save_and_leave(tr_run *run, m4_error *err) {
  m4_status saved = run->job->dry_run ? M4_OK : tr_save_last(run, err);
  return m4_ranks_agree(run->job->ranks, saved == M4_OK ? M4_INTERRUPTED : saved, err);
}

m4_status tr_train(const tr_job *job, char *run_dir, m4_error *err) {
  tr_run run = {.job = job};
  m4_status status = tr_run_start(&run, err);
  if (status == M4_OK) {
    status = train(&run, err);
    if (status == M4_INTERRUPTED) status = save_and_leave(&run, err);
    if (status == M4_OK && run.journal) tr_journal_end(run.journal, true);
    if (status == M4_OK && job->profile)
      status = tr_profile_report(run.crew, tr_writes(&run) ? run.folder.dir : NULL, job->log, err);
    m4_info(job->log, "tape memory at its peak: %.1f MiB", (double)tr_crew_peak_bytes(run.crew) / 1048576.0);
  }
  m4_status closed = tr_journal_close(run.journal, status == M4_OK ? err : NULL);
  if (status == M4_OK) status = closed;
  snprintf(run_dir, TR_PATH_BYTES, "%s", run.folder.dir);
  tr_run_finish(&run);
  return status;
}
