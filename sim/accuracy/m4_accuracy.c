/* m4-accuracy: flowSim and m4 with any number of checkpoints against scenarios whose FCTs are known. */
#include "base/file.h"
#include "base/plot.h"
#include "base/program.h"
#include "sim/accuracy/figures.h"
#include "sim/accuracy/tables.h"
#include "sim/default_checkpoint.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct accuracy_options {
  const char *scenarios, *title, *out;
  m4_text_list checkpoints;
  int64_t threads;
} accuracy_options;

static const m4_option option_table[] = {
    {"--scenarios", M4_OPTION_TEXT, offsetof(accuracy_options, scenarios), "DIR",
     "folder of scenario folders (topology.txt, flows.txt, config.txt, fct.txt with the true FCTs; plain or "
     ".gz), up to four levels deep, or one of them",
     NULL},
    {"--checkpoint", M4_OPTION_TEXT_LIST, offsetof(accuracy_options, checkpoints), "[NAME=]FILE",
     "weights for m4 (.safetensors), and what to call them (default: the file's name); repeatable, up to 8; "
     "without it the model that comes with m4",
     NULL},
    {"--title", M4_OPTION_TEXT, offsetof(accuracy_options, title), "TEXT",
     "heading of the report (default: the folder's name)", NULL},
    {"--threads", M4_OPTION_INT, offsetof(accuracy_options, threads), "N",
     "simulations at a time (default: 0, one per core)", NULL},
    {"--out", M4_OPTION_TEXT, offsetof(accuracy_options, out), "OUT",
     "folder for report.md (tables), runs.csv, sizes.csv and figures/*.csv .svg .png", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {
    "m4-accuracy",
    "measures how far flowSim and m4 are from known flow completion times, with tables and figures",
    "m4-accuracy --scenarios DIR [--checkpoint [NAME=]FILE ...] --out OUT",
    "m4-accuracy --scenarios tests/data/ns3/eval_public --out results/accuracy\n"
    "m4-accuracy --scenarios runs --checkpoint full=a/best.safetensors --checkpoint small=b/best.safetensors "
    "--out results/both",
    option_table,
    NULL};

/* ---- contenders ---- */

/* "NAME=FILE" or "FILE"; a '=' behind a '/' belongs to the file. */
static m4_status add_checkpoint(acc_study *study, const char *text, m4_error *err) {
  char label[ACC_LABEL_BYTES];
  size_t length = strcspn(text, "=/");
  if (text[length] != '=') return acc_study_add(study, NULL, text, err);
  if (length == 0 || length >= sizeof label)
    return m4_fail(err, M4_USAGE, "--checkpoint", "\"%s\": names have 1 to %d letters", text,
                   ACC_LABEL_BYTES - 1);
  snprintf(label, sizeof label, "%.*s", (int)length, text);
  return acc_study_add(study, label, text + length + 1, err);
}

static m4_status add_contenders(acc_study *study, const m4_text_list *checkpoints, m4_error *err) {
  char path[PATH_MAX];
  M4_TRY(acc_study_add(study, "flowSim", NULL, err));
  for (size_t i = 0; i < checkpoints->count; i++) M4_TRY(add_checkpoint(study, checkpoints->items[i], err));
  if (checkpoints->count > 0) return M4_OK;
  M4_TRY(sim_default_checkpoint(path, sizeof path, err));
  return acc_study_add(study, NULL, path, err);
}

/* ---- results ---- */

typedef struct report_page {
  const acc_study *study;
  const char *title;
} report_page;

static m4_status fill_report(FILE *out, const report_page *page, m4_error *err) {
  return acc_report(out, page->study, page->title, err);
}
static m4_status fill_runs(FILE *out, const report_page *page, m4_error *err) {
  (void)err;
  acc_runs_csv(out, page->study);
  return M4_OK;
}
static m4_status fill_sizes(FILE *out, const report_page *page, m4_error *err) {
  (void)err;
  acc_sizes_csv(out, page->study);
  return M4_OK;
}

static m4_status write_file(const char *dir, const char *name,
                            m4_status (*fill)(FILE *out, const report_page *page, m4_error *err),
                            const report_page *page, m4_error *err) {
  char path[PATH_MAX];
  m4_outfile file = {0};
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  M4_TRY(m4_outfile_open(&file, path, err));
  m4_status status = fill(file.stream, page, err);
  if (status == M4_OK) status = m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return status;
}

static m4_status write_results(const report_page *page, const char *dir, m4_log *log, m4_error *err) {
  char figures_dir[PATH_MAX];
  bool drawn;
  M4_TRY(m4_path_join(figures_dir, sizeof figures_dir, dir, "figures", err));
  M4_TRY(m4_dir_make(figures_dir, err));
  M4_TRY(write_file(dir, "report.md", fill_report, page, err));
  M4_TRY(write_file(dir, "runs.csv", fill_runs, page, err));
  M4_TRY(write_file(dir, "sizes.csv", fill_sizes, page, err));
  M4_TRY(acc_figures_write(page->study, figures_dir, &drawn, err));
  if (!drawn) m4_warn(log, "%s", m4_plot_missing());
  return M4_OK;
}

static void show_means(const acc_study *study, m4_log *log) {
  m4_info(log, "%-24s %8s %8s %8s %8s   (error in %%, means over %zu runs)", "simulator", "mean", "p50",
          "p90", "tail", study->n_runs);
  for (int c = 0; c < study->n_contenders; c++) {
    acc_means means = acc_means_of(study, c, NULL, 0);
    m4_info(log, "%-24s %8.2f %8.2f %8.2f %8.2f", study->contenders[c].label, means.mean, means.p50,
            means.p90, means.p99_tail);
  }
}

/* ---- the run ---- */

static m4_status make_report(acc_study *study, const accuracy_options *options, m4_log *log, m4_error *err) {
  char name[PATH_MAX];
  m4_pool *pool = NULL;
  m4_path_last(name, sizeof name, options->scenarios);
  const report_page page = {study, options->title ? options->title : name};
  M4_TRY(add_contenders(study, &options->checkpoints, err));
  M4_TRY(acc_study_read(study, options->scenarios, log, err));
  M4_TRY(m4_dir_make(options->out, err));
  M4_TRY(m4_pool_create(&pool, (int)options->threads, err));
  m4_status status = acc_study_simulate(study, pool, log, err);
  m4_pool_free(pool);
  M4_TRY(status);
  M4_TRY(write_results(&page, options->out, log, err));
  show_means(study, log);
  return M4_OK;
}

static m4_status run(void *target, const m4_common *common, m4_error *err) {
  const accuracy_options *options = target;
  m4_log *log = NULL;
  acc_study study = {0};
  if (!options->scenarios) return m4_fail(err, M4_USAGE, "--scenarios", "missing: which folder holds them?");
  if (!options->out) return m4_fail(err, M4_USAGE, "--out", "missing: where does the report go?");
  if (options->threads < 0 || options->threads > 1024)
    return m4_fail(err, M4_USAGE, "--threads", "must be between 0 and 1024");
  M4_TRY(m4_log_create(&log, common->quiet, NULL, err));
  m4_status status = make_report(&study, options, log, err);
  acc_study_free(&study);
  m4_log_free(log);
  return status;
}

int main(int argc, char **argv) {
  accuracy_options options = {0};
  return m4_main(&program, run, &options, argc, argv);
}
