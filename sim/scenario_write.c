/* Writes a scenario folder that ns-3 and sim_scenario_read understand. Source: workloads.md 7.2. */
#include "sim/scenario.h"

#include "base/file.h"
#include "base/text.h"

enum { MAX_PATH_BYTES = 4096, REAL_BYTES = 40 };
#define NS_PER_SECOND ((int64_t)1000000000)

static m4_status write_topology(const sim_scenario *scenario, FILE *out, m4_error *err) {
  return sim_topology_write(scenario->topology, out, err);
}

static m4_status write_config(const sim_scenario *scenario, FILE *out, m4_error *err) {
  return pkt_settings_write(&scenario->packet, out, err);
}

static m4_status write_flows(const sim_scenario *scenario, FILE *out, m4_error *err) {
  (void)err;
  fprintf(out, "%lld\n", (long long)scenario->n_flows);
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    const sim_flow *flow = &scenario->flows[i];
    fprintf(out, "%lld %d %d %d %d %lld %lld.%09lld\n", (long long)flow->id, flow->src, flow->dst,
            flow->priority, flow->destination_port, (long long)flow->size_bytes,
            (long long)(flow->start_ns / NS_PER_SECOND), (long long)(flow->start_ns % NS_PER_SECOND));
  }
  return M4_OK;
}

static m4_status write_params(const sim_scenario *scenario, FILE *out, m4_error *err) {
  (void)err;
  for (int i = 0; i < SIM_N_PARAMS; i++) {
    char number[REAL_BYTES];
    m4_format_real(number, sizeof number, scenario->params[i]);
    fprintf(out, "%s%c", number, i + 1 < SIM_N_PARAMS ? ' ' : '\n');
  }
  return M4_OK;
}

static m4_status write_changes(const sim_scenario *scenario, FILE *out, m4_error *err) {
  (void)err;
  sim_link_changes_write(&scenario->changes, scenario->topology, out);
  return M4_OK;
}

/* One file, atomically. */
static m4_status write_file(const sim_scenario *scenario, const char *dir, const char *name,
                            m4_status (*write)(const sim_scenario *, FILE *, m4_error *), m4_error *err) {
  char path[MAX_PATH_BYTES];
  m4_outfile file = {0};
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  M4_TRY(m4_outfile_open(&file, path, err));
  m4_status status = write(scenario, file.stream, err);
  if (status == M4_OK) return m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return status;
}

m4_status sim_scenario_write(const sim_scenario *scenario, const char *dir, m4_error *err) {
  M4_TRY(write_file(scenario, dir, "topology.txt", write_topology, err));
  M4_TRY(write_file(scenario, dir, "flows.txt", write_flows, err));
  M4_TRY(write_file(scenario, dir, "config.txt", write_config, err));
  M4_TRY(write_file(scenario, dir, "params.txt", write_params, err));
  return scenario->changes.count > 0 ? write_file(scenario, dir, "link_changes.txt", write_changes, err)
                                     : M4_OK;
}
