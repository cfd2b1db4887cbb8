/* Several simulators on many scenarios with known FCTs: what each predicted, and how far that is from the
 * truth. Part of m4-accuracy, not of the library. Knows the engine and its back ends. Source:
 * simulation.md 9. */
#ifndef SIM_ACCURACY_STUDY_H
#define SIM_ACCURACY_STUDY_H

#include "base/log.h"
#include "base/threads.h"
#include "nn/m4_cost.h"
#include "sim/accuracy/facts.h"
#include "sim/learned/learned.h"
#include "sim/metrics.h"

enum { ACC_MAX_CONTENDERS = 9, ACC_LABEL_BYTES = 48 };

/* flowSim, or m4 with one checkpoint. */
typedef struct acc_contender {
  char label[ACC_LABEL_BYTES];
  sim_learned_model *model; /* NULL: flowSim */
  m4_cost cost;             /* zero for flowSim */
} acc_contender;

/* What one contender made of one scenario. */
typedef struct acc_cell {
  double *fct_ns; /* [n_flows] as reported; NAN: not finished here or in the truth */
  m4_accuracy errors;
  double completion_ns; /* of the application; NAN when a flow never finished */
  double wall_seconds;
  uint64_t events;
} acc_cell;

typedef struct acc_run {
  char *name; /* the folder below the one that was asked for */
  sim_scenario *scenario;
  acc_facts facts;
  acc_cell cells[ACC_MAX_CONTENDERS];
} acc_run;

/* Zero-initialise, add contenders, read, simulate. */
typedef struct acc_study {
  acc_contender contenders[ACC_MAX_CONTENDERS];
  int n_contenders;
  acc_run *runs; /* [n_runs] */
  size_t n_runs;
  m4_accuracy pooled[ACC_MAX_CONTENDERS]; /* over the flows of all runs */
} acc_study;

/* Adds flowSim (path NULL) or the weights of a file. label NULL: the file's name. M4_USAGE: too many, or two
 * of one label. */
m4_status acc_study_add(acc_study *study, const char *label, const char *path, m4_error *err);
/* Reads every scenario with an fct.txt in dir: dir itself, or the folders below it. M4_USAGE: there is none.
 */
m4_status acc_study_read(acc_study *study, const char *dir, m4_log *log, m4_error *err);
/* Runs every contender on every scenario. Results do not depend on the number of threads. */
m4_status acc_study_simulate(acc_study *study, m4_pool *pool, m4_log *log, m4_error *err);
/* What the application took in truth: like sim_application_completion_ns. NAN when a flow never finished. */
double acc_true_completion_ns(const sim_scenario *scenario);
void acc_study_free(acc_study *study);

#endif
