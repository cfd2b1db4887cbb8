/* Validation: every rank takes its share of the samples, losses are added in the samples' order. Knows the
 * run. */
#include "train/run.h"

#include <stdlib.h>
#include <string.h>

enum { WAVE = 64 };

/* Samples in flight: their predictions in one block, grown as needed. */
typedef struct wave {
  ds_item *items[WAVE];
  float *slowdown[WAVE], *block;
  size_t capacity;
  int32_t count;
} wave;

static m4_status place_predictions(wave *w, m4_error *err) {
  size_t needed = 0;
  for (int32_t i = 0; i < w->count; ++i) needed += (size_t)w->items[i]->sample->n_flows;
  if (needed > w->capacity) {
    free(w->block);
    w->block = calloc(needed, sizeof *w->block);
    w->capacity = w->block ? needed : 0;
    if (!w->block) return m4_fail(err, M4_MEMORY, NULL, "no memory for %zu predictions", needed);
  }
  float *at = w->block;
  for (int32_t i = 0; i < w->count; ++i) {
    w->slowdown[i] = at;
    at += w->items[i]->sample->n_flows;
  }
  return M4_OK;
}

static void add_errors(tfe_histogram *errors, const wave *w) {
  for (int32_t i = 0; i < w->count; ++i) {
    const m4_sample *sample = w->items[i]->sample;
    for (int32_t flow = 0; flow < sample->n_flows; ++flow)
      tfe_histogram_add(errors, (double)w->slowdown[i][flow] / (double)sample->target_slowdown[flow] - 1);
  }
}

static m4_status run_wave(tr_run *run, wave *w, m4_losses *losses, tfe_histogram *errors, m4_error *err) {
  m4_loss_options options = tr_loss_options(run->values, false);
  if (errors) M4_TRY(place_predictions(w, err));
  M4_TRY(tr_crew_losses(run->crew, w->items, w->count, &options, losses, errors ? w->slowdown : NULL, err));
  if (errors) add_errors(errors, w);
  return M4_OK;
}

/* Losses of validation samples first .. first + count - 1. */
static m4_status losses_of(tr_run *run, int64_t first, int64_t count, m4_losses *losses,
                           tfe_histogram *errors, m4_error *err) {
  ds_prefetch *prefetch;
  wave w = {0};
  M4_TRY(ds_prefetch_create(&prefetch, run->dataset, run->split.val + first, count, run->model->size_feature,
                            (int)run->values->training.num_workers, WAVE, err));
  m4_status status = M4_OK;
  for (int64_t done = 0; status == M4_OK && done < count; done += w.count) {
    w.count = 0;
    while (w.count < WAVE && done + w.count < count && status == M4_OK) {
      status = ds_prefetch_next(prefetch, &w.items[w.count], err);
      if (status == M4_OK) ++w.count;
    }
    if (status == M4_OK) status = run_wave(run, &w, losses + done, errors, err);
    for (int32_t i = 0; i < w.count; ++i) ds_prefetch_return(prefetch, w.items[i]);
  }
  ds_prefetch_free(prefetch);
  free(w.block);
  return status;
}

/* Everybody's histogram becomes the sum of all, in the order of ranks. */
static m4_status share_errors(m4_ranks *ranks, tfe_histogram *errors, m4_error *err) {
  int n_ranks = m4_ranks_count(ranks);
  tfe_histogram *all = calloc((size_t)n_ranks, sizeof *all);
  m4_status status = all ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for a histogram");
  M4_TRY(m4_ranks_agree(ranks, status, err));
  status = m4_ranks_gather(ranks, all, errors, sizeof *errors, err);
  tfe_histogram_clear(errors);
  for (int rank = 0; status == M4_OK && rank < n_ranks; ++rank) tfe_histogram_merge(errors, &all[rank]);
  free(all);
  return status;
}

/* all[n_samples] of every rank: shares of equal length, the last ones shorter or empty. */
static m4_status share(tr_run *run, int64_t n_samples, int64_t per_rank, m4_losses *mine, m4_losses *all,
                       tfe_histogram *errors, m4_error *err) {
  m4_ranks *ranks = run->job->ranks;
  int64_t first = per_rank * m4_ranks_index(ranks);
  int64_t count = n_samples - first < per_rank ? n_samples - first : per_rank;
  m4_status status = count > 0 ? losses_of(run, first, count, mine, errors, err) : M4_OK;
  M4_TRY(m4_ranks_agree(ranks, status, err));
  M4_TRY(m4_ranks_gather(ranks, all, mine, (size_t)per_rank * sizeof *mine, err));
  return errors ? share_errors(ranks, errors, err) : M4_OK;
}

m4_status tr_validate(tr_run *run, int64_t n_samples, tr_sums *sums, tfe_histogram *errors, m4_error *err) {
  int64_t n_ranks = m4_ranks_count(run->job->ranks), per_rank = (n_samples + n_ranks - 1) / n_ranks;
  memset(sums, 0, sizeof *sums);
  if (errors) tfe_histogram_clear(errors);
  if (n_samples <= 0) return M4_OK;
  m4_losses *mine = calloc((size_t)per_rank, sizeof *mine);
  m4_losses *all = calloc((size_t)(per_rank * n_ranks), sizeof *all);
  m4_status status =
      mine && all ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for %lld losses", (long long)n_samples);
  if (status == M4_OK) status = share(run, n_samples, per_rank, mine, all, errors, err);
  for (int64_t i = 0; status == M4_OK && i < n_samples; ++i) tr_sums_add(sums, &all[i]);
  free(mine);
  free(all);
  return status;
}
