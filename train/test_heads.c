/* How good the auxiliary heads are: remaining sizes and queue lengths. Source: training.md 13, figures.md 3.
 */
#include "train/test_parts.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_PAIRS = 1 << 22, FIRST_PAIRS = 1 << 12 };

static bool grow(tr_pairs *pairs) {
  int64_t capacity = pairs->n < FIRST_PAIRS ? FIRST_PAIRS : 2 * pairs->n;
  float *truth = realloc(pairs->truth, (size_t)capacity * sizeof *truth);
  if (truth) pairs->truth = truth;
  float *predicted = realloc(pairs->predicted, (size_t)capacity * sizeof *predicted);
  if (predicted) pairs->predicted = predicted;
  return truth && predicted;
}

/* Too many: every second one goes. */
static void halve(tr_pairs *pairs) {
  for (int64_t i = 0; 2 * i < pairs->n; ++i) {
    pairs->truth[i] = pairs->truth[2 * i];
    pairs->predicted[i] = pairs->predicted[2 * i];
  }
  pairs->n = (pairs->n + 1) / 2;
  pairs->stride *= 2;
}

bool tr_keep_pair(tr_pairs *pairs, int64_t number, float truth, float predicted) {
  if (pairs->stride == 0) pairs->stride = 1;
  if (pairs->n == MAX_PAIRS) halve(pairs);
  if (number % pairs->stride != 0) return true;
  bool is_full = pairs->n == 0 || (pairs->n >= FIRST_PAIRS && (pairs->n & (pairs->n - 1)) == 0);
  if (is_full && pairs->stride == 1 && !grow(pairs)) return false;
  pairs->truth[pairs->n] = truth;
  pairs->predicted[pairs->n++] = predicted;
  return true;
}

static m4_status add(tr_head_quality *head, float truth, float predicted, double error_bytes, m4_error *err) {
  double error = (double)predicted - (double)truth;
  if (!isfinite(error))
    return m4_fail(err, M4_NUMERIC, NULL, "an auxiliary head predicts %g", (double)predicted);
  if (!tr_keep_pair(&head->pairs, head->n_labels, truth, predicted))
    return m4_fail(err, M4_MEMORY, NULL, "no memory for the predictions of a head");
  head->n_labels++;
  head->mean += fabs(error);
  head->signed_mean += error;
  head->mean_bytes += fabs(error_bytes);
  return M4_OK;
}

static double cube(double value) {
  return value * value * value;
}

static m4_status add_sizes(tr_test_result *result, FILE *out, const ds_item *item, const tr_prediction *guess,
                           int32_t e, m4_error *err) {
  const m4_sample *sample = item->sample;
  const m4_event_data *event = &sample->events[e];
  for (int32_t i = 0; i < event->n_size_labels; ++i) {
    int32_t flow = event->flow_rows[i];
    float predicted = guess->size[sample->size_offset[e] + i], truth = event->size_labels[i];
    double bytes = ((double)predicted - (double)truth) * (double)item->facts.size_bytes[flow];
    fprintf(out, "%lld,%d,%lld,%.7g,%.7g\n", (long long)item->period, (int)e,
            (long long)item->facts.flow_id[flow], (double)truth, (double)predicted);
    M4_TRY(add(&result->size, truth, predicted, bytes, err));
  }
  return M4_OK;
}

static m4_status add_queues(tr_test_result *result, FILE *out, const ds_item *item,
                            const tr_prediction *guess, int32_t e, m4_error *err) {
  const m4_sample *sample = item->sample;
  const m4_event_data *event = &sample->events[e];
  for (int32_t i = 0; i < event->n_queue_labels; ++i) {
    float predicted = guess->queue[sample->queue_offset[e] + i], truth = event->queue_labels[i];
    fprintf(out, "%lld,%d,%d,%.7g,%.7g\n", (long long)item->period, (int)e, (int)event->queue_rows[i],
            (double)truth, (double)predicted);
    M4_TRY(add(&result->queue, truth, predicted, cube(predicted) - cube(truth), err));
  }
  return M4_OK;
}

m4_status tr_add_readouts(tr_test_result *result, tr_test_files *files, const tr_test_job *job,
                          const ds_item *item, const tr_prediction *guess, m4_error *err) {
  const m4_widths *widths = &job->model->widths;
  for (int32_t e = 0; e < item->sample->n_events; ++e) {
    if (widths->has_size_head) M4_TRY(add_sizes(result, files->size.stream, item, guess, e, err));
    if (widths->has_queue_head) M4_TRY(add_queues(result, files->queue.stream, item, guess, e, err));
  }
  return M4_OK;
}

static int compare_values(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

m4_status tr_finish_head(tr_head_quality *head, m4_error *err) {
  int64_t n = head->pairs.n;
  double *errors = malloc(((size_t)n + 1) * sizeof *errors);
  if (!errors) return m4_fail(err, M4_MEMORY, NULL, "no memory for the errors of a head");
  for (int64_t i = 0; i < n; ++i)
    errors[i] = fabs((double)head->pairs.predicted[i] - (double)head->pairs.truth[i]);
  if (n > 0) qsort(errors, (size_t)n, sizeof *errors, compare_values);
  double labels = (double)head->n_labels;
  head->mean = n > 0 ? head->mean / labels : NAN;
  head->signed_mean = n > 0 ? head->signed_mean / labels : NAN;
  head->mean_bytes = n > 0 ? head->mean_bytes / labels : NAN;
  head->p50 = n > 0 ? m4_percentile(errors, n, 0.5) : NAN;
  head->p90 = n > 0 ? m4_percentile(errors, n, 0.9) : NAN;
  head->p99 = n > 0 ? m4_percentile(errors, n, 0.99) : NAN;
  free(errors);
  return M4_OK;
}
