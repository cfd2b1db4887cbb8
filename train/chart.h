/* A small chart as pixels: two axes, lines, points, words. For pictures in the journal; figures for people
 * are gnuplot's (base/plot.h). Knows nothing. */
#ifndef TRAIN_CHART_H
#define TRAIN_CHART_H

#include <stdbool.h>
#include <stdint.h>

enum { TR_CHART_WIDTH = 560, TR_CHART_HEIGHT = 320 };

typedef struct tr_color {
  uint8_t red, green, blue;
} tr_color;

typedef struct tr_chart {
  uint8_t pixels[TR_CHART_HEIGHT][TR_CHART_WIDTH][3];
  double x_max, y_max; /* axes start at 0 */
} tr_chart;

/* White, with axes, ticks and labels. Maxima that are not positive become 1. */
void tr_chart_open(tr_chart *chart, const char *title, const char *x_label, const char *y_label, double x_max,
                   double y_max);
/* Values outside of the axes are drawn at their ends. */
void tr_chart_line(tr_chart *chart, double x0, double y0, double x1, double y1, tr_color color);
void tr_chart_point(tr_chart *chart, double x, double y, tr_color color);
/* Color number i of a series. */
tr_color tr_chart_color(int i);

#endif
