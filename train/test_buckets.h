/* Errors of a test by kinds of flows: size, length of the busy period, flows active, load, congestion
 * control. Knows test.h. Source: figures.md 2. */
#ifndef TRAIN_TEST_BUCKETS_H
#define TRAIN_TEST_BUCKETS_H

#include "train/test.h"

enum { TR_N_DIMENSIONS = 5, TR_MAX_BUCKETS = 8 };

typedef struct tr_dimension {
  const char *name;  /* "size": in file names and buckets.csv */
  const char *title; /* "flow size" */
  int n_buckets;
  const char *buckets[TR_MAX_BUCKETS];
  int (*bucket_of)(const tr_flow_row *row); /* -1: unknown, in no bucket */
} tr_dimension;

extern const tr_dimension tr_dimensions[TR_N_DIMENSIONS];

/* FCT errors of the flows of one bucket, as fractions. */
typedef struct tr_bucket_error {
  m4_error_stats stats;
  double p99_tail;
} tr_bucket_error;

/* errors[0] is flowSim's, errors[1 + k] that of results[k]; [n_results + 1]. All results have the same flows.
 */
m4_status tr_bucket_errors(tr_bucket_error *errors, const tr_test_result *results, int n_results,
                           const tr_dimension *dimension, int bucket, m4_error *err);

/* buckets.csv in folder `dir`: every dimension, bucket and model. */
m4_status tr_write_buckets(const tr_test_result *results, int n_results, const char *dir, m4_error *err);
/* models.csv: every model over all flows, with its losses and heads. */
m4_status tr_write_models(const tr_test_result *results, int n_results, const char *const *checkpoints,
                          const char *dir, m4_error *err);

#endif
