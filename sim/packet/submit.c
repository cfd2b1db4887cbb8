/* Taking flows in: every flow is checked, all or none of a call are taken. See packet.h. */
#include "sim/packet/state.h"

#include <stdlib.h>

static const int64_t MAX_FLOW_BYTES = 4294000000; /* sequence numbers have 32 bits */

static m4_status check_flow(const pkt_sim *sim, const pkt_flow *flow, int64_t earliest_ns, m4_error *err) {
  const sim_topology *topology = sim->topology;
  long long tag = (long long)flow->tag;
  const int32_t ends[] = {flow->src, flow->dst};
  for (int i = 0; i < 2; i++)
    if (ends[i] < 0 || ends[i] >= topology->n_nodes || topology->is_switch[ends[i]])
      return m4_fail(err, M4_DATA, NULL, "flow %lld: node %d is not a host", tag, ends[i]);
  if (flow->src == flow->dst)
    return m4_fail(err, M4_DATA, NULL, "flow %lld: source and destination are both %d", tag, flow->src);
  if (flow->size_bytes < 1 || flow->size_bytes > MAX_FLOW_BYTES)
    return m4_fail(err, M4_DATA, NULL, "flow %lld: size %lld must be between 1 and %lld bytes", tag,
                   (long long)flow->size_bytes, (long long)MAX_FLOW_BYTES);
  if (flow->priority != PKT_DATA_PRIORITY)
    return m4_fail(err, M4_DATA, NULL, "flow %lld: priority group %d is not supported, only %d", tag,
                   flow->priority, PKT_DATA_PRIORITY);
  if (flow->start_ns < earliest_ns || flow->start_ns > PKT_MAX_TIME_NS)
    return m4_fail(err, M4_DATA, NULL, "flow %lld: start %lld ns must be between %lld and %lld", tag,
                   (long long)flow->start_ns, (long long)earliest_ns, (long long)PKT_MAX_TIME_NS);
  return M4_OK;
}

static m4_status grow_pairs(pkt_sim *sim, uint64_t needed, m4_error *err) {
  if (needed <= sim->pair_capacity) return M4_OK;
  uint64_t capacity = 2 * (uint64_t)sim->pair_capacity > needed ? 2 * (uint64_t)sim->pair_capacity : needed;
  if (capacity >= PKT_NONE)
    return m4_fail(err, M4_DATA, NULL, "%llu flows are too many", (unsigned long long)needed);
  pkt_queue_pair *pairs = realloc(sim->pairs, capacity * sizeof *pairs);
  if (pairs) sim->pairs = pairs;
  char *states = realloc(sim->cc_states, capacity * sim->cc->state_bytes);
  if (states) sim->cc_states = states;
  if (!pairs || !states)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %llu flows", (unsigned long long)needed);
  sim->pair_capacity = (uint32_t)capacity;
  return M4_OK;
}

m4_status pkt_submit(pkt_sim *sim, const pkt_flow *flows, int64_t n_flows, m4_error *err) {
  int64_t earliest =
      sim->n_read < sim->n_pairs ? sim->pairs[sim->n_pairs - 1].flow.start_ns : sim->events.now_ns;
  if (n_flows < 0) return m4_fail(err, M4_USAGE, NULL, "%lld flows", (long long)n_flows);
  M4_TRY(grow_pairs(sim, sim->n_pairs + (uint64_t)n_flows, err));
  M4_TRY(pkt_grow_port_counts(sim, sim->n_pairs + (uint64_t)n_flows, err));
  uint32_t before = sim->n_pairs;
  for (int64_t i = 0; i < n_flows; i++) {
    m4_status status = check_flow(sim, &flows[i], earliest, err);
    if (status != M4_OK) {
      sim->n_pairs = before;
      return status;
    }
    earliest = flows[i].start_ns;
    sim->pairs[sim->n_pairs++] = (pkt_queue_pair){.flow = flows[i], .nic_entry = PKT_NONE};
  }
  if (sim->n_read < sim->n_pairs && sim->events.events[sim->reader].place == PKT_IDLE)
    pkt_event_at(&sim->events, sim->reader, sim->pairs[sim->n_read].flow.start_ns, sim->reader_number);
  return M4_OK;
}
