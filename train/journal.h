/* The journal of a run: one JSON line per record (metrics.jsonl) and the same numbers as TensorBoard events,
 * under the reference's tags. Knows tfevents and the state. Source: training.md 10. */
#ifndef TRAIN_JOURNAL_H
#define TRAIN_JOURNAL_H

#include "train/chart.h"
#include "train/config.h"
#include "train/state.h"
#include "train/tfevents/histogram.h"

typedef struct tr_journal tr_journal;

/* Starts events and metrics.jsonl in dir. */
m4_status tr_journal_open(tr_journal **journal, const char *dir, m4_error *err);
/* Continues both where the state stands: records of later steps go, and the state's last epoch is recorded if
 * the run ended before it was. */
m4_status tr_journal_resume(tr_journal **journal, const char *dir, const tr_state *state, m4_error *err);
m4_status tr_journal_close(tr_journal *journal, m4_error *err); /* NULL accepted */

/* hparams tab: the resolved settings; custom scalars tab: what belongs on one chart. */
void tr_journal_settings(tr_journal *journal, const tr_config *values, int64_t n_train, int64_t n_val);
/* One optimiser step; positions: dataset periods of the batch. milliseconds: wall time per step since the
 * last record. */
void tr_journal_step(tr_journal *journal, const tr_state *state, double rate, const m4_losses *losses,
                     const tr_norms *norms, const int64_t *periods, int64_t n_periods, double milliseconds);
/* state->last_epoch: means over the train samples and, when there are any, the validation samples. */
void tr_journal_epoch(tr_journal *journal, const tr_state *state);
/* TensorBoard only; step: of the optimiser. */
void tr_journal_weights(tr_journal *journal, int64_t step, const m4_model *model);
void tr_journal_gradients(tr_journal *journal, int64_t step, const m4_model *model, ag_grads *gradients);
void tr_journal_histogram(tr_journal *journal, const char *tag, int64_t step, const tfe_histogram *values);
m4_status tr_journal_chart(tr_journal *journal, const char *tag, int64_t step, const tr_chart *chart,
                           m4_error *err);
void tr_journal_end(tr_journal *journal, bool success);
/* Reports write errors of everything so far. */
m4_status tr_journal_flush(tr_journal *journal, m4_error *err);

#endif
