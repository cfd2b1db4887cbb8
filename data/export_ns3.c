/* A selection as the files a packet simulator starts from. Source: workloads.md 7.2. */
#include "data/export.h"

#include "base/file.h"
#include "base/text.h"

enum { PRIORITY = 3, DESTINATION_PORT = 100 }; /* not stored; what the generator uses */
static const int64_t NS_PER_SECOND = 1000000000;

static void write_topology(FILE *out, const ds_selection *selection) {
  const ds_scenario *s = selection->scenario;
  int32_t n_switches = 0;
  for (int32_t n = 0; n < s->n_nodes; ++n) n_switches += s->node_is_switch[n];
  fprintf(out, "%d %d %d\n", s->n_nodes, n_switches, s->n_links / 2);
  const char *separator = "";
  for (int32_t n = 0; n < s->n_nodes; ++n) {
    if (!s->node_is_switch[n]) continue;
    fprintf(out, "%s%d", separator, n);
    separator = " ";
  }
  fputc('\n', out);
  for (int32_t l = 0; l < s->n_links; l += 2)
    fprintf(out, "%d %d %lldbps %lldns 0\n", s->link_from[l], s->link_to[l], (long long)s->link_rate_bps[l],
            (long long)s->link_delay_ns[l]);
}

static void write_flows(FILE *out, const ds_selection *selection) {
  const ds_scenario *s = selection->scenario;
  fprintf(out, "%lld\n", (long long)selection->n_flows);
  for (int64_t i = 0; i < selection->n_flows; ++i) {
    int32_t f = selection->flow[i];
    fprintf(out, "%lld %d %d %d %d %lld %lld.%09lld\n", (long long)s->flow_id[f], s->src[f], s->dst[f],
            PRIORITY, DESTINATION_PORT, (long long)s->size_bytes[f],
            (long long)(s->start_ns[f] / NS_PER_SECOND), (long long)(s->start_ns[f] % NS_PER_SECOND));
  }
}

static void write_params(FILE *out, const ds_selection *selection) {
  for (int i = 0; i < M4_N_PARAMS; ++i) {
    char number[40];
    m4_format_real(number, sizeof number, selection->scenario->params[i]);
    fprintf(out, "%s%c", number, i + 1 < M4_N_PARAMS ? ' ' : '\n');
  }
}

static m4_status write_file(const char *dir, const char *name, void (*write)(FILE *, const ds_selection *),
                            const ds_selection *selection, m4_error *err) {
  char path[4096];
  m4_outfile file = {0};
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  M4_TRY(m4_outfile_open(&file, path, err));
  write(file.stream, selection);
  return m4_outfile_commit(&file, err);
}

/* A cable has one rate and one delay in these files. */
static m4_status check_symmetry(const ds_scenario *s, m4_error *err) {
  for (int32_t l = 0; l < s->n_links; l += 2)
    if (s->link_rate_bps[l] != s->link_rate_bps[l + 1] || s->link_delay_ns[l] != s->link_delay_ns[l + 1])
      return m4_fail(err, M4_DATA, s->name,
                     "cable %d differs in its two directions: ns-3 files cannot say that", l / 2);
  return M4_OK;
}

m4_status ds_export_ns3(const ds_selection *selection, const char *dir, m4_arena *arena, m4_error *err) {
  (void)arena;
  M4_TRY(check_symmetry(selection->scenario, err));
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(write_file(dir, "topology.txt", write_topology, selection, err));
  M4_TRY(write_file(dir, "flows.txt", write_flows, selection, err));
  return write_file(dir, "params.txt", write_params, selection, err);
}
