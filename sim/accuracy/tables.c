/* Writes the tables; see tables.h. */
#include "sim/accuracy/tables.h"

#include <math.h>

static const double NS_TO_MS = 1e-6;

/* ---- Markdown ---- */

static void head_row(FILE *out, const acc_study *study, const char *first) {
  fprintf(out, "| %s |", first);
  for (int c = 0; c < study->n_contenders; c++) fprintf(out, " %s |", study->contenders[c].label);
  fputs("\n| --- |", out);
  for (const char *column = first; *column; column++)
    if (*column == '|') fputs(" --- |", out);
  for (int c = 0; c < study->n_contenders; c++) fputs(" --- |", out);
  fputc('\n', out);
}

static void put_number(FILE *out, double percent) {
  if (isfinite(percent))
    fprintf(out, "%.1f", percent);
  else
    fputc('-', out);
}

static void put_four(FILE *out, double mean, double p50, double p90, double tail) {
  const double values[] = {mean, p50, p90, tail};
  for (int i = 0; i < 4; i++) {
    fputs(i > 0 ? " / " : " ", out);
    put_number(out, values[i]);
  }
}

/* A run that is worse than flowSim's is marked. */
static void run_cell(FILE *out, const acc_run *run, int contender) {
  const m4_accuracy *errors = &run->cells[contender].errors;
  bool worse = errors->all.mean > run->cells[0].errors.all.mean;
  put_four(out, 100 * errors->all.mean, 100 * errors->all.p50, 100 * errors->all.p90, 100 * errors->p99_tail);
  fputs(worse ? " (!) |" : " |", out);
}

static void means_row(FILE *out, const acc_study *study, const acc_axis *axis, int bin) {
  for (int c = 0; c < study->n_contenders; c++) {
    acc_means means = acc_means_of(study, c, axis, bin);
    put_four(out, means.mean, means.p50, means.p90, means.p99_tail);
    fputs(" |", out);
  }
  fputc('\n', out);
}

static void runs_table(FILE *out, const acc_study *study) {
  fputs("Error of each flow's FCT against the truth in percent, online simulation: mean / p50 / p90 / tail "
        "(the error of the 99th percentile of slowdown). (!): mean error above flowSim's.\n\n",
        out);
  head_row(out, study, "run | hosts | flows | load");
  for (size_t i = 0; i < study->n_runs; i++) {
    const acc_run *run = &study->runs[i];
    fprintf(out, "| %s, %s | %.0f | %lld | ", run->name, acc_cc_name(run->facts.cc), run->facts.hosts,
            (long long)run->scenario->n_flows);
    fprintf(out, isfinite(run->facts.load) ? "%.2f |" : "- |", run->facts.load);
    for (int c = 0; c < study->n_contenders; c++) run_cell(out, run, c);
    fputc('\n', out);
  }
  fprintf(out, "| **mean of %zu** | | | |", study->n_runs);
  means_row(out, study, NULL, 0);
}

static void sizes_table(FILE *out, const acc_study *study) {
  fputs("\nFlows of all runs together, mean / p50 / p90 / p99:\n\n", out);
  head_row(out, study, "flow size | flows");
  for (int bucket = -1; bucket < M4_N_SIZE_BUCKETS; bucket++) {
    const m4_accuracy *first = &study->pooled[0];
    const m4_error_stats *counted = bucket < 0 ? &first->all : &first->by_size[bucket];
    if (counted->n_flows == 0) continue;
    fprintf(out, "| %s | %lld |", bucket < 0 ? "all" : m4_bucket_name(bucket), (long long)counted->n_flows);
    for (int c = 0; c < study->n_contenders; c++) {
      const m4_accuracy *errors = &study->pooled[c];
      const m4_error_stats *stats = bucket < 0 ? &errors->all : &errors->by_size[bucket];
      put_four(out, 100 * stats->mean, 100 * stats->p50, 100 * stats->p90, 100 * stats->p99);
      fputs(" |", out);
    }
    fputc('\n', out);
  }
}

static m4_status axis_rows(FILE *out, const acc_study *study, int number, bool *headed, m4_error *err) {
  acc_axis axis;
  m4_status status = acc_axis_make(&axis, number, study, err);
  if (status == M4_OK && acc_axis_tells(&axis)) {
    if (!*headed) {
      fputs("\nMeans over runs alike, mean / p50 / p90 / tail:\n\n", out);
      head_row(out, study, "runs with | runs");
    }
    *headed = true;
    for (int bin = 0; bin < axis.n_bins; bin++) {
      fprintf(out, "| %s %s | %zu |", axis.label, axis.bins[bin].name, axis.bins[bin].n_runs);
      means_row(out, study, &axis, bin);
    }
  }
  acc_axis_free(&axis);
  return status;
}

static void completion_cell(FILE *out, double ns, double true_ns) {
  if (!isfinite(ns))
    fputs(" - |", out);
  else if (true_ns > 0)
    fprintf(out, " %.3f (%+.1f %%) |", ns * NS_TO_MS, 100 * (ns / true_ns - 1));
  else
    fprintf(out, " %.3f |", ns * NS_TO_MS);
}

static void completion_table(FILE *out, const acc_study *study) {
  bool headed = false;
  for (size_t i = 0; i < study->n_runs; i++) {
    const acc_run *run = &study->runs[i];
    double true_ns = acc_true_completion_ns(run->scenario);
    if (run->scenario->flow_limit == 0 || isnan(true_ns)) continue;
    if (!headed) {
      fputs(
          "\nClosed loop: ms from the first arrival to the end of the last flow, N flows in flight per rack; "
          "signed error in brackets:\n\n",
          out);
      head_row(out, study, "run | N | truth");
      headed = true;
    }
    fprintf(out, "| %s, %s | %lld | %.3f |", run->name, acc_cc_name(run->facts.cc),
            (long long)run->scenario->flow_limit, true_ns * NS_TO_MS);
    for (int c = 0; c < study->n_contenders; c++) completion_cell(out, run->cells[c].completion_ns, true_ns);
    fputc('\n', out);
  }
}

static void cost_table(FILE *out, const acc_study *study) {
  fputs("\nError and cost, means over the runs; multiply-accumulates of an event for each flow and each link "
        "it "
        "touches:\n\n"
        "| simulator | mean | p50 | p90 | tail | runs above flowSim | per flow | per link |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n",
        out);
  for (int c = 0; c < study->n_contenders; c++) {
    const acc_contender *contender = &study->contenders[c];
    acc_means means = acc_means_of(study, c, NULL, 0);
    size_t worse = 0;
    for (size_t i = 0; i < study->n_runs; i++)
      worse += study->runs[i].cells[c].errors.all.mean > study->runs[i].cells[0].errors.all.mean;
    fprintf(out, "| %s | %.1f | %.1f | %.1f | %.1f |", contender->label, means.mean, means.p50, means.p90,
            means.p99_tail);
    if (contender->model)
      fprintf(out, " %zu | %.0f | %.0f |\n", worse, contender->cost.per_flow, contender->cost.per_link);
    else
      fputs(" | | |\n", out);
  }
}

m4_status acc_report(FILE *out, const acc_study *study, const char *title, m4_error *err) {
  bool headed = false;
  fprintf(out, "## %s\n\n", title);
  runs_table(out, study);
  sizes_table(out, study);
  for (int number = 0; number < ACC_N_AXES; number++) M4_TRY(axis_rows(out, study, number, &headed, err));
  completion_table(out, study);
  cost_table(out, study);
  return M4_OK;
}

/* ---- CSV ---- */

/* Not finite: an empty field. */
static void field(FILE *out, double value) {
  if (isfinite(value))
    fprintf(out, ",%.9g", value);
  else
    fputc(',', out);
}

static void fields(FILE *out, const double *values, size_t n) {
  for (size_t i = 0; i < n; i++) field(out, values[i]);
}

void acc_runs_csv(FILE *out, const acc_study *study) {
  fputs("run,cc,hosts,flows,load,buffer_kb,window_bytes,burstiness,simulator,compared_flows,error_mean,error_"
        "p50,"
        "error_p90,error_p99,error_p99_tail,error_signed_mean,wall_seconds,events,completion_ms,"
        "true_completion_ms\n",
        out);
  for (size_t i = 0; i < study->n_runs; i++)
    for (int c = 0; c < study->n_contenders; c++) {
      const acc_run *run = &study->runs[i];
      const acc_cell *cell = &run->cells[c];
      const m4_error_stats *all = &cell->errors.all;
      const double facts[] = {run->facts.hosts,     (double)run->scenario->n_flows, run->facts.load,
                              run->facts.buffer_kb, run->facts.window_bytes,        run->facts.burstiness};
      const double results[] = {(double)all->n_flows,
                                100 * all->mean,
                                100 * all->p50,
                                100 * all->p90,
                                100 * all->p99,
                                100 * cell->errors.p99_tail,
                                100 * all->signed_mean,
                                cell->wall_seconds,
                                (double)cell->events,
                                cell->completion_ns * NS_TO_MS,
                                acc_true_completion_ns(run->scenario) * NS_TO_MS};
      fprintf(out, "%s,%s", run->name, acc_cc_name(run->facts.cc));
      fields(out, facts, sizeof facts / sizeof *facts);
      fprintf(out, ",%s", study->contenders[c].label);
      fields(out, results, sizeof results / sizeof *results);
      fputc('\n', out);
    }
}

void acc_sizes_csv(FILE *out, const acc_study *study) {
  fputs("run,simulator,size,flows,error_mean,error_p50,error_p90,error_p99,error_signed_mean\n", out);
  for (size_t i = 0; i < study->n_runs; i++)
    for (int c = 0; c < study->n_contenders; c++)
      for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; bucket++) {
        const m4_error_stats *stats = &study->runs[i].cells[c].errors.by_size[bucket];
        const double values[] = {100 * stats->mean, 100 * stats->p50, 100 * stats->p90, 100 * stats->p99,
                                 100 * stats->signed_mean};
        fprintf(out, "%s,%s,%s,%lld", study->runs[i].name, study->contenders[c].label, m4_bucket_name(bucket),
                (long long)stats->n_flows);
        fields(out, values, sizeof values / sizeof *values);
        fputc('\n', out);
      }
}
