/* Links that change, now or later. Part of the library for other programs. */
#include "sim/api_internal.h"

#include <stdlib.h>

/* A change to come, called as a timer. */
typedef struct link_plan {
  api_sim *sim;
  struct link_plan *next, **self; /* self: what points to this one */
  int32_t from, to;
  int64_t rate_bps;
} link_plan;

int32_t api_next_link(const api_sim *sim, int32_t from, int32_t to, int32_t after) {
  const sim_topology *topology = sim->scenario->topology;
  for (int32_t link = after + 1; link < topology->n_links; link++)
    if (topology->links[link].from == from && topology->links[link].to == to) return link;
  return -1;
}

static m4_status check(api_sim *sim, int32_t from, int32_t to, int64_t rate_bps, m4_error *err) {
  M4_TRY(sim->failed);
  if (!sim->backend->ops->change_link)
    return m4_fail(err, M4_USAGE, NULL, "the back end %s cannot change links", sim->backend->ops->name);
  if (rate_bps < 0)
    return m4_fail(err, M4_USAGE, NULL, "a link cannot have a rate of %lld bit/s", (long long)rate_bps);
  if (api_next_link(sim, from, to, -1) < 0)
    return m4_fail(err, M4_USAGE, NULL, "there is no link from node %d to node %d", from, to);
  return M4_OK;
}

static m4_status change_all(api_sim *sim, int32_t from, int32_t to, int64_t rate_bps, m4_error *err) {
  for (int32_t link = -1; (link = api_next_link(sim, from, to, link)) >= 0;) {
    M4_TRY(sim->backend->ops->change_link(sim->backend, link, rate_bps, sim->now_ns, err));
    sim->rates_bps[link] = rate_bps;
  }
  return M4_OK;
}

int m4_sim_set_link_rate(m4_sim *handle, int32_t from, int32_t to, int64_t rate_bps) {
  api_sim *sim = api_open(handle);
  if (!sim) return M4_SIM_USAGE;
  m4_status status = check(sim, from, to, rate_bps, &sim->error);
  if (status == M4_OK) status = change_all(sim, from, to, rate_bps, &sim->error);
  return api_outcome(sim, status);
}

int64_t m4_sim_link_rate(const m4_sim *handle, int32_t from, int32_t to) {
  const api_sim *sim = api_open(handle);
  int32_t link = sim ? api_next_link(sim, from, to, -1) : -1;
  return link < 0 ? -1 : sim->rates_bps[link];
}

/* ---- later ---- */

static void forget(link_plan *plan) {
  *plan->self = plan->next;
  if (plan->next) plan->next->self = plan->self;
  free(plan);
}

void api_link_plans_free(api_sim *sim) {
  while (sim->link_plans) forget(sim->link_plans);
}

static void carry_out(void *arg) {
  link_plan *plan = arg;
  api_sim *sim = plan->sim;
  sim->plan_status = change_all(sim, plan->from, plan->to, plan->rate_bps, &sim->plan_error);
  forget(plan);
}

static m4_status plan_change(api_sim *sim, double time_ns, int32_t from, int32_t to, int64_t rate_bps,
                             m4_error *err) {
  M4_TRY(check(sim, from, to, rate_bps, err));
  M4_TRY(api_check_time(sim, time_ns, "a link cannot change", err));
  link_plan *plan = malloc(sizeof *plan);
  if (!plan) return m4_fail(err, M4_MEMORY, NULL, "no memory for a change of a link");
  *plan = (link_plan){sim, sim->link_plans, &sim->link_plans, from, to, rate_bps};
  m4_status status = sim_timers_add(
      &sim->timers, (sim_timer){.time_ns = time_ns, .fn = carry_out, .arg = plan, .fixed = true}, err);
  if (status != M4_OK) {
    free(plan);
    return status;
  }
  if (plan->next) plan->next->self = &plan->next;
  sim->link_plans = plan;
  return M4_OK;
}

int m4_sim_set_link_rate_at(m4_sim *handle, double time_ns, int32_t from, int32_t to, int64_t rate_bps) {
  api_sim *sim = api_open(handle);
  if (!sim) return M4_SIM_USAGE;
  return api_outcome(sim, plan_change(sim, time_ns, from, to, rate_bps, &sim->error));
}
