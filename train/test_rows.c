/* The flows of a test: rows in memory, rows in flows.csv. */
#include "data/survey.h"
#include "train/test_parts.h"

#include <math.h>
#include <stdlib.h>

static m4_status open_csv(m4_outfile *file, const char *dir, const char *name, const char *header,
                          m4_error *err) {
  char path[4096];
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  M4_TRY(m4_outfile_open(file, path, err));
  fputs(header, file->stream);
  return M4_OK;
}

m4_status tr_test_files_open(tr_test_files *files, const char *dir, m4_error *err) {
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(open_csv(&files->flows, dir, "flows.csv",
                  "period,scenario,segment,flow_id,size_bytes,n_links,fct_ns,ideal_fct_ns,slowdown,"
                  "predicted_slowdown,flowsim_slowdown,period_flows,active_flows,load,cc\n",
                  err));
  M4_TRY(
      open_csv(&files->size, dir, "size.csv", "period,event,flow_id,remaining_ratio,predicted_ratio\n", err));
  return open_csv(&files->queue, dir, "queue.csv", "period,event,link_row,queue_cbrt,predicted_cbrt\n", err);
}

m4_status tr_test_files_commit(tr_test_files *files, m4_error *err) {
  M4_TRY(m4_outfile_commit(&files->flows, err));
  M4_TRY(m4_outfile_commit(&files->size, err));
  return m4_outfile_commit(&files->queue, err);
}

void tr_test_files_abandon(tr_test_files *files) {
  m4_outfile_abandon(&files->flows);
  m4_outfile_abandon(&files->size);
  m4_outfile_abandon(&files->queue);
}

static m4_status reserve(tr_test_result *result, int64_t *capacity, int32_t more, m4_error *err) {
  if (result->n_flows + more <= *capacity) return M4_OK;
  int64_t larger = 2 * (result->n_flows + more);
  tr_flow_row *rows = realloc(result->rows, (size_t)larger * sizeof *rows);
  if (!rows) return m4_fail(err, M4_MEMORY, NULL, "no memory for the flows tested");
  result->rows = rows;
  *capacity = larger;
  return M4_OK;
}

static tr_flow_row row_of(const tr_test_job *job, const ds_item *item, const tr_prediction *guess,
                          int32_t f) {
  const m4_period *facts = &item->facts;
  const m4_sample *sample = item->sample;
  ds_period_info info = ds_period(job->dataset, item->period);
  double params[M4_N_PARAMS];
  for (int i = 0; i < M4_N_PARAMS; ++i) params[i] = facts->params[(size_t)f * M4_N_PARAMS + (size_t)i];
  double ideal = (double)facts->ideal_fct_ns[f], flowsim = item->flowsim_fct_ns[f];
  return (tr_flow_row){.period = item->period,
                       .flow_id = facts->flow_id[f],
                       .size_bytes = facts->size_bytes[f],
                       .fct_ns = facts->fct_ns[f],
                       .ideal_fct_ns = facts->ideal_fct_ns[f],
                       .scenario = info.scenario,
                       .segment = info.segment,
                       .n_links = facts->path_offset[f + 1] - facts->path_offset[f],
                       .period_flows = facts->n_flows,
                       .active = sample->events[sample->arrival_event[f]].n_flows,
                       .cc = ds_cc_of(params),
                       .load = job->scenario_loads ? job->scenario_loads[info.scenario] : NAN,
                       .predicted_slowdown = guess->slowdown[f],
                       .flowsim_slowdown = flowsim > 0 ? flowsim / ideal : NAN};
}

static void write_row(FILE *out, const tr_test_job *job, const tr_flow_row *row) {
  fprintf(out, "%lld,%s,%d,%lld,%lld,%d,%lld,%lld,%.9g,%.9g,%.9g,%d,%d,%.4g,%s\n", (long long)row->period,
          ds_scenario_name(job->dataset, row->scenario), row->segment, (long long)row->flow_id,
          (long long)row->size_bytes, row->n_links, (long long)row->fct_ns, (long long)row->ideal_fct_ns,
          (double)row->fct_ns / (double)row->ideal_fct_ns, row->predicted_slowdown, row->flowsim_slowdown,
          row->period_flows, row->active, row->load, ds_cc_name(row->cc));
}

m4_status tr_add_flows(tr_test_result *result, int64_t *capacity, tr_test_files *files,
                       const tr_test_job *job, const ds_item *item, const tr_prediction *guess,
                       m4_error *err) {
  M4_TRY(reserve(result, capacity, item->facts.n_flows, err));
  for (int32_t f = 0; f < item->facts.n_flows; ++f) {
    tr_flow_row row = row_of(job, item, guess, f);
    if (!isfinite(row.predicted_slowdown))
      return m4_fail(err, M4_NUMERIC, NULL, "the predicted slowdown of flow %lld is %g",
                     (long long)row.flow_id, row.predicted_slowdown);
    write_row(files->flows.stream, job, &row);
    result->rows[result->n_flows++] = row;
  }
  return M4_OK;
}
