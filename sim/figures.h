/* The figures of a comparison: slowdowns, errors, active flows, link loads, run times; every figure has one
 * curve a back end, always in the same colour. Knows comparison, utilisation and base/plot. Source:
 * figures.md. */
#ifndef SIM_FIGURES_H
#define SIM_FIGURES_H

#include "sim/comparison.h"
#include "sim/utilisation.h"

enum { SIM_MAX_FIGURES = 16 };

typedef struct sim_figure {
  const char *name; /* file name without its ending */
  const char *caption;
} sim_figure;

typedef struct sim_figures {
  sim_figure list[SIM_MAX_FIGURES];
  int n;
  bool drawn; /* pictures and not only CSV files */
} sim_figures;

/* Writes name.csv, .svg and .png of every figure that the comparison has data for into dir, which must exist.
 * loads [comparison->n]; those of a truth from a file are empty. M4_IO, M4_MEMORY, M4_INTERRUPTED. */
m4_status sim_figures_write(sim_figures *figures, const char *dir, const sim_comparison *comparison,
                            const sim_utilisation *loads, m4_error *err);

#endif
