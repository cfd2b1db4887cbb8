/* Questions about flows in flight and queues. Part of the library for other programs. */
#include "sim/api_internal.h"

#include <math.h>

static m4_status view(api_sim *sim, int64_t flow, sim_flow_view *seen, m4_error *err) {
  M4_TRY(sim->failed);
  if (flow < 0 || flow >= sim->n_flows)
    return m4_fail(err, M4_USAGE, NULL, "there is no flow %lld", (long long)flow);
  if (sim->finished[flow]) return m4_fail(err, M4_USAGE, NULL, "flow %lld is complete", (long long)flow);
  if (!sim->backend->ops->view_flow)
    return m4_fail(err, M4_USAGE, NULL, "the back end %s cannot show its flows", sim->backend->ops->name);
  /* What was added at this instant arrives when the back end gets there. */
  return sim->backend->ops->view_flow(sim->backend, flow, seen, err);
}

/* One number of a view; NAN means that the back end does not know it. */
static int answer(const m4_sim *handle, int64_t flow, size_t offset, const char *what, double *value) {
  api_sim *sim = api_open(handle);
  if (!sim) return M4_SIM_USAGE;
  sim_flow_view seen;
  m4_status status = api_check_result(value, &sim->error);
  if (status == M4_OK) status = view(sim, flow, &seen, &sim->error);
  double known = NAN;
  if (status == M4_OK) known = *(const double *)((const char *)&seen + offset);
  if (status == M4_OK && isnan(known))
    status = m4_fail(&sim->error, M4_USAGE, NULL, "the back end %s does not know %s", sim->backend->ops->name,
                     what);
  if (status == M4_OK) *value = known;
  return api_outcome(sim, status);
}

int m4_sim_predicted_slowdown(m4_sim *handle, int64_t flow, double *slowdown) {
  return answer(handle, flow, offsetof(sim_flow_view, slowdown), "slowdowns of flows in flight", slowdown);
}

int m4_sim_predicted_finish(m4_sim *handle, int64_t flow, double *time_ns) {
  return answer(handle, flow, offsetof(sim_flow_view, finish_ns), "when flows will finish", time_ns);
}

int m4_sim_flow_rate(m4_sim *handle, int64_t flow, double *bits_per_second) {
  return answer(handle, flow, offsetof(sim_flow_view, rate_bps), "rates of flows", bits_per_second);
}

int m4_sim_remaining_bytes(m4_sim *handle, int64_t flow, double *bytes) {
  return answer(handle, flow, offsetof(sim_flow_view, remaining_bytes),
                "what remains of flows (m4: its weights have no head for it)", bytes);
}

static m4_status queue(api_sim *sim, int32_t from, int32_t to, double *bytes, m4_error *err) {
  M4_TRY(sim->failed);
  int32_t link = api_next_link(sim, from, to, -1);
  if (link < 0) return m4_fail(err, M4_USAGE, NULL, "there is no link from node %d to node %d", from, to);
  if (!sim->backend->ops->view_queue)
    return m4_fail(err, M4_USAGE, NULL, "the back end %s does not know queues", sim->backend->ops->name);
  return sim->backend->ops->view_queue(sim->backend, link, bytes, err);
}

int m4_sim_queue_bytes(m4_sim *handle, int32_t from, int32_t to, double *bytes) {
  api_sim *sim = api_open(handle);
  if (!sim) return M4_SIM_USAGE;
  double known;
  m4_status status = api_check_result(bytes, &sim->error);
  if (status == M4_OK) status = queue(sim, from, to, &known, &sim->error);
  if (status == M4_OK) *bytes = known;
  return api_outcome(sim, status);
}
