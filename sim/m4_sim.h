/* Network simulation inside another program: flows go in while the simulation runs, callbacks come out. Plain
 * C, usable from C++ and through ctypes; needs no other header of this project. Source: simulation.md 8.
 *
 * Times are ns as double, bytes and bits per second are 64-bit. The clock starts at 0 and never runs back. At
 * one instant completions are delivered first, then timers in the order they were scheduled. Callbacks may do
 * everything except run the simulation; when one frees it, nothing more is called and the run ends.
 *
 * Functions that return int give 0 or one of m4_sim_status; m4_sim_error() then says what was wrong. A
 * refused call changes nothing. After a failed run only m4_sim_free and the questions are of use: every other
 * call repeats the failure. A simulation belongs to one thread at a time; several may run side by side.
 *
 * Misuse is defined, all of it M4_SIM_USAGE unless a function says otherwise:
 *
 * A handle without a simulation is refused by every call, and no memory but the handle's own is touched:
 * NULL, one that was freed (m4_sim_free empties it), one in which nothing was created. So is a copy of a
 * handle while the simulation lives; what is made of a copy afterwards nobody can tell. Pass pointers to the
 * handle itself, and leave it where it is.
 *
 * Numbers of flows and timers are never used twice: asking for a flow that is complete, or cancelling a timer
 * that was called or cancelled, is refused. Time never runs back and ends at 2^53 ns (104 days); NaN is no
 * time; only runs may be told INFINITY.
 *
 * Freeing twice does nothing. Freeing in a callback ends the run that called it; the handle is empty at once
 * and may be created in again. Running inside a callback is refused. */
#ifndef M4_SIM_H
#define M4_SIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The same numbers as the exit codes of the programs. */
enum m4_sim_status {
  M4_SIM_OK = 0,
  M4_SIM_BUG = 1,          /* internal error */
  M4_SIM_USAGE = 2,        /* a call that makes no sense */
  M4_SIM_DATA = 3,         /* bad network, settings, weights or flow */
  M4_SIM_IO_OR_MEMORY = 4, /* a file cannot be read, or memory is exhausted */
  M4_SIM_NUMERIC = 5       /* a prediction is not finite */
};

/* A handle: zero-initialise, create a simulation in it, pass its address. It is the caller's memory. */
typedef struct m4_sim {
  struct m4_sim_state *state; /* the library's; NULL = no simulation */
} m4_sim;

/* Zero-initialise, then set what is needed. Nothing is kept of it after m4_sim_create. */
typedef struct m4_sim_options {
  const char *topology_path;   /* ns-3 topology.txt, plain or .gz */
  const char *config_path;     /* ns-3 config.txt (congestion control and switches), which packet
                                  needs; NULL = defaults */
  const char *backend;         /* "flowsim", "m4" or "packet" */
  const char *checkpoint_path; /* m4: weights (.safetensors) */
  const double *params;        /* m4: the model's 13 inputs; NULL = derived from config_path */
  int64_t max_flows;           /* over the whole simulation; 0 = 100,000 */
  int32_t max_path_links;      /* longest path; 0 = 8 (a three-tier fabric has 6) */
} m4_sim_options;

/* A flow is complete: its number and its completion time counted from when it was added. */
typedef void (*m4_sim_flow_fn)(void *arg, int64_t flow, double fct_ns);
typedef void (*m4_sim_timer_fn)(void *arg);

/* After a failure *sim stays empty, and error (may be NULL) holds the reason, cut to error_bytes. USAGE also
 * for a handle that is not empty. A limit of flows in flight in config.txt is not applied: which flow starts
 * when is the caller's business. */
int m4_sim_create(m4_sim *sim, const m4_sim_options *options, char *error, size_t error_bytes);
void m4_sim_free(m4_sim *sim); /* NULL and empty handles accepted; callbacks that are due are not called */

/* A flow starts now. done (may be NULL) is called when it is complete. *flow (may be NULL): its number, 0 for
 * the first. DATA: unknown hosts, impossible size, no path; USAGE: more than max_flows. */
int m4_sim_add_flow(m4_sim *sim, int32_t src, int32_t dst, int64_t size_bytes, m4_sim_flow_fn done, void *arg,
                    int64_t *flow);
/* Calls fn in delay_ns >= 0 (finite). *timer (may be NULL): its number. */
int m4_sim_schedule(m4_sim *sim, double delay_ns, m4_sim_timer_fn fn, void *arg, int64_t *timer);
/* USAGE: the timer was called or cancelled before, or there never was one. */
int m4_sim_cancel(m4_sim *sim, int64_t timer);

/* All links from node `from` to its neighbour `to` (this direction only) have this rate from now on; 0 =
 * failed. Degrade, fail and repair with it; m4_sim_link_rate tells the rate to return to. What a failure does
 * to flows on the link depends on the back end: docs/simulate.md. USAGE: no such link, a negative rate. */
int m4_sim_set_link_rate(m4_sim *sim, int32_t from, int32_t to, int64_t rate_bps);
/* The same at time_ns >= now; at one instant after the completions, in turn with timers. */
int m4_sim_set_link_rate_at(m4_sim *sim, double time_ns, int32_t from, int32_t to, int64_t rate_bps);
/* Rate in force, of the first of several parallel links; -1 when there is none, or no simulation. */
int64_t m4_sim_link_rate(const m4_sim *sim, int32_t from, int32_t to);

/* Delivers everything up to and including time_ns >= now; the clock then stands there. INFINITY: until no
 * flow and no timer is left, or what is left can never finish (m4_sim_in_flight tells); the clock then stands
 * at the last event. */
int m4_sim_run_until(m4_sim *sim, double time_ns);

/* The same for callers that poll: stops at the first completion (its callback is called, too) with its number
 * in *flow and its FCT in *fct_ns, both may be NULL; *flow is -1 when there is none up to time_ns. */
int m4_sim_next(m4_sim *sim, double time_ns, int64_t *flow, double *fct_ns);

double m4_sim_now(const m4_sim *sim);        /* NAN without a simulation */
int64_t m4_sim_in_flight(const m4_sim *sim); /* flows added and not complete; 0 without a simulation */

/* What the back end knows now; nothing changes. All give USAGE for a flow that is not in flight, and when the
 * back end cannot tell. A flow added at this instant is in flight when the simulation has run on, be it to
 * now. */
int m4_sim_predicted_slowdown(m4_sim *sim, int64_t flow, double *slowdown); /* m4: FCT / ideal FCT */
int m4_sim_predicted_finish(m4_sim *sim, int64_t flow, double *time_ns);    /* m4, flowsim; INFINITY: never */
int m4_sim_flow_rate(m4_sim *sim, int64_t flow, double *bits_per_second);   /* flowsim */
/* flowsim; m4 when its weights have the auxiliary head (exported weights may lack it). */
int m4_sim_remaining_bytes(m4_sim *sim, int64_t flow, double *bytes);
/* Bytes that a packet would find waiting at the link from `from` to `to`: m4 with the auxiliary head. */
int m4_sim_queue_bytes(m4_sim *sim, int32_t from, int32_t to, double *bytes);

/* What was wrong with the last call that failed; "" before. Valid until the next call. Without a simulation:
 * why there is none. */
const char *m4_sim_error(const m4_sim *sim);

#ifdef __cplusplus
}
#endif

#endif
