/* How far predicted FCTs are from true ones. Knows engine results only. Source: simulation.md 9. */
#ifndef SIM_METRICS_H
#define SIM_METRICS_H

#include "sim/engine.h"

/* Relative errors of a set of flows, as fractions; all NAN when the set is empty. */
typedef struct sim_error_stats {
  int64_t n_flows;
  double mean, p50, p90, p99; /* of |predicted - true| / true */
  double signed_mean;         /* of (predicted - true) / true */
} sim_error_stats;

enum { SIM_N_SIZE_BUCKETS = 4 };

typedef struct sim_errors {
  sim_error_stats all;
  double p99_tail; /* |p99 of predicted slowdowns - p99 of true ones| / the latter */
  sim_error_stats by_size[SIM_N_SIZE_BUCKETS];
} sim_errors;

/* Upper limits of the size buckets in bytes, inclusive (the last is INT64_MAX), and their names. */
int64_t sim_bucket_limit_bytes(int bucket);
const char *sim_bucket_name(int bucket);

/* Compares the flows that finished in both worlds. scenario->truth_fct_ns must be there. M4_MEMORY. */
m4_status sim_compare(const sim_scenario *scenario, const sim_result *result, sim_errors *errors,
                      m4_error *err);

/* What is reported as the FCT of a finished flow: whole ns. */
int64_t sim_reported_fct_ns(const sim_result *result, int64_t flow);

/* Percentile with linear interpolation between order statistics (numpy's default); q in [0, 1]. sorted [n], n
 * >= 1. */
double sim_percentile(const double *sorted, int64_t n, double q);

#endif
