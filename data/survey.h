/* What a dataset holds, in numbers: one pass over its scenarios, without their received bytes. Knows
 * dataset.h. */
#ifndef DATA_SURVEY_H
#define DATA_SURVEY_H

#include "base/log.h"
#include "data/dataset.h"

/* A growing series of numbers. */
typedef struct ds_series {
  double *values;
  size_t n, capacity;
} ds_series;

enum { DS_N_CC = 4, DS_QUEUE_BINS_PER_DECADE = 10, DS_N_QUEUE_BINS = 120 };

/* Queues met, counted: too many to keep. Bin b > 0 holds up to 10^(b / 10) bytes and more than bin b - 1. */
typedef struct ds_queue_counts {
  int64_t n_empty, n_unknown, n_known;
  int64_t bins[DS_N_QUEUE_BINS];
} ds_queue_counts;

typedef struct ds_survey {
  int64_t n_scenarios, n_flows, n_unfinished, n_unusable, n_periods, n_rows, n_rows_recorded;
  int64_t cc_scenarios[DS_N_CC];
  int64_t min_hosts, max_hosts, min_flows, max_flows, min_rate_bps, max_rate_bps;
  double bytes;
  /* by scenario */
  ds_series load;
  /* by flow that finished, parallel */
  ds_series size_bytes, slowdown, flowsim_slowdown; /* the last NAN where unknown */
  ds_series cc;                                     /* 0 .. DS_N_CC - 1, or NAN */
  /* by busy period */
  ds_series period_flows, period_active, period_us;
  ds_queue_counts queues[DS_N_CC + 1]; /* by congestion control; the last: none chosen */
} ds_survey;

const char *ds_cc_name(int cc);
/* Which one a configuration vector chooses (model.md 8); DS_N_CC when not exactly one. */
int ds_cc_of(const double params[M4_N_PARAMS]);

/* Of the busiest link: its payload over its line rate, from the first arrival to the last departure; NAN when
 * a flow never finished. */
m4_status ds_scenario_load(double *load, const ds_scenario *scenario, m4_error *err);

/* M4_INTERRUPTED after a requested stop. Free with ds_survey_free whatever happens. */
m4_status ds_survey_make(ds_survey *survey, ds_dataset *dataset, m4_log *log, m4_error *err);
void ds_survey_free(ds_survey *survey);

#endif
