/* Inside infer/: looking on while a session works. Knows session.h and components. */
#ifndef INFER_WATCH_H
#define INFER_WATCH_H

#include "infer/components.h"
#include "infer/session.h"

/* Told of every state update before the model sees it: who takes part, the time step, and the fluid features
 * of the flows (NULL without them; valid until the call returns). A failure ends the session's call. */
typedef struct inf_watcher {
  m4_status (*see)(void *context, const inf_component *component, double dt_us, const float *fluid,
                   m4_error *err);
  void *context;
} inf_watcher;

void inf_watch(inf_session *session, inf_watcher watcher);

#endif
