/* A sample whose gradient failed, on disk: weights.safetensors (an ordinary checkpoint) and
 * sample.safetensors (the model's inputs, labels, loss options and dropout numbers). Enough to compute
 * exactly the same again, without the dataset. Knows nn. Source: anchors.md D.4. */
#ifndef TRAIN_REPLAY_H
#define TRAIN_REPLAY_H

#include "nn/m4_pass.h"

/* One sample's gradient as a step computes it. */
typedef struct tr_trial {
  const m4_model *model;
  const m4_sample *sample;
  m4_loss_options options;
  double scale;
  ag_rng_state rng;
  size_t budget_bytes; /* tape memory, as m4_workspace_create */
} tr_trial;

/* Computes it with every op's output and gradient checked: M4_NUMERIC names the first op that made a value
 * that is not finite. losses may be NULL. */
m4_status tr_trial_run(const tr_trial *trial, m4_losses *losses, m4_error *err);

/* Where the sample came from, for people. */
typedef struct tr_trial_origin {
  const char *dataset_hash, *scenario;
  int32_t segment; /* busy period within the scenario */
  int64_t step;
  const char *failure; /* what went wrong */
} tr_trial_origin;

/* Writes both files into dir, which is made. */
m4_status tr_trial_save(const tr_trial *trial, const tr_trial_origin *origin, const char *dir, m4_error *err);

/* Reads them back and runs the trial. story [story_bytes] receives a line about the sample's origin, also
 * after a failure of the trial itself. M4_DATA for damaged files. */
m4_status tr_replay(const char *dir, const ag_backend *backend, m4_losses *losses, char *story,
                    size_t story_bytes, m4_error *err);

#endif
