/* A story as text and as JSON; see explain.h. */
#include "sim/explain_story.h"

#include "sim/metrics.h"

#include <jansson.h>
#include <math.h>

enum { JSON_DIGITS = 12 };

/* ---- text ---- */

static void put_head(FILE *out, const sim_explain *story, const char *backend, const sim_result *result) {
  const sim_flow *flow = sim_story_flow(story);
  fprintf(out, "flow %lld by %s: host %d to host %d, %lld bytes, %d links, ideal FCT %.3f us\n",
          (long long)flow->id, backend, flow->src, flow->dst, (long long)flow->size_bytes, flow->n_links,
          (double)flow->ideal_fct_ns * 1e-3);
  fprintf(out, "arrives at %.3f us", (double)flow->start_ns * 1e-3);
  if (result->release_ns[story->flow] > (double)flow->start_ns)
    fprintf(out, ", enters the network at %.3f us", result->release_ns[story->flow] * 1e-3);
  if (isnan(result->fct_ns[story->flow]))
    fprintf(out, "; does not complete\n");
  else
    fprintf(out, "; completes after %.3f us, slowdown %.3f\n", result->fct_ns[story->flow] * 1e-3,
            sim_slowdown(story->scenario, result, story->flow));
}

static void put_hops(FILE *out, const sim_explain *story) {
  const sim_flow *flow = sim_story_flow(story);
  fprintf(out, "\n%-14s %10s %10s %12s", "link", "Gbit/s", "others", "at a time");
  fputs(story->packets ? "    packets  queue mean    queue max   marked  dropped\n" : "\n", out);
  for (int32_t i = 0; i < flow->n_links; i++) {
    const sim_link *link = &story->scenario->topology->links[flow->links[i]];
    const sim_story_hop *hop = &story->hops[i];
    char name[32];
    snprintf(name, sizeof name, "%d-%d", link->from, link->to);
    fprintf(out, "%-14s %10.4g %10lld %12d", name, (double)link->rate_bps * 1e-9, (long long)hop->met,
            hop->most_others);
    if (story->packets)
      fprintf(out, " %10lld %9.0f B %10lld B %8lld %8lld", (long long)hop->packets,
              hop->queued > 0 ? hop->queue_bytes / (double)hop->queued : 0, (long long)hop->most_queue_bytes,
              (long long)hop->marked, (long long)hop->dropped);
    fputc('\n', out);
  }
}

static void put_number(FILE *out, int width, int digits, double value) {
  if (isnan(value))
    fprintf(out, "%*s", width, "-");
  else
    fprintf(out, "%*.*f", width, digits, value);
}

static void put_event(FILE *out, const sim_explain *story, const sim_story_event *event, double release_ns) {
  const char *verb = event->happening == SIM_FLOW_ARRIVES ? "arrives" : "completes";
  char what[64];
  if (event->flow == story->flow)
    snprintf(what, sizeof what, "it %s", verb);
  else
    snprintf(what, sizeof what, "flow %lld %s", (long long)story->scenario->flows[event->flow].id, verb);
  fprintf(out, "%12.3f  %-26s %6d %8d", (event->time_ns - release_ns) * 1e-3, what, event->common_links,
          event->sharers);
  put_number(out, 10, 3, event->view.slowdown);
  put_number(out, 16, 3, (event->view.finish_ns - release_ns) * 1e-3);
  put_number(out, 10, 3, event->view.rate_bps * 1e-9);
  put_number(out, 12, 0, event->view.remaining_bytes);
  fputc('\n', out);
}

void sim_explain_text(FILE *out, const sim_explain *explain, const char *backend, const sim_result *result) {
  put_head(out, explain, backend, result);
  put_hops(out, explain);
  if (explain->n_events == 0) return;
  fprintf(out, "\n%12s  %-26s %6s %8s %9s %15s %9s %11s\n", "after us", "event", "common", "sharers",
          "slowdown", "expected us", "Gbit/s", "bytes left");
  for (int64_t i = 0; i < explain->n_events; i++)
    put_event(out, explain, &explain->events[i], result->release_ns[explain->flow]);
}

/* ---- JSON ---- */

/* JSON has no NaN: what is not known is null. */
static json_t *number(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

static json_t *hop_json(const sim_explain *story, int32_t i) {
  const sim_link *link = &story->scenario->topology->links[sim_story_flow(story)->links[i]];
  const sim_story_hop *hop = &story->hops[i];
  json_t *root = json_object();
  json_object_set_new(root, "from", json_integer(link->from));
  json_object_set_new(root, "to", json_integer(link->to));
  json_object_set_new(root, "rate_bps", json_integer(link->rate_bps));
  json_object_set_new(root, "other_flows", json_integer(hop->met));
  json_object_set_new(root, "most_at_a_time", json_integer(hop->most_others));
  if (!story->packets) return root;
  json_object_set_new(root, "packets", json_integer(hop->packets));
  json_object_set_new(root, "queue_mean_bytes",
                      number(hop->queued > 0 ? hop->queue_bytes / (double)hop->queued : NAN));
  json_object_set_new(root, "queue_max_bytes", json_integer(hop->most_queue_bytes));
  json_object_set_new(root, "marked", json_integer(hop->marked));
  json_object_set_new(root, "dropped", json_integer(hop->dropped));
  return root;
}

static json_t *event_json(const sim_explain *story, const sim_story_event *event) {
  json_t *root = json_object();
  json_object_set_new(root, "time_ns", number(event->time_ns));
  json_object_set_new(root, "event",
                      json_string(event->happening == SIM_FLOW_ARRIVES ? "arrival" : "completion"));
  json_object_set_new(root, "flow_id", json_integer(story->scenario->flows[event->flow].id));
  json_object_set_new(root, "common_links", json_integer(event->common_links));
  json_object_set_new(root, "sharers", json_integer(event->sharers));
  json_object_set_new(root, "slowdown", number(event->view.slowdown));
  json_object_set_new(root, "expected_finish_ns", number(event->view.finish_ns));
  json_object_set_new(root, "rate_bps", number(event->view.rate_bps));
  json_object_set_new(root, "remaining_bytes", number(event->view.remaining_bytes));
  return root;
}

m4_status sim_explain_json(FILE *out, const sim_explain *explain, const char *backend,
                           const sim_result *result, m4_error *err) {
  const sim_flow *flow = sim_story_flow(explain);
  json_t *root = json_object(), *hops = json_array(), *events = json_array();
  bool finished = !isnan(result->fct_ns[explain->flow]);
  json_object_set_new(root, "flow_id", json_integer(flow->id));
  json_object_set_new(root, "backend", json_string(backend));
  json_object_set_new(root, "src", json_integer(flow->src));
  json_object_set_new(root, "dst", json_integer(flow->dst));
  json_object_set_new(root, "size_bytes", json_integer(flow->size_bytes));
  json_object_set_new(root, "start_ns", json_integer(flow->start_ns));
  json_object_set_new(root, "release_ns", number(result->release_ns[explain->flow]));
  json_object_set_new(root, "ideal_fct_ns", json_integer(flow->ideal_fct_ns));
  json_object_set_new(root, "fct_ns", number(result->fct_ns[explain->flow]));
  json_object_set_new(root, "slowdown",
                      number(finished ? sim_slowdown(explain->scenario, result, explain->flow) : NAN));
  for (int32_t i = 0; i < flow->n_links; i++) json_array_append_new(hops, hop_json(explain, i));
  for (int64_t i = 0; i < explain->n_events; i++)
    json_array_append_new(events, event_json(explain, &explain->events[i]));
  json_object_set_new(root, "links", hops);
  json_object_set_new(root, "events", events);
  int failed = json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(JSON_DIGITS));
  json_decref(root);
  fputc('\n', out);
  return failed ? m4_fail(err, M4_IO, NULL, "cannot write the story of flow %lld", (long long)flow->id)
                : M4_OK;
}
