/* The questions about one scenario that are too slow for readers. */
#include "data/audit.h"
#include "data/busy_periods.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_CC = 4, FIRST_CC = 2 };

static m4_status bad(ds_findings *findings, ds_row_id row, int64_t index, int64_t value, const char *rule) {
  return ds_found_value(findings, row, index, value, rule);
}

/* Buffer and window are positive, one congestion control is chosen, nothing is negative. */
static m4_status audit_params(const ds_scenario *s, ds_findings *findings) {
  int n_chosen = 0;
  for (int i = 0; i < N_CC; ++i) {
    double choice = s->params[FIRST_CC + i];
    n_chosen += choice == 1;
    if (choice != 0 && choice != 1)
      M4_TRY(ds_found(findings, "scenario/params", "number %d is %g, must be 0 or 1: congestion control",
                      FIRST_CC + i, choice));
  }
  if (n_chosen != 1)
    M4_TRY(ds_found(findings, "scenario/params", "%d congestion controls are chosen, not one", n_chosen));
  for (int i = 0; i < M4_N_PARAMS; ++i)
    if (s->params[i] < 0)
      M4_TRY(ds_found(findings, "scenario/params", "number %d is negative: %g", i, s->params[i]));
  for (int i = 0; i < FIRST_CC; ++i)
    if (s->params[i] == 0) M4_TRY(ds_found(findings, "scenario/params", "number %d is 0", i));
  return M4_OK;
}

static bool repeats_link(const ds_scenario *s, int64_t first, int64_t hop) {
  for (int64_t before = first; before < hop; ++before)
    if (s->path_link[before] == s->path_link[hop]) return true;
  return false;
}

/* From host to host over switches, no link twice. */
static m4_status audit_path(const ds_scenario *s, int64_t f, ds_findings *findings) {
  int64_t first = s->path_offset[f], end = s->path_offset[f + 1];
  if (s->node_is_switch[s->src[f]]) M4_TRY(bad(findings, DS_ROW_FLOW_SRC, f, s->src[f], "is a switch"));
  if (s->node_is_switch[s->dst[f]]) M4_TRY(bad(findings, DS_ROW_FLOW_DST, f, s->dst[f], "is a switch"));
  if (s->src[f] == s->dst[f]) M4_TRY(bad(findings, DS_ROW_FLOW_DST, f, s->dst[f], "is the source, too"));
  for (int64_t hop = first; hop < end; ++hop) {
    if (hop > first && !s->node_is_switch[s->link_from[s->path_link[hop]]])
      M4_TRY(bad(findings, DS_ROW_PATH_LINK, hop, s->path_link[hop], "leads through a host"));
    if (repeats_link(s, first, hop))
      M4_TRY(bad(findings, DS_ROW_PATH_LINK, hop, s->path_link[hop], "is on the path already"));
  }
  return M4_OK;
}

/* Nothing is faster than its payload at the slowest line, and the way there. */
static m4_status audit_ideal(const ds_scenario *s, int64_t f, ds_findings *findings) {
  double delay_ns = 0, slowest_bps = INFINITY;
  for (int64_t hop = s->path_offset[f]; hop < s->path_offset[f + 1]; ++hop) {
    delay_ns += (double)s->link_delay_ns[s->path_link[hop]];
    slowest_bps = fmin(slowest_bps, (double)s->link_rate_bps[s->path_link[hop]]);
  }
  double least_ns = delay_ns + 8e9 * (double)s->size_bytes[f] / slowest_bps;
  if ((double)s->ideal_fct_ns[f] >= least_ns * (1 - 1e-9) - 1) return M4_OK;
  return bad(findings, DS_ROW_FLOW_IDEAL, f, s->ideal_fct_ns[f],
             "is less than the payload takes at line rate");
}

/* ---- received bytes ---- */

/* The active flows, ascending, as a linked list over flow numbers; node n_flows is the head. */
typedef struct actives {
  int32_t *next;
  int64_t *received; /* [n_flows] last known */
  int32_t head;
} actives;

static void start_flow(actives *list, int32_t flow) {
  int32_t at = list->head;
  while (list->next[at] != list->head && list->next[at] < flow) at = list->next[at];
  list->next[flow] = list->next[at];
  list->next[at] = flow;
}

static void end_flow(actives *list, int32_t flow) {
  int32_t at = list->head;
  while (list->next[at] != flow) at = list->next[at];
  list->next[at] = list->next[flow];
}

static m4_status audit_row(const ds_scenario *s, int64_t event, actives *list, ds_findings *findings) {
  int64_t first = s->received_offset[event], end = s->received_offset[event + 1];
  int32_t flow = list->next[list->head];
  for (int64_t i = first; i < end && flow != list->head; ++i, flow = list->next[flow]) {
    int64_t value = s->received_bytes[i];
    if (value < 0) continue;
    if (value > s->size_bytes[flow])
      M4_TRY(bad(findings, DS_ROW_RECEIVED_BYTES, i, value, "is more than the flow's size"));
    if (value < list->received[flow])
      M4_TRY(bad(findings, DS_ROW_RECEIVED_BYTES, i, value, "is less than at the event before"));
    list->received[flow] = value;
  }
  bool is_idle = list->next[list->head] == list->head;
  if (is_idle && end > first && s->received_bytes[first] > 0)
    M4_TRY(bad(findings, DS_ROW_RECEIVED_BYTES, first, s->received_bytes[first], "belongs to no flow"));
  return M4_OK;
}

static m4_status audit_received(const ds_scenario *s, const ds_events *events, ds_findings *findings,
                                m4_error *err) {
  size_t n_flows = (size_t)s->n_flows;
  actives list = {malloc((n_flows + 1) * sizeof *list.next), calloc(n_flows, sizeof *list.received),
                  (int32_t)n_flows};
  m4_status status = M4_OK;
  if (!list.next || !list.received)
    status = m4_fail(err, M4_MEMORY, s->name, "no memory to audit %zu flows", n_flows);
  else
    list.next[list.head] = list.head;
  for (int64_t event = 0; event < 2 * s->n_flows && status == M4_OK; ++event) {
    if (ds_is_arrival(events, event))
      start_flow(&list, events->flow[event]);
    else
      end_flow(&list, events->flow[event]);
    status = audit_row(s, event, &list, findings);
  }
  free(list.received);
  free(list.next);
  return status;
}

/* ---- busy periods ---- */

static m4_status compare_members(const ds_scenario *s, const ds_scenario *right, ds_findings *findings) {
  for (int64_t p = 0; p < s->n_periods; ++p) {
    int64_t first = s->period_flow_offset[p], n = s->period_flow_offset[p + 1] - first;
    int64_t right_first = right->period_flow_offset[p],
            right_n = right->period_flow_offset[p + 1] - right_first;
    bool same = n == right_n && memcmp(s->period_flow + first, right->period_flow + right_first,
                                       (size_t)n * sizeof *s->period_flow) == 0;
    if (!same)
      return ds_found(findings, "period/flow",
                      "busy period %lld: its %lld flows are not the %lld that share links in that time",
                      (long long)p, (long long)n, (long long)right_n);
  }
  return M4_OK;
}

/* They are found anew. After the first difference everything would be told as different. */
static m4_status audit_periods(const ds_scenario *s, ds_findings *findings, m4_error *err) {
  ds_scenario right = *s;
  m4_arena arena;
  M4_TRY(m4_arena_init(&arena, 64 * (size_t)s->n_flows + (1 << 16), err));
  m4_status status = ds_busy_periods(&right, &arena, err);
  if (status == M4_OK && right.n_periods != s->n_periods)
    status = ds_found(findings, "period/flow_offset", "%lld busy periods, but the flows form %lld",
                      (long long)s->n_periods, (long long)right.n_periods);
  else if (status == M4_OK)
    status = compare_members(s, &right, findings);
  m4_arena_free(&arena);
  return status;
}

m4_status ds_audit_scenario(const ds_scenario *scenario, const ds_events *events, ds_findings *findings,
                            m4_error *err) {
  M4_TRY(audit_params(scenario, findings));
  for (int64_t f = 0; f < scenario->n_flows; ++f) {
    M4_TRY(audit_path(scenario, f, findings));
    M4_TRY(audit_ideal(scenario, f, findings));
  }
  M4_TRY(audit_received(scenario, events, findings, err));
  return audit_periods(scenario, findings, err);
}
