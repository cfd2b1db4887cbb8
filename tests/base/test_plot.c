/* Figures: what is written, gaps, hostile texts and numbers, thinning, and life without gnuplot. */
#include "base/plot.h"
#include "base/plot_internal.h"

#include "testing.h"

#include <math.h>
#include <sys/stat.h>

static bool has_gnuplot(void) {
  return system("gnuplot --version >/dev/null 2>&1") == 0;
}

static long file_bytes(void **state, const char *name) {
  struct stat info;
  return stat(scratch_path(state, name), &info) == 0 ? (long)info.st_size : -1;
}

static int n_entries(void **state) {
  char command[4096];
  snprintf(command, sizeof command, "ls -A '%s' | wc -l", (char *)*state);
  FILE *pipe = popen(command, "r");
  int count = -1;
  assert_int_equal(fscanf(pipe, "%d", &count), 1);
  pclose(pipe);
  return count;
}

/* Writes the figure as `name`.*, checks that the pictures are there exactly when gnuplot is. */
static void write_figure(void **state, const m4_plot *plot, const char *name) {
  m4_error err = {0};
  bool drawn = !has_gnuplot();
  char stem[4096], file[64];
  snprintf(stem, sizeof stem, "%s", scratch_path(state, name));
  if (m4_plot_write(plot, stem, &drawn, &err) != M4_OK) fail_msg("%s: %s", err.where, err.what);
  assert_int_equal(drawn, has_gnuplot());
  snprintf(file, sizeof file, "%s.csv", name);
  assert_true(file_bytes(state, file) > 0);
  snprintf(file, sizeof file, "%s.svg", name);
  assert_int_equal(file_bytes(state, file) > 500, drawn);
  snprintf(file, sizeof file, "%s.png", name);
  assert_int_equal(file_bytes(state, file) > 500, drawn);
}

static void expect_text(void **state, const char *name, const char *expected, bool is_there) {
  char *text = read_text(scratch_path(state, name));
  if ((strstr(text, expected) != NULL) != is_there)
    fail_msg("%s %s \"%s\"", name, is_there ? "lacks" : "has", expected);
  free(text);
}

static void csv_holds_every_point(void **state) {
  const double x[] = {1, 2, 3}, y[] = {0.5, NAN, 1e12 + 1};
  const char *const names[] = {"zero", "one", "two, \"quoted\""};
  m4_curve curve = {"m4, ours", M4_CURVE_BARS, x, y, 3};
  m4_plot plot = {.title = "t", .x_names = names, .n_x_names = 3, .curves = &curve, .n_curves = 1};
  write_figure(state, &plot, "f");
  char *text = read_text(scratch_path(state, "f.csv"));
  assert_string_equal(text, "curve,x,y\n\"m4, ours\",\"one\",0.5\n\"m4, ours\",\"two, \"\"quoted\"\"\",nan\n"
                            "\"m4, ours\",3,1000000000001\n");
  free(text);
  assert_int_equal(n_entries(state), has_gnuplot() ? 3 : 1);
}

static void every_style_is_drawn(void **state) {
  const double x[] = {1, 10, 100, 1000}, y[] = {1, 2, 4, 3}, z[] = {2, 1, 1, 5};
  const m4_curve curves[] = {{"line", M4_CURVE_LINE, x, y, 4},     {"steps", M4_CURVE_STEPS, x, z, 4},
                             {"points", M4_CURVE_POINTS, z, y, 4}, {"bars", M4_CURVE_BARS, x, y, 4},
                             {"bars too", M4_CURVE_BARS, x, z, 4}, {"limit", M4_CURVE_REFERENCE, x, z, 4}};
  for (int log = 0; log < 4; ++log) {
    m4_plot plot = {"every style", "x (unit)", "y (unit)", log & 1, log & 2, {0, 0},
                    {0, 0},        NULL,       0,          curves,  6};
    write_figure(state, &plot, "styles");
    if (!has_gnuplot()) continue;
    for (size_t c = 0; c < 6; ++c) expect_text(state, "styles.svg", curves[c].label, true);
    expect_text(state, "styles.svg", "no data", false);
  }
}

static void expect_xml(void **state, const char *name) {
  char command[8192];
  snprintf(command, sizeof command, "python3 -c 'import sys,xml.dom.minidom as d; d.parse(sys.argv[1])' '%s'",
           scratch_path(state, name));
  assert_int_equal(system(command), 0);
}

/* None of these may stop gnuplot, run anything, or break the picture's XML. */
static void hostile_texts_are_only_texts(void **state) {
  char command[9000];
  snprintf(command, sizeof command, "'; system('touch %s'); `touch %s` print '", scratch_path(state, "owned"),
           scratch_path(state, "owned"));
  const char *const texts[] = {command,
                               "`touch owned`\nsystem('false')\nquit",
                               "END_OF_CURVE\nexit 3\n",
                               "<b>&amp; \"x\" ]]> {/Symbol a} a_b^c @MACRO \\",
                               "\xff\xfe broken \xc3( \xed\xa0\x80 utf-8 \x01\x1b[31m",
                               ""};
  const double x[] = {0, 1}, y[] = {1, 2};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
    const char *names[] = {texts[i], "b"};
    m4_curve curve = {texts[i], M4_CURVE_LINE, x, y, 2};
    m4_plot plot = {texts[i], texts[i], texts[i], false, false, {0, 0}, {0, 0}, names, 2, &curve, 1};
    write_figure(state, &plot, "hostile");
    assert_int_equal(file_bytes(state, "owned"), -1);
    if (!has_gnuplot()) continue;
    expect_text(state, "hostile.svg", "<b>", false);
    expect_text(state, "hostile.svg", "\x1b", false);
    if (system("python3 -c 'import xml' 2>/dev/null") == 0) expect_xml(state, "hostile.svg");
  }
}

static void hostile_numbers_are_gaps(void **state) {
  const double wild[] = {NAN, INFINITY, -INFINITY, 0, -0.0, -1, 1e308, -1e308, 1e-320, 5e-324, 1e300, 7};
  enum { N = sizeof wild / sizeof wild[0] };
  double same[N];
  for (int i = 0; i < N; ++i) same[i] = 3;
  for (int style = M4_CURVE_LINE; style <= M4_CURVE_REFERENCE; ++style)
    for (int log = 0; log < 4; ++log) {
      m4_curve curves[] = {{"a", (m4_curve_style)style, wild, same, N},
                           {"b", (m4_curve_style)style, same, wild, N}};
      m4_plot plot = {.title = "wild", .x_log = log & 1, .y_log = log & 2, .curves = curves, .n_curves = 2};
      m4_plot_view view = m4_plot_view_of(&plot);
      assert_true(isfinite(view.x.min) && isfinite(view.x.max) && view.x.min < view.x.max);
      assert_true(isfinite(view.y.min) && isfinite(view.y.max) && view.y.min < view.y.max);
      if (log == 3 || style == M4_CURVE_BARS) write_figure(state, &plot, "wild");
    }
}

static void nothing_to_show_is_a_picture_that_says_so(void **state) {
  const double nothing[] = {NAN, NAN};
  m4_curve curves[] = {{"empty", M4_CURVE_LINE, NULL, NULL, 0}, {"gaps", M4_CURVE_BARS, nothing, nothing, 2}};
  m4_plot plot = {.title = "nothing", .curves = curves, .n_curves = 2, .x_log = true};
  write_figure(state, &plot, "nothing");
  if (has_gnuplot()) expect_text(state, "nothing.svg", "no data", true);
  write_figure(state, &(m4_plot){0}, "zero");
}

static void gaps_break_lines(void **state) {
  const double x[] = {1, 2, 3, 4, 5, 6}, y[] = {1, 2, NAN, NAN, 2, 1};
  m4_curve curve = {"a", M4_CURVE_LINE, x, y, 6};
  m4_plot plot = {.curves = &curve, .n_curves = 1};
  FILE *script = fopen(scratch_path(state, "script"), "w");
  assert_int_equal(m4_plot_script(script, &plot, "terminal", NULL), M4_OK);
  fclose(script);
  expect_text(state, "script", "<< END_OF_CURVE\n1 1\n2 2\n\n5 2\n6 1\nEND_OF_CURVE\n", true);
}

static size_t count_kept(const m4_curve *curve, bool *keep) {
  static bool cells[M4_PLOT_CELLS];
  m4_plot plot = {.curves = curve, .n_curves = 1};
  m4_plot_view view = m4_plot_view_of(&plot);
  m4_plot_thin(curve, &view, cells, keep);
  size_t count = 0;
  for (size_t i = 0; i < curve->n; ++i) count += keep[i];
  return count;
}

/* A million points: few are drawn, the outline and a lonely spike are among them, and the CSV has them all.
 */
static void long_series_are_thinned_without_losing_their_outline(void **state) {
  enum { N = 1000000, SPIKE = 654321 };
  double *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
  bool *keep = malloc(N);
  uint32_t noise = 1;
  for (int i = 0; i < N; ++i) {
    noise = noise * 1664525u + 1013904223u;
    x[i] = i;
    y[i] = noise / 4294967296.0;
  }
  y[SPIKE] = 50;
  m4_curve curve = {"noise", M4_CURVE_LINE, x, y, N};
  assert_in_range(count_kept(&curve, keep), 1000, 8000);
  assert_true(keep[0] && keep[SPIKE] && keep[N - 1]);
  curve.style = M4_CURVE_POINTS;
  assert_in_range(count_kept(&curve, keep), 300, M4_PLOT_CELLS);
  assert_true(keep[SPIKE]);
  m4_plot plot = {.curves = &curve, .n_curves = 1};
  write_figure(state, &plot, "long");
  assert_true(file_bytes(state, "long.csv") > 10 * N);
  assert_true(file_bytes(state, "long.svg") < 4000000);
  free(keep);
  free(y);
  free(x);
}

static void short_series_keep_every_point(void **state) {
  (void)state;
  const double x[] = {0, 1, 2, 3, 4}, y[] = {5, 1, 4, 2, 3};
  bool keep[5];
  for (int style = M4_CURVE_LINE; style <= M4_CURVE_REFERENCE; ++style) {
    m4_curve curve = {"few", (m4_curve_style)style, x, y, 5};
    assert_int_equal(count_kept(&curve, keep), 5);
  }
}

static void cdf_sorts_and_leaves_out_what_is_no_number(void **state) {
  (void)state;
  double values[] = {3, NAN, 1, INFINITY, 2, 2}, y[6];
  assert_int_equal(m4_plot_cdf(values, 6, values, y), 3);
  const double x_expected[] = {1, 2, 3}, y_expected[] = {25, 75, 100};
  for (int i = 0; i < 3; ++i) {
    assert_true(values[i] == x_expected[i]);
    assert_true(y[i] == y_expected[i]);
  }
  assert_int_equal(m4_plot_cdf(values, 0, values, y), 0);
}

static void without_gnuplot_there_is_the_csv(void **state) {
  const double x[] = {1}, y[] = {1};
  m4_curve curve = {"a", M4_CURVE_LINE, x, y, 1};
  m4_plot plot = {.curves = &curve, .n_curves = 1};
  char *path = strdup(getenv("PATH")), stem[4096];
  bool drawn = true;
  snprintf(stem, sizeof stem, "%s", scratch_path(state, "f"));
  setenv("PATH", *state, 1);
  m4_status status = m4_plot_write(&plot, stem, &drawn, NULL);
  setenv("PATH", path, 1);
  free(path);
  assert_int_equal(status, M4_OK);
  assert_false(drawn);
  assert_int_equal(n_entries(state), 1);
}

/* A gnuplot that fails, one that dies, one that writes nothing: an error each, and no half-made picture. */
static void a_failing_gnuplot_is_an_error(void **state) {
  static const char *const programs[][2] = {
      {"echo 'line 7: bad terminal' >&2; exit 1", "line 7: bad terminal"},
      {"kill -9 $$", "signal 9"},
      {"exit 0", "wrote nothing"}};
  m4_plot plot = {.title = "t"};
  char *path = strdup(getenv("PATH")), stem[4096], text[4096];
  snprintf(stem, sizeof stem, "%s", scratch_path(state, "f"));
  for (size_t i = 0; i < 3; ++i) {
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", programs[i][0]);
    write_text(scratch_path(state, "gnuplot"), text);
    assert_int_equal(chmod(scratch_path(state, "gnuplot"), 0755), 0);
    snprintf(text, sizeof text, "%s:%s", (char *)*state, path);
    setenv("PATH", text, 1);
    m4_error err = {0};
    m4_status status = m4_plot_write(&plot, stem, NULL, &err);
    setenv("PATH", path, 1);
    assert_int_equal(status, M4_IO);
    if (!strstr(err.what, programs[i][1])) fail_msg("\"%s\" does not say \"%s\"", err.what, programs[i][1]);
    assert_int_equal(n_entries(state), 2);
  }
  free(path);
}

static void places_that_cannot_be_written_are_errors(void **state) {
  m4_plot plot = {.title = "t"};
  char name[6000];
  assert_int_equal(m4_plot_write(&plot, scratch_path(state, "missing/f"), NULL, NULL), M4_IO);
  memset(name, 'a', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  assert_int_equal(m4_plot_write(&plot, name, NULL, NULL), M4_USAGE);
}

int main(void) {
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
  const struct CMUnitTest tests[] = {
      WITH_SCRATCH(csv_holds_every_point),
      WITH_SCRATCH(every_style_is_drawn),
      WITH_SCRATCH(hostile_texts_are_only_texts),
      WITH_SCRATCH(hostile_numbers_are_gaps),
      WITH_SCRATCH(nothing_to_show_is_a_picture_that_says_so),
      WITH_SCRATCH(gaps_break_lines),
      WITH_SCRATCH(long_series_are_thinned_without_losing_their_outline),
      cmocka_unit_test(short_series_keep_every_point),
      cmocka_unit_test(cdf_sorts_and_leaves_out_what_is_no_number),
      WITH_SCRATCH(without_gnuplot_there_is_the_csv),
      WITH_SCRATCH(a_failing_gnuplot_is_an_error),
      WITH_SCRATCH(places_that_cannot_be_written_are_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
