/* Memory in which a session's model runs: state tables that grow, and the tape of one event. Knows nn/m4.h.
 */
#ifndef INFER_WORK_H
#define INFER_WORK_H

#include "nn/m4.h"

typedef struct inf_work {
  const m4_model *model;
  m4_state state;
  m4_arena state_memory;
  ag_tape *tape; /* not recording */
  m4_arena tape_memory;
  int32_t node_capacity; /* nodes of the largest event that tape_memory is made for */
} inf_work;

/* Rows of links start in their initial state. */
m4_status inf_work_init(inf_work *work, const m4_model *model, int32_t n_flows, int32_t n_links,
                        m4_error *err);
void inf_work_free(inf_work *work); /* zeroed structs are accepted */
/* More flow rows; existing states move along. */
m4_status inf_work_grow(inf_work *work, int32_t n_flows, m4_error *err);
/* Row `to` of the link states becomes what row `from` is. */
void inf_work_copy_link(inf_work *work, int32_t from, int32_t to);
/* One event and the readout of its flows: head[i] is what the head says of flow_rows[i], valid until the next
 * call. */
m4_status inf_work_step(inf_work *work, const m4_event_data *event, const ag_tensor **head, m4_error *err);
/* What an auxiliary head would say at this event, of flow node `node` or of the link state in `row` (a row of
 * the event); the states stay as they are. The model must have the head. */
m4_status inf_work_peek_size(inf_work *work, const m4_event_data *event, int32_t node, double *head,
                             m4_error *err);
m4_status inf_work_peek_queue(inf_work *work, const m4_event_data *event, int32_t row, double *head,
                              m4_error *err);
/* Element i of a column. */
double inf_work_value(const inf_work *work, const ag_tensor *column, int32_t i);

#endif
