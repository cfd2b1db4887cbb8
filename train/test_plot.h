/* Figures of a test. Knows the buckets. Source: figures.md 1-3. */
#ifndef TRAIN_TEST_PLOT_H
#define TRAIN_TEST_PLOT_H

#include "train/test_buckets.h"

/* Into folder `dir`: error_cdf, scenario_error_cdf, predicted_vs_true, slowdown_<bucket>,
 * mean_by_<dimension>, p90_by_<dimension>, and for auxiliary heads with labels size_ and queue_ error,
 * vs_true and example. *drawn is false without gnuplot: only CSV then. */
m4_status tr_plot_test(const tr_test_result *results, int n_results, const char *dir, bool *drawn,
                       m4_error *err);

#endif
