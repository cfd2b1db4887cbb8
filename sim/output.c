/* Result files of one scenario; see output.h. */
#include "sim/output.h"

#include "base/file.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { MAX_PATH_BYTES = 4096, JSON_DIGITS = 10 };

/* ---- fct.txt and flows.csv ---- */

void sim_write_fct_row(FILE *out, const sim_scenario *scenario, const sim_result *result, int64_t index) {
  const sim_flow *flow = &scenario->flows[index];
  fprintf(out, "%lld %08x %08x %u %u %lld %lld %lld %lld\n", (long long)flow->id, sim_node_address(flow->src),
          sim_node_address(flow->dst), flow->source_port, flow->destination_port, (long long)flow->size_bytes,
          llround(result->release_ns[index]), (long long)sim_reported_fct_ns(result, index),
          (long long)flow->standalone_ns);
}

/* In completion order. */
static void write_fct(FILE *out, const sim_scenario *scenario, const sim_result *result) {
  for (int64_t i = 0; i < result->n_finished; i++) sim_write_fct_row(out, scenario, result, result->order[i]);
}

static int compare_ids(const void *left, const void *right) {
  const sim_flow *a = *(const sim_flow *const *)left, *b = *(const sim_flow *const *)right;
  return (a->id > b->id) - (a->id < b->id);
}

void sim_write_flow_row(FILE *out, const sim_scenario *scenario, const sim_result *result, int64_t index) {
  const sim_flow *flow = &scenario->flows[index];
  fprintf(out, "%lld,%d,%d,%lld,%lld,", (long long)flow->id, flow->src, flow->dst,
          (long long)flow->size_bytes, llround(result->release_ns[index]));
  if (isnan(result->fct_ns[index])) {
    fprintf(out, ",%lld,\n", (long long)flow->ideal_fct_ns);
    return;
  }
  int64_t fct_ns = sim_reported_fct_ns(result, index);
  fprintf(out, "%lld,%lld,%.9g\n", (long long)fct_ns, (long long)flow->ideal_fct_ns,
          sim_slowdown(scenario, result, index));
}

static m4_status write_csv(FILE *out, const sim_scenario *scenario, const sim_result *result, m4_error *err) {
  const sim_flow **by_id = calloc((size_t)scenario->n_flows + 1, sizeof *by_id);
  if (!by_id)
    return m4_fail(err, M4_MEMORY, scenario->name, "no memory to sort %lld flows",
                   (long long)scenario->n_flows);
  for (int64_t i = 0; i < scenario->n_flows; i++) by_id[i] = &scenario->flows[i];
  qsort(by_id, (size_t)scenario->n_flows, sizeof *by_id, compare_ids);
  fputs(SIM_FLOWS_CSV_HEADER, out);
  for (int64_t i = 0; i < scenario->n_flows; i++)
    sim_write_flow_row(out, scenario, result, by_id[i] - scenario->flows);
  free(by_id);
  return M4_OK;
}

/* ---- summary.json ---- */

/* JSON has no NaN: what is not known is null. */
static json_t *number(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}
static json_t *percent(double fraction) {
  return number(100 * fraction);
}

static void put_stats(json_t *to, const m4_error_stats *stats) {
  json_object_set_new(to, "flows", json_integer(stats->n_flows));
  json_object_set_new(to, "mean", percent(stats->mean));
  json_object_set_new(to, "p50", percent(stats->p50));
  json_object_set_new(to, "p90", percent(stats->p90));
  json_object_set_new(to, "p99", percent(stats->p99));
  json_object_set_new(to, "signed_mean", percent(stats->signed_mean));
}

static json_t *errors_json(const m4_accuracy *errors) {
  json_t *root = json_object(), *buckets = json_array();
  put_stats(root, &errors->all);
  json_object_set_new(root, "p99_tail", percent(errors->p99_tail));
  for (int i = 0; i < M4_N_SIZE_BUCKETS; i++) {
    json_t *bucket = json_object();
    json_object_set_new(bucket, "size", json_string(m4_bucket_name(i)));
    put_stats(bucket, &errors->by_size[i]);
    json_array_append_new(buckets, bucket);
  }
  json_object_set_new(root, "buckets", buckets);
  return root;
}

static int64_t peak_rss_bytes(void) {
  struct rusage usage = {0};
  getrusage(RUSAGE_SELF, &usage);
  return (int64_t)usage.ru_maxrss * 1024;
}

static json_t *warnings_json(const sim_scenario *scenario) {
  json_t *list = json_array();
  for (char **warning = scenario->warnings; warning && *warning; warning++)
    json_array_append_new(list, json_string(*warning));
  return list;
}

static void put_application(json_t *to, const sim_application *all) {
  double completion_ns = sim_application_time_ns(all);
  json_object_set_new(to, "application_completion_ns",
                      isnan(completion_ns) ? json_null() : json_integer(llround(completion_ns)));
  json_object_set_new(to, "application_throughput_bps", number(8e9 * all->bytes / completion_ns));
  json_object_set_new(to, "application_flows_per_second", number(1e9 * (double)all->n_flows / completion_ns));
}

static json_t *counters_json(const sim_result *result) {
  json_t *root = json_object();
  for (int i = 0; i < result->n_counters; i++)
    json_object_set_new(root, result->counters[i].name, json_integer((json_int_t)result->counters[i].value));
  return root;
}

static json_t *unfinished_json(const sim_scenario *scenario, const sim_result *result) {
  json_t *list = json_array();
  for (int64_t i = 0; i < result->n_listed; i++) {
    const sim_unfinished *flow = &result->unfinished[i];
    json_t *entry = json_object();
    json_object_set_new(entry, "flow", json_integer(scenario->flows[flow->flow].id));
    json_object_set_new(entry, "why", *flow->why ? json_string(flow->why) : json_null());
    json_array_append_new(list, entry);
  }
  return list;
}

static json_t *summary_json(const sim_scenario *scenario, const char *backend, const sim_result *result,
                            const sim_application *application, const m4_accuracy *errors) {
  json_t *root = json_object();
  json_object_set_new(root, "backend", json_string(backend));
  json_object_set_new(root, "scenario", json_string(scenario->name));
  json_object_set_new(root, "flows", json_integer(result->n_flows));
  json_object_set_new(root, "finished", json_integer(result->n_finished));
  json_object_set_new(root, "events", json_integer((json_int_t)result->events));
  json_object_set_new(root, "wall_seconds", number(result->wall_seconds));
  json_object_set_new(root, "events_per_second",
                      number((double)result->events / fmax(result->wall_seconds, 1e-9)));
  json_object_set_new(root, "peak_rss_bytes", json_integer(peak_rss_bytes()));
  json_object_set_new(root, "clamped", json_integer((json_int_t)result->clamped));
  put_application(root, application);
  if (result->n_counters > 0) json_object_set_new(root, "counters", counters_json(result));
  if (result->n_listed > 0) json_object_set_new(root, "unfinished", unfinished_json(scenario, result));
  json_object_set_new(root, "warnings", warnings_json(scenario));
  json_object_set_new(root, "version", json_string(M4_VERSION));
  if (errors) json_object_set_new(root, "error", errors_json(errors));
  return root;
}

static m4_status write_json(FILE *out, json_t *summary, const char *name, m4_error *err) {
  int failed = summary ? json_dumpf(summary, out, JSON_INDENT(2) | JSON_REAL_PRECISION(JSON_DIGITS)) : -1;
  json_decref(summary);
  fputc('\n', out);
  return failed ? m4_fail(err, M4_IO, name, "cannot write summary.json") : M4_OK;
}

m4_status sim_write_summary(const char *dir, const sim_scenario *scenario, const char *backend,
                            const sim_result *result, const sim_application *application,
                            const m4_accuracy *errors, m4_error *err) {
  char path[MAX_PATH_BYTES];
  m4_outfile file = {0};
  M4_TRY(m4_path_join(path, sizeof path, dir, "summary.json", err));
  M4_TRY(m4_outfile_open(&file, path, err));
  m4_status status = write_json(file.stream, summary_json(scenario, backend, result, application, errors),
                                scenario->name, err);
  if (status == M4_OK) status = m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return status;
}

/* ---- all of it ---- */

static bool same_folder(const char *a, const char *b) {
  struct stat one, other;
  return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
         one.st_ino == other.st_ino;
}

m4_status sim_check_out_dir(const char *out_dir, const char *scenario_dir, m4_error *err) {
  return same_folder(out_dir, scenario_dir)
             ? m4_fail(err, M4_USAGE, scenario_dir,
                       "results would overwrite the scenario's own files; choose another --out")
             : M4_OK;
}

static m4_status write_table(const char *dir, const char *name, const sim_scenario *scenario,
                             const sim_result *result, m4_error *err) {
  char path[MAX_PATH_BYTES];
  m4_outfile file = {0};
  m4_status status = M4_OK;
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  M4_TRY(m4_outfile_open(&file, path, err));
  if (strcmp(name, "fct.txt") == 0)
    write_fct(file.stream, scenario, result);
  else
    status = write_csv(file.stream, scenario, result, err);
  if (status == M4_OK) status = m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return status;
}

m4_status sim_write_results(const char *dir, const sim_scenario *scenario, const char *backend,
                            const sim_result *result, const m4_accuracy *errors, m4_error *err) {
  const sim_application application = sim_application_of(scenario, result);
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(write_table(dir, "fct.txt", scenario, result, err));
  M4_TRY(write_table(dir, "flows.csv", scenario, result, err));
  return sim_write_summary(dir, scenario, backend, result, &application, errors, err);
}
