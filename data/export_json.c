/* A selection as one JSON file. */
#include "data/export.h"

#include "base/file.h"

#include <jansson.h>

/* json_pack gives NULL without memory; every _new function takes NULL and fails then, so the end tells. */
static json_t *numbers(const int64_t *values, int64_t n) {
  json_t *list = json_array();
  for (int64_t i = 0; i < n; ++i)
    if (json_array_append_new(list, json_integer(values[i])) != 0) break;
  return list;
}

static json_t *small_numbers(const int32_t *values, int64_t n) {
  json_t *list = json_array();
  for (int64_t i = 0; i < n; ++i)
    if (json_array_append_new(list, json_integer(values[i])) != 0) break;
  return list;
}

static json_t *params_of(const ds_scenario *s) {
  json_t *list = json_array();
  for (int i = 0; i < M4_N_PARAMS; ++i)
    if (json_array_append_new(list, json_real(s->params[i])) != 0) break;
  return list;
}

static json_t *flow_of(const ds_scenario *s, int32_t f) {
  int64_t first = s->path_offset[f], n_hops = s->path_offset[f + 1] - first;
  return json_pack("{sI si si sI sI sI sI sf so so}", "id", (json_int_t)s->flow_id[f], "src", s->src[f],
                   "dst", s->dst[f], "size_bytes", (json_int_t)s->size_bytes[f], "start_ns",
                   (json_int_t)s->start_ns[f], "fct_ns", (json_int_t)s->fct_ns[f], "ideal_fct_ns",
                   (json_int_t)s->ideal_fct_ns[f], "flowsim_fct_ns", s->flowsim_fct_ns[f], "path_links",
                   small_numbers(s->path_link + first, n_hops), "queue_bytes",
                   numbers(s->queue_bytes + first, n_hops));
}

static json_t *link_of(const ds_scenario *s, int32_t l) {
  return json_pack("{si si sI sI}", "from", s->link_from[l], "to", s->link_to[l], "rate_bps",
                   (json_int_t)s->link_rate_bps[l], "delay_ns", (json_int_t)s->link_delay_ns[l]);
}

/* Flows by id, with the bytes each has received. */
static json_t *row_of(const ds_scenario *s, const int32_t *flows, const int64_t *values, int64_t n) {
  json_t *row = json_array();
  for (int64_t i = 0; i < n; ++i)
    if (json_array_append_new(
            row, json_pack("[II]", (json_int_t)s->flow_id[flows[i]], (json_int_t)values[i])) != 0)
      break;
  return row;
}

static m4_status add_events(json_t *list, const ds_selection *selection, m4_arena *arena, m4_error *err) {
  const ds_scenario *s = selection->scenario;
  int32_t *flows = m4_arena_alloc(arena, (size_t)s->n_flows, sizeof *flows);
  int64_t *values = m4_arena_alloc(arena, (size_t)s->n_flows, sizeof *values);
  ds_received_walk walk;
  if (!flows || !values) return m4_fail(err, M4_MEMORY, NULL, "no memory for a row of received bytes");
  M4_TRY(ds_received_begin(&walk, selection, arena, err));
  for (int64_t i = 0; i < selection->n_events; ++i) {
    int64_t event = selection->event[i], n = ds_received_at(&walk, event, flows, values);
    json_t *one = json_pack("{sI sI ss sI so}", "event", (json_int_t)event, "time_ns",
                            (json_int_t)ds_event_time_ns(selection, event), "kind",
                            ds_is_arrival(selection->events, event) ? "arrival" : "departure", "flow",
                            (json_int_t)s->flow_id[selection->events->flow[event]], "received",
                            row_of(s, flows, values, n));
    if (json_array_append_new(list, one) != 0) return m4_fail(err, M4_MEMORY, s->name, "no memory for JSON");
  }
  return M4_OK;
}

static m4_status fill(json_t *root, const ds_selection *selection, m4_arena *arena, m4_error *err) {
  const ds_scenario *s = selection->scenario;
  json_t *links = json_array(), *flows = json_array(), *events = json_array(), *switches = json_array();
  bool ok = json_object_set_new(root, "scenario", json_string(s->name)) == 0;
  if (selection->period >= 0)
    ok &= json_object_set_new(root, "busy_period", json_integer(selection->period)) == 0;
  ok &= json_object_set_new(root, "params", params_of(s)) == 0;
  ok &= json_object_set_new(root, "switches", switches) == 0;
  ok &= json_object_set_new(root, "links", links) == 0;
  ok &= json_object_set_new(root, "flows", flows) == 0;
  ok &= json_object_set_new(root, "events", events) == 0;
  for (int32_t n = 0; ok && n < s->n_nodes; ++n)
    if (s->node_is_switch[n]) ok = json_array_append_new(switches, json_integer(n)) == 0;
  for (int32_t l = 0; ok && l < s->n_links; ++l) ok = json_array_append_new(links, link_of(s, l)) == 0;
  for (int64_t i = 0; ok && i < selection->n_flows; ++i)
    ok = json_array_append_new(flows, flow_of(s, selection->flow[i])) == 0;
  if (!ok) return m4_fail(err, M4_MEMORY, s->name, "no memory for JSON, or a name that is not UTF-8");
  return add_events(events, selection, arena, err);
}

m4_status ds_export_json(const ds_selection *selection, const char *dir, m4_arena *arena, m4_error *err) {
  char path[4096];
  m4_outfile file = {0};
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(m4_path_join(path, sizeof path, dir, "scenario.json", err));
  json_t *root = json_object();
  size_t mark = m4_arena_mark(arena);
  m4_status status = fill(root, selection, arena, err);
  m4_arena_release(arena, mark);
  if (status == M4_OK) status = m4_outfile_open(&file, path, err);
  if (status == M4_OK) {
    if (json_dumpf(root, file.stream, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0)
      status = m4_fail(err, M4_IO, path, "cannot write JSON");
    fputc('\n', file.stream);
    if (status == M4_OK) status = m4_outfile_commit(&file, err);
  }
  m4_outfile_abandon(&file);
  json_decref(root);
  return status;
}
