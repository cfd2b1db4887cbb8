/* Figures into files: CSV with all data, SVG and PNG by gnuplot. Knows files. */
#include "base/plot.h"

#include "base/file.h"
#include "base/plot_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = 4096 };

const char *m4_plot_missing(void) {
  return "gnuplot is not installed: figures are written as CSV only";
}

static int compare_values(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

size_t m4_plot_cdf(const double *values, size_t n, double *x, double *y) {
  size_t count = 0;
  for (size_t i = 0; i < n; ++i)
    if (isfinite(values[i])) x[count++] = values[i];
  if (count > 0) qsort(x, count, sizeof *x, compare_values);
  size_t n_points = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i + 1 < count && x[i + 1] == x[i]) continue;
    x[n_points] = x[i];
    y[n_points++] = 100 * (double)(i + 1) / (double)count;
  }
  return n_points;
}

/* ---- CSV ---- */

static void put_quoted(FILE *out, const char *text) {
  fputc('"', out);
  for (; text && *text; ++text) {
    if (*text == '"') fputc('"', out);
    fputc(*text, out);
  }
  fputc('"', out);
}

static void put_x(FILE *out, const m4_plot *plot, double x) {
  bool is_named = x >= 0 && x < (double)plot->n_x_names && x == floor(x);
  if (is_named)
    put_quoted(out, plot->x_names[(size_t)x]);
  else
    fprintf(out, "%.15g", x);
}

static m4_status write_csv(const m4_plot *plot, const char *path, m4_error *err) {
  m4_outfile file;
  M4_TRY(m4_outfile_open(&file, path, err));
  fputs("curve,x,y\n", file.stream);
  for (size_t c = 0; c < plot->n_curves; ++c) {
    const m4_curve *curve = &plot->curves[c];
    for (size_t i = 0; i < curve->n; ++i) {
      put_quoted(file.stream, curve->label);
      fputc(',', file.stream);
      put_x(file.stream, plot, curve->x[i]);
      fprintf(file.stream, ",%.15g\n", curve->y[i]);
    }
  }
  return m4_outfile_commit(&file, err);
}

/* ---- pictures ---- */

typedef struct format {
  const char *suffix, *terminal;
} format;

static const format formats[] = {
    {"svg", "set terminal svg size 900,580 font 'sans-serif,14' background rgb '#ffffff' noenhanced"},
    {"png", "set terminal pngcairo size 1350,870 font 'sans-serif,18' background rgb '#ffffff' lw 1.5 ps 1.5 "
            "noenhanced"}};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

/* What gnuplot wrote went past the stream of ours. */
static m4_status check_picture(const m4_outfile *file, m4_error *err) {
  struct stat info;
  if (fstat(fileno(file->stream), &info) == 0 && info.st_size > 0) return M4_OK;
  return m4_fail(err, M4_IO, file->path, "gnuplot wrote nothing");
}

static m4_status write_picture(const m4_plot *plot, const char *path, const format *format_, bool *found,
                               m4_error *err) {
  FILE *script = tmpfile();
  if (!script) return m4_fail(err, M4_IO, path, "no temporary file: %s", strerror(errno));
  m4_outfile file = {0};
  m4_status status = m4_plot_script(script, plot, format_->terminal, err);
  if (status == M4_OK && (fflush(script) != 0 || fseek(script, 0, SEEK_SET) != 0))
    status = m4_fail(err, M4_IO, path, "cannot write a temporary file: %s", strerror(errno));
  if (status == M4_OK) status = m4_outfile_open(&file, path, err);
  if (status == M4_OK) status = m4_gnuplot_run(script, file.stream, path, found, err);
  if (status == M4_OK && *found) {
    status = check_picture(&file, err);
    if (status == M4_OK) status = m4_outfile_commit(&file, err);
  }
  m4_outfile_abandon(&file);
  fclose(script);
  return status;
}

static m4_status name_file(char path[PATH_BYTES], const char *stem, const char *suffix, m4_error *err) {
  int length = snprintf(path, PATH_BYTES, "%s.%s", stem, suffix);
  if (length > 0 && length < PATH_BYTES) return M4_OK;
  return m4_fail(err, M4_USAGE, NULL, "the name of a figure is longer than %d bytes", PATH_BYTES);
}

m4_status m4_plot_write(const m4_plot *plot, const char *path_stem, bool *drawn, m4_error *err) {
  char path[PATH_BYTES];
  bool found = true;
  if (drawn) *drawn = false;
  M4_TRY(name_file(path, path_stem, "csv", err));
  M4_TRY(write_csv(plot, path, err));
  for (size_t i = 0; i < N_FORMATS && found; ++i) {
    M4_TRY(name_file(path, path_stem, formats[i].suffix, err));
    M4_TRY(write_picture(plot, path, &formats[i], &found, err));
  }
  if (drawn) *drawn = found;
  return M4_OK;
}
