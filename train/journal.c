/* The journal of a run: metrics.jsonl and TensorBoard events. Knows tfevents and nn. */
#include "train/journal.h"

#include "train/tfevents/tfevents.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tr_journal {
  tfe_writer *events;
  FILE *lines;
  char path[1024];
  bool failed;
};

static double tensor_norm(const ag_param *param, const void *gradient) {
  double sum = 0;
  for (int64_t i = 0, n = (int64_t)param->rows * param->cols; i < n; ++i) {
    double value = param->dtype == AG_F64 ? ((const double *)gradient)[i] : ((const float *)gradient)[i];
    sum += value * value;
  }
  return sqrt(sum);
}

static double mean_norm(const m4_model *model, ag_grads *grads, const char *const *prefixes) {
  double sum = 0;
  int count = 0;
  for (int32_t p = 0; p < model->n_params; ++p)
    for (const char *const *prefix = prefixes; *prefix; ++prefix)
      if (strncmp(model->params[p]->name, *prefix, strlen(*prefix)) == 0) {
        sum += tensor_norm(model->params[p], ag_grads_data(grads, p));
        ++count;
      }
  return count ? sum / count : 0;
}

tr_norms tr_gradient_norms(const m4_model *model, ag_grads *grads) {
  static const char *const gnn[] = {"gcn_layers.", NULL};
  static const char *const lstm[] = {"lstmcell_rate.", "lstmcell_time.", NULL};
  static const char *const link[] = {"lstmcell_rate_link.", "lstmcell_time_link.", NULL};
  tr_norms norms = {mean_norm(model, grads, gnn), mean_norm(model, grads, lstm),
                    mean_norm(model, grads, link)};
  return norms;
}

m4_status tr_journal_open(tr_journal **journal_out, const char *dir, int64_t resume_step, m4_error *err) {
  tr_journal *journal = calloc(1, sizeof *journal);
  if (!journal) return m4_fail(err, M4_MEMORY, dir, "no memory for the journal");
  m4_status status = tfe_open(&journal->events, dir, resume_step, err);
  if (status == M4_OK) {
    snprintf(journal->path, sizeof journal->path, "%s/metrics.jsonl", dir);
    journal->lines = fopen(journal->path, "a");
    if (!journal->lines) status = m4_fail(err, M4_IO, journal->path, "cannot open: %s", strerror(errno));
  }
  if (status != M4_OK) {
    tr_journal_close(journal, NULL);
    return status;
  }
  *journal_out = journal;
  return M4_OK;
}

m4_status tr_journal_flush(tr_journal *journal, m4_error *err) {
  if (fflush(journal->lines) != 0) journal->failed = true;
  if (journal->failed) return m4_fail(err, M4_IO, journal->path, "cannot write (disk full?)");
  return tfe_flush(journal->events, err);
}

m4_status tr_journal_close(tr_journal *journal, m4_error *err) {
  if (!journal) return M4_OK;
  m4_status status = tfe_close(journal->events, err);
  if (journal->lines && fclose(journal->lines) != 0) journal->failed = true;
  if (journal->failed && status == M4_OK)
    status = m4_fail(err, M4_IO, journal->path, "cannot write (disk full?)");
  free(journal);
  return status;
}

static void put_line(tr_journal *journal, json_t *record) {
  char *text = record ? json_dumps(record, JSON_COMPACT) : NULL;
  if (!text || fprintf(journal->lines, "%s\n", text) < 0) journal->failed = true;
  free(text);
  json_decref(record);
}

void tr_journal_settings(tr_journal *journal, const tr_config *values, int64_t n_train, int64_t n_val) {
  const tfe_hparam hparams[] = {
      {.name = "learning_rate", .kind = TFE_NUMBER, .number = values->training.learning_rate},
      {.name = "batch_size", .kind = TFE_NUMBER, .number = (double)values->training.batch_size},
      {.name = "n_epochs", .kind = TFE_NUMBER, .number = (double)values->training.n_epochs},
      {.name = "hidden_size", .kind = TFE_NUMBER, .number = (double)values->model.hidden_size},
      {.name = "gcn_hidden_size", .kind = TFE_NUMBER, .number = (double)values->model.gcn_hidden_size},
      {.name = "gcn_n_layer", .kind = TFE_NUMBER, .number = (double)values->model.gcn_n_layer},
      {.name = "dropout", .kind = TFE_NUMBER, .number = values->model.dropout},
      {.name = "n_train", .kind = TFE_NUMBER, .number = (double)n_train},
      {.name = "n_val", .kind = TFE_NUMBER, .number = (double)n_val},
      {.name = "seed", .kind = TFE_NUMBER, .number = (double)values->dataset.shard},
      {.name = "loss", .kind = TFE_TEXT, .text = values->training.loss},
      {.name = "sampling_method", .kind = TFE_TEXT, .text = values->dataset.sampling_method},
      {.name = "split_by", .kind = TFE_TEXT, .text = values->dataset.split_by},
      {.name = "enable_remainsize", .kind = TFE_BOOL, .flag = values->dataset.enable_remainsize},
      {.name = "enable_queuelen", .kind = TFE_BOOL, .flag = values->dataset.enable_queuelen}};
  static const char *const metrics[] = {"train_loss_epoch", "val_loss_epoch"};
  tfe_hparams(journal->events, hparams, sizeof hparams / sizeof *hparams, metrics, 2);
}

static void put_norms(tr_journal *journal, const char *suffix, int64_t at, const tr_norms *norms) {
  char tag[96];
  snprintf(tag, sizeof tag, "train_gnn_grad_norm_%s", suffix);
  tfe_scalar(journal->events, tag, at, norms->gnn);
  snprintf(tag, sizeof tag, "train_lstm_grad_norm_%s", suffix);
  tfe_scalar(journal->events, tag, at, norms->lstm);
  snprintf(tag, sizeof tag, "train_lstm_grad_norm_link_%s", suffix);
  tfe_scalar(journal->events, tag, at, norms->lstm_link);
}

/* split: train or val; the reference logs the FCT part under <split>_loss. */
static void put_losses(tr_journal *journal, const char *split, const char *suffix, int64_t at, double fct,
                       double size, double queue) {
  char tag[96];
  snprintf(tag, sizeof tag, "%s_loss_%s", split, suffix);
  tfe_scalar(journal->events, tag, at, fct);
  snprintf(tag, sizeof tag, "%s_size_loss_%s", split, suffix);
  tfe_scalar(journal->events, tag, at, size);
  snprintf(tag, sizeof tag, "%s_queue_loss_%s", split, suffix);
  tfe_scalar(journal->events, tag, at, queue);
}

void tr_journal_step(tr_journal *journal, const tr_state *state, double rate, const m4_losses *losses,
                     const tr_norms *norms, const int64_t *periods, int64_t n_periods, double milliseconds) {
  put_losses(journal, "train", "step", state->step, losses->fct, losses->size, losses->queue);
  put_norms(journal, "step", state->step, norms);
  tfe_scalar(journal->events, "learning_rate", state->step, rate);
  tfe_scalar(journal->events, "epoch", state->step, (double)state->epoch);
  json_t *list = json_array();
  for (int64_t i = 0; i < n_periods; ++i) json_array_append_new(list, json_integer(periods[i]));
  put_line(journal,
           json_pack("{s:s,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:o}", "kind", "step", "step",
                     (json_int_t)state->step, "epoch", (json_int_t)state->epoch, "loss", losses->total,
                     "loss_fct", losses->fct, "loss_size", losses->size, "loss_queue", losses->queue,
                     "learning_rate", rate, "gnn_grad_norm", norms->gnn, "lstm_grad_norm", norms->lstm,
                     "lstm_grad_norm_link", norms->lstm_link, "step_ms", milliseconds, "periods", list));
}

static double mean_of(double sum, const tr_sums *sums) {
  return sums->samples > 0 ? sum / sums->samples : 0.0;
}

void tr_journal_epoch(tr_journal *journal, const tr_state *state, double rate, const tr_sums *train,
                      const tr_sums *val, const tr_norms *norms) {
  int64_t at = state->epoch;
  put_losses(journal, "train", "epoch", at, mean_of(train->fct, train), mean_of(train->size, train),
             mean_of(train->queue, train));
  put_norms(journal, "epoch", at, norms);
  tfe_scalar(journal->events, "train_error_epoch", at, mean_of(train->error, train));
  json_t *record = json_pack(
      "{s:s,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:f}", "kind", "epoch", "epoch", (json_int_t)at, "step",
      (json_int_t)state->step, "train_loss", mean_of(train->total, train), "train_loss_fct",
      mean_of(train->fct, train), "train_loss_size", mean_of(train->size, train), "train_loss_queue",
      mean_of(train->queue, train), "train_error", mean_of(train->error, train), "learning_rate", rate);
  if (record && val->samples > 0) {
    double fct = mean_of(val->fct, val), size = mean_of(val->size, val), queue = mean_of(val->queue, val);
    put_losses(journal, "val", "epoch", at, fct, size, queue);
    put_losses(journal, "val", "step", state->step, fct, size, queue);
    tfe_scalar(journal->events, "val_error_epoch", at, mean_of(val->error, val));
    json_object_set_new(record, "val_error", json_real(mean_of(val->error, val)));
    json_object_set_new(record, "val_loss", json_real(mean_of(val->total, val)));
    json_object_set_new(record, "val_loss_fct", json_real(fct));
    json_object_set_new(record, "val_loss_size", json_real(size));
    json_object_set_new(record, "val_loss_queue", json_real(queue));
  }
  put_line(journal, record);
}

void tr_journal_end(tr_journal *journal, bool success) {
  tfe_hparams_end(journal->events, success);
}
