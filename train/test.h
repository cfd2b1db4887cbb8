/* Testing a model teacher-forced on busy periods: predictions of every flow, size and queue readouts, errors
 * beside flowSim's. Knows nn and data. Source: training.md 13, simulation.md 9. */
#ifndef TRAIN_TEST_H
#define TRAIN_TEST_H

#include "base/accuracy.h"
#include "base/log.h"
#include "base/threads.h"
#include "data/dataset.h"
#include "nn/m4_pass.h"

typedef struct tr_test_job {
  ds_dataset *dataset;
  const int64_t *periods; /* dataset periods, in the order of the rows written */
  int64_t n_periods;
  const m4_model *model;
  const m4_loss_options *loss;
  const char *out;                       /* folder: flows.csv, size.csv, queue.csv, summary.json */
  const char *checkpoint, *dataset_path; /* recorded in summary.json */
  int reader_threads;
  m4_pool *pool;
  m4_log *log;
} tr_test_job;

typedef struct tr_test_result {
  int64_t n_periods, n_flows;
  m4_losses losses;        /* means over the periods */
  m4_accuracy m4, flowsim; /* of FCTs; m4's slowdown clamped to >= 1 as in simulation */
  double size_mean_error;  /* mean |predicted - true| remaining ratio; NAN without labels */
  double queue_mean_error; /* mean |predicted - true|, cube-root units; NAN without labels */
} tr_test_result;

/* M4_INTERRUPTED after a requested stop: nothing is written then. */
m4_status tr_test(const tr_test_job *job, tr_test_result *result, m4_error *err);

#endif
