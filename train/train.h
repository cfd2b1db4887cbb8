/* The trainer: from a configuration and a dataset to checkpoints and logs. This header is the room's contents
 * page. Knows nn and data. Source: training.md 7-10, contracts "Checkpoints". */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include "base/log.h"
#include "base/ranks.h"
#include "base/threads.h"
#include "train/batch.h"
#include "train/config.h"

typedef struct tr_job {
  const tr_config *values;
  const m4_config *config;  /* for the resolved copy in the run folder */
  const char *resume;       /* run folder (.../version_N), or one of its *.state.safetensors; or NULL */
  const char *command_line; /* recorded in the run folder; may be NULL */
  m4_ranks *ranks;          /* processes that train together; NULL = this one alone */
  m4_pool *pool;
  m4_log *log;          /* NULL or quiet on ranks but the first */
  tr_unfolder unfolder; /* for training.own_departures */
  bool profile;         /* count the time of every op */
  bool dry_run;         /* read everything, do one step, write nothing */
} tr_job;

/* Trains. M4_INTERRUPTED after a requested stop (state saved). run_dir receives the folder used (at least
 * 1024 bytes). */
m4_status tr_train(const tr_job *job, char *run_dir, m4_error *err);

#endif
