/* A figure as a script of gnuplot: settings, data blocks, one plot command. Every text is a single-quoted
 * string without markup, in which gnuplot neither runs nor expands anything. */
#include "base/plot_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LABEL_BYTES = 160, N_COLOURS = 7 };

/* Told apart with any colour vision, and readable on white. */
static const char *const colours[N_COLOURS] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                               "#e69f00", "#56b4e9", "#444444"};

/* Bytes of the UTF-8 character at `text`; 0 when it is none. */
static size_t character_bytes(const char *text) {
  const unsigned char *byte = (const unsigned char *)text;
  size_t length = byte[0] < 0x80 ? 1 : byte[0] < 0xc2 ? 0 : byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
  if (byte[0] > 0xf4) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte[i] & 0xc0) != 0x80) return 0;
  bool overlong = (byte[0] == 0xe0 && byte[1] < 0xa0) || (byte[0] == 0xf0 && byte[1] < 0x90);
  bool beyond = (byte[0] == 0xed && byte[1] > 0x9f) || (byte[0] == 0xf4 && byte[1] > 0x8f);
  bool no_xml = byte[0] == 0xef && byte[1] == 0xbf && byte[2] >= 0xbe;
  return overlong || beyond || no_xml ? 0 : length;
}

static void put_text(FILE *out, const char *text) {
  fputc('\'', out);
  for (size_t used = 0; text && text[used];) {
    size_t length = character_bytes(text + used);
    if (used + length > MAX_LABEL_BYTES) {
      fputs("...", out);
      break;
    }
    if (length == 1 && (unsigned char)text[used] < ' ')
      fputc(' ', out);
    else if (length == 0 || text[used] == 0x7f)
      fputc('?', out);
    else if (strncmp(text + used, "]]>", 3) == 0)
      fputs("] ", out); /* not allowed in XML */
    else if (text[used] == '\'')
      fputs("\u2019", out);
    else
      fwrite(text + used, 1, length, out);
    used += length ? length : 1;
  }
  fputc('\'', out);
}

/* ---- axes ---- */

/* 1, 10, 100, 1k, 10k, ...; below 1 as decimals. */
static void put_power_of_ten(FILE *out, int multiple, int exponent) {
  static const char *const units[] = {"", "k", "M", "G", "T", "P"};
  static const char *const zeros[] = {"", "0", "00"};
  if (exponent >= 0 && exponent < 18)
    fprintf(out, "'%d%s%s'", multiple, zeros[exponent % 3], units[exponent / 3]);
  else if (exponent < 0 && exponent >= -4)
    fprintf(out, "'%.*f'", -exponent, multiple * pow(10, exponent));
  else
    fprintf(out, "'%de%d'", multiple, exponent);
}

/* Our own marks: gnuplot would write 1e+06. Few decades get marks at 2 and 5, many only at some decades. */
static void put_log_marks(FILE *out, char name, const m4_plot_axis *axis) {
  double decades = axis->max - axis->min;
  fprintf(out, "set logscale %c\n", name);
  if (decades < 0.7) return;
  int stride = decades > 9 ? (int)ceil(decades / 9) : 1;
  const char *separator = "";
  fprintf(out, "set %ctics (", name);
  for (int exponent = (int)floor(axis->min); exponent <= (int)ceil(axis->max); ++exponent)
    for (int multiple = 1; multiple < 10; ++multiple) {
      bool major = multiple == 1 ? exponent % stride == 0 : decades < 2.5 && (multiple == 2 || multiple == 5);
      double scaled = exponent + log10(multiple);
      if (scaled < axis->min || scaled > axis->max || (stride > 1 && !major)) continue;
      fputs(separator, out);
      if (major)
        put_power_of_ten(out, multiple, exponent);
      else
        fputs("''", out);
      fprintf(out, " %.9g %d", pow(10, scaled), major ? 0 : 1);
      separator = ", ";
    }
  fprintf(out, ")\n");
}

static void put_axis(FILE *out, char name, const char *label, const m4_plot_axis *axis) {
  if (axis->log) put_log_marks(out, name, axis);
  fprintf(out, "set %crange [%.15g:%.15g]\nset %clabel ", name, m4_plot_unscale(axis, axis->min),
          m4_plot_unscale(axis, axis->max), name);
  put_text(out, label);
  fputc('\n', out);
}

static void put_names(FILE *out, const m4_plot *plot) {
  size_t letters = 0;
  for (size_t i = 0; i < plot->n_x_names; ++i) letters += strlen(plot->x_names[i]) + 2;
  fprintf(out, "set xtics %s scale 0 (", letters > 90 ? "rotate by -30" : "");
  for (size_t i = 0; i < plot->n_x_names; ++i) {
    if (i) fputs(", ", out);
    put_text(out, plot->x_names[i]);
    fprintf(out, " %zu", i);
  }
  fprintf(out, ")\nset grid noxtics\n");
}

static void put_settings(FILE *out, const m4_plot *plot, const m4_plot_view *view, const char *terminal) {
  fprintf(out, "%s\nset encoding utf8\n", terminal);
  fprintf(out, "set border 3 lc rgb '#666666'\nset tics nomirror out tc rgb '#333333'\n");
  fprintf(out, "set grid xtics ytics lc rgb '#dddddd' lw 1 lt 1\nset format '%%.10g'\n");
  fprintf(out, "set key tmargin center horizontal Left reverse samplen 2.5 tc rgb '#333333'\n");
  fprintf(out, "set style fill solid 0.9 noborder\nset title ");
  put_text(out, plot->title);
  fputc('\n', out);
  put_axis(out, 'x', plot->x_label, &view->x);
  put_axis(out, 'y', plot->y_label, &view->y);
  if (plot->n_x_names > 0) put_names(out, plot);
  if (view->empty) fprintf(out, "set label 1 'no data' at graph 0.5,0.5 center\n");
}

/* ---- data ---- */

static void put_bar(FILE *out, const m4_plot_view *view, double x, double y, size_t bar_index) {
  double shift = ((double)bar_index - ((double)view->n_bar_curves - 1) / 2) * view->bar_width;
  double middle = m4_plot_scale(view->x.log, x) + shift, half = view->bar_width / 2;
  double foot = view->y.log ? m4_plot_unscale(&view->y, view->y.min) : 0;
  fprintf(out, "%.9g %.9g %.9g %.9g %.9g %.9g\n", m4_plot_unscale(&view->x, middle), y,
          m4_plot_unscale(&view->x, middle - half), m4_plot_unscale(&view->x, middle + half), foot, y);
}

static bool is_gap(const m4_curve *curve, const m4_plot_view *view, size_t i) {
  return isnan(m4_plot_scale(view->x.log, curve->x[i])) || isnan(m4_plot_scale(view->y.log, curve->y[i]));
}

/* A block of lines "x y"; an empty line breaks the curve. Returns the number of points. */
static size_t put_data(FILE *out, const m4_plot_view *view, const m4_curve *curve, size_t number,
                       size_t bar_index, const bool *keep) {
  size_t written = 0;
  bool may_break = false;
  fprintf(out, "$curve%zu << END_OF_CURVE\n", number);
  for (size_t i = 0; i < curve->n; ++i) {
    if (may_break && curve->style != M4_CURVE_POINTS && is_gap(curve, view, i)) {
      fputc('\n', out);
      may_break = false;
    }
    if (!keep[i]) continue;
    if (curve->style == M4_CURVE_BARS)
      put_bar(out, view, curve->x[i], curve->y[i], bar_index);
    else
      fprintf(out, "%.15g %.15g\n", curve->x[i], curve->y[i]);
    may_break = true;
    ++written;
  }
  fprintf(out, "END_OF_CURVE\n");
  return written;
}

/* ---- the plot command ---- */

/* Of a cloud small dots, of a few points large ones. */
static double point_size(size_t n_points) {
  return n_points > 100 ? 0.35 : 1.3;
}

static void put_style(FILE *out, m4_curve_style style, size_t colour_index, size_t n_points) {
  const char *colour = colours[colour_index % N_COLOURS];
  int dash = 1 + (int)(colour_index / N_COLOURS) % 4;
  switch (style) {
  case M4_CURVE_LINE:
    fprintf(out, "with lines lw 2.2 dt %d lc rgb '%s'", dash, colour);
    return;
  case M4_CURVE_STEPS:
    fprintf(out, "with steps lw 2.2 dt %d lc rgb '%s'", dash, colour);
    return;
  case M4_CURVE_POINTS:
    fprintf(out, "with points pt 7 ps %g lc rgb '%s'", point_size(n_points), colour);
    return;
  case M4_CURVE_BARS:
    fprintf(out, "using 1:2:3:4:5:6 with boxxyerror lc rgb '%s'", colour);
    return;
  case M4_CURVE_REFERENCE:
    fprintf(out, "with lines lw 1.8 dt 2 lc rgb '#111111'");
    return;
  }
}

/* A dot of the cloud would be too small to tell its colour. */
static void put_legend_point(FILE *out, size_t colour_index) {
  fprintf(out, " notitle, NaN with points pt 7 ps 1.1 lc rgb '%s'", colours[colour_index % N_COLOURS]);
}

/* References last: a diagonal is seen over a cloud of points. */
static void put_plot(FILE *out, const m4_plot *plot, const size_t *n_written) {
  fprintf(out, "plot NaN notitle");
  for (int pass = 0; pass < 2; ++pass) {
    size_t colour_index = 0;
    for (size_t c = 0; c < plot->n_curves; ++c) {
      const m4_curve *curve = &plot->curves[c];
      bool is_reference = curve->style == M4_CURVE_REFERENCE;
      if (is_reference == (pass == 1) && n_written[c] > 0) {
        fprintf(out, ", $curve%zu ", c);
        put_style(out, curve->style, colour_index, n_written[c]);
        if (curve->style == M4_CURVE_POINTS) put_legend_point(out, colour_index);
        fputs(" title ", out);
        put_text(out, curve->label);
      }
      colour_index += !is_reference;
    }
  }
  fputc('\n', out);
}

static size_t longest_curve(const m4_plot *plot) {
  size_t longest = 0;
  for (size_t c = 0; c < plot->n_curves; ++c)
    if (plot->curves[c].n > longest) longest = plot->curves[c].n;
  return longest;
}

m4_status m4_plot_script(FILE *out, const m4_plot *plot, const char *terminal, m4_error *err) {
  bool *cells = malloc(M4_PLOT_CELLS), *keep = malloc(longest_curve(plot) + 1);
  size_t *n_written = calloc(plot->n_curves + 1, sizeof *n_written), bar_index = 0;
  bool has_memory = cells && keep && n_written;
  if (has_memory) {
    m4_plot_view view = m4_plot_view_of(plot);
    put_settings(out, plot, &view, terminal);
    for (size_t c = 0; c < plot->n_curves; ++c) {
      const m4_curve *curve = &plot->curves[c];
      m4_plot_thin(curve, &view, cells, keep);
      n_written[c] = put_data(out, &view, curve, c, bar_index, keep);
      bar_index += curve->style == M4_CURVE_BARS;
    }
    put_plot(out, plot, n_written);
  }
  free(n_written);
  free(keep);
  free(cells);
  return has_memory ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for a figure");
}
