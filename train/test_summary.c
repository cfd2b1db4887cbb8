/* summary.json of a test. */
#include "train/test_parts.h"

#include <jansson.h>
#include <math.h>

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

static json_t *head_json(const tr_head_quality *head) {
  json_t *root = json_object();
  json_object_set_new(root, "labels", json_integer(head->n_labels));
  json_object_set_new(root, "mean", number(head->mean));
  json_object_set_new(root, "p50", number(head->p50));
  json_object_set_new(root, "p90", number(head->p90));
  json_object_set_new(root, "p99", number(head->p99));
  json_object_set_new(root, "signed_mean", number(head->signed_mean));
  json_object_set_new(root, "mean_bytes", number(head->mean_bytes));
  return root;
}

static json_t *summary_json(const tr_test_job *job, const tr_test_result *result) {
  json_t *root = json_object();
  json_object_set_new(root, "checkpoint", json_string(job->checkpoint));
  json_object_set_new(root, "dataset", json_string(job->dataset_path));
  json_object_set_new(root, "dataset_hash", json_string(ds_hash(job->dataset)));
  json_object_set_new(root, "periods", json_integer(result->n_periods));
  json_object_set_new(root, "flows", json_integer(result->n_flows));
  json_object_set_new(root, "test_loss", number(result->losses.fct));
  json_object_set_new(root, "test_size_loss", number(result->losses.size));
  json_object_set_new(root, "test_queue_loss", number(result->losses.queue));
  json_object_set_new(root, "size_mean_error", number(result->size.mean));
  json_object_set_new(root, "queue_mean_error", number(result->queue.mean));
  json_object_set_new(root, "size_error_ratio", head_json(&result->size));
  json_object_set_new(root, "queue_error_cbrt", head_json(&result->queue));
  json_object_set_new(root, "m4_error_percent", accuracy_json(&result->m4));
  json_object_set_new(root, "flowsim_error_percent", accuracy_json(&result->flowsim));
  json_object_set_new(root, "version", json_string(M4_VERSION));
  return root;
}

m4_status tr_write_summary(const tr_test_job *job, const tr_test_result *result, m4_error *err) {
  char path[4096];
  m4_outfile file;
  M4_TRY(m4_path_join(path, sizeof path, job->out, "summary.json", err));
  M4_TRY(m4_outfile_open(&file, path, err));
  json_t *root = summary_json(job, result);
  int failed = json_dumpf(root, file.stream, JSON_INDENT(2)) != 0 || fputc('\n', file.stream) == EOF;
  json_decref(root);
  if (!failed) return m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return m4_fail(err, M4_IO, path, "cannot write the summary");
}
