/* Where a training stands: everything, besides weights, Adam's moments and a half-finished gradient, that
 * decides how it goes on. Plain values; as text for the state file. Knows nn. */
#ifndef TRAIN_STATE_H
#define TRAIN_STATE_H

#include "nn/m4_pass.h"
#include "nn/plateau.h"

/* Smallest and largest value of each input seen in training: simulators warn outside of it. */
enum { TR_N_RANGES = 3 + M4_N_PARAMS }; /* size_feature, n_links, dt_us, params[0..12] */
typedef struct tr_ranges {
  double low[TR_N_RANGES], high[TR_N_RANGES];
} tr_ranges;
void tr_ranges_clear(tr_ranges *ranges);
void tr_ranges_add(tr_ranges *ranges, const m4_sample *sample);
/* {"size_feature":[lo,hi],...,"params":[[lo,hi] x 13]}; malloc'ed, NULL when out of memory. */
char *tr_ranges_json(const tr_ranges *ranges);

/* Sums of m4_losses over samples, added in the samples' order. */
typedef struct tr_sums {
  double total, fct, size, queue, error, samples;
} tr_sums;
void tr_sums_add(tr_sums *sums, const m4_losses *losses);
m4_losses tr_sums_mean(const tr_sums *sums); /* zeros without samples */

/* Gradient of a step. gnn, lstm, lstm_link: mean L2 norms of the tensors of a group (training.md 10); global:
 * L2 norm of everything, before clipping. */
typedef struct tr_norms {
  double gnn, lstm, lstm_link, global;
} tr_norms;

/* The best epochs so far, best first. */
enum { TR_MAX_BEST = 64 };
typedef struct tr_ranking {
  int64_t count;
  int64_t epoch[TR_MAX_BEST]; /* as in the names of checkpoints, from 0 */
  double metric[TR_MAX_BEST];
} tr_ranking;

/* Numbers of the last finished epoch, as its log records give them. */
typedef struct tr_epoch_record {
  tr_sums train, val; /* val.samples 0: not validated */
  tr_norms norms;     /* of the epoch's last step */
  double rate;        /* learning rate of the epoch's last step */
  double clipped;     /* steps whose gradient was clipped */
} tr_epoch_record;

typedef struct tr_state {
  int64_t epoch;   /* epochs finished */
  int64_t batch;   /* batches finished in the running epoch */
  int64_t step;    /* steps of the optimiser finished */
  int64_t in_step; /* batches whose gradients wait for the running step to be complete */
  double learning_rate;
  nn_plateau plateau;
  double best_metric; /* smallest so far; INFINITY before the first */
  double stop_metric; /* the one that early stopping waits to be beaten */
  int64_t bad_epochs; /* epochs in a row that did not beat it */
  tr_ranking ranking;
  int64_t clipped;   /* steps of the running epoch whose gradient was clipped */
  int64_t skipped;   /* samples left out so far because they were not finite */
  tr_sums sums;      /* over the running epoch */
  tr_sums step_sums; /* over the running step */
  tr_epoch_record last_epoch;
  tr_ranges ranges;
} tr_state;

/* Both ways bit for bit. tr_state_json: malloc'ed, NULL when out of memory. tr_state_parse: M4_DATA naming
 * `path` when text is not a state. */
char *tr_state_json(const tr_state *state);
m4_status tr_state_parse(tr_state *state, const char *text, const char *path, m4_error *err);

#endif
