/* The HTML page of a report: one file, figures inside, no script, nothing from the network. Knows figures. */
#ifndef SIM_REPORT_HTML_H
#define SIM_REPORT_HTML_H

#include "sim/figures.h"

typedef struct sim_report_page {
  const sim_comparison *comparison;
  const sim_utilisation *loads; /* [comparison->n] */
  const sim_figures *figures;
  const char *figures_dir; /* where their .svg files are */
} sim_report_page;

m4_status sim_report_html(FILE *out, const sim_report_page *page, m4_error *err);

#endif
