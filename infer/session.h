/* A trained model at work online: flow and link states, components, predictions. Time runs forward; the caller decides what happens
 * next (sim/learned), this file knows only the model. Knows nn. Source: simulation.md 2-5. */
#ifndef INFER_SESSION_H
#define INFER_SESSION_H

#include "nn/m4.h"

typedef struct inf_options {
  bool global_scope;   /* all active flows form one component */
  bool link_reset_off; /* links keep their state when they become idle */
  bool arrivals_only;  /* no state update at completions */
} inf_options;

typedef struct inf_session inf_session;

/* model: read-only, shared by any number of sessions. n_links: links of the network. Flow slots grow as needed and are reused. */
m4_status inf_session_create(inf_session **session, const m4_model *model, int32_t n_links, const inf_options *options, m4_error *err);
void inf_session_free(inf_session *session);

typedef struct inf_flow {
  int64_t tag; /* the caller's number; breaks ties (lowest first), so use flow order */
  int64_t size_bytes;
  double ideal_fct_ns;
  const int32_t *links; /* path; copied */
  int32_t n_links;
  const float *params;  /* 13; copied */
} inf_flow;

/* The flow arrives now: time_ns >= the clock. Updates its component and its members' predictions. */
m4_status inf_arrive(inf_session *session, double time_ns, const inf_flow *flow, m4_error *err);
/* Smallest predicted completion over all active flows (lowest tag on ties); false when nothing is active. May lie before the clock
 * after a re-prediction: the caller clamps. */
bool inf_next(const inf_session *session, double *time_ns, int64_t *tag);
/* The flow leaves at time_ns. Updates what is left of its component. */
m4_status inf_complete(inf_session *session, double time_ns, int64_t tag, m4_error *err);

/* Facts for reports. */
typedef struct inf_counters { uint64_t events, updates; uint64_t updated_flows, updated_links; int32_t largest_component; } inf_counters;
inf_counters inf_count(const inf_session *session);
/* Predicted slowdown (clamped to >= 1) and release time of an active flow. False when unknown. */
bool inf_prediction(const inf_session *session, int64_t tag, double *slowdown, double *release_ns);

#endif
