/* Waiting flows as text, a flow a line; see dag.h. */
#include "sim/dag_reader.h"

#include "sim/scenario_parts.h"

static bool at_end_of_line(const sim_text *text) {
  return *text->word == '\0' || *text->word == '#';
}

static m4_status read_line(sim_dag_reader *in, sim_text *text, m4_error *err) {
  int64_t id, delay_ns;
  M4_TRY(sim_text_int(text, "flow", 0, INT64_MAX, &id, err));
  M4_TRY(sim_dag_begin_flow(in, id, err));
  M4_TRY(sim_text_int(text, "delay in ns", 0, SIM_MAX_TIME_NS, &delay_ns, err));
  sim_dag_set_delay(in, delay_ns);
  while (!at_end_of_line(text)) {
    M4_TRY(sim_text_int(text, "cause", 0, INT64_MAX, &id, err));
    M4_TRY(sim_dag_add_cause(in, id, err));
  }
  return sim_dag_end_flow(in, err);
}

m4_status sim_dag_read_text(sim_dag_reader *in, sim_text *text, m4_error *err) {
  while (sim_text_line(text)) {
    in->place = text->line;
    if (!at_end_of_line(text)) M4_TRY(read_line(in, text, err));
  }
  return M4_OK;
}
