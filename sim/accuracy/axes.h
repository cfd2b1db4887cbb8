/* Runs in groups: by load, congestion control, buffer, window, burstiness, hosts; and the mean errors of a
 * group. Knows study. Source: figures.md 2 (axes of Fig. 11). */
#ifndef SIM_ACCURACY_AXES_H
#define SIM_ACCURACY_AXES_H

#include "sim/accuracy/study.h"

enum { ACC_N_AXES = 6, ACC_MAX_BINS = 4 };

typedef struct acc_bin {
  char name[48]; /* "DCTCP", "0.32-0.47" */
  size_t n_runs;
} acc_bin;

typedef struct acc_axis {
  const char *name, *label; /* "buffer", "switch buffer (KB)" */
  acc_bin bins[ACC_MAX_BINS];
  int n_bins;
  int *bin_of_run; /* [study->n_runs], owned; -1: the run has no such value */
} acc_axis;

/* Axis 0 .. ACC_N_AXES - 1. A few different values get a bin each, many go into bins of about equally many
 * runs. Free with acc_axis_free also after an error. M4_MEMORY. */
m4_status acc_axis_make(acc_axis *axis, int number, const acc_study *study, m4_error *err);
/* Whether runs differ on this axis and some are alike: otherwise bins say what the runs say. */
bool acc_axis_tells(const acc_axis *axis);
void acc_axis_free(acc_axis *axis);

/* Means over runs of each run's statistics, in percent; NAN when there are none. */
typedef struct acc_means {
  size_t n_runs;
  double mean, p50, p90, p99_tail;
} acc_means;

/* Of one contender, over the runs of a bin; axis NULL: over all runs. */
acc_means acc_means_of(const acc_study *study, int contender, const acc_axis *axis, int bin);

#endif
