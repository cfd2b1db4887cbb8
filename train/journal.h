/* The journal of a run: one JSON line per record (metrics.jsonl) and the same numbers as TensorBoard events,
 * under the reference's tags. Knows tfevents and checkpoint.h's sums. Source: training.md 10. */
#ifndef TRAIN_JOURNAL_H
#define TRAIN_JOURNAL_H

#include "train/checkpoint.h"
#include "train/config.h"

typedef struct tr_journal tr_journal;

/* Mean L2 norms of the gradient tensors of a group (training.md 10). */
typedef struct tr_norms {
  double gnn, lstm, lstm_link;
} tr_norms;
tr_norms tr_gradient_norms(const m4_model *model, ag_grads *grads);

/* Starts events and metrics.jsonl in dir; resume_step >= 0 continues both (records from that step on are
 * superseded). */
m4_status tr_journal_open(tr_journal **journal, const char *dir, int64_t resume_step, m4_error *err);
m4_status tr_journal_close(tr_journal *journal, m4_error *err); /* NULL accepted */

/* hparams tab: the resolved settings. */
void tr_journal_settings(tr_journal *journal, const tr_config *values, int64_t n_train, int64_t n_val);
/* One optimiser step; positions: dataset periods of the batch. milliseconds: wall time per step since the
 * last record. */
void tr_journal_step(tr_journal *journal, const tr_state *state, double rate, const m4_losses *losses,
                     const tr_norms *norms, const int64_t *periods, int64_t n_periods, double milliseconds);
/* End of an epoch: means over the train samples and, when n > 0, the validation samples. */
void tr_journal_epoch(tr_journal *journal, const tr_state *state, double rate, const tr_sums *train,
                      const tr_sums *val, const tr_norms *norms);
void tr_journal_end(tr_journal *journal, bool success);
/* Reports write errors of everything so far. */
m4_status tr_journal_flush(tr_journal *journal, m4_error *err);

#endif
