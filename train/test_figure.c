/* Figures curve by curve. */
#include "train/test_figure.h"

#include "base/file.h"

#include <stdlib.h>

m4_status tr_no_memory(m4_error *err) {
  return m4_fail(err, M4_MEMORY, NULL, "no memory for a figure");
}

static m4_status figure_init(tr_figure *f, m4_plot plot, size_t capacity, m4_error *err) {
  *f = (tr_figure){.plot = plot};
  f->curves = calloc(capacity, sizeof *f->curves);
  f->numbers = calloc(2 * capacity, sizeof *f->numbers);
  return f->curves && f->numbers ? M4_OK : tr_no_memory(err);
}

static void figure_free(tr_figure *f) {
  for (size_t i = 0; f->numbers && i < 2 * f->n_curves; ++i) free(f->numbers[i]);
  free(f->numbers);
  free(f->curves);
}

/* Room for n points: *x and *y [n + 1]. */
m4_status tr_add_curve(tr_figure *f, const char *label, m4_curve_style style, size_t n, double **x,
                       double **y, m4_error *err) {
  *x = calloc(n + 1, sizeof **x);
  *y = calloc(n + 1, sizeof **y);
  f->numbers[2 * f->n_curves] = *x;
  f->numbers[2 * f->n_curves + 1] = *y;
  f->curves[f->n_curves++] = (m4_curve){label, style, *x, *y, n};
  return *x && *y ? M4_OK : tr_no_memory(err);
}

/* Turns the values in x of the curve added last into its distribution. */
void tr_make_cdf(tr_figure *f, size_t n, double *x, double *y) {
  f->curves[f->n_curves - 1].n = m4_plot_cdf(x, n, x, y);
}

static m4_status figure_write(tr_figure *f, tr_drawing *d, const char *name, m4_error *err) {
  char stem[4096];
  f->plot.curves = f->curves;
  f->plot.n_curves = f->n_curves;
  M4_TRY(m4_path_join(stem, sizeof stem, d->dir, name, err));
  return m4_plot_write(&f->plot, stem, &d->drawn, err);
}

m4_status tr_draw(tr_drawing *d, m4_plot plot, size_t n_curves, tr_fill *fill, int which, const char *name,
                  m4_error *err) {
  tr_figure f;
  m4_status status = figure_init(&f, plot, n_curves, err);
  if (status == M4_OK) status = fill(&f, d, which, err);
  if (status == M4_OK) status = figure_write(&f, d, name, err);
  figure_free(&f);
  return status;
}

m4_status tr_add_diagonal(tr_figure *f, double least, double most, m4_error *err) {
  double *x, *y;
  M4_TRY(tr_add_curve(f, "predicted = true", M4_CURVE_REFERENCE, 2, &x, &y, err));
  x[0] = y[0] = least;
  x[1] = y[1] = most;
  return M4_OK;
}
