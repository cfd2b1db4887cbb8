/* What a picture shows of a figure's data: the ranges of the axes, and which points are worth drawing. */
#include "base/plot_internal.h"

#include <math.h>
#include <string.h>

static const double largest = 1e300, smallest_log = 1e-300, most_decades = 305;
static const double margin = 0.04, bar_share = 0.8;

double m4_plot_scale(bool log, double value) {
  if (!isfinite(value) || fabs(value) > largest || (log && value < smallest_log)) return NAN;
  return log ? log10(value) : value;
}

double m4_plot_unscale(const m4_plot_axis *axis, double scaled) {
  return axis->log ? pow(10, fmin(fmax(scaled, -most_decades), most_decades)) : scaled;
}

typedef struct extent {
  double min, max;
} extent;

static void include(extent *range, double value) {
  range->min = fmin(range->min, value);
  range->max = fmax(range->max, value);
}

static void include_curve(extent *x, extent *y, const m4_plot *plot, const m4_curve *curve) {
  for (size_t i = 0; i < curve->n; ++i) {
    double at_x = m4_plot_scale(plot->x_log, curve->x[i]), at_y = m4_plot_scale(plot->y_log, curve->y[i]);
    if (isnan(at_x) || isnan(at_y)) continue;
    include(x, at_x);
    include(y, at_y);
  }
}

/* Bars of several curves share the smallest distance between two neighbours of one curve. */
static double bar_width_of(const m4_plot *plot, size_t n_bar_curves) {
  double distance = INFINITY;
  for (size_t c = 0; c < plot->n_curves; ++c) {
    const m4_curve *curve = &plot->curves[c];
    for (size_t i = 1; curve->style == M4_CURVE_BARS && i < curve->n; ++i) {
      double step =
          fabs(m4_plot_scale(plot->x_log, curve->x[i]) - m4_plot_scale(plot->x_log, curve->x[i - 1]));
      if (step > 0) distance = fmin(distance, step);
    }
  }
  if (!isfinite(distance) || plot->n_x_names > 0) distance = 1;
  return n_bar_curves > 0 ? bar_share * distance / (double)n_bar_curves : 0;
}

/* A range has some width, however alike the values are. */
static void widen(extent *range, bool log) {
  double middle = range->min + (range->max - range->min) / 2;
  double least = log ? 0.3 : fabs(middle) > 0 ? 1e-6 * fabs(middle) : 1;
  if (range->max - range->min >= least) return;
  least = log ? 0.3 : fabs(middle) > 0 ? 0.1 * fabs(middle) : 1;
  *range = (extent){middle - least, middle + least};
}

static m4_plot_axis axis_of(extent data, bool log, const double wanted[2], bool from_zero) {
  m4_plot_axis axis = {log, 0, 1};
  double low = m4_plot_scale(log, wanted[0]), high = m4_plot_scale(log, wanted[1]);
  if (low < high) return (m4_plot_axis){log, low, high};
  if (data.min > data.max) return axis;
  if (from_zero) include(&data, 0);
  bool has_negative = data.min < 0;
  widen(&data, log);
  double room = margin * (data.max - data.min);
  axis.min = data.min - (from_zero && data.min >= 0 ? 0 : room);
  axis.max = data.max + room;
  if (!log && !has_negative && axis.min < 0) axis.min = 0;
  if (log) axis = (m4_plot_axis){log, fmax(axis.min, -most_decades), fmin(axis.max, most_decades)};
  return axis;
}

m4_plot_view m4_plot_view_of(const m4_plot *plot) {
  m4_plot_view view = {0};
  extent x = {INFINITY, -INFINITY}, y = x;
  for (size_t c = 0; c < plot->n_curves; ++c) {
    view.n_bar_curves += plot->curves[c].style == M4_CURVE_BARS;
    include_curve(&x, &y, plot, &plot->curves[c]);
  }
  view.empty = x.min > x.max;
  view.bar_width = bar_width_of(plot, view.n_bar_curves);
  view.y = axis_of(y, plot->y_log, plot->y_range, view.n_bar_curves > 0 && !plot->y_log);
  if (plot->n_x_names > 0) {
    view.x = (m4_plot_axis){false, -0.6, (double)plot->n_x_names - 0.4};
    return view;
  }
  double around = view.bar_width * (double)view.n_bar_curves / 2;
  if (!view.empty) x = (extent){x.min - around, x.max + around};
  view.x = axis_of(x, plot->x_log, plot->x_range, false);
  if (around > 0 && !plot->x_log && !view.empty) view.x.min = fmin(view.x.min, x.min);
  return view;
}

/* ---- thinning ---- */

enum { FINE_COLUMNS = 2400, FINE_ROWS = 1600, MAX_LINE_POINTS = 8000, LINE_BUCKETS = 1500 };

/* Number of the cell of a grid over the view, counted a little beyond its edges; -1 for a gap. */
static long cell_of(const m4_curve *curve, size_t i, const m4_plot_view *view, int columns, int rows) {
  double x = m4_plot_scale(view->x.log, curve->x[i]), y = m4_plot_scale(view->y.log, curve->y[i]);
  if (isnan(x) || isnan(y)) return -1;
  x = fmin(fmax((x - view->x.min) / (view->x.max - view->x.min), -1), 2);
  y = fmin(fmax((y - view->y.min) / (view->y.max - view->y.min), -1), 2);
  return (long)((y + 1) * rows) * 4 * columns + (long)((x + 1) * columns);
}

/* Points that would cover one another are drawn once; those outside are not drawn. */
static void thin_points(const m4_curve *curve, const m4_plot_view *view, bool *cells, bool *keep) {
  memset(cells, 0, M4_PLOT_CELLS);
  for (size_t i = 0; i < curve->n; ++i) {
    double x = m4_plot_scale(view->x.log, curve->x[i]), y = m4_plot_scale(view->y.log, curve->y[i]);
    x = (x - view->x.min) / (view->x.max - view->x.min);
    y = (y - view->y.min) / (view->y.max - view->y.min);
    keep[i] = false;
    if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) continue;
    int column = (int)fmin(x * M4_PLOT_CELL_COLUMNS, M4_PLOT_CELL_COLUMNS - 1);
    int row = (int)fmin(y * M4_PLOT_CELL_ROWS, M4_PLOT_CELL_ROWS - 1);
    bool *cell = &cells[row * M4_PLOT_CELL_COLUMNS + column];
    keep[i] = !*cell;
    *cell = true;
  }
}

/* Of each stretch of points: the first, the last, the lowest, the highest, and one gap if there is one. */
static void keep_outlines(const m4_curve *curve, bool *keep) {
  for (size_t b = 0; b < LINE_BUCKETS; ++b) {
    size_t begin = curve->n * b / LINE_BUCKETS, end = curve->n * (b + 1) / LINE_BUCKETS;
    size_t first = end, last = end, low = end, high = end;
    for (size_t i = begin; i < end; ++i) {
      if (!keep[i]) continue;
      if (first == end) first = low = high = i;
      last = i;
      if (curve->y[i] < curve->y[low]) low = i;
      if (curve->y[i] > curve->y[high]) high = i;
      keep[i] = false;
    }
    if (first < end) keep[first] = keep[last] = keep[low] = keep[high] = true;
  }
}

/* Steps smaller than a pixel are left out. The last point before a gap or the end always stays. */
static void thin_line(const m4_curve *curve, const m4_plot_view *view, bool *keep) {
  long previous = -1;
  size_t kept = 0;
  for (size_t i = 0; i < curve->n; ++i) {
    long cell = cell_of(curve, i, view, FINE_COLUMNS, FINE_ROWS);
    bool ends = i + 1 == curve->n || cell_of(curve, i + 1, view, FINE_COLUMNS, FINE_ROWS) < 0;
    keep[i] = cell >= 0 && (cell != previous || ends);
    previous = cell;
    kept += keep[i];
  }
  if (kept > MAX_LINE_POINTS) keep_outlines(curve, keep);
}

void m4_plot_thin(const m4_curve *curve, const m4_plot_view *view, bool *cells, bool *keep) {
  if (curve->style == M4_CURVE_POINTS)
    thin_points(curve, view, cells, keep);
  else
    thin_line(curve, view, keep);
}
