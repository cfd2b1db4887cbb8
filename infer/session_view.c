/* Looking at a session: readouts of the auxiliary heads, predictions, facts. Knows its inside. */
#include "infer/session_internal.h"

#include <math.h>

/* ---- looking without touching ---- */

/* Takes the event that would be at time_ns in the component of a path. */
static m4_status imagine(inf_session *session, double time_ns, const int32_t *path, inf_request *request,
                         m4_error *err) {
  const inf_component *component = inf_components_of(&session->components, path);
  if (session->waits) return m4_fail(err, M4_USAGE, NULL, "the session waits for a step of its stack");
  if (!(time_ns >= session->clock_ns) || !isfinite(time_ns))
    return m4_fail(err, M4_USAGE, NULL, "the clock is at %.3f ns and cannot look at %.3f ns",
                   session->clock_ns, time_ns);
  *request = (inf_request){.new_row = -1};
  return inf_session_event(session, component, time_ns, &request->event, err);
}

m4_status inf_remaining(inf_session *session, double time_ns, int64_t tag, double *share, m4_error *err) {
  int32_t slot = inf_roster_find(&session->slots.active, tag), node = 0;
  if (slot < 0) return m4_fail(err, M4_USAGE, NULL, "flow %lld is not active", (long long)tag);
  if (!inf_model_of(session)->widths.has_size_head)
    return m4_fail(err, M4_USAGE, NULL, "the weights have no head for remaining sizes");
  inf_request request;
  double head;
  M4_TRY(imagine(session, time_ns, session->slots.list[slot].path, &request, err));
  while (session->snapshot.members[node] != slot) ++node;
  M4_TRY(inf_work_peek_size(&session->stack->work, &request, node, &head, err));
  *share = fmin(fmax(head, 0.0), 1.0);
  return M4_OK;
}

m4_status inf_queue(inf_session *session, double time_ns, int32_t link, double *bytes, m4_error *err) {
  *bytes = 0;
  if (link < 0 || link >= session->components.n_links)
    return m4_fail(err, M4_USAGE, NULL, "link %d of a network of %d links", (int)link,
                   (int)session->components.n_links);
  if (!inf_model_of(session)->widths.has_queue_head)
    return m4_fail(err, M4_USAGE, NULL, "the weights have no head for queues");
  if (session->components.flow_count[link] == 0) return M4_OK;
  inf_request request;
  double head;
  int32_t row = session->link_row[session->bundles.row[link]];
  M4_TRY(imagine(session, time_ns, &link, &request, err));
  M4_TRY(inf_work_peek_queue(&session->stack->work, &request, row, &head, err));
  *bytes = head > 0 ? head * head * head : 0; /* the head speaks in cube roots (training.md) */
  return M4_OK;
}

int32_t inf_sharers(const inf_session *session, int64_t tag) {
  int32_t row = inf_roster_find(&session->slots.active, tag);
  if (row < 0) return -1;
  return inf_components_of(&session->components, session->slots.list[row].path)->flows.count - 1;
}

/* ---- questions ---- */

double inf_clock(const inf_session *session) {
  return session->clock_ns;
}

int32_t inf_n_active(const inf_session *session) {
  return session->slots.active.count;
}

int64_t inf_active_tag(const inf_session *session, int32_t i) {
  return session->slots.active.members[i].key;
}

inf_counters inf_count(const inf_session *session) {
  return session->counters;
}

bool inf_prediction(const inf_session *session, int64_t tag, double *slowdown, double *release_ns) {
  int32_t row = inf_roster_find(&session->slots.active, tag);
  if (row < 0) return false;
  *slowdown = session->slots.list[row].slowdown;
  *release_ns = session->slots.list[row].release_ns;
  return true;
}

double inf_finish_ns(const inf_session *session, int64_t tag) {
  int32_t row = inf_roster_find(&session->slots.active, tag);
  return row < 0 ? NAN : inf_slot_finish_ns(&session->slots.list[row]);
}

const m4_model *inf_model(const inf_session *session) {
  return inf_model_of(session);
}
