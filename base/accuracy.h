/* How far predicted FCTs are from true ones: the same statistics for every program. Knows status only.
 * Source: simulation.md 9. */
#ifndef M4_BASE_ACCURACY_H
#define M4_BASE_ACCURACY_H

#include "base/status.h"

#include <stdint.h>

/* One flow with a prediction and a truth. */
typedef struct m4_outcome {
  int64_t size_bytes;
  double predicted_fct_ns, true_fct_ns, ideal_fct_ns; /* true and ideal > 0 */
} m4_outcome;

/* Relative errors of a set of flows, as fractions; all NAN when the set is empty. */
typedef struct m4_error_stats {
  int64_t n_flows;
  double mean, p50, p90, p99; /* of |predicted - true| / true */
  double signed_mean;         /* of (predicted - true) / true */
} m4_error_stats;

enum { M4_N_SIZE_BUCKETS = 4 };

typedef struct m4_accuracy {
  m4_error_stats all;
  double p99_tail; /* |p99 of predicted slowdowns - p99 of true ones| / the latter */
  m4_error_stats by_size[M4_N_SIZE_BUCKETS];
} m4_accuracy;

/* Upper limits of the size buckets in bytes, inclusive (the last is INT64_MAX), and their names. */
int64_t m4_bucket_limit_bytes(int bucket);
const char *m4_bucket_name(int bucket);

/* M4_MEMORY when there is no room for scratch. */
m4_status m4_accuracy_of(const m4_outcome *outcomes, int64_t n, m4_accuracy *accuracy, m4_error *err);

/* Percentile with linear interpolation between order statistics (numpy's default); q in [0, 1]. sorted [n], n
 * >= 1. */
double m4_percentile(const double *sorted, int64_t n, double q);

#endif
