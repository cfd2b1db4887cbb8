/* Which checkpoints a run writes and which it keeps. Knows the run. */
#include "base/signals.h"
#include "train/run.h"

#include <stdio.h>
#include <string.h>

static tr_origin origin_of(const tr_run *run) {
  tr_origin origin = {ds_hash(run->dataset), run->config_yaml};
  return origin;
}

static m4_status save_weights(tr_run *run, const char *name, m4_error *err) {
  char file[96], path[TR_PATH_BYTES];
  tr_origin origin = origin_of(run);
  snprintf(file, sizeof file, "%s.safetensors", name);
  M4_TRY(tr_folder_checkpoint(&run->folder, file, path, err));
  return tr_save_weights(path, run->model, &run->state, &origin, err);
}

static m4_status save_state(tr_run *run, const char *name, m4_error *err) {
  char file[96], path[TR_PATH_BYTES];
  tr_origin origin = origin_of(run);
  const tr_numbers numbers = {run->model, run->adam, tr_crew_total(run->crew)};
  if (tr_dtype(run->values) != AG_F32) return M4_OK; /* state files hold float32 */
  snprintf(file, sizeof file, "%s.state.safetensors", name);
  M4_TRY(tr_folder_checkpoint(&run->folder, file, path, err));
  return tr_save_state(path, &numbers, &run->state, &origin, err);
}

static m4_status save_both(tr_run *run, const char *name, m4_error *err) {
  M4_TRY(save_weights(run, name, err));
  return run->values->training.save_states ? save_state(run, name, err) : M4_OK;
}

m4_status tr_save_init(tr_run *run, m4_error *err) {
  return tr_writes(run) ? save_weights(run, "init", err) : M4_OK;
}

m4_status tr_save_last(tr_run *run, m4_error *err) {
  if (!tr_writes(run)) return M4_OK;
  M4_TRY(save_weights(run, "last", err));
  return save_state(run, "last", err);
}

/* ---- after an epoch ---- */

/* Inserts in order of the metric; of equals the earlier epoch stays ahead. */
static int64_t rank_epoch(tr_ranking *ranking, int64_t epoch, double metric, int64_t keep) {
  int64_t place = 0;
  while (place < ranking->count && ranking->metric[place] <= metric) ++place;
  if (place >= keep) return -1;
  if (ranking->count < keep) ++ranking->count;
  for (int64_t i = ranking->count - 1; i > place; --i) {
    ranking->epoch[i] = ranking->epoch[i - 1];
    ranking->metric[i] = ranking->metric[i - 1];
  }
  ranking->epoch[place] = epoch;
  ranking->metric[place] = metric;
  return place;
}

static bool is_kept(const tr_run *run, int64_t epoch) {
  int64_t newest = run->state.epoch - 1, keep = run->values->training.keep_epochs;
  const tr_ranking *ranking = &run->state.ranking;
  if (keep == 0 && run->values->training.save_top_k == 0) return true;
  if (newest - epoch < keep) return true;
  for (int64_t i = 0; i < ranking->count; ++i)
    if (ranking->epoch[i] == epoch) return true;
  return false;
}

m4_status tr_save_epoch(tr_run *run, double metric, bool best, m4_error *err) {
  int64_t epoch = run->state.epoch - 1;
  const char *monitor = run->values->training.monitor;
  int64_t place = rank_epoch(&run->state.ranking, epoch, metric, run->values->training.save_top_k);
  if (!tr_writes(run)) return M4_OK;
  char name[64];
  snprintf(name, sizeof name, "epoch=%03lld", (long long)epoch);
  if (is_kept(run, epoch)) M4_TRY(save_both(run, name, err));
  if (best) M4_TRY(save_both(run, "best", err));
  M4_TRY(tr_save_last(run, err));
  if (place >= 0)
    m4_info(run->job->log,
            "Epoch %lld, global step %lld: '%s' reached %.5f (best %.5f), saving model to '%s' as top %lld",
            (long long)epoch, (long long)run->state.step, monitor, metric, run->state.best_metric, name,
            (long long)run->values->training.save_top_k);
  else if (run->values->training.save_top_k > 0)
    m4_info(run->job->log, "Epoch %lld, global step %lld: '%s' was not in top %lld", (long long)epoch,
            (long long)run->state.step, monitor, (long long)run->values->training.save_top_k);
  for (int64_t old = epoch - 1; old >= 0; --old)
    if (!is_kept(run, old)) tr_folder_remove_epoch(&run->folder, old);
  return M4_OK;
}
