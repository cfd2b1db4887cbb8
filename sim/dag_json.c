/* Waiting flows as JSON, an object a flow; see dag.h. */
#include "sim/dag_reader.h"

#include "base/text.h"
#include "sim/scenario_parts.h"

#include <jansson.h>
#include <string.h>

enum { SHOWN_BYTES = 40 };

static m4_status whole_number(const sim_dag_reader *in, const char *what, const json_t *value, int64_t max,
                              int64_t *number, m4_error *err) {
  if (!json_is_integer(value)) return sim_dag_fail(in, err, "%s must be a whole number", what);
  *number = json_integer_value(value);
  if (*number < 0 || *number > max)
    return sim_dag_fail(in, err, "%s is %lld, must be between 0 and %lld", what, (long long)*number,
                        (long long)max);
  return M4_OK;
}

static m4_status check_keys(const sim_dag_reader *in, json_t *entry, m4_error *err) {
  const char *key;
  json_t *value;
  json_object_foreach(entry, key, value) {
    if (strcmp(key, "flow") == 0 || strcmp(key, "delay_ns") == 0 || strcmp(key, "after") == 0) continue;
    char shown[SHOWN_BYTES];
    m4_text_show(shown, sizeof shown, key);
    return sim_dag_fail(in, err, "\"%s\" is none of flow, delay_ns, after", shown);
  }
  return M4_OK;
}

static m4_status read_causes(sim_dag_reader *in, const json_t *after, m4_error *err) {
  if (!json_is_array(after)) return sim_dag_fail(in, err, "\"after\" must be a list of flow ids");
  for (size_t i = 0; i < json_array_size(after); i++) {
    int64_t id = 0;
    M4_TRY(whole_number(in, "cause", json_array_get(after, i), INT64_MAX, &id, err));
    M4_TRY(sim_dag_add_cause(in, id, err));
  }
  return sim_dag_end_flow(in, err);
}

static m4_status read_entry(sim_dag_reader *in, json_t *entry, m4_error *err) {
  int64_t id = 0, delay_ns = 0;
  if (!json_is_object(entry)) return sim_dag_fail(in, err, "must be an object with flow, delay_ns, after");
  M4_TRY(check_keys(in, entry, err));
  M4_TRY(whole_number(in, "flow", json_object_get(entry, "flow"), INT64_MAX, &id, err));
  M4_TRY(sim_dag_begin_flow(in, id, err));
  const json_t *delay = json_object_get(entry, "delay_ns");
  if (delay) M4_TRY(whole_number(in, "delay_ns", delay, SIM_MAX_TIME_NS, &delay_ns, err));
  sim_dag_set_delay(in, delay_ns);
  return read_causes(in, json_object_get(entry, "after"), err);
}

m4_status sim_dag_read_json(sim_dag_reader *in, const sim_text *text, m4_error *err) {
  json_error_t why;
  json_t *root = json_loadb(text->data, text->length, JSON_REJECT_DUPLICATES, &why);
  if (!root) {
    char where[512], shown[sizeof why.text];
    m4_text_show(shown, sizeof shown, why.text);
    snprintf(where, sizeof where, "%s:%d:%d", in->path, why.line, why.column);
    return m4_fail(err, M4_DATA, where, "not JSON: %s", shown);
  }
  m4_status status = M4_OK;
  if (!json_is_array(root))
    status = m4_fail(err, M4_DATA, in->path, "must be a list of objects with flow, delay_ns, after");
  for (size_t i = 0; i < json_array_size(root) && status == M4_OK; i++) {
    in->place = (int64_t)i + 1;
    status = read_entry(in, json_array_get(root, i), err);
  }
  json_decref(root);
  return status;
}
