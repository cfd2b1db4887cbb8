/* Writes what a comparison leaves behind; see report.h. The page itself is in report_html.c. */
#include "sim/report.h"

#include "base/file.h"
#include "sim/report_html.h"

enum { MAX_PATH_BYTES = 4096, N_BINS = 200, SERIES_LINKS = 100 };

/* One file through a function that fills it. */
typedef m4_status (*fill_fn)(FILE *out, const void *source, m4_error *err);

static m4_status write_file(const char *dir, const char *name, fill_fn fill, const void *source,
                            m4_error *err) {
  char path[MAX_PATH_BYTES];
  m4_outfile file = {0};
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  M4_TRY(m4_outfile_open(&file, path, err));
  m4_status status = fill(file.stream, source, err);
  if (status == M4_OK) status = m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return status;
}

static m4_status fill_csv(FILE *out, const void *source, m4_error *err) {
  (void)err;
  sim_comparison_csv_header(out);
  sim_comparison_csv(out, source);
  return M4_OK;
}

static m4_status fill_json(FILE *out, const void *source, m4_error *err) {
  return sim_comparison_json(out, source, err);
}

/* ---- link loads ---- */

typedef struct load_source {
  const sim_utilisation *load;
  const sim_topology *topology;
} load_source;

static m4_status fill_links(FILE *out, const void *source, m4_error *err) {
  (void)err;
  const load_source *from = source;
  sim_utilisation_write_links(out, from->load, from->topology);
  return M4_OK;
}

static m4_status fill_series(FILE *out, const void *source, m4_error *err) {
  (void)err;
  const load_source *from = source;
  sim_utilisation_write_series(out, from->load, from->topology, SERIES_LINKS);
  return M4_OK;
}

static m4_status write_loads(const char *dir, const sim_comparison *comparison, sim_utilisation *loads,
                             m4_error *err) {
  for (int i = 0; i < comparison->n; i++) {
    const sim_contender *contender = &comparison->list[i];
    const load_source source = {&loads[i], comparison->scenario->topology};
    char name[64];
    if (contender->from_file) continue;
    M4_TRY(sim_utilisation_of(&loads[i], comparison->scenario, &contender->result, N_BINS, err));
    snprintf(name, sizeof name, "links_%s.csv", contender->name);
    M4_TRY(write_file(dir, name, fill_links, &source, err));
    snprintf(name, sizeof name, "utilisation_%s.csv", contender->name);
    M4_TRY(write_file(dir, name, fill_series, &source, err));
  }
  return M4_OK;
}

/* ---- all of it ---- */

static m4_status fill_page(FILE *out, const void *source, m4_error *err) {
  return sim_report_html(out, source, err);
}

static m4_status write_all(const char *dir, const sim_comparison *comparison, sim_utilisation *loads,
                           m4_error *err) {
  char figures_dir[MAX_PATH_BYTES];
  sim_figures figures;
  M4_TRY(m4_path_join(figures_dir, sizeof figures_dir, dir, "figures", err));
  M4_TRY(m4_dir_make(figures_dir, err));
  M4_TRY(write_file(dir, "comparison.csv", fill_csv, comparison, err));
  M4_TRY(write_file(dir, "comparison.json", fill_json, comparison, err));
  M4_TRY(write_loads(dir, comparison, loads, err));
  M4_TRY(sim_figures_write(&figures, figures_dir, comparison, loads, err));
  const sim_report_page page = {comparison, loads, &figures, figures_dir};
  return write_file(dir, "report.html", fill_page, &page, err);
}

m4_status sim_report_write(const char *dir, const sim_comparison *comparison, m4_error *err) {
  sim_utilisation loads[SIM_MAX_CONTENDERS] = {0};
  m4_status status = write_all(dir, comparison, loads, err);
  for (int i = 0; i < SIM_MAX_CONTENDERS; i++) sim_utilisation_free(&loads[i]);
  return status;
}
