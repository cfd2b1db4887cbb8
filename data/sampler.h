/* Which busy periods are trained on, and in what order. Pure functions of the dataset, the options and the
 * seed; nothing to save but the list. Knows dataset. Source: training.md 6.3. */
#ifndef DATA_SAMPLER_H
#define DATA_SAMPLER_H

#include "data/dataset.h"

typedef enum ds_sampling { DS_UNIFORM, DS_WEIGHTED, DS_BALANCED } ds_sampling;
typedef enum ds_split_by { DS_SPLIT_PERIOD, DS_SPLIT_SCENARIO } ds_split_by;

typedef struct ds_sampling_options {
  ds_sampling method;
  ds_split_by split_by; /* by scenario: no scenario gives periods to both sides; about train_frac of the drawn
                           periods train */
  int64_t n_samples;    /* 4000; fewer when fewer have weight > 0 */
  int64_t
      active_limit;   /* threadhold_sampled, 150: periods with this many active flows or more are left out */
  double train_frac;  /* 0.9 */
  int64_t batch_size; /* the train part is a multiple of it */
  uint64_t seed;
  const int64_t *bins;
  int32_t n_bins; /* NULL: 1..10,15,20,50,100,500 */
} ds_sampling_options;

/* Period indices of the dataset; val also serves as the test list. Owned by the caller: ds_split_free. */
typedef struct ds_split {
  int64_t *train, *val;
  int64_t n_train, n_val;
  int64_t n_filtered, n_skipped_scenarios;
} ds_split;
m4_status ds_split_draw(ds_split *split, const ds_dataset *dataset, const ds_sampling_options *options,
                        m4_error *err);
void ds_split_free(ds_split *split);
/* data_list.json: {"seed":..,"dataset_hash":..,"train":[[scenario, topo_type, segment,
 * n_flows],..],"val":[..],"test":[..]}. Atomic. */
m4_status ds_split_write(const ds_split *split, const ds_dataset *dataset, const char *topo_type,
                         uint64_t seed, const char *path, m4_error *err);
/* Reads it back against the same dataset; M4_DATA when a row does not exist there. */
m4_status ds_split_read(ds_split *split, const ds_dataset *dataset, const char *path, m4_error *err);

/* order[i] = position in a list of n items visited as number i in this epoch; f(seed, epoch). */
void ds_epoch_order(int64_t *order, int64_t n, uint64_t seed, int64_t epoch);

#endif
