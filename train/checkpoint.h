/* Checkpoints of a run: weights for users (safetensors, contracts "Checkpoints") and one self-sufficient
 * state file for resuming. Every file is written atomically; nothing in them depends on the clock, so equal
 * runs give equal bytes. Knows nn. */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "nn/adam.h"
#include "nn/m4_inputs.h"
#include "nn/weights.h"

/* Smallest and largest value of each input seen in training: simulators warn outside of it. */
enum { TR_N_RANGES = 3 + M4_N_PARAMS }; /* size_feature, n_links, dt_us, params[0..12] */
typedef struct tr_ranges {
  double low[TR_N_RANGES], high[TR_N_RANGES];
} tr_ranges;
void tr_ranges_clear(tr_ranges *ranges);
void tr_ranges_add(tr_ranges *ranges, const m4_sample *sample);
/* {"size_feature":[lo,hi],...,"params":[[lo,hi] x 13]}; malloc'ed, NULL when out of memory. */
char *tr_ranges_json(const tr_ranges *ranges);

/* Sums of m4_losses over the samples of the running epoch. */
typedef struct tr_sums {
  double total, fct, size, queue, error, samples;
} tr_sums;

/* Everything that decides how training goes on, besides weights and Adam's moments. */
typedef struct tr_state {
  int64_t epoch; /* epochs finished */
  int64_t batch; /* batches finished in the running epoch */
  int64_t step;  /* steps finished */
  double learning_rate;
  nn_plateau plateau;
  double best_metric; /* smallest val_loss; INFINITY before the first */
  tr_sums sums;
  tr_ranges ranges;
} tr_state;

/* What every file of a run says about itself. */
typedef struct tr_origin {
  const char *dataset_hash, *config_yaml;
} tr_origin;

/* Weights only, with the metadata of the contracts. */
m4_status tr_save_weights(const char *path, const m4_model *model, const tr_state *state,
                          const tr_origin *origin, m4_error *err);
/* Weights, moments and state in one file. */
m4_status tr_save_state(const char *path, const m4_model *model, const nn_adam *adam, const tr_state *state,
                        const tr_origin *origin, m4_error *err);
/* Reads it back into a model and optimiser of the same widths. M4_DATA when the dataset hash differs. */
m4_status tr_load_state(const char *path, m4_model *model, nn_adam *adam, tr_state *state,
                        const char *dataset_hash, m4_error *err);

#endif
