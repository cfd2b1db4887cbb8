/* Exports: CSV and JSON tell the facts of the dataset, of a scenario and of one busy period; ns-3 files hold
 * what the dataset knows. */
#include "tests/dataset/synthetic.h"

#include "data/export.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const synthetic_options STAR = {.seed = 5, .n_hosts = 6, .n_flows = 30, .mean_gap_ns = 30000};

typedef struct fixture {
  m4_arena arena;
  ds_scenario facts;
  ds_events events;
  ds_selection all, part;
  char *dir;
} fixture;

static void setup(fixture *f, void **state) {
  m4_error err = {0};
  assert_ok(m4_arena_init(&f->arena, (size_t)1 << 28, &err), &err);
  f->facts = synthetic_scenario(&f->arena, "star", STAR);
  assert_ok(ds_order_events(&f->events, &f->facts, &f->arena, &err), &err);
  int64_t longest = 0;
  for (int64_t p = 1; p < f->facts.n_periods; ++p) {
    const int64_t *offset = f->facts.period_flow_offset;
    if (offset[p + 1] - offset[p] > offset[longest + 1] - offset[longest]) longest = p;
  }
  assert_ok(ds_select(&f->all, &f->facts, &f->events, -1, &f->arena, &err), &err);
  assert_ok(ds_select(&f->part, &f->facts, &f->events, longest, &f->arena, &err), &err);
  assert_true(f->part.n_flows > 1 && f->part.n_flows < f->facts.n_flows);
  f->dir = strdup(scratch_path(state, "out"));
}

static void teardown(fixture *f) {
  free(f->dir);
  m4_arena_free(&f->arena);
}

static FILE *open_csv(const fixture *f, const char *name, const char *header) {
  char path[4096], line[4096];
  snprintf(path, sizeof path, "%s/%s", f->dir, name);
  FILE *in = fopen(path, "r");
  assert_non_null(in);
  assert_non_null(fgets(line, sizeof line, in));
  line[strcspn(line, "\n")] = '\0';
  assert_string_equal(line, header);
  return in;
}

static int64_t flow_of_id(const ds_scenario *s, long long id) {
  for (int64_t f = 0; f < s->n_flows; ++f)
    if (s->flow_id[f] == id) return f;
  fail_msg("there is no flow %lld", id);
  return -1;
}

static void check_flows(const fixture *f, const ds_selection *selection) {
  const ds_scenario *s = &f->facts;
  FILE *in =
      open_csv(f, "flows.csv",
               "flow_id,src,dst,size_bytes,start_ns,fct_ns,ideal_fct_ns,flowsim_fct_ns,slowdown,path_links,"
               "queue_bytes");
  int64_t n = 0;
  long long id, size, start, fct, ideal, queue0, queue1;
  int src, dst, link0, link1;
  double flowsim, slowdown;
  while (fscanf(in, "%lld,%d,%d,%lld,%lld,%lld,%lld,%lf,%lf,%d;%d,%lld;%lld\n", &id, &src, &dst, &size,
                &start, &fct, &ideal, &flowsim, &slowdown, &link0, &link1, &queue0, &queue1) == 13) {
    int64_t at = selection->flow[n++];
    assert_int_equal(id, s->flow_id[at]);
    assert_true(src == s->src[at] && dst == s->dst[at] && size == s->size_bytes[at] &&
                start == s->start_ns[at]);
    assert_true(fct == s->fct_ns[at] && ideal == s->ideal_fct_ns[at]);
    assert_float_equal(flowsim, s->flowsim_fct_ns[at], 1e-6 * flowsim);
    assert_float_equal(slowdown, (double)fct / (double)ideal, 1e-6);
    assert_true(link0 == s->path_link[s->path_offset[at]] && link1 == s->path_link[s->path_offset[at] + 1]);
    assert_true(queue0 == s->queue_bytes[s->path_offset[at]] &&
                queue1 == s->queue_bytes[s->path_offset[at] + 1]);
  }
  assert_true(feof(in));
  assert_int_equal(n, selection->n_flows);
  fclose(in);
}

static void check_events(const fixture *f, const ds_selection *selection) {
  FILE *in = open_csv(f, "events.csv", "event,time_ns,kind,flow_id,active_flows");
  long long event, time_ns, id, active, before = -1, expected_active = 0;
  char kind[16];
  int64_t n = 0;
  while (fscanf(in, "%lld,%lld,%15[a-z],%lld,%lld\n", &event, &time_ns, kind, &id, &active) == 5) {
    int64_t flow = flow_of_id(&f->facts, id);
    bool is_arrival = strcmp(kind, "arrival") == 0;
    expected_active += is_arrival ? 1 : -1;
    assert_int_equal(event, selection->event[n++]);
    assert_true(time_ns >= before);
    assert_int_equal(time_ns, f->facts.start_ns[flow] + (is_arrival ? 0 : f->facts.fct_ns[flow]));
    assert_int_equal(active, expected_active);
    before = time_ns;
  }
  assert_true(feof(in));
  assert_int_equal(n, selection->n_events);
  assert_int_equal(expected_active, 0);
  fclose(in);
}

/* The invented counters grow linearly: each value can be computed again. */
static void check_received(const fixture *f, const ds_selection *selection) {
  FILE *in = open_csv(f, "received.csv", "event,flow_id,received_bytes");
  long long event, id, value;
  int64_t n = 0;
  while (fscanf(in, "%lld,%lld,%lld\n", &event, &id, &value) == 3) {
    int64_t flow = flow_of_id(&f->facts, id);
    assert_true(selection->chosen[flow]);
    assert_int_equal(value, synthetic_received(&f->facts, flow, ds_event_time_ns(selection, event)));
    ++n;
  }
  assert_true(feof(in));
  assert_true(n >= selection->n_flows);
  fclose(in);
}

static void csv_tells_the_facts(void **state) {
  fixture f;
  setup(&f, state);
  const ds_selection *selections[] = {&f.all, &f.part};
  for (int i = 0; i < 2; ++i) {
    m4_error err = {0};
    assert_ok(ds_export_csv(selections[i], f.dir, &f.arena, &err), &err);
    check_flows(&f, selections[i]);
    check_events(&f, selections[i]);
    check_received(&f, selections[i]);
    fclose(open_csv(&f, "links.csv", "link,from,to,rate_bps,delay_ns,from_switch,to_switch"));
  }
  teardown(&f);
}

static void json_tells_the_same(void **state) {
  fixture f;
  setup(&f, state);
  m4_error err = {0};
  char path[4096];
  snprintf(path, sizeof path, "%s/scenario.json", f.dir);
  assert_ok(ds_export_json(&f.part, f.dir, &f.arena, &err), &err);
  json_t *root = json_load_file(path, 0, NULL);
  assert_non_null(root);
  assert_string_equal(json_string_value(json_object_get(root, "scenario")), "star");
  assert_int_equal(json_integer_value(json_object_get(root, "busy_period")), f.part.period);
  assert_int_equal(json_array_size(json_object_get(root, "links")), f.facts.n_links);
  json_t *flows = json_object_get(root, "flows"), *events = json_object_get(root, "events"), *one, *pair;
  assert_int_equal(json_array_size(flows), f.part.n_flows);
  assert_int_equal(json_array_size(events), f.part.n_events);
  size_t i, k;
  json_array_foreach(flows, i, one) {
    int64_t at = f.part.flow[i];
    assert_int_equal(json_integer_value(json_object_get(one, "id")), f.facts.flow_id[at]);
    assert_int_equal(json_integer_value(json_object_get(one, "fct_ns")), f.facts.fct_ns[at]);
    assert_int_equal(json_array_size(json_object_get(one, "path_links")), 2);
  }
  json_array_foreach(events, i, one) {
    int64_t event = json_integer_value(json_object_get(one, "event"));
    assert_int_equal(event, f.part.event[i]);
    json_array_foreach(json_object_get(one, "received"), k, pair) {
      int64_t flow = flow_of_id(&f.facts, json_integer_value(json_array_get(pair, 0)));
      assert_int_equal(json_integer_value(json_array_get(pair, 1)),
                       synthetic_received(&f.facts, flow, ds_event_time_ns(&f.part, event)));
    }
  }
  json_decref(root);
  teardown(&f);
}

static void ns3_files_hold_network_and_flows(void **state) {
  fixture f;
  setup(&f, state);
  m4_error err = {0};
  char path[4096], line[256];
  assert_ok(ds_export_ns3(&f.all, f.dir, &f.arena, &err), &err);
  snprintf(path, sizeof path, "%s/topology.txt", f.dir);
  FILE *in = fopen(path, "r");
  assert_non_null(in);
  const char *const first_lines[] = {"7 1 6\n", "6\n", "0 6 1000000000bps "};
  for (int i = 0; i < 3; ++i) {
    assert_non_null(fgets(line, sizeof line, in));
    assert_memory_equal(line, first_lines[i], strlen(first_lines[i]));
  }
  fclose(in);
  snprintf(path, sizeof path, "%s/flows.txt", f.dir);
  in = fopen(path, "r");
  assert_non_null(in);
  long long n, id, size, seconds, ns;
  int src, dst, priority, port;
  assert_int_equal(fscanf(in, "%lld", &n), 1);
  assert_int_equal(n, STAR.n_flows);
  for (int64_t at = 0; at < n; ++at) {
    assert_int_equal(fscanf(in, "%lld %d %d %d %d %lld %lld.%9lld", &id, &src, &dst, &priority, &port, &size,
                            &seconds, &ns),
                     8);
    assert_true(id == f.facts.flow_id[at] && src == f.facts.src[at] && dst == f.facts.dst[at]);
    assert_true(priority == 3 && port == 100 && size == f.facts.size_bytes[at]);
    assert_int_equal(seconds * 1000000000 + ns, f.facts.start_ns[at]);
  }
  fclose(in);
  teardown(&f);
}

static void impossible_wishes_are_refused(void **state) {
  fixture f;
  setup(&f, state);
  ds_selection selection;
  m4_error err = {0};
  assert_int_equal(ds_select(&selection, &f.facts, &f.events, f.facts.n_periods, &f.arena, &err), M4_USAGE);
  assert_int_equal(ds_select(&selection, &f.facts, &f.events, -2, &f.arena, &err), M4_USAGE);
  int64_t rates[64];
  memcpy(rates, f.facts.link_rate_bps, (size_t)f.facts.n_links * sizeof *rates);
  rates[1]++;
  f.facts.link_rate_bps = rates;
  assert_int_equal(ds_export_ns3(&f.all, f.dir, &f.arena, &err), M4_DATA);
  save_bytes(f.dir, (const unsigned char *)"x", 1); /* a file where the folder should be */
  assert_int_equal(ds_export_csv(&f.all, f.dir, &f.arena, &err), M4_IO);
  assert_int_equal(ds_export_json(&f.all, f.dir, &f.arena, &err), M4_IO);
  teardown(&f);
}

int main(void) {
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
  const struct CMUnitTest tests[] = {WITH_SCRATCH(csv_tells_the_facts), WITH_SCRATCH(json_tells_the_same),
                                     WITH_SCRATCH(ns3_files_hold_network_and_flows),
                                     WITH_SCRATCH(impossible_wishes_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
