/* A comparison as CSV, JSON and a table for people; see comparison.h. */
#include "sim/comparison.h"

#include <jansson.h>
#include <math.h>

enum { JSON_DIGITS = 10 };

static double per_second(const sim_result *result) {
  return (double)result->events / fmax(result->wall_seconds, 1e-9);
}

/* ---- CSV ---- */

void sim_comparison_csv_header(FILE *out) {
  fputs("scenario,backend,truth,size,flows,slowdown_mean,slowdown_p50,slowdown_p90,slowdown_p99,slowdown_max,"
        "error_mean,error_p50,error_p90,error_p99,error_signed_mean,error_p99_tail,wall_seconds,events\n",
        out);
}

static void csv_number(FILE *out, double value) {
  if (isfinite(value))
    fprintf(out, ",%.9g", value);
  else
    fputc(',', out);
}

static void csv_errors(FILE *out, const sim_contender *contender, const m4_error_stats *errors) {
  const m4_error_stats none = {0, NAN, NAN, NAN, NAN, NAN};
  const m4_error_stats *shown = contender->compared ? errors : &none;
  const double percents[] = {shown->mean, shown->p50, shown->p90, shown->p99, shown->signed_mean};
  for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) csv_number(out, 100 * percents[i]);
}

static void csv_row(FILE *out, const sim_comparison *comparison, const sim_contender *contender,
                    const char *size, const sim_slowdowns *slowdowns, const m4_error_stats *errors) {
  const char *truth = comparison->truth >= 0 ? comparison->list[comparison->truth].name : "";
  fprintf(out, "%s,%s,%s,%s,%lld", comparison->scenario->name, contender->name, truth, size,
          (long long)slowdowns->n_flows);
  const double values[] = {slowdowns->mean, slowdowns->p50, slowdowns->p90, slowdowns->p99, slowdowns->max};
  for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) csv_number(out, values[i]);
  csv_errors(out, contender, errors);
  bool whole = errors == &contender->errors.all, timed = whole && !contender->from_file;
  csv_number(out, whole && contender->compared ? 100 * contender->errors.p99_tail : NAN);
  csv_number(out, timed ? contender->result.wall_seconds : NAN);
  csv_number(out, timed ? (double)contender->result.events : NAN);
  fputc('\n', out);
}

void sim_comparison_csv(FILE *out, const sim_comparison *comparison) {
  for (int i = 0; i < comparison->n; i++) {
    const sim_contender *contender = &comparison->list[i];
    csv_row(out, comparison, contender, "all", &contender->all, &contender->errors.all);
    for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; bucket++)
      csv_row(out, comparison, contender, m4_bucket_name(bucket), &contender->by_size[bucket],
              &contender->errors.by_size[bucket]);
  }
}

/* ---- JSON ---- */

/* JSON has no NaN: what is not known is null. */
static void put(json_t *object, const char *key, double value) {
  json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

static json_t *set_json(const char *size, const sim_slowdowns *slowdowns, const m4_error_stats *errors) {
  json_t *set = json_object(), *slowdown = json_object();
  json_object_set_new(set, "size", json_string(size));
  json_object_set_new(set, "flows", json_integer(slowdowns->n_flows));
  put(slowdown, "mean", slowdowns->mean);
  put(slowdown, "p50", slowdowns->p50);
  put(slowdown, "p90", slowdowns->p90);
  put(slowdown, "p99", slowdowns->p99);
  put(slowdown, "max", slowdowns->max);
  json_object_set_new(set, "slowdown", slowdown);
  if (!errors) return set;
  json_t *error = json_object();
  put(error, "mean", 100 * errors->mean);
  put(error, "p50", 100 * errors->p50);
  put(error, "p90", 100 * errors->p90);
  put(error, "p99", 100 * errors->p99);
  put(error, "signed_mean", 100 * errors->signed_mean);
  json_object_set_new(set, "error_percent", error);
  return set;
}

static json_t *contender_json(const sim_contender *contender) {
  const m4_accuracy *errors = contender->compared ? &contender->errors : NULL;
  const sim_result *result = &contender->result;
  json_t *root = json_object(), *sets = json_array();
  json_object_set_new(root, "backend", json_string(contender->name));
  json_object_set_new(root, "finished", json_integer(result->n_finished));
  if (!contender->from_file) {
    put(root, "wall_seconds", result->wall_seconds);
    json_object_set_new(root, "events", json_integer((json_int_t)result->events));
    put(root, "events_per_second", per_second(result));
    json_object_set_new(root, "clamped", json_integer((json_int_t)result->clamped));
  }
  if (errors) put(root, "p99_tail_error_percent", 100 * errors->p99_tail);
  json_array_append_new(sets, set_json("all", &contender->all, errors ? &errors->all : NULL));
  for (int bucket = 0; bucket < M4_N_SIZE_BUCKETS; bucket++)
    json_array_append_new(sets, set_json(m4_bucket_name(bucket), &contender->by_size[bucket],
                                         errors ? &errors->by_size[bucket] : NULL));
  json_object_set_new(root, "sizes", sets);
  return root;
}

m4_status sim_comparison_json(FILE *out, const sim_comparison *comparison, m4_error *err) {
  json_t *root = json_object(), *list = json_array();
  json_object_set_new(root, "scenario", json_string(comparison->scenario->name));
  json_object_set_new(root, "flows", json_integer(comparison->scenario->n_flows));
  json_object_set_new(root, "truth",
                      comparison->truth >= 0 ? json_string(comparison->list[comparison->truth].name)
                                             : json_null());
  for (int i = 0; i < comparison->n; i++) json_array_append_new(list, contender_json(&comparison->list[i]));
  json_object_set_new(root, "backends", list);
  json_object_set_new(root, "version", json_string(M4_VERSION));
  int failed = json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(JSON_DIGITS));
  json_decref(root);
  fputc('\n', out);
  return failed ? m4_fail(err, M4_IO, comparison->scenario->name, "cannot write the comparison") : M4_OK;
}

/* ---- the table ---- */

static void times_text(const sim_contender *contender, char text[32]) {
  if (contender->from_file)
    snprintf(text, 32, "%9s %9s", "", "");
  else
    snprintf(text, 32, "%9.3f %9.3g", contender->result.wall_seconds, per_second(&contender->result));
}

static void errors_text(const sim_contender *contender, bool is_truth, char text[64]) {
  const m4_accuracy *errors = &contender->errors;
  if (contender->compared && errors->all.n_flows > 0)
    snprintf(text, 64, "%7.1f %7.1f %7.1f %7.1f %+7.1f", 100 * errors->all.mean, 100 * errors->all.p50,
             100 * errors->all.p90, 100 * errors->p99_tail, 100 * errors->all.signed_mean);
  else
    snprintf(text, 64, "%s", is_truth ? "  truth" : "");
}

bool sim_comparison_line(const sim_comparison *comparison, int line, char *text, size_t bytes) {
  if (line == 0) {
    snprintf(text, bytes, "%-8s %9s %9s %9s | slowdown %6s %6s %6s%s", "backend", "finished", "seconds",
             "events/s", "p50", "p90", "p99",
             comparison->truth >= 0 ? " | error %: mean     p50     p90    tail  signed" : "");
    return true;
  }
  if (line > comparison->n) return false;
  const sim_contender *contender = &comparison->list[line - 1];
  char times[32], errors[64];
  times_text(contender, times);
  errors_text(contender, line - 1 == comparison->truth, errors);
  snprintf(text, bytes, "%-8s %9lld %s | %15.2f %6.2f %6.2f%s%s", contender->name,
           (long long)contender->result.n_finished, times, contender->all.p50, contender->all.p90,
           contender->all.p99, *errors ? " |       " : "", errors);
  return true;
}
