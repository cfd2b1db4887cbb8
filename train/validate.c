/* Validation: every rank takes its share of the samples, losses are added in the samples' order. Knows the
 * run. */
#include "train/run.h"

#include <stdlib.h>
#include <string.h>

enum { WAVE = 64 };

/* Losses of validation samples first .. first + count - 1. */
static m4_status losses_of(tr_run *run, int64_t first, int64_t count, m4_losses *losses, m4_error *err) {
  m4_loss_options options = tr_loss_options(run->values, false);
  ds_prefetch *prefetch;
  ds_item *items[WAVE];
  M4_TRY(ds_prefetch_create(&prefetch, run->dataset, run->split.val + first, count, run->model->size_feature,
                            (int)run->values->training.num_workers, WAVE, err));
  m4_status status = M4_OK;
  for (int64_t done = 0; status == M4_OK && done < count;) {
    int32_t n = 0;
    while (n < WAVE && done + n < count && status == M4_OK) {
      status = ds_prefetch_next(prefetch, &items[n], err);
      if (status == M4_OK) ++n;
    }
    if (status == M4_OK) status = tr_crew_losses(run->crew, items, n, &options, losses + done, err);
    for (int32_t i = 0; i < n; ++i) ds_prefetch_return(prefetch, items[i]);
    done += n;
  }
  ds_prefetch_free(prefetch);
  return status;
}

/* all[n_samples] of every rank: shares of equal length, the last ones shorter or empty. */
static m4_status share(tr_run *run, int64_t n_samples, int64_t per_rank, m4_losses *mine, m4_losses *all,
                       m4_error *err) {
  m4_ranks *ranks = run->job->ranks;
  int64_t first = per_rank * m4_ranks_index(ranks);
  int64_t count = n_samples - first < per_rank ? n_samples - first : per_rank;
  m4_status status = count > 0 ? losses_of(run, first, count, mine, err) : M4_OK;
  M4_TRY(m4_ranks_agree(ranks, status, err));
  return m4_ranks_gather(ranks, all, mine, (size_t)per_rank * sizeof *mine, err);
}

m4_status tr_validate(tr_run *run, int64_t n_samples, tr_sums *sums, m4_error *err) {
  int64_t n_ranks = m4_ranks_count(run->job->ranks), per_rank = (n_samples + n_ranks - 1) / n_ranks;
  memset(sums, 0, sizeof *sums);
  if (n_samples <= 0) return M4_OK;
  m4_losses *mine = calloc((size_t)per_rank, sizeof *mine);
  m4_losses *all = calloc((size_t)(per_rank * n_ranks), sizeof *all);
  m4_status status =
      mine && all ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for %lld losses", (long long)n_samples);
  if (status == M4_OK) status = share(run, n_samples, per_rank, mine, all, err);
  for (int64_t i = 0; status == M4_OK && i < n_samples; ++i) tr_sums_add(sums, &all[i]);
  free(mine);
  free(all);
  return status;
}
