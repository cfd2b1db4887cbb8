/* Checkpoints of a run: weights for users (safetensors, contracts "Checkpoints") and one self-sufficient
 * state file for resuming. Every file is written atomically; nothing in them depends on the clock, so equal
 * runs give equal bytes. Knows nn. */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "nn/adam.h"
#include "nn/m4_inputs.h"
#include "nn/weights.h"
#include "train/state.h"

/* What every file of a run says about itself. */
typedef struct tr_origin {
  const char *dataset_hash, *config_yaml;
} tr_origin;

/* Weights only, with the metadata of the contracts. */
m4_status tr_save_weights(const char *path, const m4_model *model, const tr_state *state,
                          const tr_origin *origin, m4_error *err);

/* What a state file holds as numbers. gradient: the sum of the running step so far; written and read when
 * state.in_step > 0 only. */
typedef struct tr_numbers {
  m4_model *model;
  nn_adam *adam;
  ag_grads *gradient;
} tr_numbers;
/* Weights, moments, gradient and state in one file. */
m4_status tr_save_state(const char *path, const tr_numbers *numbers, const tr_state *state,
                        const tr_origin *origin, m4_error *err);
/* Reads it back into a model and optimiser of the same widths. M4_DATA when the dataset hash differs. */
m4_status tr_load_state(const char *path, const tr_numbers *numbers, tr_state *state,
                        const char *dataset_hash, m4_error *err);

#endif
