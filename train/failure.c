/* What is told and kept when a sample's loss or gradient is not a number. Knows the run. */
#include "base/file.h"
#include "train/replay.h"
#include "train/run.h"

#include <stdio.h>

static m4_status save(tr_run *run, const tr_trial *trial, const tr_trial_origin *origin, const char *name,
                      char *dir, m4_error *err) {
  char failures[TR_PATH_BYTES];
  M4_TRY(tr_folder_file(&run->folder, "failures", failures, err));
  M4_TRY(m4_path_join(dir, TR_PATH_BYTES, failures, name, err));
  return tr_trial_save(trial, origin, dir, err);
}

/* Which op failed: *found, if it fails again. */
static void find_op(const tr_trial *trial, m4_error *found) {
  m4_error again = {0};
  if (tr_trial_run(trial, NULL, &again) != M4_OK) *found = again;
}

/* Saves the trial; what to do next becomes err's hint. An unfolded sample has no arrays of its own to save.
 */
static m4_status advise(tr_run *run, const tr_trial *trial, const ds_item *item, int64_t step,
                        const char *failure, m4_error *err) {
  ds_period_info info = ds_period(run->dataset, item->period);
  char name[64], dir[TR_PATH_BYTES];
  if (trial->sample != item->sample)
    return m4_hint(err, M4_NUMERIC, "the sample had departures of its own (training.own_departures)");
  tr_trial_origin origin = {.dataset_hash = ds_hash(run->dataset),
                            .scenario = ds_scenario_name(run->dataset, info.scenario),
                            .segment = info.segment,
                            .step = step,
                            .failure = failure};
  snprintf(name, sizeof name, "step=%lld_period=%lld", (long long)step, (long long)item->period);
  m4_error saving = {0};
  if (save(run, trial, &origin, name, dir, &saving) != M4_OK)
    return m4_hint(err, M4_NUMERIC, "could not save it: %.200s", saving.what);
  return m4_hint(err, M4_NUMERIC, "m4-train --replay %s", dir);
}

m4_status tr_explain_failure(tr_run *run, const ds_item *item, const tr_part *part, int64_t number,
                             m4_error *err) {
  ds_period_info info = ds_period(run->dataset, item->period);
  m4_arena arena = {0};
  m4_error found = err ? *err : (m4_error){0};
  tr_trial trial = {.model = run->model,
                    .options = tr_loss_options(run->values, true),
                    .scale = part->scale,
                    .rng = tr_part_rng(part, number),
                    .budget_bytes = (size_t)run->values->training.segment_budget_mib << 20};
  tr_lesson lesson = {item->sample, trial.options};
  m4_status status = tr_crew_lesson(run->crew, item, &trial.options, part, number, &arena, &lesson, NULL);
  trial.sample = lesson.sample;
  trial.options = lesson.options;
  if (status == M4_OK) find_op(&trial, &found);
  char where[192];
  snprintf(where, sizeof where, "busy period %d of scenario %.100s", (int)info.segment,
           ds_scenario_name(run->dataset, info.scenario));
  m4_fail(err, M4_NUMERIC, where, "step %lld: %s", (long long)part->step + 1, found.what);
  if (!run->job->dry_run) advise(run, &trial, item, part->step + 1, found.what, err);
  m4_arena_free(&arena);
  return M4_NUMERIC;
}
