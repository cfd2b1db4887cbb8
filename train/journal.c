/* The journal of a run: metrics.jsonl and TensorBoard events. Knows tfevents and nn. */
#include "train/journal.h"

#include "autograd/memory.h"

#include "base/file.h"
#include "train/tfevents/png.h"
#include "train/tfevents/tfevents.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char lines_name[] = "metrics.jsonl";

struct tr_journal {
  tfe_writer *events;
  FILE *lines;
  char path[1024];
  bool failed;
};

static m4_status open_files(tr_journal **journal_out, const char *dir, int64_t resume_step, m4_error *err) {
  tr_journal *journal = calloc(1, sizeof *journal);
  if (!journal) return m4_fail(err, M4_MEMORY, dir, "no memory for the journal");
  m4_status status = tfe_open(&journal->events, dir, resume_step, err);
  if (status == M4_OK) status = m4_path_join(journal->path, sizeof journal->path, dir, lines_name, err);
  if (status == M4_OK && !(journal->lines = fopen(journal->path, "a")))
    status = m4_fail(err, M4_IO, journal->path, "cannot open: %s", strerror(errno));
  if (status != M4_OK) {
    tr_journal_close(journal, NULL);
    return status;
  }
  *journal_out = journal;
  return M4_OK;
}

m4_status tr_journal_open(tr_journal **journal, const char *dir, m4_error *err) {
  return open_files(journal, dir, -1, err);
}

/* ---- going on where a state stands ---- */

enum { MAX_LINES_BYTES = 1 << 30 };

static int64_t number_of(const json_t *record, const char *name) {
  return json_integer_value(json_object_get(record, name));
}

/* What a line of the journal is to a state. */
typedef enum line_kind { PAST, LAST_EPOCH, SUPERSEDED } line_kind;

/* A line that was cut by a crash is superseded too. */
static line_kind kind_of(const char *line, size_t length, const tr_state *state) {
  json_t *record = json_loadb(line, length, 0, NULL);
  const char *kind = json_string_value(json_object_get(record, "kind"));
  line_kind result = PAST;
  if (!kind || number_of(record, "step") > state->step || number_of(record, "epoch") > state->epoch)
    result = SUPERSEDED;
  else if (strcmp(kind, "epoch") == 0 && number_of(record, "epoch") == state->epoch)
    result = LAST_EPOCH;
  json_decref(record);
  return result;
}

/* Writes the lines that stay; *has_last_epoch: the state's last epoch is among them. */
static void copy_lines(FILE *to, const char *text, size_t length, const tr_state *state,
                       bool *has_last_epoch) {
  for (const char *line = text, *end = text + length; line < end;) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    if (!newline) break; /* the last line is incomplete */
    line_kind kind = kind_of(line, (size_t)(newline - line), state);
    if (kind == LAST_EPOCH) *has_last_epoch = true;
    if (kind != SUPERSEDED) fwrite(line, 1, (size_t)(newline + 1 - line), to);
    line = newline + 1;
  }
}

static m4_status trim_lines(const char *dir, const tr_state *state, bool *has_last_epoch, m4_error *err) {
  char path[1024], *text;
  size_t length;
  m4_outfile file;
  *has_last_epoch = false;
  M4_TRY(m4_path_join(path, sizeof path, dir, lines_name, err));
  if (!m4_file_exists(path)) return M4_OK;
  M4_TRY(m4_file_read(path, MAX_LINES_BYTES, &text, &length, err));
  m4_status status = m4_outfile_open(&file, path, err);
  if (status == M4_OK) {
    copy_lines(file.stream, text, length, state, has_last_epoch);
    status = m4_outfile_commit(&file, err);
  }
  free(text);
  return status;
}

m4_status tr_journal_resume(tr_journal **journal, const char *dir, const tr_state *state, m4_error *err) {
  bool has_last_epoch;
  M4_TRY(trim_lines(dir, state, &has_last_epoch, err));
  M4_TRY(open_files(journal, dir, state->step + 1, err));
  if (state->epoch > 0 && state->last_epoch.train.samples > 0 && !has_last_epoch)
    tr_journal_epoch(*journal, state);
  return tr_journal_flush(*journal, err);
}

/* ---- records ---- */

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
  static const tfe_chart charts[] = {{"FCT loss", {"train_loss_epoch", "val_loss_epoch"}},
                                     {"FCT error", {"train_error_epoch", "val_error_epoch"}},
                                     {"size loss", {"train_size_loss_epoch", "val_size_loss_epoch"}},
                                     {"queue loss", {"train_queue_loss_epoch", "val_queue_loss_epoch"}},
                                     {"gradient norms",
                                      {"train_gnn_grad_norm_step", "train_lstm_grad_norm_step",
                                       "train_lstm_grad_norm_link_step", "^grad_norm_step"}},
                                     {"learning rate", {"learning_rate"}}};
  tfe_layout(journal->events, "training and validation", charts, sizeof charts / sizeof *charts);
}

static void put_norms(tr_journal *journal, const char *suffix, int64_t at, const tr_norms *norms) {
  char tag[96];
  snprintf(tag, sizeof tag, "train_gnn_grad_norm_%s", suffix);
  tfe_scalar(journal->events, tag, at, norms->gnn);
  snprintf(tag, sizeof tag, "train_lstm_grad_norm_%s", suffix);
  tfe_scalar(journal->events, tag, at, norms->lstm);
  snprintf(tag, sizeof tag, "train_lstm_grad_norm_link_%s", suffix);
  tfe_scalar(journal->events, tag, at, norms->lstm_link);
  snprintf(tag, sizeof tag, "grad_norm_%s", suffix);
  tfe_scalar(journal->events, tag, at, norms->global);
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
           json_pack("{s:s,s:I,s:I,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:o}", "kind", "step", "step",
                     (json_int_t)state->step, "epoch", (json_int_t)state->epoch, "loss", losses->total,
                     "loss_fct", losses->fct, "loss_size", losses->size, "loss_queue", losses->queue,
                     "learning_rate", rate, "grad_norm", norms->global, "gnn_grad_norm", norms->gnn,
                     "lstm_grad_norm", norms->lstm, "lstm_grad_norm_link", norms->lstm_link, "step_ms",
                     milliseconds, "periods", list));
}

static void add_losses(json_t *record, const char *split, const m4_losses *losses) {
  const struct {
    const char *name;
    double value;
  } parts[] = {{"loss", losses->total},
               {"loss_fct", losses->fct},
               {"loss_size", losses->size},
               {"loss_queue", losses->queue},
               {"error", losses->error}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) {
    char name[32];
    snprintf(name, sizeof name, "%s_%s", split, parts[i].name);
    json_object_set_new(record, name, json_real(parts[i].value));
  }
}

void tr_journal_epoch(tr_journal *journal, const tr_state *state) {
  int64_t at = state->epoch;
  const tr_epoch_record *epoch = &state->last_epoch;
  m4_losses train = tr_sums_mean(&epoch->train), val = tr_sums_mean(&epoch->val);
  put_losses(journal, "train", "epoch", at, train.fct, train.size, train.queue);
  put_norms(journal, "epoch", at, &epoch->norms);
  tfe_scalar(journal->events, "train_error_epoch", at, train.error);
  tfe_scalar(journal->events, "clipped_steps_epoch", at, epoch->clipped);
  json_t *record = json_pack("{s:s,s:I,s:I,s:f,s:f,s:I}", "kind", "epoch", "epoch", (json_int_t)at, "step",
                             (json_int_t)state->step, "learning_rate", epoch->rate, "clipped_steps",
                             epoch->clipped, "skipped_samples", (json_int_t)state->skipped);
  add_losses(record, "train", &train);
  if (epoch->val.samples > 0) {
    put_losses(journal, "val", "epoch", at, val.fct, val.size, val.queue);
    put_losses(journal, "val", "step", state->step, val.fct, val.size, val.queue);
    tfe_scalar(journal->events, "val_error_epoch", at, val.error);
    add_losses(record, "val", &val);
  }
  put_line(journal, record);
}

/* ---- histograms and pictures ---- */

/* values: of the parameter's shape, in the backend's memory. */
static void put_values(tr_journal *journal, const char *group, int64_t step, const m4_model *model,
                       const ag_param *param, const void *values) {
  enum { CHUNK = 1024 };
  char tag[160];
  double wide[CHUNK];
  float single[CHUNK];
  bool is_double = param->dtype == AG_F64;
  size_t element = is_double ? sizeof *wide : sizeof *single;
  tfe_histogram histogram;
  tfe_histogram_clear(&histogram);
  for (int64_t first = 0, n = (int64_t)param->rows * param->cols; first < n; first += CHUNK) {
    int64_t count = n - first < CHUNK ? n - first : CHUNK;
    ag_download(model->backend, is_double ? (void *)wide : single,
                (const char *)values + (size_t)first * element, (size_t)count * element);
    for (int64_t i = 0; i < count; ++i)
      tfe_histogram_add(&histogram, is_double ? wide[i] : (double)single[i]);
  }
  snprintf(tag, sizeof tag, "%s/%s", group, param->name);
  tfe_put_histogram(journal->events, tag, step, &histogram);
}

void tr_journal_weights(tr_journal *journal, int64_t step, const m4_model *model) {
  for (int32_t p = 0; p < model->n_params; ++p)
    put_values(journal, "weights", step, model, model->params[p], model->params[p]->data);
}

void tr_journal_gradients(tr_journal *journal, int64_t step, const m4_model *model, ag_grads *gradients) {
  for (int32_t p = 0; p < model->n_params; ++p)
    put_values(journal, "gradients", step, model, model->params[p], ag_grads_data(gradients, p));
}

void tr_journal_histogram(tr_journal *journal, const char *tag, int64_t step, const tfe_histogram *values) {
  tfe_put_histogram(journal->events, tag, step, values);
}

m4_status tr_journal_chart(tr_journal *journal, const char *tag, int64_t step, const tr_chart *chart,
                           m4_error *err) {
  unsigned char *png;
  size_t png_bytes;
  M4_TRY(tfe_png_encode(&chart->pixels[0][0][0], TR_CHART_WIDTH, TR_CHART_HEIGHT, &png, &png_bytes, err));
  tfe_image(journal->events, tag, step, TR_CHART_WIDTH, TR_CHART_HEIGHT, png, png_bytes);
  free(png);
  return M4_OK;
}

void tr_journal_end(tr_journal *journal, bool success) {
  tfe_hparams_end(journal->events, success);
}
