/* A selection as CSV files. */
#include "data/export.h"

#include "base/file.h"

typedef m4_status write_function(FILE *out, const ds_selection *selection, m4_arena *arena, m4_error *err);

/* Hops are joined by semicolons: one column each for links and queues. */
static void put_hops(FILE *out, const ds_scenario *s, int64_t f) {
  int64_t first = s->path_offset[f], end = s->path_offset[f + 1];
  for (int64_t hop = first; hop < end; ++hop)
    fprintf(out, "%s%d", hop > first ? ";" : ",", s->path_link[hop]);
  for (int64_t hop = first; hop < end; ++hop)
    fprintf(out, "%s%lld", hop > first ? ";" : ",", (long long)s->queue_bytes[hop]);
}

static m4_status write_flows(FILE *out, const ds_selection *selection, m4_arena *arena, m4_error *err) {
  (void)arena, (void)err;
  const ds_scenario *s = selection->scenario;
  fputs("flow_id,src,dst,size_bytes,start_ns,fct_ns,ideal_fct_ns,flowsim_fct_ns,slowdown,path_links,queue_"
        "bytes\n",
        out);
  for (int64_t i = 0; i < selection->n_flows; ++i) {
    int32_t f = selection->flow[i];
    fprintf(out, "%lld,%d,%d,%lld,%lld,%lld,%lld,%.15g,", (long long)s->flow_id[f], s->src[f], s->dst[f],
            (long long)s->size_bytes[f], (long long)s->start_ns[f], (long long)s->fct_ns[f],
            (long long)s->ideal_fct_ns[f], s->flowsim_fct_ns[f]);
    if (s->fct_ns[f] >= 0) fprintf(out, "%.9g", (double)s->fct_ns[f] / (double)s->ideal_fct_ns[f]);
    put_hops(out, s, f);
    fputc('\n', out);
  }
  return M4_OK;
}

static m4_status write_events(FILE *out, const ds_selection *selection, m4_arena *arena, m4_error *err) {
  (void)arena, (void)err;
  const ds_scenario *s = selection->scenario;
  int64_t n_active = 0;
  fputs("event,time_ns,kind,flow_id,active_flows\n", out);
  for (int64_t i = 0; i < selection->n_events; ++i) {
    int64_t event = selection->event[i];
    bool is_arrival = ds_is_arrival(selection->events, event);
    n_active += is_arrival ? 1 : -1;
    fprintf(out, "%lld,%lld,%s,%lld,%lld\n", (long long)event, (long long)ds_event_time_ns(selection, event),
            is_arrival ? "arrival" : "departure", (long long)s->flow_id[selection->events->flow[event]],
            (long long)n_active);
  }
  return M4_OK;
}

static m4_status write_received(FILE *out, const ds_selection *selection, m4_arena *arena, m4_error *err) {
  size_t n_flows = (size_t)selection->scenario->n_flows;
  int32_t *flows = m4_arena_alloc(arena, n_flows, sizeof *flows);
  int64_t *values = m4_arena_alloc(arena, n_flows, sizeof *values);
  ds_received_walk walk;
  if (!flows || !values) return m4_fail(err, M4_MEMORY, NULL, "no memory for a row of received bytes");
  M4_TRY(ds_received_begin(&walk, selection, arena, err));
  fputs("event,flow_id,received_bytes\n", out);
  for (int64_t i = 0; i < selection->n_events; ++i) {
    int64_t event = selection->event[i], n = ds_received_at(&walk, event, flows, values);
    for (int64_t k = 0; k < n; ++k)
      fprintf(out, "%lld,%lld,%lld\n", (long long)event, (long long)selection->scenario->flow_id[flows[k]],
              (long long)values[k]);
  }
  return M4_OK;
}

static m4_status write_links(FILE *out, const ds_selection *selection, m4_arena *arena, m4_error *err) {
  (void)arena, (void)err;
  const ds_scenario *s = selection->scenario;
  fputs("link,from,to,rate_bps,delay_ns,from_switch,to_switch\n", out);
  for (int32_t l = 0; l < s->n_links; ++l)
    fprintf(out, "%d,%d,%d,%lld,%lld,%d,%d\n", l, s->link_from[l], s->link_to[l],
            (long long)s->link_rate_bps[l], (long long)s->link_delay_ns[l],
            s->node_is_switch[s->link_from[l]], s->node_is_switch[s->link_to[l]]);
  return M4_OK;
}

static m4_status write_file(const char *dir, const char *name, write_function *write,
                            const ds_selection *selection, m4_arena *arena, m4_error *err) {
  char path[4096];
  m4_outfile file = {0};
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  M4_TRY(m4_outfile_open(&file, path, err));
  size_t mark = m4_arena_mark(arena);
  m4_status status = write(file.stream, selection, arena, err);
  m4_arena_release(arena, mark);
  if (status == M4_OK) return m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return status;
}

m4_status ds_export_csv(const ds_selection *selection, const char *dir, m4_arena *arena, m4_error *err) {
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(write_file(dir, "links.csv", write_links, selection, arena, err));
  M4_TRY(write_file(dir, "flows.csv", write_flows, selection, arena, err));
  M4_TRY(write_file(dir, "events.csv", write_events, selection, arena, err));
  return write_file(dir, "received.csv", write_received, selection, arena, err);
}
