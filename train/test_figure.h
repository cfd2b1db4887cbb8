/* Figures that grow curve by curve; not for other rooms. Knows base/plot and test.h. */
#ifndef TRAIN_TEST_FIGURE_H
#define TRAIN_TEST_FIGURE_H

#include "base/plot.h"
#include "train/test.h"

/* Owns the numbers of its curves. */
typedef struct tr_figure {
  m4_plot plot;
  m4_curve *curves;
  double **numbers; /* x, then y, of each curve */
  size_t n_curves;
} tr_figure;

/* All figures of a test. */
typedef struct tr_drawing {
  const tr_test_result *results;
  int n_results;
  const char *dir;
  bool drawn;
} tr_drawing;

/* Adds the curves of a figure, at most as many as tr_draw was told. */
typedef m4_status tr_fill(tr_figure *figure, const tr_drawing *drawing, int which, m4_error *err);

/* Fills and writes the figure `name`; plot says what its axes are. */
m4_status tr_draw(tr_drawing *drawing, m4_plot plot, size_t n_curves, tr_fill *fill, int which,
                  const char *name, m4_error *err);
/* A curve with room for n points: *x and *y [n + 1] are to be filled. */
m4_status tr_add_curve(tr_figure *figure, const char *label, m4_curve_style style, size_t n, double **x,
                       double **y, m4_error *err);
/* Turns the n values in x of the curve added last into their distribution. */
void tr_make_cdf(tr_figure *figure, size_t n, double *x, double *y);
/* "predicted = true". */
m4_status tr_add_diagonal(tr_figure *figure, double least, double most, m4_error *err);
m4_status tr_no_memory(m4_error *err);

/* test_plot_heads.c */
m4_status tr_plot_heads(tr_drawing *drawing, m4_error *err);

#endif
