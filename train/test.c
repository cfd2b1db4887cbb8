/* Teacher-forced test of a model. Knows nn and data. */
#include "train/test.h"

#include "base/file.h"
#include "base/signals.h"
#include "data/prefetch.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAVE = 64, PATH_BYTES = 4096 };

/* What a forward pass of one period leaves behind until it is written. */
typedef struct prediction {
  float *slowdown, *size, *queue;
  m4_losses losses;
  m4_status status;
  m4_error error;
} prediction;

typedef struct tester {
  const tr_test_job *job;
  m4_workspace **workspaces; /* one per thread */
  int n_workers;
  ds_item *items[WAVE];
  prediction predictions[WAVE];
  m4_outfile flows, size, queue;
  m4_outcome *m4, *flowsim; /* all flows so far */
  int64_t n_flows, capacity, n_flowsim;
  double size_error, queue_error;
  int64_t n_size, n_queue;
  m4_losses sums;
} tester;

static int64_t count_size_labels(const m4_sample *sample) {
  return sample->size_offset ? sample->size_offset[sample->n_events] : 0;
}
static int64_t count_queue_labels(const m4_sample *sample) {
  return sample->queue_offset ? sample->queue_offset[sample->n_events] : 0;
}

static void forward_task(void *arg, size_t index, int worker) {
  tester *tester_ = arg;
  prediction *guess = &tester_->predictions[index];
  const m4_sample *sample = tester_->items[index]->sample;
  guess->slowdown = calloc((size_t)sample->n_flows + 1, sizeof(float));
  guess->size = calloc((size_t)count_size_labels(sample) + 1, sizeof(float));
  guess->queue = calloc((size_t)count_queue_labels(sample) + 1, sizeof(float));
  if (!guess->slowdown || !guess->size || !guess->queue) {
    guess->status = m4_fail(&guess->error, M4_MEMORY, NULL, "no memory for predictions");
    return;
  }
  m4_pass_output output = {
      .slowdown = guess->slowdown, .size_prediction = guess->size, .queue_prediction = guess->queue};
  guess->status = m4_pass_forward(tester_->workspaces[worker], tester_->job->model, sample,
                                  tester_->job->loss, &guess->losses, &output, &guess->error);
}

static bool reserve(tester *tester_, int64_t more) {
  if (tester_->n_flows + more <= tester_->capacity) return true;
  int64_t capacity = 2 * (tester_->n_flows + more);
  m4_outcome *m4 = realloc(tester_->m4, (size_t)capacity * sizeof *m4);
  if (m4) tester_->m4 = m4;
  m4_outcome *flowsim = realloc(tester_->flowsim, (size_t)capacity * sizeof *flowsim);
  if (flowsim) tester_->flowsim = flowsim;
  if (!m4 || !flowsim) return false;
  tester_->capacity = capacity;
  return true;
}

static void write_flows(tester *tester_, const ds_item *item, const prediction *guess) {
  const m4_period *facts = &item->facts;
  ds_period_info info = ds_period(tester_->job->dataset, item->period);
  const char *name = ds_scenario_name(tester_->job->dataset, info.scenario);
  for (int32_t f = 0; f < facts->n_flows; ++f) {
    double ideal = (double)facts->ideal_fct_ns[f], fct = (double)facts->fct_ns[f],
           flowsim = item->flowsim_fct_ns[f];
    double raw = guess->slowdown[f], predicted = ideal * fmax(1.0, raw);
    fprintf(tester_->flows.stream, "%lld,%s,%d,%lld,%lld,%d,%lld,%lld,%.9g,%.9g,%.9g\n",
            (long long)item->period, name, (int)info.segment, (long long)facts->flow_id[f],
            (long long)facts->size_bytes[f], (int)(facts->path_offset[f + 1] - facts->path_offset[f]),
            (long long)facts->fct_ns[f], (long long)facts->ideal_fct_ns[f], fct / ideal, raw,
            flowsim > 0 ? flowsim / ideal : NAN);
    tester_->m4[tester_->n_flows++] = (m4_outcome){facts->size_bytes[f], predicted, fct, ideal};
    if (flowsim > 0)
      tester_->flowsim[tester_->n_flowsim++] = (m4_outcome){facts->size_bytes[f], flowsim, fct, ideal};
  }
}

/* Labels are given per event; a row of size labels belongs to the event's active flows, ascending. */
static void write_readouts(tester *tester_, const ds_item *item, const prediction *guess) {
  const m4_sample *sample = item->sample;
  for (int32_t e = 0; e < sample->n_events; ++e) {
    const m4_event_data *event = &sample->events[e];
    for (int32_t i = 0; i < event->n_size_labels && tester_->job->model->widths.has_size_head; ++i) {
      float predicted = guess->size[sample->size_offset[e] + i], truth = event->size_labels[i];
      fprintf(tester_->size.stream, "%lld,%d,%lld,%.7g,%.7g\n", (long long)item->period, (int)e,
              (long long)item->facts.flow_id[event->flow_rows[i]], (double)truth, (double)predicted);
      tester_->size_error += fabs((double)predicted - truth);
      ++tester_->n_size;
    }
    for (int32_t i = 0; i < event->n_queue_labels && tester_->job->model->widths.has_queue_head; ++i) {
      float predicted = guess->queue[sample->queue_offset[e] + i], truth = event->queue_labels[i];
      fprintf(tester_->queue.stream, "%lld,%d,%d,%.7g,%.7g\n", (long long)item->period, (int)e,
              (int)event->queue_rows[i], (double)truth, (double)predicted);
      tester_->queue_error += fabs((double)predicted - truth);
      ++tester_->n_queue;
    }
  }
}

static m4_status collect(tester *tester_, const ds_item *item, const prediction *guess, m4_error *err) {
  char where[64];
  snprintf(where, sizeof where, "busy period %lld", (long long)item->period);
  if (guess->status != M4_OK) {
    if (err) *err = guess->error;
    return m4_within(err, guess->status, where);
  }
  if (!reserve(tester_, item->facts.n_flows))
    return m4_fail(err, M4_MEMORY, where, "no memory for the flows tested");
  write_flows(tester_, item, guess);
  write_readouts(tester_, item, guess);
  tester_->sums.total += guess->losses.total;
  tester_->sums.fct += guess->losses.fct;
  tester_->sums.size += guess->losses.size;
  tester_->sums.queue += guess->losses.queue;
  tester_->sums.error += guess->losses.error;
  return M4_OK;
}

/* Takes up to WAVE periods, predicts them in parallel, writes them in order. *more is false at the end. */
static m4_status run_wave(tester *tester_, ds_prefetch *prefetch, bool *more, int64_t *done, m4_error *err) {
  m4_status status = M4_OK;
  size_t count = 0;
  while (count < WAVE && status == M4_OK && *more) {
    status = ds_prefetch_next(prefetch, &tester_->items[count], err);
    *more = status == M4_OK && tester_->items[count];
    if (*more) ++count;
  }
  memset(tester_->predictions, 0, sizeof tester_->predictions);
  if (status == M4_OK) m4_parallel_for(tester_->job->pool, count, forward_task, tester_);
  for (size_t i = 0; i < count; ++i) {
    if (status == M4_OK) status = collect(tester_, tester_->items[i], &tester_->predictions[i], err);
    free(tester_->predictions[i].slowdown);
    free(tester_->predictions[i].size);
    free(tester_->predictions[i].queue);
    ds_prefetch_return(prefetch, tester_->items[i]);
  }
  *done += (int64_t)count;
  return status;
}

static m4_status run_all(tester *tester_, m4_error *err) {
  const tr_test_job *job = tester_->job;
  ds_prefetch *prefetch = NULL;
  m4_progress *progress;
  M4_TRY(m4_progress_create(&progress, job->log, "test", "periods", (uint64_t)job->n_periods, err));
  m4_status status = ds_prefetch_create(&prefetch, job->dataset, job->periods, job->n_periods,
                                        job->model->size_feature, job->reader_threads, 2 * WAVE, err);
  bool more = status == M4_OK;
  int64_t done = 0;
  while (status == M4_OK && more) {
    status = run_wave(tester_, prefetch, &more, &done, err);
    m4_progress_update(progress, (uint64_t)done, NULL);
    if (status == M4_OK && m4_stop_requested()) status = m4_fail(err, M4_INTERRUPTED, "test", "stopped");
  }
  if (prefetch) ds_prefetch_free(prefetch);
  m4_progress_free(progress);
  return status;
}

static m4_status open_csv(m4_outfile *file, const char *dir, const char *name, const char *header,
                          m4_error *err) {
  char path[PATH_BYTES];
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  M4_TRY(m4_outfile_open(file, path, err));
  fputs(header, file->stream);
  return M4_OK;
}

static m4_status start(tester *tester_, m4_error *err) {
  const tr_test_job *job = tester_->job;
  tester_->n_workers = job->pool ? m4_pool_threads(job->pool) : 1;
  tester_->workspaces = calloc((size_t)tester_->n_workers, sizeof *tester_->workspaces);
  if (!tester_->workspaces || !reserve(tester_, 1024))
    return m4_fail(err, M4_MEMORY, NULL, "no memory for the test");
  for (int w = 0; w < tester_->n_workers; ++w)
    M4_TRY(m4_workspace_create(&tester_->workspaces[w], job->model, 1, err));
  M4_TRY(m4_dir_make(job->out, err));
  M4_TRY(open_csv(
      &tester_->flows, job->out, "flows.csv",
      "period,scenario,segment,flow_id,size_bytes,n_links,fct_ns,ideal_fct_ns,slowdown,predicted_slowdown,"
      "flowsim_slowdown\n",
      err));
  M4_TRY(open_csv(&tester_->size, job->out, "size.csv",
                  "period,event,flow_id,remaining_ratio,predicted_ratio\n", err));
  return open_csv(&tester_->queue, job->out, "queue.csv", "period,event,link_row,queue_cbrt,predicted_cbrt\n",
                  err);
}

static json_t *number(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

static json_t *stats_json(const m4_error_stats *stats) {
  json_t *root = json_object();
  json_object_set_new(root, "flows", json_integer(stats->n_flows));
  json_object_set_new(root, "mean", number(100 * stats->mean));
  json_object_set_new(root, "p50", number(100 * stats->p50));
  json_object_set_new(root, "p90", number(100 * stats->p90));
  json_object_set_new(root, "p99", number(100 * stats->p99));
  json_object_set_new(root, "signed_mean", number(100 * stats->signed_mean));
  return root;
}

static json_t *accuracy_json(const m4_accuracy *accuracy) {
  json_t *root = stats_json(&accuracy->all), *buckets = json_array();
  json_object_set_new(root, "p99_tail", number(100 * accuracy->p99_tail));
  for (int b = 0; b < M4_N_SIZE_BUCKETS; ++b) {
    json_t *bucket = stats_json(&accuracy->by_size[b]);
    json_object_set_new(bucket, "size", json_string(m4_bucket_name(b)));
    json_array_append_new(buckets, bucket);
  }
  json_object_set_new(root, "buckets", buckets);
  return root;
}

static m4_status write_summary(const tr_test_job *job, const tr_test_result *result, m4_error *err) {
  char path[PATH_BYTES];
  m4_outfile file;
  M4_TRY(m4_path_join(path, sizeof path, job->out, "summary.json", err));
  M4_TRY(m4_outfile_open(&file, path, err));
  json_t *root = json_object();
  json_object_set_new(root, "checkpoint", json_string(job->checkpoint));
  json_object_set_new(root, "dataset", json_string(job->dataset_path));
  json_object_set_new(root, "dataset_hash", json_string(ds_hash(job->dataset)));
  json_object_set_new(root, "periods", json_integer(result->n_periods));
  json_object_set_new(root, "flows", json_integer(result->n_flows));
  json_object_set_new(root, "test_loss", number(result->losses.fct));
  json_object_set_new(root, "test_size_loss", number(result->losses.size));
  json_object_set_new(root, "test_queue_loss", number(result->losses.queue));
  json_object_set_new(root, "size_mean_error", number(result->size_mean_error));
  json_object_set_new(root, "queue_mean_error", number(result->queue_mean_error));
  json_object_set_new(root, "m4_error_percent", accuracy_json(&result->m4));
  json_object_set_new(root, "flowsim_error_percent", accuracy_json(&result->flowsim));
  json_object_set_new(root, "version", json_string(M4_VERSION));
  int failed = json_dumpf(root, file.stream, JSON_INDENT(2)) != 0 || fputc('\n', file.stream) == EOF;
  json_decref(root);
  if (failed) {
    m4_outfile_abandon(&file);
    return m4_fail(err, M4_IO, path, "cannot write the summary");
  }
  return m4_outfile_commit(&file, err);
}

static m4_status conclude(tester *tester_, tr_test_result *result, m4_error *err) {
  double n = (double)tester_->job->n_periods;
  memset(result, 0, sizeof *result);
  result->n_periods = tester_->job->n_periods;
  result->n_flows = tester_->n_flows;
  result->losses = (m4_losses){tester_->sums.total / n, tester_->sums.fct / n, tester_->sums.size / n,
                               tester_->sums.queue / n, tester_->sums.error / n};
  result->size_mean_error = tester_->n_size ? tester_->size_error / (double)tester_->n_size : NAN;
  result->queue_mean_error = tester_->n_queue ? tester_->queue_error / (double)tester_->n_queue : NAN;
  M4_TRY(m4_accuracy_of(tester_->m4, tester_->n_flows, &result->m4, err));
  M4_TRY(m4_accuracy_of(tester_->flowsim, tester_->n_flowsim, &result->flowsim, err));
  M4_TRY(m4_outfile_commit(&tester_->flows, err));
  M4_TRY(m4_outfile_commit(&tester_->size, err));
  M4_TRY(m4_outfile_commit(&tester_->queue, err));
  return write_summary(tester_->job, result, err);
}

m4_status tr_test(const tr_test_job *job, tr_test_result *result, m4_error *err) {
  tester *tester_ = calloc(1, sizeof *tester_);
  if (!tester_) return m4_fail(err, M4_MEMORY, NULL, "no memory for the test");
  tester_->job = job;
  m4_status status = start(tester_, err);
  if (status == M4_OK) status = run_all(tester_, err);
  if (status == M4_OK) status = conclude(tester_, result, err);
  m4_outfile_abandon(&tester_->flows);
  m4_outfile_abandon(&tester_->size);
  m4_outfile_abandon(&tester_->queue);
  for (int w = 0; tester_->workspaces && w < tester_->n_workers; ++w)
    m4_workspace_free(tester_->workspaces[w]);
  free(tester_->workspaces);
  free(tester_->m4);
  free(tester_->flowsim);
  free(tester_);
  return status;
}
