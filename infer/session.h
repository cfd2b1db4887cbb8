/* A trained model at work online: flow and link states, components, predictions. Time runs forward; the
 * caller decides what happens next (sim/learned), this file knows only the model. Knows nn. Source:
 * simulation.md 2-5.
 *
 * Times are ns as double; subtract the first arrival of a scenario so that they stay small. After a failed
 * call other than M4_USAGE a session can only be freed. */
#ifndef INFER_SESSION_H
#define INFER_SESSION_H

#include "nn/m4.h"

typedef struct inf_options {
  bool global_scope;   /* all active flows form one component */
  bool link_reset_off; /* links keep their state when they become idle */
  bool arrivals_only;  /* no state update at completions */
} inf_options;

typedef struct inf_session inf_session;

/* model: read-only, shared by any number of sessions. n_links: links of the network. options may be NULL (all
 * false). Flow slots grow as needed and are reused; in a network whose load has settled no event allocates
 * memory. */
m4_status inf_session_create(inf_session **session, const m4_model *model, int32_t n_links,
                             const inf_options *options, m4_error *err);
void inf_session_free(inf_session *session); /* NULL accepted */

/* Tells the line rate of a link, before flows use it; read by models with fluid features only. */
void inf_set_link_rate(inf_session *session, int32_t link, int64_t rate_bps);

typedef struct inf_flow {
  int64_t
      tag; /* the caller's number, unique among active flows; breaks ties (lowest first), so use flow order */
  int64_t size_bytes;
  double ideal_fct_ns;
  const int32_t *links; /* path, at least one link; copied */
  int32_t n_links;
  const float *params; /* 13; copied */
} inf_flow;

/* The flow arrives now. Updates its component and its members' predictions. M4_USAGE: time before the clock,
 * tag in use, impossible size, ideal FCT or path. M4_NUMERIC: a prediction is not finite. */
m4_status inf_arrive(inf_session *session, double time_ns, const inf_flow *flow, m4_error *err);
/* Smallest predicted completion over all active flows (lowest tag on ties); false when nothing is active. May
 * lie before the clock after a re-prediction: the caller clamps. */
bool inf_next(const inf_session *session, double *time_ns, int64_t *tag);
/* The flow leaves at time_ns; updates what is left of its component. A time before the clock sets the clock
 * back (the reference's behaviour without clamping): the time step is then skipped. M4_USAGE: unknown tag. */
m4_status inf_complete(inf_session *session, double time_ns, int64_t tag, m4_error *err);

/* The active flows by tag: how many, and the tag of number i. */
int32_t inf_n_active(const inf_session *session);
int64_t inf_active_tag(const inf_session *session, int32_t i);

/* From time_ns >= the clock on, the flow would take ideal_fct_ns (INFINITY: never finish) alone in the
 * network: what is left of it by the prediction so far is predicted at that pace. M4_USAGE: not active, time
 * before the clock. */
m4_status inf_change_ideal(inf_session *session, double time_ns, int64_t tag, double ideal_fct_ns,
                           m4_error *err);

/* What the auxiliary heads say at time_ns >= the clock, as if an event happened then; nothing changes.
 * M4_USAGE: the weights have no such head, an unknown flow or link, a time before the clock. */
m4_status inf_remaining(inf_session *session, double time_ns, int64_t tag, double *share, m4_error *err);
m4_status inf_queue(inf_session *session, double time_ns, int32_t link, double *bytes, m4_error *err);
/* Other flows of an active flow's component; -1 when it is not active. */
int32_t inf_sharers(const inf_session *session, int64_t tag);

/* Time of the last event; 0 before the first. */
double inf_clock(const inf_session *session);

/* Facts for reports. */
typedef struct inf_counters {
  uint64_t events;                       /* arrivals and completions */
  uint64_t updates;                      /* state updates: events that left an active flow in the component */
  uint64_t updated_flows, updated_links; /* sums over updates */
  uint64_t updated_bundles;              /* rows of links really computed: equal ones share one */
  int32_t largest_component;             /* flows + links */
} inf_counters;
inf_counters inf_count(const inf_session *session);
/* Predicted slowdown (clamped to >= 1) and release time of an active flow. False when unknown. */
bool inf_prediction(const inf_session *session, int64_t tag, double *slowdown, double *release_ns);
/* Predicted completion of an active flow; NAN when unknown, INFINITY when it cannot finish. */
double inf_finish_ns(const inf_session *session, int64_t tag);
const m4_model *inf_model(const inf_session *session);

#endif
