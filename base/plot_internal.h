/* What the parts of plotting share; not for other rooms. */
#ifndef M4_BASE_PLOT_INTERNAL_H
#define M4_BASE_PLOT_INTERNAL_H

#include "base/plot.h"

#include <stdio.h>

/* The part of an axis that a picture shows, min < max, in scale: values, or their decimal logarithms. */
typedef struct m4_plot_axis {
  bool log;
  double min, max;
} m4_plot_axis;

typedef struct m4_plot_view {
  m4_plot_axis x, y;
  double bar_width; /* of one curve's bar, in the scale of x */
  size_t n_bar_curves;
  bool empty; /* no curve has a point to show */
} m4_plot_view;

/* Ranges with a margin around all points that can be shown. */
m4_plot_view m4_plot_view_of(const m4_plot *plot);
/* A value in the scale of its axis, and back; NAN when it cannot be shown. */
double m4_plot_scale(bool log, double value);
double m4_plot_unscale(const m4_plot_axis *axis, double scaled);

enum { M4_PLOT_CELL_COLUMNS = 360, M4_PLOT_CELL_ROWS = 240 };
enum { M4_PLOT_CELLS = M4_PLOT_CELL_COLUMNS * M4_PLOT_CELL_ROWS };
/* Marks in keep [n] the points of a curve that a picture needs; gaps are not marked. cells [M4_PLOT_CELLS] is
 * scratch. */
void m4_plot_thin(const m4_curve *curve, const m4_plot_view *view, bool *cells, bool *keep);

/* The whole script: settings, data, plot. terminal: a line of gnuplot, ours. */
m4_status m4_plot_script(FILE *out, const m4_plot *plot, const char *terminal, m4_error *err);

/* Runs gnuplot with script as standard input and picture as standard output; `shown` is the picture's name in
 * errors. *found is false when there is no such program. */
m4_status m4_gnuplot_run(FILE *script, FILE *picture, const char *shown, bool *found, m4_error *err);

#endif
