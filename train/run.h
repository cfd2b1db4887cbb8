/* Inside train/: a training at work, and the parts of it. loop.c goes through epochs; start.c makes
 * everything ready; step.c trains on batches; validate.c measures; saving.c keeps checkpoints. */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "data/sampler.h"
#include "train/batch.h"
#include "train/checkpoint.h"
#include "train/journal.h"
#include "train/run_folder.h"
#include "train/train.h"

typedef struct tr_run {
  const tr_job *job;
  const tr_config *values;
  ds_dataset *dataset;
  ds_split split;
  m4_model *model;
  nn_adam *adam;
  tr_crew *crew;
  tr_state state;
  tr_folder folder;
  tr_journal *journal; /* NULL in a dry run and on ranks but the first */
  m4_progress *progress;
  char *config_yaml;
  int64_t batch_size; /* samples of a batch, over all ranks */
  int64_t batches_per_epoch, steps_per_epoch, total_steps;
  int64_t *order;    /* [n_train] positions of the running epoch */
  int64_t *periods;  /* [n_train] those of this rank, in order */
  ds_item **items;   /* [samples of a batch on this rank] */
  m4_losses *losses; /* [batch_size] of every sample of a batch, in order */
  tr_norms norms;    /* of the last step that measured them */
  double rate;       /* learning rate of the last step */
} tr_run;

/* True where files are written: the only process, or rank 0, and not in a dry run. */
bool tr_writes(const tr_run *run);

/* Data, model, state (resumed or fresh), folder and journal. */
m4_status tr_run_start(tr_run *run, m4_error *err);
void tr_run_finish(tr_run *run); /* whatever tr_run_start got to */

/* Batches of the running epoch, from where the state stands to the epoch's end, the last step, or a request
 * to stop (M4_INTERRUPTED). */
m4_status tr_run_batches(tr_run *run, m4_error *err);

/* After M4_NUMERIC for items[number] of a call for `part`: computes it again with every op checked, so that
 * err names the first op that failed beside the busy period and the step, and saves what `m4-train --replay`
 * needs. Returns M4_NUMERIC. */
m4_status tr_explain_failure(tr_run *run, const ds_item *item, const tr_part *part, int64_t number,
                             m4_error *err);

/* Losses over the first n_samples validation samples. errors (may be NULL): of all their flows, predicted
 * over true slowdown minus 1. */
m4_status tr_validate(tr_run *run, int64_t n_samples, tr_sums *sums, tfe_histogram *errors, m4_error *err);

/* Checkpoints. Only where files are written; elsewhere nothing happens. */
m4_status tr_save_init(tr_run *run, m4_error *err);
m4_status tr_save_last(tr_run *run, m4_error *err);
/* After an epoch with this metric: epoch=NNN, best when it is, last; then removes what is kept no longer. */
m4_status tr_save_epoch(tr_run *run, double metric, bool best, m4_error *err);

#endif
