/* The inside of sessions and stacks, shared by session.c, session_view.c and stack.c only. */
#ifndef INFER_SESSION_INTERNAL_H
#define INFER_SESSION_INTERNAL_H

#include "base/heap.h"
#include "infer/bundles.h"
#include "infer/components.h"
#include "infer/slots.h"
#include "infer/snapshot.h"
#include "infer/stack.h"
#include "infer/watch.h"
#include "infer/work.h"
#include "nn/m4_fluid.h"

struct inf_stack {
  inf_work work;
  inf_session **waiting;  /* [n_waiting] */
  inf_request **requests; /* [capacity] scratch of a step */
  int32_t n_sessions, n_waiting, capacity;
  inf_stack_counters counters;
};

struct inf_session {
  inf_options options;
  inf_stack *stack;
  bool alone; /* the stack is its own: updates do not wait */
  bool waits;
  double clock_ns;
  inf_slots slots;
  inf_components components;
  inf_bundles bundles;
  int32_t *link_row;       /* [n_links + 1] row of the link states of each bundle; -1: not in use */
  inf_bundle_copy *copies; /* [copy_capacity] of the request */
  int32_t copy_capacity;
  inf_snapshot snapshot;
  m4_fluid fluid; /* empty unless the model has fluid features */
  m4_heap heap;
  inf_request request;            /* what it waits for */
  const inf_component *component; /* that the request is about */
  inf_counters counters;
  inf_watcher watcher; /* see NULL: nobody */
  m4_status status;    /* of the last update */
  m4_error error;
};

/* A place for one session more; without it, and out of the queue. */
m4_status inf_stack_admit(inf_stack *stack, m4_error *err);
void inf_stack_dismiss(inf_stack *stack, const inf_session *session);
void inf_stack_enqueue(inf_stack *stack, inf_session *session);
inf_request *inf_session_request(inf_session *session);
/* heads: what the head says of the request's flows. The session waits no longer. */
void inf_session_take(inf_session *session, const double *heads);

static inline const m4_model *inf_model_of(const inf_session *session) {
  return session->stack->work.model;
}
/* The event of a component that would be at time_ns; dt_us is the largest time since the last update of a
 * member. */
m4_status inf_session_event(inf_session *session, const inf_component *component, double time_ns,
                            m4_event_data *event, m4_error *err);

#endif
