/* Teacher-forced test of a model: periods are read ahead, predicted in parallel, taken in order. */
#include "train/test.h"

#include "autograd/memory.h"
#include "base/signals.h"
#include "train/test_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WAVE = 64 };

typedef struct tester {
  const tr_test_job *job;
  m4_pool *pool;
  m4_workspace **workspaces; /* one per thread */
  int n_workers;
  ds_item *items[WAVE];
  tr_prediction predictions[WAVE];
  tr_test_files files;
  tr_test_result *result;
  int64_t capacity; /* of the result's rows */
  m4_losses sums;
} tester;

static int64_t count_size_labels(const m4_sample *sample) {
  return sample->size_offset ? sample->size_offset[sample->n_events] : 0;
}
static int64_t count_queue_labels(const m4_sample *sample) {
  return sample->queue_offset ? sample->queue_offset[sample->n_events] : 0;
}

static void forward_task(void *arg, size_t index, int worker) {
  tester *t = arg;
  tr_prediction *guess = &t->predictions[index];
  const m4_sample *sample = t->items[index]->sample;
  guess->slowdown = calloc((size_t)sample->n_flows + 1, sizeof(float));
  guess->size = calloc((size_t)count_size_labels(sample) + 1, sizeof(float));
  guess->queue = calloc((size_t)count_queue_labels(sample) + 1, sizeof(float));
  if (!guess->slowdown || !guess->size || !guess->queue) {
    guess->status = m4_fail(&guess->error, M4_MEMORY, NULL, "no memory for predictions");
    return;
  }
  m4_pass_output output = {
      .slowdown = guess->slowdown, .size_prediction = guess->size, .queue_prediction = guess->queue};
  guess->status = m4_pass_forward(t->workspaces[worker], t->job->model, sample, t->job->loss, &guess->losses,
                                  &output, &guess->error);
}

static void free_prediction(tr_prediction *guess) {
  free(guess->slowdown);
  free(guess->size);
  free(guess->queue);
  *guess = (tr_prediction){0};
}

static m4_status collect(tester *t, const ds_item *item, const tr_prediction *guess, m4_error *err) {
  if (guess->status != M4_OK) {
    if (err) *err = guess->error;
    return guess->status;
  }
  M4_TRY(tr_add_flows(t->result, &t->capacity, &t->files, t->job, item, guess, err));
  M4_TRY(tr_add_readouts(t->result, &t->files, t->job, item, guess, err));
  M4_TRY(tr_take_example(t->result, t->job, item, guess, err));
  t->sums.total += guess->losses.total;
  t->sums.fct += guess->losses.fct;
  t->sums.size += guess->losses.size;
  t->sums.queue += guess->losses.queue;
  t->sums.error += guess->losses.error;
  return M4_OK;
}

/* Takes up to WAVE periods, predicts them in parallel, writes them in order. *more is false at the end. */
static m4_status run_wave(tester *t, ds_prefetch *prefetch, bool *more, int64_t *done, m4_error *err) {
  m4_status status = M4_OK;
  size_t count = 0;
  while (count < WAVE && status == M4_OK && *more) {
    status = ds_prefetch_next(prefetch, &t->items[count], err);
    *more = status == M4_OK && t->items[count];
    if (*more) ++count;
  }
  if (status == M4_OK) m4_parallel_for(t->pool, count, forward_task, t);
  for (size_t i = 0; i < count; ++i) {
    if (status == M4_OK) {
      char where[96];
      status = collect(t, t->items[i], &t->predictions[i], err);
      snprintf(where, sizeof where, "busy period %lld", (long long)t->items[i]->period);
      if (status != M4_OK) m4_within(err, status, where);
    }
    free_prediction(&t->predictions[i]);
    ds_prefetch_return(prefetch, t->items[i]);
  }
  *done += (int64_t)count;
  return status;
}

static m4_status run_all(tester *t, m4_error *err) {
  const tr_test_job *job = t->job;
  ds_prefetch *prefetch = NULL;
  m4_progress *progress;
  M4_TRY(m4_progress_create(&progress, job->log, "test", "periods", (uint64_t)job->n_periods, err));
  m4_status status = ds_prefetch_create(&prefetch, job->dataset, job->periods, job->n_periods,
                                        job->model->size_feature, job->reader_threads, 2 * WAVE, err);
  bool more = status == M4_OK;
  int64_t done = 0;
  while (status == M4_OK && more) {
    status = run_wave(t, prefetch, &more, &done, err);
    m4_progress_update(progress, (uint64_t)done, NULL);
    if (status == M4_OK && m4_stop_requested()) status = m4_fail(err, M4_INTERRUPTED, "test", "stopped");
  }
  if (prefetch) ds_prefetch_free(prefetch);
  m4_progress_free(progress);
  return status;
}

static m4_status start(tester *t, m4_error *err) {
  const tr_test_job *job = t->job;
  t->pool = ag_on_host(job->model->backend) ? job->pool : NULL; /* a device takes sample after sample */
  t->n_workers = t->pool ? m4_pool_threads(t->pool) : 1;
  t->workspaces = calloc((size_t)t->n_workers, sizeof *t->workspaces);
  if (!t->workspaces) return m4_fail(err, M4_MEMORY, NULL, "no memory for the test");
  for (int w = 0; w < t->n_workers; ++w) M4_TRY(m4_workspace_create(&t->workspaces[w], job->model, 1, err));
  return tr_test_files_open(&t->files, job->out, err);
}

/* ---- the result ---- */

m4_outcome tr_m4_outcome(const tr_flow_row *row) {
  double ideal = (double)row->ideal_fct_ns;
  return (m4_outcome){row->size_bytes, ideal * fmax(1.0, row->predicted_slowdown), (double)row->fct_ns,
                      ideal};
}

m4_outcome tr_flowsim_outcome(const tr_flow_row *row) {
  double ideal = (double)row->ideal_fct_ns;
  return (m4_outcome){row->size_bytes, ideal * row->flowsim_slowdown, (double)row->fct_ns, ideal};
}

static m4_status find_accuracy(tr_test_result *result, m4_error *err) {
  m4_outcome *outcomes = malloc(((size_t)result->n_flows + 1) * sizeof *outcomes);
  if (!outcomes) return m4_fail(err, M4_MEMORY, NULL, "no memory to compare flows");
  int64_t n = 0;
  for (int64_t i = 0; i < result->n_flows; ++i) outcomes[i] = tr_m4_outcome(&result->rows[i]);
  m4_status status = m4_accuracy_of(outcomes, result->n_flows, &result->m4, err);
  for (int64_t i = 0; i < result->n_flows; ++i)
    if (!isnan(result->rows[i].flowsim_slowdown)) outcomes[n++] = tr_flowsim_outcome(&result->rows[i]);
  if (status == M4_OK) status = m4_accuracy_of(outcomes, n, &result->flowsim, err);
  free(outcomes);
  return status;
}

static m4_status conclude(tester *t, m4_error *err) {
  tr_test_result *result = t->result;
  double n = (double)t->job->n_periods;
  result->n_periods = t->job->n_periods;
  result->losses = (m4_losses){.total = t->sums.total / n,
                               .fct = t->sums.fct / n,
                               .size = t->sums.size / n,
                               .queue = t->sums.queue / n,
                               .error = t->sums.error / n};
  M4_TRY(tr_finish_head(&result->size, err));
  M4_TRY(tr_finish_head(&result->queue, err));
  M4_TRY(find_accuracy(result, err));
  M4_TRY(tr_test_files_commit(&t->files, err));
  return tr_write_summary(t->job, result, err);
}

m4_status tr_test(const tr_test_job *job, tr_test_result *result, m4_error *err) {
  *result = (tr_test_result){.label = job->label};
  tester *t = calloc(1, sizeof *t);
  if (!t) return m4_fail(err, M4_MEMORY, NULL, "no memory for the test");
  t->job = job;
  t->result = result;
  m4_status status = start(t, err);
  if (status == M4_OK) status = run_all(t, err);
  if (status == M4_OK) status = conclude(t, err);
  tr_test_files_abandon(&t->files);
  for (int w = 0; t->workspaces && w < t->n_workers; ++w) m4_workspace_free(t->workspaces[w]);
  free(t->workspaces);
  free(t);
  return status;
}

void tr_test_result_free(tr_test_result *result) {
  free(result->rows);
  free(result->size.pairs.truth);
  free(result->size.pairs.predicted);
  free(result->queue.pairs.truth);
  free(result->queue.pairs.predicted);
  tr_example_free(&result->size_example);
  tr_example_free(&result->queue_example);
  *result = (tr_test_result){0};
}
