/* Failed samples, saved and run again. Knows nn. */
#include "train/replay.h"

#include "base/file.h"
#include "nn/weights.h"
#include "train/sample_arrays.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char weights_name[] = "weights.safetensors", sample_name[] = "sample.safetensors";
enum { PATH_BYTES = 1024 };

m4_status tr_trial_run(const tr_trial *trial, m4_losses *losses, m4_error *err) {
  const m4_model *model = trial->model;
  m4_workspace *workspace = NULL;
  ag_grads *grads = NULL;
  m4_losses ignored;
  m4_status status = m4_workspace_create(&workspace, model, trial->budget_bytes, err);
  if (status == M4_OK) status = ag_grads_create(&grads, model->backend, model->params, model->n_params, err);
  if (status == M4_OK) {
    m4_workspace_check_finite(workspace, true);
    status = m4_pass_gradients(workspace, model, trial->sample, &trial->options, trial->scale, trial->rng,
                               grads, losses ? losses : &ignored, NULL, err);
  }
  ag_grads_free(grads);
  m4_workspace_free(workspace);
  return status;
}

/* ---- notes: numbers as texts that come back bit for bit ---- */

/* name, value: of the trial, by name */
#define TRIAL_NUMBERS(X)                                                                                     \
  X(scale, trial->scale)                                                                                     \
  X(weight_size, trial->options.weight_size)                                                                 \
  X(weight_queue, trial->options.weight_queue)                                                               \
  X(link_slots, trial->options.link_slots)                                                                   \
  X(averaged, trial->options.averaged)                                                                       \
  X(dropout, trial->options.dropout)                                                                         \
  X(fct_form, trial->options.fct_form)                                                                       \
  X(tail_weight, trial->options.tail_weight)                                                                 \
  X(weight_every, trial->options.weight_every)                                                               \
  X(auxiliary_only, trial->options.auxiliary_only)                                                           \
  X(rng_seed, trial->rng.seed)                                                                               \
  X(rng_step, trial->rng.step)                                                                               \
  X(rng_sample, trial->rng.next_index >> 40)                                                                 \
  X(n_links, trial->sample->n_links)                                                                         \
  X(n_events, trial->sample->n_events)                                                                       \
  X(budget_bytes, trial->budget_bytes)

enum {
#define X(name, value) NUMBER_##name,
  TRIAL_NUMBERS(X)
#undef X
      N_NUMBERS
};
#define X(name, value) #name,
static const char *const number_names[N_NUMBERS] = {TRIAL_NUMBERS(X)};
#undef X

static m4_status put_notes(m4_metadata *notes, const tr_trial *trial, const tr_trial_origin *origin,
                           m4_error *err) {
#define X(name, value) (double)(value),
  const double numbers[N_NUMBERS] = {TRIAL_NUMBERS(X)};
#undef X
  char text[64];
  M4_TRY(m4_metadata_set(notes, "format", "m4-replay", err));
  M4_TRY(m4_metadata_set(notes, "format_version", "1", err));
  for (int i = 0; i < N_NUMBERS; ++i) {
    snprintf(text, sizeof text, "%a", numbers[i]);
    M4_TRY(m4_metadata_set(notes, number_names[i], text, err));
  }
  M4_TRY(m4_metadata_set(notes, "dataset_hash", origin->dataset_hash, err));
  M4_TRY(m4_metadata_set(notes, "scenario", origin->scenario, err));
  M4_TRY(m4_metadata_set(notes, "failure", origin->failure, err));
  snprintf(text, sizeof text, "%d", (int)origin->segment);
  M4_TRY(m4_metadata_set(notes, "segment", text, err));
  snprintf(text, sizeof text, "%lld", (long long)origin->step);
  return m4_metadata_set(notes, "step", text, err);
}

static m4_status numbers_from(double *numbers, const m4_metadata *notes, const char *path, m4_error *err) {
  const char *format = m4_metadata_get(notes, "format");
  if (!format || strcmp(format, "m4-replay") != 0)
    return m4_fail(err, M4_DATA, path, "not a saved sample of m4-train");
  for (int i = 0; i < N_NUMBERS; ++i) {
    const char *text = m4_metadata_get(notes, number_names[i]);
    char *end = NULL;
    numbers[i] = text ? strtod(text, &end) : NAN;
    if (!text || *end != '\0' || !(fabs(numbers[i]) < 1e18))
      return m4_fail(err, M4_DATA, path, "%s is missing or not a number", number_names[i]);
  }
  return M4_OK;
}

/* ---- writing ---- */

static m4_status save_sample(const tr_trial *trial, const tr_trial_origin *origin, const char *path,
                             m4_error *err) {
  tr_arrays arrays;
  m4_metadata notes = {0};
  m4_status status = tr_arrays_from_sample(&arrays, trial->sample, err);
  if (status == M4_OK) status = put_notes(&notes, trial, origin, err);
  if (status == M4_OK) status = m4_arrays_save(path, arrays.items, arrays.count, &notes, err);
  tr_arrays_free(&arrays);
  m4_metadata_free(&notes);
  return status;
}

m4_status tr_trial_save(const tr_trial *trial, const tr_trial_origin *origin, const char *dir,
                        m4_error *err) {
  char path[PATH_BYTES];
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(m4_path_join(path, sizeof path, dir, weights_name, err));
  M4_TRY(m4_weights_save(trial->model, path, NULL, true, err));
  M4_TRY(m4_path_join(path, sizeof path, dir, sample_name, err));
  return save_sample(trial, origin, path, err);
}

/* ---- reading ---- */

static void tell_story(char *story, size_t story_bytes, const m4_metadata *notes) {
  const char *keys[] = {"scenario", "segment", "step", "failure"}, *values[4];
  for (int i = 0; i < 4; ++i) {
    values[i] = m4_metadata_get(notes, keys[i]);
    if (!values[i]) values[i] = "?";
  }
  snprintf(story, story_bytes, "scenario %s, busy period %s, step %s: %s", values[0], values[1], values[2],
           values[3]);
}

static void set_trial(tr_trial *trial, const double *numbers) {
  trial->scale = numbers[NUMBER_scale];
  trial->options =
      (m4_loss_options){.averaged = numbers[NUMBER_averaged] != 0,
                        .weight_size = numbers[NUMBER_weight_size],
                        .weight_queue = numbers[NUMBER_weight_queue],
                        .link_slots = (int32_t)fmin(numbers[NUMBER_link_slots], INT32_MAX),
                        .dropout = numbers[NUMBER_dropout],
                        .fct_form = numbers[NUMBER_fct_form] == M4_FCT_LOG ? M4_FCT_LOG : M4_FCT_RELATIVE,
                        .tail_weight = numbers[NUMBER_tail_weight],
                        .weight_every = numbers[NUMBER_weight_every],
                        .auxiliary_only = numbers[NUMBER_auxiliary_only] != 0};
  trial->rng = (ag_rng_state){.seed = (uint64_t)fabs(numbers[NUMBER_rng_seed]),
                              .step = (uint32_t)fmin(fabs(numbers[NUMBER_rng_step]), UINT32_MAX),
                              .next_index = (uint64_t)fmin(fabs(numbers[NUMBER_rng_sample]), 1 << 23) << 40};
  trial->budget_bytes = (size_t)fabs(numbers[NUMBER_budget_bytes]);
}

/* sample.safetensors */
typedef struct saved_sample {
  m4_named_array *arrays;
  int32_t count;
  m4_metadata notes;
  m4_arena arena;
} saved_sample;

static m4_status run_saved(saved_sample *saved, const char *path, const m4_model *model, m4_losses *losses,
                           m4_error *err) {
  double numbers[N_NUMBERS];
  m4_sample sample;
  M4_TRY(numbers_from(numbers, &saved->notes, path, err));
  if (numbers[NUMBER_dropout] < 0 || numbers[NUMBER_dropout] >= 1 || numbers[NUMBER_n_events] < 1)
    return m4_fail(err, M4_DATA, path, "dropout or n_events is impossible");
  m4_status status = tr_sample_from_arrays(&sample, saved->arrays, saved->count,
                                           (int64_t)numbers[NUMBER_n_links], &saved->arena, err);
  if (status != M4_OK) return m4_within(err, status, path);
  m4_sample_cut_short(&sample, (int32_t)fmin(numbers[NUMBER_n_events], INT32_MAX));
  tr_trial trial = {.model = model, .sample = &sample};
  set_trial(&trial, numbers);
  return tr_trial_run(&trial, losses, err);
}

m4_status tr_replay(const char *dir, const ag_backend *backend, m4_losses *losses, char *story,
                    size_t story_bytes, m4_error *err) {
  char path[PATH_BYTES];
  m4_model *model = NULL;
  saved_sample saved = {0};
  story[0] = '\0';
  M4_TRY(m4_path_join(path, sizeof path, dir, weights_name, err));
  M4_TRY(m4_weights_load(&model, backend, path, NULL, err));
  m4_status status = m4_path_join(path, sizeof path, dir, sample_name, err);
  if (status == M4_OK) status = m4_arrays_load(path, &saved.arrays, &saved.count, &saved.notes, err);
  if (status == M4_OK) {
    tell_story(story, story_bytes, &saved.notes);
    status = run_saved(&saved, path, model, losses, err);
  }
  m4_arena_free(&saved.arena);
  m4_arrays_free(saved.arrays, saved.count);
  m4_metadata_free(&saved.notes);
  m4_model_free(model);
  return status;
}
