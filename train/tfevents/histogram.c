/* Histograms and how they are written. Knows the writer. */
#include "train/tfevents/writer_internal.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- buckets ---- */

static const double first_limit = 1e-12, growth = 1.1;

/* k-th limit above zero, k = 0 .. TFE_SIDE_BUCKETS - 1. */
static double side_limit(int k) {
  return first_limit * pow(growth, k);
}

double tfe_bucket_limit(int i) {
  if (i == TFE_N_BUCKETS - 1) return DBL_MAX;
  if (i < TFE_SIDE_BUCKETS) return -side_limit(TFE_SIDE_BUCKETS - 1 - i);
  return side_limit(i - TFE_SIDE_BUCKETS);
}

/* Number of limits above zero that are <= magnitude. */
static int limits_up_to(double magnitude) {
  if (magnitude < first_limit) return 0;
  double exact = log(magnitude / first_limit) / log(growth), whole = floor(exact);
  int k = whole < TFE_SIDE_BUCKETS ? (int)whole + 1 : TFE_SIDE_BUCKETS;
  if (exact - whole > 1e-9 && exact - whole < 1 - 1e-9) return k;
  while (k < TFE_SIDE_BUCKETS && side_limit(k) <= magnitude) ++k; /* too near to a limit for logarithms */
  while (k > 0 && side_limit(k - 1) > magnitude) --k;
  return k;
}

/* First bucket whose limit is above the value. */
static int bucket_of(double value) {
  if (value >= 0) return TFE_SIDE_BUCKETS + limits_up_to(value);
  int k = limits_up_to(-value); /* limits -side_limit(0..k-1) are >= value */
  int i = TFE_SIDE_BUCKETS - k;
  return i < TFE_SIDE_BUCKETS && tfe_bucket_limit(i) <= value ? i + 1 : i;
}

void tfe_histogram_clear(tfe_histogram *histogram) {
  memset(histogram, 0, sizeof *histogram);
  histogram->min = DBL_MAX;
  histogram->max = -DBL_MAX;
}

void tfe_histogram_add(tfe_histogram *histogram, double value) {
  if (!isfinite(value)) return;
  histogram->min = fmin(histogram->min, value);
  histogram->max = fmax(histogram->max, value);
  histogram->count += 1;
  histogram->sum += value;
  histogram->sum_squares += value * value;
  histogram->bucket[bucket_of(value)] += 1;
}

void tfe_histogram_merge(tfe_histogram *histogram, const tfe_histogram *other) {
  histogram->min = fmin(histogram->min, other->min);
  histogram->max = fmax(histogram->max, other->max);
  histogram->count += other->count;
  histogram->sum += other->sum;
  histogram->sum_squares += other->sum_squares;
  for (int i = 0; i < TFE_N_BUCKETS; ++i) histogram->bucket[i] += other->bucket[i];
}

/* ---- writing: a run of empty buckets becomes one ---- */

static size_t compress(const tfe_histogram *histogram, double *limits, double *counts) {
  size_t n = 0;
  for (int i = 0; i < TFE_N_BUCKETS; ++i) {
    bool empty = histogram->bucket[i] == 0;
    bool joins = empty && n > 0 && counts[n - 1] == 0;
    if (!joins) ++n;
    limits[n - 1] = tfe_bucket_limit(i);
    counts[n - 1] = histogram->bucket[i];
  }
  return n;
}

void tfe_put_histogram(tfe_writer *writer, const char *tag, int64_t step, const tfe_histogram *histogram) {
  Tfe__Histogram message = TFE__HISTOGRAM__INIT;
  Tfe__Summary__Value entry = TFE__SUMMARY__VALUE__INIT;
  if (histogram->count == 0) return;
  double *memory = calloc(2 * TFE_N_BUCKETS, sizeof *memory);
  if (!memory) {
    tfe_fail(writer, ENOMEM);
    return;
  }
  message.min = histogram->min;
  message.max = histogram->max;
  message.num = histogram->count;
  message.sum = histogram->sum;
  message.sum_squares = histogram->sum_squares;
  message.bucket_limit = memory;
  message.bucket = memory + TFE_N_BUCKETS;
  message.n_bucket_limit = message.n_bucket = compress(histogram, message.bucket_limit, message.bucket);
  entry.tag = (char *)tag;
  entry.value_case = TFE__SUMMARY__VALUE__VALUE_HISTO;
  entry.histo = &message;
  tfe_put_value(writer, step, &entry);
  free(memory);
}
