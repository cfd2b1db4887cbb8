/* Features, event order, labels and event arrays of busy periods (training.md 1-5, model.md 6). */
#include "nn/m4_inputs.h"
#include "tests/nn/synthetic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_features(void **state) {
  (void)state;
  assert_float_equal(m4_size_feature_of(1000, M4_SIZE_KILOBYTES), 1.0f, 1e-7);
  assert_float_equal(m4_size_feature_of(50000, M4_SIZE_KILOBYTES), 5.6724253f, 1e-6);
  assert_float_equal(m4_size_feature_of(1023, M4_SIZE_BYTES), 10.0f, 1e-6);
  assert_float_equal(m4_queue_label_of(0), 0.01f, 1e-7);
  assert_float_equal(m4_queue_label_of(100000), 46.415888f, 1e-5);
}

/* ---- a small period with ties ---- */

/* Flow 0: 0..3000 on links 9, 4; flow 1: 1000..3000 on link 4; flow 2: 3000..5000 on links 7, 9; flow 3:
 * 1000..6000 on link 2. Instant 3000: departures of 0 and 1 come before the arrival of 2. */
typedef struct tie_case {
  int64_t id[4], size[4], start[4], fct[4], ideal[4], received_offset[9], received[16], queue[6];
  float params[4 * M4_N_PARAMS];
  int32_t path_offset[5], path_link[6];
  m4_period period;
} tie_case;

static void make_tie_case(tie_case *c) {
  static const tie_case facts = {
      .id = {3, 5, 8, 9},
      .size = {1000, 2000, 3000, 4000},
      .start = {500, 1500, 3500, 1500},
      .fct = {3000, 2000, 2000, 5000},
      .ideal = {1500, 2000, 1000, 4000},
      .path_offset = {0, 2, 3, 5, 6},
      .path_link = {9, 4, 4, 7, 9, 2},
      .queue = {0, 1000, -1, 8, 27, 64},
      .received_offset = {0, 1, 3, 6, 8, 9, 11, 12, 13},
      .received = {0, 250, 0, 250, 0, 0, 500, 1000, 1500, 0, 2000, 2500, 0},
  };
  *c = facts;
  c->period = (m4_period){.n_flows = 4,
                          .flow_id = c->id,
                          .size_bytes = c->size,
                          .start_ns = c->start,
                          .fct_ns = c->fct,
                          .ideal_fct_ns = c->ideal,
                          .params = c->params,
                          .path_offset = c->path_offset,
                          .path_link = c->path_link,
                          .received_offset = c->received_offset,
                          .received_bytes = c->received,
                          .queue_bytes = c->queue};
}

static m4_arena arena_of_test(void) {
  m4_arena arena;
  m4_error err;
  assert_int_equal(m4_arena_init(&arena, (size_t)1 << 30, &err), M4_OK);
  return arena;
}

static void test_order_of_ties(void **state) {
  (void)state;
  tie_case c;
  make_tie_case(&c);
  m4_arena arena = arena_of_test();
  m4_sample *sample;
  assert_int_equal(m4_sample_from_period(&sample, &c.period, M4_SIZE_KILOBYTES, &arena, NULL), M4_OK);
  /* time 0: +0; 1000: +1 +3; 3000: -0 -1 +2; 5000: -2; 6000: -3 */
  const int32_t arrival[] = {0, 1, 5, 2}, departure[] = {3, 4, 6, 7};
  assert_memory_equal(sample->arrival_event, arrival, sizeof arrival);
  assert_memory_equal(sample->departure_event, departure, sizeof departure);
  const float dt_us[] = {0, 1, 0, 2, 0, 0, 2, 1};
  assert_memory_equal(sample->dt_us, dt_us, sizeof dt_us);
  const int32_t event_flow[] = {0, 1, 3, 0, 1, 2, 2, 3};
  assert_memory_equal(sample->event_flow, event_flow, sizeof event_flow);
  m4_arena_free(&arena);
}

static void test_features_of_a_period(void **state) {
  (void)state;
  tie_case c;
  make_tie_case(&c);
  c.params[M4_N_PARAMS + 2] = 0.5f;
  m4_arena arena = arena_of_test();
  m4_sample *sample;
  assert_int_equal(m4_sample_from_period(&sample, &c.period, M4_SIZE_KILOBYTES, &arena, NULL), M4_OK);
  const float slowdown[] = {2, 1, 2, 1.25f}, n_links[] = {2, 1, 2, 1};
  assert_memory_equal(sample->target_slowdown, slowdown, sizeof slowdown);
  assert_memory_equal(sample->flow_n_links, n_links, sizeof n_links);
  assert_memory_equal(sample->params, c.params, sizeof c.params);
  assert_float_equal(sample->size_feature[2], 2.0f, 1e-7);
  const int32_t link_rows[] = {3, 1, 1, 2, 3, 0}; /* ids 2 4 7 9 */
  assert_int_equal(sample->n_links, 4);
  assert_memory_equal(sample->path_link, link_rows, sizeof link_rows);
  m4_arena_free(&arena);
}

static void test_event_graph(void **state) {
  (void)state;
  tie_case c;
  make_tie_case(&c);
  m4_arena arena = arena_of_test();
  m4_sample *sample;
  assert_int_equal(m4_sample_from_period(&sample, &c.period, M4_SIZE_KILOBYTES, &arena, NULL), M4_OK);
  const m4_event_data *event = &sample->events[2]; /* flows 0 1 3, links rows 0 1 3 (ids 2 4 9) */
  const int32_t flows[] = {0, 1, 3}, links[] = {0, 1, 3};
  assert_int_equal(event->n_flows, 3);
  assert_int_equal(event->n_links, 3);
  assert_int_equal(event->n_edges, 4);
  assert_memory_equal(event->flow_rows, flows, sizeof flows);
  assert_memory_equal(event->link_rows, links, sizeof links);
  const int32_t offset[] = {0, 2, 3, 4, 5, 7, 8}, index[] = {5, 4, 4, 3, 2, 0, 1, 0};
  assert_memory_equal(event->neighbour_offset, offset, sizeof offset);
  assert_memory_equal(event->neighbour_index, index, sizeof index);
  assert_int_equal(sample->events[7].n_flows, 0);
  assert_int_equal(sample->events[7].n_links, 0);
  assert_int_equal(sample->max_nodes, 6);
  m4_arena_free(&arena);
}

static void test_labels(void **state) {
  (void)state;
  tie_case c;
  make_tie_case(&c);
  m4_arena arena = arena_of_test();
  m4_sample *sample;
  assert_int_equal(m4_sample_from_period(&sample, &c.period, M4_SIZE_KILOBYTES, &arena, NULL), M4_OK);
  const int32_t supervised[] = {1, 2, 3, 2, 1, 2, 1, 0};
  for (int j = 0; j < 8; j++) assert_int_equal(sample->events[j].n_size_labels, supervised[j]);
  assert_true(sample->events[1].size_labels[0] == 0.75f && sample->events[1].size_labels[1] == 1.0f);
  assert_true(sample->events[3].size_labels[0] == 0.75f && sample->events[3].size_labels[1] == 0.75f);
  const int32_t queues[] = {2, 0, 1, 0, 0, 2, 0, 0};
  for (int j = 0; j < 8; j++) assert_int_equal(sample->events[j].n_queue_labels, queues[j]);
  assert_int_equal(sample->events[0].queue_rows[0], 3);
  assert_float_equal(sample->events[0].queue_labels[0], 0.01f, 1e-7);
  assert_float_equal(sample->events[0].queue_labels[1], 10.0f, 1e-6);
  assert_int_equal(sample->events[5].queue_rows[0], 2);
  assert_float_equal(sample->events[5].queue_labels[1], 3.0f, 1e-6);
  m4_arena_free(&arena);
}

static void test_contradicting_rows_are_unsupervised(void **state) {
  (void)state;
  tie_case c;
  make_tie_case(&c);
  c.received[0] = 1001;     /* event 0: more than the flow has */
  c.received[2] = -1;       /* event 1: negative */
  c.received_offset[3] = 5; /* event 2: too short; event 3 too long */
  m4_arena arena = arena_of_test();
  m4_sample *sample;
  assert_int_equal(m4_sample_from_period(&sample, &c.period, M4_SIZE_KILOBYTES, &arena, NULL), M4_OK);
  const int32_t supervised[] = {0, 0, 0, 0, 1, 2, 1, 0};
  for (int j = 0; j < 8; j++) assert_int_equal(sample->events[j].n_size_labels, supervised[j]);
  assert_int_equal(sample->size_offset[8], 4);
  m4_arena_free(&arena);
}

static void test_no_labels(void **state) {
  (void)state;
  tie_case c;
  make_tie_case(&c);
  c.period.received_bytes = NULL;
  c.period.received_offset = NULL;
  c.period.queue_bytes = NULL;
  m4_arena arena = arena_of_test();
  m4_sample *sample;
  assert_int_equal(m4_sample_from_period(&sample, &c.period, M4_SIZE_KILOBYTES, &arena, NULL), M4_OK);
  assert_null(sample->size_offset);
  assert_null(sample->queue_offset);
  for (int j = 0; j < 8; j++)
    assert_int_equal(sample->events[j].n_size_labels + sample->events[j].n_queue_labels, 0);
  m4_arena_free(&arena);
}

/* ---- the incremental walk against the definition ---- */

static void check_event(const m4_sample *sample, int32_t j) {
  const m4_event_data *event = &sample->events[j];
  int32_t n_flows = 0, n_edges = 0;
  for (int32_t f = 0; f < sample->n_flows; f++) {
    if (j < sample->arrival_event[f] || j >= sample->departure_event[f]) continue;
    assert_true(n_flows < event->n_flows);
    assert_int_equal(event->flow_rows[n_flows], f);
    for (int32_t k = sample->path_offset[f]; k < sample->path_offset[f + 1]; k++, n_edges++)
      assert_int_equal(event->link_rows[event->neighbour_index[n_edges] - event->n_flows],
                       sample->path_link[k]);
    assert_int_equal(event->neighbour_offset[++n_flows], n_edges);
  }
  assert_int_equal(n_flows, event->n_flows);
  assert_int_equal(n_edges, event->n_edges);
  for (int32_t i = 0; i < event->n_links; i++) {
    assert_true(i == 0 || event->link_rows[i - 1] < event->link_rows[i]);
    int32_t last = -1, first = event->neighbour_offset[n_flows + i],
            end = event->neighbour_offset[n_flows + i + 1];
    assert_true(first < end);
    for (int32_t k = first; k < end; k++) {
      assert_true(event->neighbour_index[k] > last && event->neighbour_index[k] < n_flows);
      last = event->neighbour_index[k];
    }
  }
  assert_int_equal(event->neighbour_offset[n_flows + event->n_links], 2 * n_edges);
}

static void test_random_period_matches_definition(void **state) {
  (void)state;
  const synthetic_plan plan = {
      .seed = 3, .n_flows = 300, .n_links = 40, .n_hops = 4, .active_flows = 30, .labels = true};
  m4_arena arena = arena_of_test();
  m4_period period = synthetic_period(&plan, &arena);
  m4_sample *sample;
  assert_int_equal(m4_sample_from_period(&sample, &period, M4_SIZE_KILOBYTES, &arena, NULL), M4_OK);
  int64_t node_events = 0;
  int32_t simultaneous = 0;
  for (int32_t j = 0; j < sample->n_events; j++) {
    check_event(sample, j);
    node_events += sample->events[j].n_flows + sample->events[j].n_links;
    simultaneous += j > 0 && sample->dt_us[j] == 0.0f;
    assert_int_equal(sample->events[j].n_size_labels, sample->events[j].n_flows);
  }
  assert_true(simultaneous > 50);
  assert_int_equal(sample->node_events, node_events);
  m4_arena_free(&arena);
}

/* ---- bad facts ---- */

static void expect_refused(tie_case *c, const char *word) {
  m4_arena arena = arena_of_test();
  m4_sample *sample;
  m4_error err = {0};
  assert_int_equal(m4_sample_from_period(&sample, &c->period, M4_SIZE_KILOBYTES, &arena, &err), M4_DATA);
  assert_null(sample);
  assert_non_null(strstr(err.what, word));
  m4_arena_free(&arena);
}

static void test_bad_facts(void **state) {
  (void)state;
  tie_case c;
#define REFUSED(change, word)                                                                                \
  make_tie_case(&c);                                                                                         \
  change;                                                                                                    \
  expect_refused(&c, word)
  REFUSED(c.period.n_flows = 0, "0 flows");
  REFUSED(c.size[1] = 0, "flow 5");
  REFUSED(c.fct[2] = 0, "flow 8");
  REFUSED(c.fct[2] = -7, "flow 8");
  REFUSED(c.fct[0] = 1499, "ideal");
  REFUSED(c.start[0] = -1, "start");
  REFUSED(c.start[3] = INT64_MAX - 10, "overflow");
  REFUSED(c.id[2] = 5, "ascend");
  REFUSED(c.path_link[2] = -4, "link -4");
  REFUSED(c.path_offset[1] = 0, "without links");
  REFUSED(c.params[20] = NAN, "parameter 7");
#undef REFUSED
}

static void test_small_arena(void **state) {
  (void)state;
  tie_case c;
  make_tie_case(&c);
  m4_arena arena;
  m4_sample *sample;
  assert_int_equal(m4_arena_init(&arena, 1 << 16, NULL), M4_OK);
  for (size_t left = 0; left < 3000; left += 64) {
    m4_arena_release(&arena, 0);
    assert_non_null(m4_arena_alloc(&arena, arena.reserved_bytes - left, 1));
    assert_int_equal(m4_sample_from_period(&sample, &c.period, M4_SIZE_KILOBYTES, &arena, NULL), M4_MEMORY);
  }
  m4_arena_free(&arena);
}

static void test_bad_arrays(void **state) {
  (void)state;
  tie_case c;
  make_tie_case(&c);
  m4_arena arena = arena_of_test();
  m4_sample *sample;
  assert_int_equal(m4_sample_from_period(&sample, &c.period, M4_SIZE_KILOBYTES, &arena, NULL), M4_OK);
  m4_sample bad = *sample;
  int32_t departure[4] = {3, 4, 6, 6};
  bad.departure_event = departure;
  assert_int_equal(m4_sample_build_events(&bad, &arena, NULL), M4_DATA); /* two flows at event 6 */
  departure[3] = 8;
  assert_int_equal(m4_sample_build_events(&bad, &arena, NULL), M4_DATA);
  departure[3] = 2;
  assert_int_equal(m4_sample_build_events(&bad, &arena, NULL), M4_DATA); /* departs when it arrives */
  bad = *sample;
  bad.n_links = 3;
  assert_int_equal(m4_sample_build_events(&bad, &arena, NULL), M4_DATA);
  bad = *sample;
  bad.dt_us[1] = NAN;
  assert_int_equal(m4_sample_build_events(&bad, &arena, NULL), M4_DATA);
  m4_arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_features),
      cmocka_unit_test(test_order_of_ties),
      cmocka_unit_test(test_features_of_a_period),
      cmocka_unit_test(test_event_graph),
      cmocka_unit_test(test_labels),
      cmocka_unit_test(test_contradicting_rows_are_unsupervised),
      cmocka_unit_test(test_no_labels),
      cmocka_unit_test(test_random_period_matches_definition),
      cmocka_unit_test(test_bad_facts),
      cmocka_unit_test(test_small_arena),
      cmocka_unit_test(test_bad_arrays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
