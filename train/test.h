/* Testing a model teacher-forced on busy periods: what it predicts of every flow, how good its auxiliary
 * heads are, errors beside flowSim's. Knows nn and data. Source: training.md 13, simulation.md 9. */
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
  const double *scenario_loads; /* [scenarios of the dataset]; NAN where unknown; NULL: all unknown */
  const m4_model *model;
  const m4_loss_options *loss;
  const char *out;                       /* folder: flows.csv, size.csv, queue.csv, summary.json */
  const char *label;                     /* what tables call the model */
  const char *checkpoint, *dataset_path; /* recorded in summary.json */
  int reader_threads;
  m4_pool *pool;
  m4_log *log;
} tr_test_job;

/* One flow: where it comes from, the truth, the predictions. */
typedef struct tr_flow_row {
  int64_t period, flow_id, size_bytes, fct_ns, ideal_fct_ns;
  int32_t scenario, segment, n_links;
  int32_t period_flows, active; /* flows of its busy period; active when it arrives, itself included */
  int32_t cc;                   /* ds_cc_of */
  double load;                  /* of its scenario; NAN unknown */
  double predicted_slowdown;    /* raw */
  double flowsim_slowdown;      /* NAN unknown */
} tr_flow_row;

/* Truth and prediction of an auxiliary head: all of them, or every stride-th of very many. */
typedef struct tr_pairs {
  float *truth, *predicted; /* [n] */
  int64_t n, stride;
} tr_pairs;

/* Errors |predicted - true| of an auxiliary head; all NAN without labels. Percentiles are those of `pairs`.
 */
typedef struct tr_head_quality {
  int64_t n_labels;
  double mean, signed_mean, p50, p90, p99;
  double mean_bytes; /* the same error in bytes */
  tr_pairs pairs;
} tr_head_quality;

/* What a head says over time of one flow or link: the one with most labels in the longest busy period. */
typedef struct tr_example {
  double *time_us, *truth, *predicted; /* [n] since the period began; bytes */
  int64_t n, period;
  int32_t period_flows; /* of the period it comes from; 0: none yet */
} tr_example;

typedef struct tr_test_result {
  const char *label;
  int64_t n_periods, n_flows;
  tr_flow_row *rows;       /* [n_flows] */
  m4_losses losses;        /* means over the periods */
  m4_accuracy m4, flowsim; /* of FCTs; m4's slowdown clamped to >= 1 as in simulation */
  tr_head_quality size;    /* remaining ratio; bytes: times the flow's size */
  tr_head_quality queue;   /* cube-root units; bytes: cubed */
  tr_example size_example, queue_example;
} tr_test_result;

/* M4_INTERRUPTED after a requested stop: nothing is written then. M4_NUMERIC: a prediction is not finite.
 * Free the result whatever happens. */
m4_status tr_test(const tr_test_job *job, tr_test_result *result, m4_error *err);
void tr_test_result_free(tr_test_result *result);

/* The load of each scenario that the periods touch; *loads [scenarios] is the caller's to free, NAN
 * elsewhere. */
m4_status tr_test_loads(double **loads, ds_dataset *dataset, const int64_t *periods, int64_t n_periods,
                        m4_error *err);

/* The predicted FCT as a simulation would use it, and flowSim's (NAN unknown). */
m4_outcome tr_m4_outcome(const tr_flow_row *row);
m4_outcome tr_flowsim_outcome(const tr_flow_row *row);

#endif
