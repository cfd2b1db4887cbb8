/* Figures: a description in, `stem`.csv, `stem`.svg and `stem`.png out. The pictures are drawn by gnuplot in
 * a child process that gets its script through a file descriptor: no shell, and no text of ours is a command.
 * Knows files and status. Source: figures.md (which figures there are). */
#ifndef M4_BASE_PLOT_H
#define M4_BASE_PLOT_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum m4_curve_style {
  M4_CURVE_LINE,
  M4_CURVE_STEPS,    /* y holds from its x to the next x */
  M4_CURVE_POINTS,   /* scatter */
  M4_CURVE_BARS,     /* one bar per x; the bars of several curves stand side by side */
  M4_CURVE_REFERENCE /* thin dark dashes over everything else: a diagonal, a limit */
} m4_curve_style;

/* n points; all texts and arrays belong to the caller. NaN and infinity are gaps, and so is what a log axis
 * cannot show. */
typedef struct m4_curve {
  const char *label; /* in the legend; NULL or "": not there */
  m4_curve_style style;
  const double *x, *y;
  size_t n;
} m4_curve;

/* Zero-initialise, then fill what is wanted. */
typedef struct m4_plot {
  const char *title, *x_label, *y_label; /* with units: "flow size (bytes)"; NULL accepted */
  bool x_log, y_log;
  double x_range[2], y_range[2]; /* lower and upper end; equal: what the data need */
  const char *const *x_names;    /* [n_x_names] categories at x = 0, 1, ...; NULL: x are numbers */
  size_t n_x_names;
  const m4_curve *curves;
  size_t n_curves;
} m4_plot;

/* Writes `path_stem`.csv (rows curve,x,y with every point), then .svg and .png, each atomically; the pictures
 * show long curves thinned to what a page can show. Without gnuplot only the CSV is written and *drawn (may
 * be NULL) is false: programs say m4_plot_missing() once. M4_IO: a file cannot be written or gnuplot fails;
 * M4_USAGE: the path is too long; M4_INTERRUPTED: a stop was requested while gnuplot ran. Thread-safe. */
m4_status m4_plot_write(const m4_plot *plot, const char *path_stem, bool *drawn, m4_error *err);

/* "gnuplot is not installed: figures are written as CSV only" */
const char *m4_plot_missing(void);

/* The cumulative distribution of the finite ones of values [n] for a curve of steps: x [n] get the distinct
 * values sorted, y [n] the share in percent of values up to x. x may be `values` itself. Returns how many
 * points there are. */
size_t m4_plot_cdf(const double *values, size_t n, double *x, double *y);

#endif
