/* A study as figures: errors by everything that runs differ in, slowdowns beside the truth, error against
 * cost. One colour a contender. Knows study, axes and base/plot. Source: figures.md 2. */
#ifndef SIM_ACCURACY_FIGURES_H
#define SIM_ACCURACY_FIGURES_H

#include "sim/accuracy/axes.h"

/* Writes NAME.csv, .svg and .png into dir, which must exist. Curves have some hundred points at most. *drawn
 * is false without gnuplot: CSV only. M4_IO, M4_MEMORY, M4_INTERRUPTED. */
m4_status acc_figures_write(const acc_study *study, const char *dir, bool *drawn, m4_error *err);

#endif
