/* What the two forms of a file of waiting flows share: flows and their causes come in one by one, with where
 * they stand; dag.c checks them and makes the graph. Room-private. */
#ifndef SIM_DAG_READER_H
#define SIM_DAG_READER_H

#include "sim/dag.h"
#include "sim/map.h"
#include "sim/text.h"

typedef struct sim_dag_edge {
  int64_t cause, effect; /* flow indices */
} sim_dag_edge;

typedef struct sim_dag_reader {
  const sim_scenario *scenario;
  const char *path;
  bool json;        /* places are entries, otherwise lines */
  int64_t place;    /* being read, from 1 */
  int64_t flow;     /* whose causes are being read */
  sim_map index_of; /* by flow id */
  sim_dag *dag;
  int64_t *listed; /* [n_flows] place of each flow; 0 = nowhere */
  sim_dag_edge *edges;
  int64_t n_edges, capacity;
} sim_dag_reader;

/* M4_DATA at the current place. */
m4_status sim_dag_fail(const sim_dag_reader *in, m4_error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A flow that waits, then its delay (in range), then each of its causes, then its end. */
m4_status sim_dag_begin_flow(sim_dag_reader *in, int64_t id, m4_error *err);
void sim_dag_set_delay(sim_dag_reader *in, int64_t delay_ns);
m4_status sim_dag_add_cause(sim_dag_reader *in, int64_t id, m4_error *err);
m4_status sim_dag_end_flow(sim_dag_reader *in, m4_error *err);

/* dag_text.c, dag_json.c: all flows of the file. */
m4_status sim_dag_read_text(sim_dag_reader *in, sim_text *text, m4_error *err);
m4_status sim_dag_read_json(sim_dag_reader *in, const sim_text *text, m4_error *err);

#endif
