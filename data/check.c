/* Is this scenario possible? The same questions before writing, after reading and in an audit. Knows
 * dataset.h and the event order. */
#include "data/events.h"

#include <math.h>
#include <string.h>

static const int64_t MAX_TIME_NS = INT64_C(1) << 61;
enum { MAX_FLOWS = 1 << 30 };

typedef struct checker {
  const ds_scenario *s;
  ds_findings *findings;
} checker;

static m4_status bad(const checker *c, ds_row_id row, int64_t index, int64_t value, const char *rule) {
  return ds_found_value(c->findings, row, index, value, rule);
}

static m4_status check_header(const checker *c) {
  const ds_scenario *s = c->s;
  size_t name_bytes = strlen(s->name);
  if (name_bytes == 0 || name_bytes > DS_MAX_NAME_BYTES)
    M4_TRY(ds_found(c->findings, "scenario/name", "%zu bytes long, must be 1 to %d", name_bytes,
                    DS_MAX_NAME_BYTES));
  for (const char *letter = s->name; *letter; ++letter)
    if ((unsigned char)*letter < ' ')
      M4_TRY(ds_found(c->findings, "scenario/name", "holds a control character"));
  for (int i = 0; i < M4_N_PARAMS; ++i)
    if (!isfinite(s->params[i]))
      M4_TRY(ds_found(c->findings, "scenario/params", "number %d is not finite", i));
  if (s->n_nodes < 1 || s->n_links < 2 || s->n_links % 2)
    M4_TRY(ds_found(c->findings, "link", "%d nodes and %d links: at least 1 node, 2 links per cable",
                    s->n_nodes, s->n_links));
  if (s->n_flows < 1 || s->n_flows > MAX_FLOWS)
    M4_TRY(ds_found(c->findings, "flow", "%lld flows, must be 1 to %d", (long long)s->n_flows, MAX_FLOWS));
  if (s->n_periods < 0 || s->n_periods > s->n_flows)
    M4_TRY(ds_found(c->findings, "period", "%lld busy periods of %lld flows", (long long)s->n_periods,
                    (long long)s->n_flows));
  return M4_OK;
}

static m4_status check_link(const checker *c, int32_t link) {
  const ds_scenario *s = c->s;
  int32_t from = s->link_from[link], to = s->link_to[link];
  if (from < 0 || from >= s->n_nodes) M4_TRY(bad(c, DS_ROW_LINK_FROM, link, from, "is not a node"));
  if (to < 0 || to >= s->n_nodes || to == from)
    M4_TRY(bad(c, DS_ROW_LINK_TO, link, to, "is not another node"));
  if (from != s->link_to[link ^ 1])
    M4_TRY(bad(c, DS_ROW_LINK_FROM, link, from, "is not where the other direction of the cable ends"));
  if (s->link_rate_bps[link] <= 0)
    M4_TRY(bad(c, DS_ROW_LINK_RATE, link, s->link_rate_bps[link], "must be positive"));
  if (s->link_delay_ns[link] < 0 || s->link_delay_ns[link] > MAX_TIME_NS)
    M4_TRY(bad(c, DS_ROW_LINK_DELAY, link, s->link_delay_ns[link], "is not a delay"));
  return M4_OK;
}

static m4_status check_network(const checker *c) {
  for (int32_t node = 0; node < c->s->n_nodes; ++node)
    if (c->s->node_is_switch[node] > 1)
      M4_TRY(bad(c, DS_ROW_NODE_IS_SWITCH, node, c->s->node_is_switch[node], "is neither 0 nor 1"));
  for (int32_t link = 0; link < c->s->n_links; ++link) M4_TRY(check_link(c, link));
  return M4_OK;
}

static m4_status check_flow(const checker *c, int64_t f) {
  const ds_scenario *s = c->s;
  int64_t fct = s->fct_ns[f], ideal = s->ideal_fct_ns[f];
  if (s->flow_id[f] < 0 || (f > 0 && s->flow_id[f] <= s->flow_id[f - 1]))
    M4_TRY(bad(c, DS_ROW_FLOW_ID, f, s->flow_id[f], "is negative or not larger than the id before it"));
  if (s->src[f] < 0 || s->src[f] >= s->n_nodes)
    M4_TRY(bad(c, DS_ROW_FLOW_SRC, f, s->src[f], "is not a node"));
  if (s->dst[f] < 0 || s->dst[f] >= s->n_nodes)
    M4_TRY(bad(c, DS_ROW_FLOW_DST, f, s->dst[f], "is not a node"));
  if (s->size_bytes[f] < 1) M4_TRY(bad(c, DS_ROW_FLOW_SIZE, f, s->size_bytes[f], "must be positive"));
  if (s->start_ns[f] < 0 || s->start_ns[f] > MAX_TIME_NS)
    M4_TRY(bad(c, DS_ROW_FLOW_START, f, s->start_ns[f], "is not a time"));
  if (ideal < 1 || ideal > MAX_TIME_NS) M4_TRY(bad(c, DS_ROW_FLOW_IDEAL, f, ideal, "is not a duration"));
  if (fct != -1 && (fct < ideal || fct > MAX_TIME_NS))
    M4_TRY(bad(c, DS_ROW_FLOW_FCT, f, fct, "is neither -1 nor at least the ideal completion time"));
  double flowsim = s->flowsim_fct_ns[f];
  if (!isfinite(flowsim) || (flowsim <= 0 && flowsim != -1))
    M4_TRY(ds_found(c->findings, "flow/flowsim_fct_ns", "value %g at %lld is neither -1 nor positive",
                    flowsim, (long long)f));
  return M4_OK;
}

/* Behind a wrong link the path cannot be followed. */
static m4_status check_path(const checker *c, int64_t f) {
  const ds_scenario *s = c->s;
  int64_t first = s->path_offset[f], end = s->path_offset[f + 1];
  if (first >= end) return bad(c, DS_ROW_PATH_OFFSET, f + 1, end, "leaves the flow without a path");
  if (end - first > s->n_links)
    return bad(c, DS_ROW_PATH_OFFSET, f + 1, end, "makes the path longer than the network");
  for (int64_t hop = first; hop < end; ++hop)
    if (s->queue_bytes[hop] < -1)
      M4_TRY(bad(c, DS_ROW_QUEUE_BYTES, hop, s->queue_bytes[hop], "is neither -1 nor a size"));
  int32_t node = s->src[f];
  for (int64_t hop = first; hop < end; ++hop) {
    int32_t link = s->path_link[hop];
    if (link < 0 || link >= s->n_links) return bad(c, DS_ROW_PATH_LINK, hop, link, "is not a link");
    if (s->link_from[link] != node)
      return bad(c, DS_ROW_PATH_LINK, hop, link, "does not start where the path is");
    node = s->link_to[link];
  }
  return node == s->dst[f]
             ? M4_OK
             : bad(c, DS_ROW_PATH_LINK, end - 1, s->path_link[end - 1], "does not end at the destination");
}

/* A row lists the active flows, or is empty: not recorded. The reference's single 0 for "nobody" is accepted.
 */
static m4_status check_received(const checker *c, const ds_events *events) {
  const ds_scenario *s = c->s;
  int64_t n_active = 0;
  for (int64_t e = 0; e < 2 * s->n_flows; ++e) {
    n_active += ds_is_arrival(events, e) ? 1 : -1;
    int64_t length = s->received_offset[e + 1] - s->received_offset[e];
    bool nobody = n_active == 0 && length == 1;
    if (length != 0 && length != n_active && !nobody)
      M4_TRY(ds_found(c->findings, ds_schema[DS_ROW_RECEIVED_OFFSET].path,
                      "row %lld has %lld values for %lld active flows", (long long)e, (long long)length,
                      (long long)n_active));
  }
  if (!s->received_bytes) return M4_OK;
  for (int64_t i = 0; i < s->received_offset[2 * s->n_flows]; ++i)
    if (s->received_bytes[i] < -1)
      M4_TRY(bad(c, DS_ROW_RECEIVED_BYTES, i, s->received_bytes[i], "is neither -1 nor a size"));
  return M4_OK;
}

/* Claims the flows of a period for it. */
static m4_status check_period_flows(const checker *c, int64_t p, int32_t *owner) {
  const ds_scenario *s = c->s;
  int64_t first = s->period_flow_offset[p], end = s->period_flow_offset[p + 1];
  if (first >= end) return bad(c, DS_ROW_PERIOD_FLOW_OFFSET, p + 1, end, "leaves the period without flows");
  int64_t start_ns = INT64_MAX, end_ns = 0;
  for (int64_t i = first; i < end; ++i) {
    int32_t f = s->period_flow[i];
    if (f < 0 || f >= s->n_flows || (i > first && f <= s->period_flow[i - 1]))
      return bad(c, DS_ROW_PERIOD_FLOW, i, f, "is not a flow or not ascending");
    if (owner[f] >= 0) return bad(c, DS_ROW_PERIOD_FLOW, i, f, "is in an earlier period already");
    if (s->fct_ns[f] < 0) return bad(c, DS_ROW_PERIOD_FLOW, i, f, "is a flow that never finished");
    owner[f] = (int32_t)p;
    if (s->start_ns[f] < start_ns) start_ns = s->start_ns[f];
    if (s->start_ns[f] + s->fct_ns[f] > end_ns) end_ns = s->start_ns[f] + s->fct_ns[f];
  }
  if (s->period_start_ns[p] != start_ns)
    M4_TRY(bad(c, DS_ROW_PERIOD_START, p, s->period_start_ns[p], "is not the first arrival"));
  if (s->period_end_ns[p] != end_ns)
    M4_TRY(bad(c, DS_ROW_PERIOD_END, p, s->period_end_ns[p], "is not the last departure"));
  return M4_OK;
}

/* 2n ascending events that all belong to the n flows are exactly the flows' events. */
static m4_status check_period_events(const checker *c, int64_t p, const int32_t *owner,
                                     const ds_events *events) {
  const ds_scenario *s = c->s;
  int64_t first = 2 * s->period_flow_offset[p], end = 2 * s->period_flow_offset[p + 1];
  int32_t n_active = 0, max_active = 0;
  for (int64_t i = first; i < end; ++i) {
    int64_t e = s->period_event[i];
    if (e < 0 || e >= 2 * s->n_flows || (i > first && e <= s->period_event[i - 1]))
      return bad(c, DS_ROW_PERIOD_EVENT, i, e, "is not an event or not ascending");
    if (owner[events->flow[e]] != p)
      return bad(c, DS_ROW_PERIOD_EVENT, i, e, "is an event of a flow outside the period");
    n_active += ds_is_arrival(events, e) ? 1 : -1;
    if (n_active > max_active) max_active = n_active;
  }
  if (s->period_max_active[p] != max_active)
    return bad(c, DS_ROW_PERIOD_ACTIVE, p, s->period_max_active[p],
               "is not the largest number of active flows");
  return M4_OK;
}

static m4_status check_periods(const checker *c, const ds_events *events, m4_arena *arena, m4_error *err) {
  const ds_scenario *s = c->s;
  for (int64_t p = 0; p <= s->n_periods; ++p)
    if (s->period_event_offset[p] != 2 * s->period_flow_offset[p])
      return ds_found(c->findings, "period/event", "offset %lld of period %lld is not twice the flow offset",
                      (long long)s->period_event_offset[p], (long long)p);
  size_t mark = m4_arena_mark(arena);
  int32_t *owner = m4_arena_alloc(arena, (size_t)s->n_flows, sizeof *owner);
  if (!owner) return m4_fail(err, M4_MEMORY, NULL, "no memory to check %lld flows", (long long)s->n_flows);
  memset(owner, -1, (size_t)s->n_flows * sizeof *owner);
  m4_status status = M4_OK;
  for (int64_t p = 0; p < s->n_periods && status == M4_OK; ++p) {
    int64_t before = c->findings->count;
    status = check_period_flows(c, p, owner);
    if (status == M4_OK && c->findings->count == before) status = check_period_events(c, p, owner, events);
  }
  m4_arena_release(arena, mark);
  return status;
}

static m4_status check_offsets(const checker *c, ds_row_id row, const int64_t *offsets, int64_t count) {
  if (offsets[0] != 0) return bad(c, row, 0, offsets[0], "must be 0");
  for (int64_t i = 0; i < count; ++i)
    if (offsets[i + 1] < offsets[i])
      return bad(c, row, i + 1, offsets[i + 1], "is smaller than the offset before it");
  return M4_OK;
}

static m4_status check_all_offsets(const checker *c) {
  M4_TRY(check_offsets(c, DS_ROW_PATH_OFFSET, c->s->path_offset, c->s->n_flows));
  M4_TRY(check_offsets(c, DS_ROW_RECEIVED_OFFSET, c->s->received_offset, 2 * c->s->n_flows));
  return check_offsets(c, DS_ROW_PERIOD_FLOW_OFFSET, c->s->period_flow_offset, c->s->n_periods);
}

m4_status ds_find_problems(const ds_scenario *scenario, ds_findings *findings, bool *sound, ds_events *events,
                           m4_arena *arena, m4_error *err) {
  const checker c = {scenario, findings};
  int64_t before = findings->count;
  *sound = false;
  M4_TRY(check_header(&c));
  M4_TRY(check_all_offsets(&c));
  if (findings->count > before) return M4_OK;
  M4_TRY(check_network(&c));
  for (int64_t f = 0; f < scenario->n_flows; ++f) {
    M4_TRY(check_flow(&c, f));
    M4_TRY(check_path(&c, f));
  }
  if (findings->count > before) return M4_OK;
  M4_TRY(ds_order_events(events, scenario, arena, err));
  M4_TRY(check_received(&c, events));
  M4_TRY(check_periods(&c, events, arena, err));
  *sound = findings->count == before;
  return M4_OK;
}

m4_status ds_check_scenario(const ds_scenario *scenario, ds_events *events, m4_arena *arena, m4_error *err) {
  ds_findings first = {.err = err};
  bool sound;
  return ds_find_problems(scenario, &first, &sound, events, arena, err);
}
