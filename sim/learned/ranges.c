/* Reads input ranges and finds inputs outside of them; see ranges.h. */
#include "sim/learned/ranges.h"

#include "sim/scenario_parts.h"

#include <jansson.h>
#include <math.h>

static const char *const PARAM_NAMES[SIM_N_PARAMS] = {
    "buffer",  "window",          "DCTCP",        "DCQCN",       "HPCC",
    "TIMELY",  "DCTCP threshold", "DCQCN k_min",  "DCQCN k_max", "HPCC u_target",
    "HPCC AI", "TIMELY T_low",    "TIMELY T_high"};

/* ---- reading ---- */

static bool read_range(const json_t *pair, sim_range *range) {
  if (!json_is_array(pair) || json_array_size(pair) != 2) return false;
  const json_t *low = json_array_get(pair, 0), *high = json_array_get(pair, 1);
  if (!json_is_number(low) || !json_is_number(high)) return false;
  *range = (sim_range){json_number_value(low), json_number_value(high)};
  return range->low <= range->high;
}

static bool read_ranges(const json_t *root, sim_ranges *ranges) {
  const json_t *params = json_object_get(root, "params");
  bool good = read_range(json_object_get(root, "size_feature"), &ranges->size_feature) &&
              read_range(json_object_get(root, "n_links"), &ranges->n_links) && json_is_array(params) &&
              json_array_size(params) == SIM_N_PARAMS;
  for (size_t i = 0; good && i < SIM_N_PARAMS; i++)
    good = read_range(json_array_get(params, i), &ranges->params[i]);
  return good;
}

m4_status sim_ranges_parse(sim_ranges *ranges, const char *text, m4_error *err) {
  *ranges = (sim_ranges){0};
  if (!text) return M4_OK;
  json_t *root = json_loads(text, 0, NULL);
  ranges->known = read_ranges(root, ranges);
  json_decref(root);
  return ranges->known
             ? M4_OK
             : m4_fail(err, M4_DATA, "input_ranges", "not a list of [low, high] for each input of the model");
}

/* ---- comparing ---- */

/* How far a value lies outside; 0 inside. */
static double excess(sim_range range, double value) {
  return fmax(0, fmax(range.low - value, value - range.high));
}

static double size_of(const sim_flow *flow, m4_size_feature kind) {
  return m4_size_feature_of(flow->size_bytes, kind);
}

static double links_of(const sim_flow *flow, m4_size_feature kind) {
  (void)kind;
  return flow->n_links;
}

/* One warning for the flow that goes furthest and the number of flows outside. */
static m4_status warn_of_flows(sim_scenario *scenario, const char *input, sim_range range,
                               double (*value_of)(const sim_flow *, m4_size_feature), m4_size_feature kind,
                               m4_error *err) {
  int64_t furthest = 0, outside = 0;
  double most = 0;
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    double beyond = excess(range, value_of(&scenario->flows[i], kind));
    outside += beyond > 0;
    if (beyond <= most) continue;
    most = beyond;
    furthest = i;
  }
  if (outside == 0) return M4_OK;
  const sim_flow *flow = &scenario->flows[furthest];
  return sim_scenario_warn(
      scenario, err,
      "%s: %s of %lld flows outside the model's training range %g to %g; furthest is flow %lld (%lld bytes, "
      "%d links) with %g, by %g",
      scenario->name, input, (long long)outside, range.low, range.high, (long long)flow->id,
      (long long)flow->size_bytes, flow->n_links, value_of(flow, kind), most);
}

m4_status sim_ranges_warn(const sim_ranges *ranges, m4_size_feature kind, sim_scenario *scenario,
                          m4_error *err) {
  if (!ranges->known) return M4_OK;
  M4_TRY(warn_of_flows(scenario, "size feature", ranges->size_feature, size_of, kind, err));
  M4_TRY(warn_of_flows(scenario, "path length", ranges->n_links, links_of, kind, err));
  for (int i = 0; i < SIM_N_PARAMS; i++) {
    double value = (float)scenario->params[i], beyond = excess(ranges->params[i], value);
    if (beyond > 0)
      M4_TRY(sim_scenario_warn(
          scenario, err, "%s: parameter %d (%s) is %g, outside the model's training range %g to %g by %g",
          scenario->name, i, PARAM_NAMES[i], value, ranges->params[i].low, ranges->params[i].high, beyond));
  }
  return M4_OK;
}
