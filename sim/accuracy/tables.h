/* A study as Markdown tables for people and CSV for programs. Knows study and axes. */
#ifndef SIM_ACCURACY_TABLES_H
#define SIM_ACCURACY_TABLES_H

#include "sim/accuracy/axes.h"

/* The report: run by run, by flow size, by each axis that tells something, application completion times
 * of closed loops, cost. M4_MEMORY. */
m4_status acc_report(FILE *out, const acc_study *study, const char *title, m4_error *err);
/* runs.csv: a row for each run and contender; sizes.csv: for each run, contender and flow size. */
void acc_runs_csv(FILE *out, const acc_study *study);
void acc_sizes_csv(FILE *out, const acc_study *study);

#endif
