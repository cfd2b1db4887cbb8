/* Training on batches: gradients of every rank's samples, clipping, Adam, records. A step takes
 * training.accumulate_batches batches; how its samples are cut into batches and ranks changes no bit. Knows
 * the run. */
#include "autograd/update.h"
#include "base/signals.h"
#include "train/gradients.h"
#include "train/run.h"
#include "train/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What the ranks tell each other after every batch. */
typedef struct message {
  tr_ranges ranges;
  int32_t stop, save; /* requests by signals */
  m4_losses losses[]; /* of this rank's samples */
} message;

/* A pass over (the rest of) an epoch. */
typedef struct pass {
  tr_run *run;
  ds_prefetch *prefetch;
  message *mine, *all; /* all: one after another, message_bytes each */
  size_t message_bytes;
  int stop; /* exit code of the signal that asks to stop; 0 = go on */
  bool save;
  double last_log; /* seconds */
} pass;

static double now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- one batch ---- */

static m4_status take_batch(pass *p, int32_t *count, m4_error *err) {
  tr_run *run = p->run;
  int64_t max_events = run->values->dataset.max_events;
  while (*count < (int32_t)run->values->training.batch_size) {
    M4_TRY(ds_prefetch_next(p->prefetch, &run->items[*count], err));
    if (!run->items[*count]) return m4_fail(err, M4_INTERNAL, "train", "the epoch ended inside a batch");
    if (max_events > 0) m4_sample_cut_short(run->items[*count]->sample, (int32_t)max_events);
    ++*count;
  }
  return M4_OK;
}

/* First batch of the running step, and the batches it has: the last step of an epoch may have fewer. */
static int64_t first_batch_of_step(const tr_run *run) {
  return run->state.batch - run->state.in_step;
}

static int64_t batches_of_step(const tr_run *run) {
  int64_t left = run->batches_per_epoch - first_batch_of_step(run);
  int64_t accumulate = run->values->training.accumulate_batches;
  return left < accumulate ? left : accumulate;
}

static tr_part part_of_step(const tr_run *run) {
  int64_t rank = m4_ranks_index(run->job->ranks);
  return (tr_part){
      .rng_seed = (uint64_t)run->values->dataset.shard,
      .step = run->state.step,
      .first = run->state.in_step * run->batch_size + rank * run->values->training.batch_size,
      .scale = 1.0 / (double)(batches_of_step(run) * run->batch_size),
      .check_finite = run->values->training.check_finite,
      .skip_failed = run->state.skipped < run->values->training.max_skipped_samples,
  };
}

static m4_status compute_batch(pass *p, int32_t *count, m4_error *err) {
  tr_run *run = p->run;
  m4_loss_options options = tr_loss_options(run->values, true);
  tr_part part = part_of_step(run);
  M4_TRY(take_batch(p, count, err));
  for (int32_t i = 0; i < *count; ++i) tr_ranges_add(&run->state.ranges, run->items[i]->sample);
  int32_t failed = 0;
  m4_status status =
      tr_crew_gradients(run->crew, run->items, *count, &options, &part, p->mine->losses, &failed, err);
  if (status != M4_NUMERIC) return status;
  return tr_explain_failure(run, run->items[failed], &part, failed, err);
}

static void widen_ranges(tr_ranges *ranges, const tr_ranges *other) {
  for (int i = 0; i < TR_N_RANGES; ++i) {
    ranges->low[i] = fmin(ranges->low[i], other->low[i]);
    ranges->high[i] = fmax(ranges->high[i], other->high[i]);
  }
}

/* One sample's. NaN: it was left out. */
static void add_losses(tr_run *run, const m4_losses *losses) {
  if (isnan(losses->total)) {
    ++run->state.skipped;
    m4_warn(run->job->log, "step %lld: a sample is not finite and was left out (%lld so far)",
            (long long)run->state.step + 1, (long long)run->state.skipped);
    return;
  }
  tr_sums_add(&run->state.sums, losses);
  tr_sums_add(&run->state.step_sums, losses);
}

/* Losses, ranges and requests of all ranks. */
static m4_status exchange(pass *p, m4_error *err) {
  tr_run *run = p->run;
  p->mine->ranges = run->state.ranges;
  p->mine->stop = m4_stop_requested();
  p->mine->save = m4_save_requested();
  M4_TRY(m4_ranks_gather(run->job->ranks, p->all, p->mine, p->message_bytes, err));
  for (int rank = 0; rank < m4_ranks_count(run->job->ranks); ++rank) {
    const message *other = (const message *)((const char *)p->all + (size_t)rank * p->message_bytes);
    widen_ranges(&run->state.ranges, &other->ranges);
    if (other->stop && !p->stop) p->stop = other->stop;
    p->save |= other->save != 0;
    for (int64_t i = 0; i < run->values->training.batch_size; ++i) {
      add_losses(run, &other->losses[i]);
    }
  }
  return M4_OK;
}

static m4_status add_batch(pass *p, m4_error *err) {
  tr_run *run = p->run;
  int32_t count = 0;
  m4_status status = compute_batch(p, &count, err);
  for (int32_t i = 0; i < count; ++i) ds_prefetch_return(p->prefetch, run->items[i]);
  M4_TRY(m4_ranks_agree(run->job->ranks, status, err));
  M4_TRY(tr_crew_reduce(run->crew, err));
  M4_TRY(exchange(p, err));
  ++run->state.batch;
  ++run->state.in_step;
  return M4_OK;
}

/* ---- one step ---- */

static m4_status clip(tr_run *run, ag_grads *gradient, m4_error *err) {
  const tr_config *values = run->values;
  bool clipped = false;
  if (values->training.clip_value > 0) clipped = ag_grads_limit(gradient, values->training.clip_value);
  if (values->training.clip_norm > 0) {
    tr_norms norms;
    M4_TRY(tr_gradient_norms(&norms, run->model, gradient, err));
    clipped |= tr_clip_norm(gradient, norms.global, values->training.clip_norm);
  }
  run->state.clipped += clipped;
  return M4_OK;
}

static m4_status record_step(pass *p, m4_error *err) {
  tr_run *run = p->run;
  const tr_config *values = run->values;
  m4_losses losses = tr_sums_mean(&run->state.step_sums);
  int64_t n_samples = run->state.in_step * run->batch_size;
  int64_t first = first_batch_of_step(run) * run->batch_size;
  int64_t *periods = calloc((size_t)n_samples, sizeof *periods);
  if (!periods) return m4_fail(err, M4_MEMORY, NULL, "no memory for a record");
  for (int64_t i = 0; i < n_samples; ++i) periods[i] = run->split.train[run->order[first + i]];
  double now = now_seconds(), interval = (now - p->last_log) / (double)values->training.log_every_n_steps;
  tr_journal_step(run->journal, &run->state, run->rate, &losses, &run->norms, periods, n_samples,
                  1e3 * interval);
  p->last_log = now;
  free(periods);
  return tr_journal_flush(run->journal, err);
}

static void show_progress(tr_run *run) {
  char note[96];
  m4_losses losses = tr_sums_mean(&run->state.step_sums);
  snprintf(note, sizeof note, "epoch %lld/%lld  train_loss %.4f  lr %.1e", (long long)run->state.epoch + 1,
           (long long)run->values->training.n_epochs, losses.fct, run->rate);
  if (run->progress) m4_progress_update(run->progress, (uint64_t)run->state.step, note);
}

static bool histograms_are_due(const tr_run *run) {
  int64_t every = run->values->training.histograms_every_n_epochs;
  return run->journal && every > 0 && (run->state.epoch + 1) % every == 0;
}

/* The gradient of the step is complete: updates the weights. */
static m4_status finish_step(pass *p, m4_error *err) {
  tr_run *run = p->run;
  tr_state *state = &run->state;
  ag_grads *gradient = tr_crew_total(run->crew);
  bool log_now = (state->step + 1) % run->values->training.log_every_n_steps == 0;
  if (log_now || state->batch == run->batches_per_epoch)
    M4_TRY(tr_gradient_norms(&run->norms, run->model, gradient, err));
  if (state->batch == run->batches_per_epoch && histograms_are_due(run))
    tr_journal_gradients(run->journal, state->step + 1, run->model, gradient);
  M4_TRY(clip(run, gradient, err));
  run->rate = tr_learning_rate(run->values, state, run->total_steps);
  nn_adam_step(run->adam, run->model, gradient, run->rate);
  ++state->step;
  m4_status status = log_now && run->journal ? record_step(p, err) : M4_OK;
  show_progress(run);
  tr_crew_clear(run->crew);
  state->in_step = 0;
  memset(&state->step_sums, 0, sizeof state->step_sums);
  return status;
}

/* ---- the epoch ---- */

/* The samples of every batch go to the ranks in equal shares, in order. */
static int64_t plan_epoch(tr_run *run) {
  int64_t n = run->split.n_train, per_rank = run->values->training.batch_size, count = 0;
  int64_t rank = m4_ranks_index(run->job->ranks);
  ds_epoch_order(run->order, n, (uint64_t)run->values->dataset.shard, run->state.epoch);
  for (int64_t batch = run->state.batch; batch < run->batches_per_epoch; ++batch)
    for (int64_t i = 0; i < per_rank; ++i)
      run->periods[count++] = run->split.train[run->order[batch * run->batch_size + rank * per_rank + i]];
  return count;
}

static m4_status open_pass(pass *p, tr_run *run, m4_error *err) {
  *p = (pass){.run = run, .last_log = now_seconds()};
  size_t per_rank = (size_t)run->values->training.batch_size;
  p->message_bytes = sizeof *p->mine + per_rank * sizeof *p->mine->losses;
  p->mine = calloc(1, p->message_bytes);
  p->all = calloc((size_t)m4_ranks_count(run->job->ranks), p->message_bytes);
  if (!p->mine || !p->all) return m4_fail(err, M4_MEMORY, NULL, "no memory for an epoch");
  int64_t count = plan_epoch(run);
  return ds_prefetch_create(&p->prefetch, run->dataset, run->periods, count, run->model->size_feature,
                            (int)run->values->training.num_workers, 2 * (int)per_rank + 4, err);
}

static void close_pass(pass *p) {
  ds_prefetch_free(p->prefetch);
  free(p->mine);
  free(p->all);
}

static bool save_is_due(const pass *p) {
  const tr_run *run = p->run;
  int64_t every = run->values->training.checkpoint_every_n_steps;
  bool on_schedule = every > 0 && run->state.in_step == 0 && run->state.step % every == 0;
  return (on_schedule || p->save) && run->state.batch < run->batches_per_epoch;
}

/* One batch and, when it completes a step, the update; saves when it is time to. */
static m4_status advance(pass *p, m4_error *err) {
  tr_run *run = p->run;
  M4_TRY(add_batch(p, err));
  m4_status status = M4_OK;
  if (run->state.in_step == batches_of_step(run)) status = finish_step(p, err);
  if (status == M4_OK && save_is_due(p)) status = tr_save_last(run, err);
  p->save = false;
  M4_TRY(m4_ranks_agree(run->job->ranks, status, err));
  if (!p->stop) return M4_OK;
  status = m4_fail(err, M4_INTERRUPTED, "train", "stopped after step %lld", (long long)run->state.step);
  return m4_ranks_agree(run->job->ranks, status, err);
}

m4_status tr_run_batches(tr_run *run, m4_error *err) {
  pass p;
  m4_status status = m4_ranks_agree(run->job->ranks, open_pass(&p, run, err), err);
  while (status == M4_OK && run->state.batch < run->batches_per_epoch && run->state.step < run->total_steps) {
    status = advance(&p, err);
    if (run->job->dry_run && run->state.in_step == 0) break;
  }
  close_pass(&p);
  return status;
}
