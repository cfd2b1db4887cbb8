/* Watches a flow; see explain.h. Writing is in explain_write.c. */
#include "sim/explain_story.h"

#include <math.h>
#include <stdlib.h>

static const sim_flow_view NOTHING = {NAN, NAN, NAN, NAN, -1};

/* ---- the story ---- */

m4_status sim_explain_create(sim_explain **explain, const sim_scenario *scenario, int64_t flow,
                             m4_error *err) {
  int32_t n_links = scenario->topology->n_links;
  sim_explain *story = *explain = calloc(1, sizeof *story);
  if (!story) return m4_fail(err, M4_MEMORY, NULL, "no memory for a story");
  *story = (sim_explain){.scenario = scenario, .flow = flow};
  const sim_flow *watched = sim_story_flow(story);
  story->hops = calloc((size_t)watched->n_links + 1, sizeof *story->hops);
  story->hop_of = malloc((size_t)n_links * sizeof *story->hop_of);
  if (!story->hops || !story->hop_of) {
    sim_explain_free(story);
    *explain = NULL;
    return m4_fail(err, M4_MEMORY, NULL, "no memory for a story");
  }
  for (int32_t link = 0; link < n_links; link++) story->hop_of[link] = -1;
  for (int32_t hop = 0; hop < watched->n_links; hop++) story->hop_of[watched->links[hop]] = hop;
  return M4_OK;
}

void sim_explain_free(sim_explain *explain) {
  if (!explain) return;
  free(explain->hops);
  free(explain->hop_of);
  free(explain->events);
  free(explain);
}

static m4_status add_event(sim_explain *story, const sim_story_event *event, m4_error *err) {
  if (story->n_events == story->capacity) {
    int64_t capacity = story->capacity ? 2 * story->capacity : 64;
    sim_story_event *larger = realloc(story->events, (size_t)capacity * sizeof *larger);
    if (!larger)
      return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld events of a story", (long long)capacity);
    story->events = larger;
    story->capacity = capacity;
  }
  story->events[story->n_events++] = *event;
  return M4_OK;
}

/* Another flow comes onto the path or leaves it. Returns the links in common. */
static int32_t count_sharer(sim_explain *story, const sim_flow *flow, bool comes) {
  int32_t common = 0;
  for (int32_t i = 0; i < flow->n_links; i++) {
    int32_t hop = story->hop_of[flow->links[i]];
    if (hop < 0) continue;
    common++;
    sim_story_hop *shared = &story->hops[hop];
    shared->others += comes ? 1 : -1;
    shared->met += comes && story->active;
    if (story->active && shared->others > shared->most_others) shared->most_others = shared->others;
  }
  if (common > 0) story->sharers += comes ? 1 : -1;
  return common;
}

/* Those who are there already when the flow arrives are met, too. */
static void begin(sim_explain *story) {
  story->active = true;
  for (int32_t hop = 0; hop < sim_story_flow(story)->n_links; hop++)
    story->hops[hop].met = story->hops[hop].most_others = story->hops[hop].others;
}

static bool same(double a, double b) {
  return a == b || (isnan(a) && isnan(b));
}

static bool expects_the_same(const sim_explain *story, const sim_flow_view *view) {
  const sim_flow_view *last = &story->events[story->n_events - 1].view;
  return same(last->finish_ns, view->finish_ns) && same(last->rate_bps, view->rate_bps);
}

/* ---- a back end around another ---- */

typedef struct watcher {
  sim_backend base;
  sim_backend_ops ops; /* the inner one's with ours in place */
  sim_backend *inner;
  sim_explain *story;
  struct {
    double time_ns;
    int64_t flow;
  } * arrivals; /* [first .. count-1] announced and not passed on */
  int64_t first, count, capacity;
} watcher;

static m4_status submit(sim_backend *backend, const int64_t *flows, const double *times_ns, int64_t count,
                        m4_error *err) {
  watcher *self = (watcher *)backend;
  if (self->count + count > self->capacity) {
    int64_t capacity = 2 * (self->count + count);
    void *larger = realloc(self->arrivals, (size_t)capacity * sizeof *self->arrivals);
    if (!larger)
      return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld announced flows", (long long)capacity);
    self->arrivals = larger;
    self->capacity = capacity;
  }
  for (int64_t i = 0; i < count; i++) {
    self->arrivals[self->count].time_ns = times_ns[i];
    self->arrivals[self->count++].flow = flows[i];
  }
  return M4_OK;
}

/* After an event: looks at the flow and notes what mattered. */
static m4_status note(watcher *self, double time_ns, sim_happening happening, int64_t flow, m4_error *err) {
  sim_explain *story = self->story;
  bool own = flow == story->flow, comes = happening == SIM_FLOW_ARRIVES;
  if (own && comes) begin(story);
  if (own && !comes) story->active = false;
  int32_t common = own ? 0 : count_sharer(story, &story->scenario->flows[flow], comes);
  if (!own && !story->active) return M4_OK;
  sim_story_event event = {time_ns, happening, flow, common, story->sharers, NOTHING};
  if (story->active) M4_TRY(self->inner->ops->view_flow(self->inner, story->flow, &event.view, err));
  if (!own && common == 0 && expects_the_same(story, &event.view)) return M4_OK;
  return add_event(story, &event, err);
}

/* One arrival at a time, so that each can be looked at. */
static m4_status advance(sim_backend *backend, double limit_ns, bool *found, sim_completion *completion,
                         m4_error *err) {
  watcher *self = (watcher *)backend;
  sim_backend *inner = self->inner;
  for (;;) {
    double arrival_ns = self->first < self->count ? self->arrivals[self->first].time_ns : INFINITY;
    M4_TRY(inner->ops->advance(inner, fmin(limit_ns, arrival_ns), found, completion, err));
    if (!*found) {
      if (arrival_ns > limit_ns || isinf(arrival_ns)) return M4_OK;
      int64_t flow = self->arrivals[self->first++].flow;
      M4_TRY(inner->ops->submit(inner, &flow, &arrival_ns, 1, err));
      M4_TRY(inner->ops->advance(inner, arrival_ns, found, completion, err));
      M4_TRY(note(self, arrival_ns, SIM_FLOW_ARRIVES, flow, err));
    }
    if (*found) return note(self, completion->time_ns, SIM_FLOW_COMPLETES, completion->flow, err);
  }
}

static void count_events(const sim_backend *backend, uint64_t *events, uint64_t *clamped) {
  const watcher *self = (const watcher *)backend;
  self->inner->ops->count(self->inner, events, clamped);
}

static m4_status change_link(sim_backend *backend, int32_t link, int64_t rate_bps, double time_ns,
                             m4_error *err) {
  watcher *self = (watcher *)backend;
  return self->inner->ops->change_link(self->inner, link, rate_bps, time_ns, err);
}

static void destroy(sim_backend *backend) {
  watcher *self = (watcher *)backend;
  sim_backend_free(self->inner);
  free(self->arrivals);
  free(self);
}

m4_status sim_explain_wrap(sim_explain *explain, sim_backend **backend, m4_error *err) {
  sim_backend *inner = *backend;
  if (!inner->ops->view_flow)
    return m4_fail(err, M4_USAGE, NULL, "the back end %s cannot show its flows", inner->ops->name);
  watcher *self = calloc(1, sizeof *self);
  if (!self) return m4_fail(err, M4_MEMORY, NULL, "no memory for a watcher");
  self->ops = (sim_backend_ops){.name = inner->ops->name,
                                .submit = submit,
                                .advance = advance,
                                .change_link = inner->ops->change_link ? change_link : NULL,
                                .count = count_events,
                                .destroy = destroy,
                                .limits_flows = inner->ops->limits_flows};
  self->base = (sim_backend){&self->ops, inner->scenario};
  self->inner = inner;
  self->story = explain;
  *backend = &self->base;
  return M4_OK;
}

/* ---- in the packet simulator ---- */

static void flow_start(void *ctx, int64_t time_ns, int64_t flow) {
  sim_explain *story = ctx;
  (void)time_ns;
  if (flow == story->flow)
    begin(story);
  else
    count_sharer(story, &story->scenario->flows[flow], true);
}

static void flow_done(void *ctx, int64_t time_ns, int64_t flow) {
  sim_explain *story = ctx;
  (void)time_ns;
  if (flow == story->flow)
    story->active = false;
  else
    count_sharer(story, &story->scenario->flows[flow], false);
}

/* A data packet of the flow at a link of its path. */
static void packet(void *ctx, const pkt_packet_event *event) {
  sim_explain *story = ctx;
  if (event->flow != story->flow || event->kind != PKT_DATA || story->hop_of[event->link] < 0) return;
  sim_story_hop *hop = &story->hops[story->hop_of[event->link]];
  if (event->action == PKT_DROPPED) hop->dropped++;
  if (event->action == PKT_DEQUEUED) hop->packets++;
  if (event->action == PKT_DEQUEUED) hop->marked += event->marked;
  if (event->action != PKT_ENQUEUED) return;
  hop->queued++;
  hop->queue_bytes += (double)event->queue_bytes;
  if (event->queue_bytes > hop->most_queue_bytes) hop->most_queue_bytes = event->queue_bytes;
}

pkt_probe sim_explain_probe(sim_explain *explain) {
  explain->packets = true;
  return (pkt_probe){.ctx = explain, .flow_start = flow_start, .flow_done = flow_done, .packet = packet};
}
