/* Memory in which the model of one or several sessions runs: state tables that grow, their free rows, the
 * tape of one step. Everything that the model reads or writes is in the backend's memory: a step is one
 * upload and one download. Knows nn/m4.h. */
#ifndef INFER_WORK_H
#define INFER_WORK_H

#include "infer/request.h"
#include "infer/rows.h"

typedef struct inf_work {
  const m4_model *model;
  m4_state state;
  m4_arena state_memory;
  inf_rows flow_rows, link_rows; /* free ones of state */
  ag_tape *tape;                 /* not recording */
  m4_arena tape_memory;
  int32_t node_capacity; /* rows of the largest step that tape_memory is made for */
  ag_block block;
  void *column;  /* [head_capacity] elements as downloaded */
  double *heads; /* [head_capacity] */
  int32_t head_capacity;
} inf_work;

m4_status inf_work_init(inf_work *work, const m4_model *model, m4_error *err);
void inf_work_free(inf_work *work); /* zeroed structs are accepted */
/* A free row of the flows' tables or of the link states, which grow when there is none. */
m4_status inf_work_take_flow(inf_work *work, int32_t *row, m4_error *err);
m4_status inf_work_take_link(inf_work *work, int32_t *row, m4_error *err);

/* The requests' events as one, and the readout of their flows: heads[request->first_head + i] is what the
 * head says of flow i, valid until the next call. */
m4_status inf_work_step(inf_work *work, inf_request *const *requests, int32_t n, m4_error *err);
/* What an auxiliary head would say at this event, of flow node `node` or of the link state in `row` (a row of
 * the event); the states stay as they are. The model must have the head. */
m4_status inf_work_peek_size(inf_work *work, inf_request *request, int32_t node, double *head, m4_error *err);
m4_status inf_work_peek_queue(inf_work *work, inf_request *request, int32_t row, double *head, m4_error *err);

#endif
