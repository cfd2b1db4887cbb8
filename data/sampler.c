/* Draws busy periods and splits them (training.md 6.3). Knows dataset.h and Philox. */
#include "data/sampler.h"

#include "base/philox.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Streams within the sampling purpose: append only. */
enum { STREAM_DRAW = 0, STREAM_SHUFFLE = 1, STREAM_SCENARIOS = 2 };

static const int64_t DEFAULT_BINS[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 50, 100, 500};

/* A period that may be drawn. */
typedef struct candidate {
  int64_t period;
  double weight;
  double key; /* the smallest keys are drawn */
} candidate;

static m4_status check_options(const ds_sampling_options *o, m4_error *err) {
  if (o->n_samples < 1)
    return m4_fail(err, M4_USAGE, NULL, "number of sampled periods is %lld, must be positive",
                   (long long)o->n_samples);
  if (o->active_limit < 1)
    return m4_fail(err, M4_USAGE, NULL, "limit of active flows is %lld, must be positive",
                   (long long)o->active_limit);
  if (o->batch_size < 1)
    return m4_fail(err, M4_USAGE, NULL, "batch size is %lld, must be positive", (long long)o->batch_size);
  if (!(o->train_frac > 0 && o->train_frac <= 1))
    return m4_fail(err, M4_USAGE, NULL, "train fraction is %g, must be above 0 and at most 1", o->train_frac);
  for (int32_t b = 0; o->bins && b < o->n_bins; ++b)
    if (o->bins[b] < 1 || (b > 0 && o->bins[b] <= o->bins[b - 1]))
      return m4_fail(err, M4_USAGE, NULL, "bin edge %lld is not positive and ascending",
                     (long long)o->bins[b]);
  return M4_OK;
}

/* Number of edges <= n_flows. */
static int32_t bin_of(const ds_sampling_options *o, int32_t n_flows) {
  const int64_t *bins = o->bins ? o->bins : DEFAULT_BINS;
  int32_t n_bins = o->bins ? o->n_bins : (int32_t)(sizeof DEFAULT_BINS / sizeof *DEFAULT_BINS), bin = 0;
  while (bin < n_bins && bins[bin] <= n_flows) ++bin;
  return bin;
}

static int64_t count_skipped(const ds_dataset *dataset) {
  int64_t skipped = 0;
  for (int32_t s = 0; s < ds_n_scenarios(dataset); ++s) skipped += !ds_scenario_usable(dataset, s);
  return skipped;
}

/* Periods of usable scenarios below the limit; returns how many. */
static int64_t collect(candidate *out, int64_t *n_filtered, const ds_dataset *dataset,
                       const ds_sampling_options *o) {
  int64_t n = 0;
  *n_filtered = 0;
  for (int64_t p = 0; p < ds_n_periods(dataset); ++p) {
    ds_period_info info = ds_period(dataset, p);
    if (!ds_scenario_usable(dataset, info.scenario)) continue;
    if (info.max_active >= o->active_limit)
      ++*n_filtered;
    else
      out[n++] = (candidate){p, 1.0, 0.0};
  }
  return n;
}

static m4_status weigh(candidate *candidates, int64_t n, const ds_dataset *dataset,
                       const ds_sampling_options *o, m4_error *err) {
  if (o->method == DS_UNIFORM) return M4_OK;
  if (o->method == DS_WEIGHTED) {
    for (int64_t i = 0; i < n; ++i) candidates[i].weight = ds_period(dataset, candidates[i].period).n_flows;
    return M4_OK;
  }
  size_t n_bins = (o->bins ? (size_t)o->n_bins : sizeof DEFAULT_BINS / sizeof *DEFAULT_BINS) + 1;
  int64_t *members = calloc(n_bins, sizeof *members);
  if (!members) return m4_fail(err, M4_MEMORY, NULL, "no memory for %zu bins", n_bins);
  for (int64_t i = 0; i < n; ++i) members[bin_of(o, ds_period(dataset, candidates[i].period).n_flows)]++;
  for (int64_t i = 0; i < n; ++i)
    candidates[i].weight = 1.0 / (double)members[bin_of(o, ds_period(dataset, candidates[i].period).n_flows)];
  free(members);
  return M4_OK;
}

static int compare_keys(const void *left, const void *right) {
  const candidate *a = left, *b = right;
  if (a->key != b->key) return a->key < b->key ? -1 : 1;
  return (a->period > b->period) - (a->period < b->period);
}

/* Drawing one after another without replacement, each time with probability weight / remaining weight, is the
 * same as taking the smallest of independent exponential times with rate = weight (Efraimidis and Spirakis
 * 2006). */
static void draw(candidate *candidates, int64_t n, uint64_t seed) {
  for (int64_t i = 0; i < n; ++i) {
    double u = m4_random_uniform(seed, M4_RNG_SAMPLING, STREAM_DRAW, (uint64_t)candidates[i].period);
    candidates[i].key = -log1p(-u) / candidates[i].weight;
  }
  qsort(candidates, (size_t)n, sizeof *candidates, compare_keys);
}

static void shuffle(int64_t *values, int64_t n, m4_rng rng) {
  for (int64_t i = n - 1; i > 0; --i) {
    int64_t j = (int64_t)m4_rng_below(&rng, (uint64_t)i + 1);
    int64_t moved = values[i];
    values[i] = values[j];
    values[j] = moved;
  }
}

/* ---- splitting ---- */

static m4_status split_at(ds_split *split, const int64_t *drawn, int64_t n_train, int64_t n_val_first,
                          int64_t n, m4_error *err) {
  split->n_train = n_train;
  split->n_val = n - n_val_first;
  split->train = malloc((size_t)(split->n_train + 1) * sizeof *split->train);
  split->val = malloc((size_t)(split->n_val + 1) * sizeof *split->val);
  if (!split->train || !split->val)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld samples", (long long)n);
  memcpy(split->train, drawn, (size_t)split->n_train * sizeof *drawn);
  memcpy(split->val, drawn + n_val_first, (size_t)split->n_val * sizeof *drawn);
  return M4_OK;
}

/* Scenarios in random order go to the training side while they fit; in_train[scenario] tells which. Returns
 * the periods that train. */
static int64_t choose_scenarios(uint8_t *in_train, int64_t *order, int64_t *periods_of,
                                const ds_dataset *dataset, const int64_t *drawn, int64_t n,
                                const ds_sampling_options *o) {
  int32_t n_scenarios = ds_n_scenarios(dataset);
  for (int64_t i = 0; i < n; ++i) periods_of[ds_period(dataset, drawn[i]).scenario]++;
  for (int32_t s = 0; s < n_scenarios; ++s) order[s] = s;
  shuffle(order, n_scenarios, m4_rng_make(o->seed, M4_RNG_SAMPLING, STREAM_SCENARIOS));
  int64_t target = (int64_t)((double)n * o->train_frac), taken = 0;
  for (int32_t i = 0; i < n_scenarios; ++i) {
    int64_t s = order[i];
    if (taken + periods_of[s] > target) continue;
    in_train[s] = 1;
    taken += periods_of[s];
  }
  return taken;
}

/* Stable: both sides keep the drawn order. */
static void sort_by_side(int64_t *drawn, int64_t n, int64_t *scratch, const uint8_t *in_train,
                         const ds_dataset *dataset) {
  int64_t at = 0;
  for (int side = 1; side >= 0; --side)
    for (int64_t i = 0; i < n; ++i)
      if (in_train[ds_period(dataset, drawn[i]).scenario] == side) scratch[at++] = drawn[i];
  memcpy(drawn, scratch, (size_t)n * sizeof *drawn);
}

static m4_status split_by_scenario(ds_split *split, int64_t *drawn, int64_t n, const ds_dataset *dataset,
                                   const ds_sampling_options *o, m4_error *err) {
  size_t n_scenarios = (size_t)ds_n_scenarios(dataset);
  uint8_t *in_train = calloc(n_scenarios, 1);
  int64_t *numbers = calloc(2 * n_scenarios + (size_t)n, sizeof *numbers);
  m4_status status = M4_OK;
  if (!in_train || !numbers) {
    status = m4_fail(err, M4_MEMORY, NULL, "no memory to split %zu scenarios", n_scenarios);
  } else {
    int64_t taken = choose_scenarios(in_train, numbers, numbers + n_scenarios, dataset, drawn, n, o);
    sort_by_side(drawn, n, numbers + 2 * n_scenarios, in_train, dataset);
    status = split_at(split, drawn, taken / o->batch_size * o->batch_size, taken, n, err);
  }
  free(numbers);
  free(in_train);
  return status;
}

static m4_status split_drawn(ds_split *split, int64_t *drawn, int64_t n, const ds_dataset *dataset,
                             const ds_sampling_options *o, m4_error *err) {
  if (o->split_by == DS_SPLIT_SCENARIO) {
    M4_TRY(split_by_scenario(split, drawn, n, dataset, o, err));
  } else {
    int64_t n_train = (int64_t)((double)n * o->train_frac / (double)o->batch_size) * o->batch_size;
    M4_TRY(split_at(split, drawn, n_train, n_train, n, err));
  }
  if (split->n_train > 0) return M4_OK;
  m4_status status = m4_fail(err, M4_DATA, NULL, "%lld busy periods do not fill one training batch of %lld",
                             (long long)n, (long long)o->batch_size);
  return m4_hint(err, status, "make more data, a smaller batch, a larger train fraction, or split by period");
}

static m4_status draw_and_split(ds_split *split, candidate *candidates, const ds_dataset *dataset,
                                const ds_sampling_options *o, m4_error *err) {
  split->n_skipped_scenarios = count_skipped(dataset);
  int64_t n = collect(candidates, &split->n_filtered, dataset, o);
  if (n == 0) {
    m4_status status = m4_fail(err, M4_DATA, NULL,
                               "no busy period can be used: %lld have %lld or more active flows, %lld of %d "
                               "scenarios are unfinished",
                               (long long)split->n_filtered, (long long)o->active_limit,
                               (long long)split->n_skipped_scenarios, ds_n_scenarios(dataset));
    return m4_hint(err, status, "raise the limit of active flows or make lighter scenarios");
  }
  M4_TRY(weigh(candidates, n, dataset, o, err));
  draw(candidates, n, o->seed);
  if (n > o->n_samples) n = o->n_samples;
  int64_t *drawn = malloc((size_t)n * sizeof *drawn);
  if (!drawn) return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld samples", (long long)n);
  for (int64_t i = 0; i < n; ++i) drawn[i] = candidates[i].period;
  shuffle(drawn, n, m4_rng_make(o->seed, M4_RNG_SAMPLING, STREAM_SHUFFLE));
  m4_status status = split_drawn(split, drawn, n, dataset, o, err);
  free(drawn);
  return status;
}

m4_status ds_split_draw(ds_split *split, const ds_dataset *dataset, const ds_sampling_options *options,
                        m4_error *err) {
  memset(split, 0, sizeof *split);
  M4_TRY(check_options(options, err));
  candidate *candidates = malloc((size_t)(ds_n_periods(dataset) + 1) * sizeof *candidates);
  if (!candidates)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld busy periods", (long long)ds_n_periods(dataset));
  m4_status status = draw_and_split(split, candidates, dataset, options, err);
  free(candidates);
  if (status != M4_OK) ds_split_free(split);
  return status;
}

void ds_split_free(ds_split *split) {
  free(split->train);
  free(split->val);
  memset(split, 0, sizeof *split);
}

void ds_epoch_order(int64_t *order, int64_t n, uint64_t seed, int64_t epoch) {
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  shuffle(order, n, m4_rng_make(seed, M4_RNG_SHUFFLE, (uint32_t)epoch));
}
