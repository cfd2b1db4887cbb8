/* Charts as pixels. Knows nothing. */
#include "train/chart.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEFT = 72, RIGHT = 16, TOP = 30, BOTTOM = 46, TICKS = 5, LETTER = 8 };

static const tr_color ink = {60, 60, 60}, grid = {225, 225, 225};

/* ---- letters of 3 x 5 dots: one octal digit per row, drawn twice as large ---- */

static const char *glyph(char letter) {
  static const char *const digits[] = {"75557", "26227", "71747", "71717", "55711",
                                       "74717", "74757", "71122", "75757", "75717"};
  static const char *const letters[] = {"25755", "65656", "34443", "65556", "74647", "74644", "34553",
                                        "55755", "72227", "11152", "55655", "44447", "57755", "65555",
                                        "25552", "65644", "25563", "65655", "34216", "72222", "55557",
                                        "55552", "55775", "55255", "55222", "71247"};
  if (isdigit((unsigned char)letter)) return digits[letter - '0'];
  if (isalpha((unsigned char)letter)) return letters[toupper((unsigned char)letter) - 'A'];
  switch (letter) {
  case '.':
    return "00002";
  case ',':
    return "00024";
  case '-':
    return "00700";
  case '+':
    return "02720";
  case '(':
    return "24442";
  case ')':
    return "21112";
  case '%':
    return "51245";
  case '/':
    return "11244";
  case ':':
    return "02020";
  default:
    return "00000";
  }
}

static void put_pixel(tr_chart *chart, int x, int y, tr_color color) {
  if (x < 0 || y < 0 || x >= TR_CHART_WIDTH || y >= TR_CHART_HEIGHT) return;
  uint8_t *pixel = chart->pixels[y][x];
  pixel[0] = color.red;
  pixel[1] = color.green;
  pixel[2] = color.blue;
}

static void put_text(tr_chart *chart, int x, int y, const char *text) {
  for (; *text; ++text, x += LETTER) {
    const char *rows = glyph(*text);
    for (int row = 0; row < 10; ++row)
      for (int column = 0; column < 6; ++column)
        if ((rows[row / 2] - '0') >> (2 - column / 2) & 1) put_pixel(chart, x + column, y + row, ink);
  }
}

static int text_width(const char *text) {
  return LETTER * (int)strlen(text);
}

/* ---- axes ---- */

static int clamp(double position, int low, int high) {
  if (!(position > low)) return low;
  return position > high ? high : (int)position;
}

static int x_of(const tr_chart *chart, double x) {
  int span = TR_CHART_WIDTH - LEFT - RIGHT;
  return clamp(LEFT + x / chart->x_max * span + 0.5, LEFT, TR_CHART_WIDTH - RIGHT);
}

static int y_of(const tr_chart *chart, double y) {
  int span = TR_CHART_HEIGHT - TOP - BOTTOM;
  return clamp(TR_CHART_HEIGHT - BOTTOM - y / chart->y_max * span + 0.5, TOP, TR_CHART_HEIGHT - BOTTOM);
}

static void draw_ticks(tr_chart *chart) {
  char text[32];
  for (int i = 0; i <= TICKS; ++i) {
    double part = (double)i / TICKS;
    int x = x_of(chart, part * chart->x_max), y = y_of(chart, part * chart->y_max);
    for (int at = TOP; at <= TR_CHART_HEIGHT - BOTTOM; ++at) put_pixel(chart, x, at, grid);
    for (int at = LEFT; at <= TR_CHART_WIDTH - RIGHT; ++at) put_pixel(chart, at, y, grid);
    snprintf(text, sizeof text, "%.3g", part * chart->x_max);
    int start = x - text_width(text) / 2, last = TR_CHART_WIDTH - text_width(text);
    put_text(chart, start < last ? start : last, TR_CHART_HEIGHT - BOTTOM + 6, text);
    snprintf(text, sizeof text, "%.3g", part * chart->y_max);
    put_text(chart, LEFT - 6 - text_width(text), y - 5, text);
  }
}

void tr_chart_open(tr_chart *chart, const char *title, const char *x_label, const char *y_label, double x_max,
                   double y_max) {
  memset(chart->pixels, 255, sizeof chart->pixels);
  chart->x_max = x_max > 0 && isfinite(x_max) ? x_max : 1;
  chart->y_max = y_max > 0 && isfinite(y_max) ? y_max : 1;
  draw_ticks(chart);
  put_text(chart, LEFT, 10, title);
  put_text(chart, TR_CHART_WIDTH - RIGHT - text_width(x_label), TR_CHART_HEIGHT - 18, x_label);
  put_text(chart, 4, TOP - 14, y_label);
}

/* ---- data ---- */

void tr_chart_line(tr_chart *chart, double x0, double y0, double x1, double y1, tr_color color) {
  int from_x = x_of(chart, x0), from_y = y_of(chart, y0), to_x = x_of(chart, x1), to_y = y_of(chart, y1);
  int steps = abs(to_x - from_x) > abs(to_y - from_y) ? abs(to_x - from_x) : abs(to_y - from_y);
  for (int i = 0; i <= steps; ++i) {
    double part = steps > 0 ? (double)i / steps : 0;
    int x = from_x + (int)lround(part * (to_x - from_x)), y = from_y + (int)lround(part * (to_y - from_y));
    put_pixel(chart, x, y, color);
    put_pixel(chart, x, y + 1, color);
  }
}

void tr_chart_point(tr_chart *chart, double x, double y, tr_color color) {
  int center_x = x_of(chart, x), center_y = y_of(chart, y);
  for (int dy = -2; dy <= 2; ++dy)
    for (int dx = -2; dx <= 2; ++dx)
      if (abs(dx) + abs(dy) <= 3) put_pixel(chart, center_x + dx, center_y + dy, color);
}

tr_color tr_chart_color(int i) {
  static const tr_color colors[] = {
      {31, 119, 180}, {214, 99, 20}, {44, 140, 44}, {190, 40, 60}, {130, 90, 180}};
  return colors[i % (int)(sizeof colors / sizeof *colors)];
}
