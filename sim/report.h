/* The report of a comparison: numbers as CSV and JSON, link loads, figures, and one HTML page that needs
 * nothing else. Knows comparison, utilisation and plots. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "sim/comparison.h"

/* Writes comparison.csv, comparison.json, links_BACKEND.csv, utilisation_BACKEND.csv, figures/ and
 * report.html into dir. Without gnuplot the figures are CSV files only and the page says so. M4_IO,
 * M4_MEMORY, M4_INTERRUPTED. */
m4_status sim_report_write(const char *dir, const sim_comparison *comparison, m4_error *err);

#endif
