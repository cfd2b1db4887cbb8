/* fct.txt and paths.txt beside the files that sim writes. fct.txt: "id src_ip dst_ip sport dport bytes
 * start_ns fct_ns standalone_ns" in completion order; paths.txt: "id switch switch ..." in flow order. */
#include "datagen/ns3_folder.h"

#include "base/file.h"

#include <stdlib.h>

typedef struct finished {
  int64_t end_ns, fct_ns;
  const sim_flow *flow;
} finished;

static int compare_ends(const void *a, const void *b) {
  const finished *x = a, *y = b;
  if (x->end_ns != y->end_ns) return x->end_ns < y->end_ns ? -1 : 1;
  return (x->flow->id > y->flow->id) - (x->flow->id < y->flow->id);
}

/* Generated scenarios have ids 0, 1, ... in file order: positions in the facts are flow indices. */
static m4_status write_fcts(FILE *out, const sim_scenario *scenario, const ds_scenario *facts,
                            m4_error *err) {
  finished *list = malloc(((size_t)scenario->n_flows + 1) * sizeof *list);
  if (!list)
    return m4_fail(err, M4_MEMORY, scenario->name, "no memory for %lld flows", (long long)scenario->n_flows);
  size_t count = 0;
  for (int64_t i = 0; i < scenario->n_flows; ++i)
    if (facts->fct_ns[i] >= 0)
      list[count++] =
          (finished){facts->start_ns[i] + facts->fct_ns[i], facts->fct_ns[i], &scenario->flows[i]};
  if (count > 0) qsort(list, count, sizeof *list, compare_ends);
  for (size_t i = 0; i < count; ++i) {
    const sim_flow *flow = list[i].flow;
    fprintf(out, "%lld %08x %08x %u %u %lld %lld %lld %lld\n", (long long)flow->id,
            sim_node_address(flow->src), sim_node_address(flow->dst), flow->source_port,
            flow->destination_port, (long long)flow->size_bytes, (long long)flow->start_ns,
            (long long)list[i].fct_ns, (long long)flow->standalone_ns);
  }
  free(list);
  return M4_OK;
}

static m4_status write_paths(FILE *out, const sim_scenario *scenario, const ds_scenario *facts,
                             m4_error *err) {
  (void)facts, (void)err;
  for (int64_t i = 0; i < scenario->n_flows; ++i) {
    const sim_flow *flow = &scenario->flows[i];
    fprintf(out, "%lld", (long long)flow->id);
    for (int32_t hop = 1; hop < flow->n_links; ++hop)
      fprintf(out, " %d", scenario->topology->links[flow->links[hop]].from);
    fputc('\n', out);
  }
  return M4_OK;
}

typedef m4_status write_function(FILE *out, const sim_scenario *scenario, const ds_scenario *facts,
                                 m4_error *err);

static m4_status write_file(const char *dir, const char *name, write_function *write,
                            const sim_scenario *scenario, const ds_scenario *facts, m4_error *err) {
  enum { PATH_BYTES = 4096 };
  char path[PATH_BYTES];
  m4_outfile file = {0};
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  M4_TRY(m4_outfile_open(&file, path, err));
  m4_status status = write(file.stream, scenario, facts, err);
  if (status == M4_OK) return m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return status;
}

m4_status dg_write_ns3_folder(const char *dir, const sim_scenario *scenario, const ds_scenario *facts,
                              m4_error *err) {
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(sim_scenario_write(scenario, dir, err));
  M4_TRY(write_file(dir, "paths.txt", write_paths, scenario, facts, err));
  return write_file(dir, "fct.txt", write_fcts, scenario, facts, err);
}
