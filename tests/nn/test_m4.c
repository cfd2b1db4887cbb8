/* The model as a thing: parameters, state rows, single events, readouts. Numbers are checked by check_golden
 * and test_published. */
#include "nn/init.h"
#include "nn/m4.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static m4_model *create(m4_widths widths) {
  m4_model *model;
  m4_error err = {0};
  assert_int_equal(m4_model_create(&model, widths, ag_cpu_backend(AG_F32), &err), M4_OK);
  return model;
}

static void test_counts(void **state) {
  (void)state;
  m4_widths widths = m4_default_widths();
  m4_model *model = create(widths);
  assert_int_equal(m4_model_count(model), 1501003);
  assert_int_equal(model->n_params, 49);
  m4_model_free(model);
  widths.has_size_head = widths.has_queue_head = false;
  model = create(widths);
  assert_int_equal(m4_model_count(model), 1420201);
  assert_int_equal(model->n_params, 41);
  assert_null(model->size_head.weight1);
  m4_model_free(model);
  widths = m4_default_widths();
  widths.head_hidden = 100;
  widths.aux_hidden = 25;
  model = create(widths);
  assert_int_equal(m4_model_count(model), 1408703);
  m4_model_free(model);
}

static void test_order_names_and_shapes(void **state) {
  (void)state;
  static const struct {
    int index, rows, cols;
    const char *name;
  } expected[] = {
      {0, 213, 600, "lstmcell_rate.seq_cell.weight_ih"},
      {3, 1, 600, "lstmcell_rate.seq_cell.bias_hh"},
      {4, 1, 600, "lstmcell_time.seq_cell.weight_ih"},
      {8, 214, 200, "output_layer.0.weight"},
      {10, 200, 1, "output_layer.3.weight"},
      {12, 200, 200, "gcn_layers.0.homogeneous_layer.conv.lin.weight"},
      {14, 200, 300, "gcn_layers.0.homogeneous_layer.conv.lin_l.weight"},
      {23, 300, 300, "gcn_layers.1.homogeneous_layer.conv.lin_r.weight"},
      {32, 1, 200, "gcn_layers.2.homogeneous_layer.norm.bias"},
      {33, 200, 600, "lstmcell_rate_link.seq_cell.weight_ih"},
      {38, 200, 600, "lstmcell_time_link.seq_cell.weight_hh"},
      {41, 200, 200, "remain_size_layer.0.weight"},
      {48, 1, 1, "queue_len_layer.3.bias"},
  };
  m4_model *model = create(m4_default_widths());
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    const ag_param *param = model->params[expected[i].index];
    assert_string_equal(param->name, expected[i].name);
    assert_int_equal(param->rows, expected[i].rows);
    assert_int_equal(param->cols, expected[i].cols);
  }
  m4_model_free(model);
}

static void test_one_layer(void **state) {
  (void)state;
  m4_widths widths = m4_default_widths();
  widths.gcn_layers = 1;
  m4_model *model = create(widths);
  assert_int_equal(model->sage[0].root->rows, 200);
  assert_int_equal(model->sage[0].root->cols, 200);
  m4_model_free(model);
}

static void test_impossible_widths(void **state) {
  (void)state;
  static const struct {
    int32_t hidden, gcn, layers, head;
  } bad[] = {{3, 8, 1, 8},         {8, 0, 2, 8},         {8, 8, -1, 8}, {8, 8, 1, 0},
             {INT32_MAX, 8, 1, 8}, {8, 8, INT32_MAX, 8}, {-1, 8, 1, 8}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    m4_widths widths = m4_default_widths();
    widths.hidden = bad[i].hidden;
    widths.gcn_hidden = bad[i].gcn;
    widths.gcn_layers = bad[i].layers;
    widths.head_hidden = bad[i].head;
    m4_model *model;
    m4_error err = {0};
    assert_int_equal(m4_model_create(&model, widths, ag_cpu_backend(AG_F32), &err), M4_DATA);
    assert_null(model);
    assert_true(err.what[0] != '\0');
  }
}

/* ---- events ---- */

enum { HIDDEN = 8, N_FLOWS = 3, N_LINKS = 4 };

typedef struct bench {
  m4_model *model;
  m4_arena arena;
  ag_tape *tape;
  m4_state state;
} bench;

static void open_bench(bench *b) {
  m4_widths widths = {.hidden = HIDDEN,
                      .gcn_hidden = 12,
                      .gcn_layers = 2,
                      .head_hidden = 8,
                      .aux_hidden = 6,
                      .has_size_head = true,
                      .has_queue_head = true};
  float params[M4_N_PARAMS] = {1, 2, 3};
  b->model = create(widths);
  m4_model_init(b->model, 11);
  assert_int_equal(m4_arena_init(&b->arena, 1 << 24, NULL), M4_OK);
  assert_int_equal(ag_tape_create(&b->tape, b->model->backend, &b->arena, NULL), M4_OK);
  assert_int_equal(m4_state_create(&b->state, b->model, &b->arena, N_FLOWS, N_LINKS, NULL), M4_OK);
  for (int32_t i = 0; i < N_FLOWS; i++)
    m4_state_init_flow(&b->state, b->model, i, 2.5f + (float)i, 2, params);
  for (int32_t i = 0; i < N_LINKS; i++) m4_state_init_link(&b->state, b->model, i);
}

static void close_bench(bench *b) {
  ag_tape_free(b->tape);
  m4_arena_free(&b->arena);
  m4_model_free(b->model);
}

static const float *flow_row(const bench *b, int32_t row) {
  return (const float *)b->state.flows.data + row * HIDDEN;
}
static const float *link_row(const bench *b, int32_t row) {
  return (const float *)b->state.links.data + row * HIDDEN;
}

/* Flows 0 and 2 share link 1; flow 0 also uses link 3. */
static const int32_t flow_rows[] = {0, 2}, link_rows[] = {1, 3}, offset[] = {0, 2, 3, 5, 6},
                     neighbours[] = {2, 3, 2, 0, 1, 0};
static const m4_event_data shared_link = {.n_flows = 2,
                                          .n_links = 2,
                                          .n_edges = 3,
                                          .flow_rows = flow_rows,
                                          .link_rows = link_rows,
                                          .neighbour_offset = offset,
                                          .neighbour_index = neighbours};

static void test_initial_rows(void **state) {
  (void)state;
  bench b;
  open_bench(&b);
  const float flow[HIDDEN] = {1, 0, 3.5f, 2}, link[HIDDEN] = {0, 1, 1, 0};
  const float facts[M4_N_FACTS] = {2, 1, 2, 3};
  assert_memory_equal(flow_row(&b, 1), flow, sizeof flow);
  assert_memory_equal(link_row(&b, 2), link, sizeof link);
  assert_memory_equal((const float *)b.state.facts.data + M4_N_FACTS, facts, sizeof facts);
  close_bench(&b);
}

static void test_untouched_rows_stay(void **state) {
  (void)state;
  bench b;
  open_bench(&b);
  float flow1[HIDDEN], link0[HIDDEN], flow0[HIDDEN];
  memcpy(flow0, flow_row(&b, 0), sizeof flow0);
  memcpy(flow1, flow_row(&b, 1), sizeof flow1);
  memcpy(link0, link_row(&b, 0), sizeof link0);
  m4_event(b.model, b.tape, &b.state, &shared_link, 0, NULL);
  assert_int_equal(ag_tape_status(b.tape, NULL), M4_OK);
  assert_memory_equal(flow_row(&b, 1), flow1, sizeof flow1);
  assert_memory_equal(link_row(&b, 0), link0, sizeof link0);
  assert_memory_not_equal(flow_row(&b, 0), flow0, sizeof flow0);
  close_bench(&b);
}

static void test_empty_event_does_nothing(void **state) {
  (void)state;
  bench b;
  open_bench(&b);
  size_t used = m4_arena_mark(&b.arena);
  m4_event_data empty = {.dt_us = 3};
  m4_event_aux aux;
  m4_event(b.model, b.tape, &b.state, &empty, 0.2, &aux);
  assert_null(aux.size_prediction);
  assert_int_equal(m4_arena_mark(&b.arena), used);
  close_bench(&b);
}

/* ---- several scenarios in one event ---- */

static void assert_same_rows(const ag_table *a, const ag_table *b) {
  const float *x = a->data, *y = b->data;
#ifdef AG_BLAS /* the last bits of a row depend on how many rows are multiplied together */
  for (int32_t i = 0; i < a->rows * a->cols; i++) assert_float_equal(x[i], y[i], 1e-6f);
#else
  assert_memory_equal(x, y, (size_t)a->rows * (size_t)a->cols * sizeof *x);
#endif
}

/* Flow 1 alone on links 0 and 2. */
static const int32_t lone_flow[] = {1}, lone_links[] = {0, 2}, lone_offset[] = {0, 2, 3, 4},
                     lone_neighbours[] = {1, 2, 0, 0};
static const m4_event_data lone = {.n_flows = 1,
                                   .n_links = 2,
                                   .n_edges = 2,
                                   .flow_rows = lone_flow,
                                   .link_rows = lone_links,
                                   .neighbour_offset = lone_offset,
                                   .neighbour_index = lone_neighbours};
/* Both: first the flows of either, then the links. */
static const int32_t both_flows[] = {0, 2, 1}, both_links[] = {1, 3, 0, 2},
                     both_offset[] = {0, 2, 3, 5, 7, 8, 9, 10},
                     both_neighbours[] = {3, 4, 3, 5, 6, 0, 1, 0, 2, 2};
static const m4_event_data both = {.n_flows = 3,
                                   .n_links = 4,
                                   .n_edges = 5,
                                   .flow_rows = both_flows,
                                   .link_rows = both_links,
                                   .neighbour_offset = both_offset,
                                   .neighbour_index = both_neighbours};

/* Whatever the time steps (0: none) of two scenarios, one event says of each what its own event would. */
static void test_two_scenarios_in_one_event(void **state) {
  (void)state;
  static const double steps_us[][2] = {{2.5, 2.5}, {2.5, 40}, {2.5, 0}, {0, 0}};
  for (size_t i = 0; i < sizeof steps_us / sizeof *steps_us; i++) {
    bench apart, together;
    open_bench(&apart);
    open_bench(&together);
    m4_event_data one = shared_link, other = lone, all = both;
    float steps[7];
    one.dt_us = steps_us[i][0];
    other.dt_us = steps_us[i][1];
    all.n_timed_flows = (one.dt_us > 0 ? 2 : 0) + (other.dt_us > 0 ? 1 : 0);
    all.n_timed_links = (one.dt_us > 0 ? 2 : 0) + (other.dt_us > 0 ? 2 : 0);
    for (int32_t k = 0; k < all.n_timed_flows; k++) steps[k] = (float)(k < 2 ? one.dt_us : other.dt_us);
    for (int32_t k = 0; k < all.n_timed_links; k++)
      steps[all.n_timed_flows + k] = (float)(k < 2 ? one.dt_us : other.dt_us);
    all.time_steps = steps;
    for (int round = 0; round < 2; round++) {
      m4_event(apart.model, apart.tape, &apart.state, &one, 0, NULL);
      m4_event(apart.model, apart.tape, &apart.state, &other, 0, NULL);
      m4_event(together.model, together.tape, &together.state, &all, 0, NULL);
    }
    assert_int_equal(ag_tape_status(together.tape, NULL), M4_OK);
    assert_same_rows(&apart.state.flows, &together.state.flows);
    assert_same_rows(&apart.state.links, &together.state.links);
    close_bench(&apart);
    close_bench(&together);
  }
}

static void test_many_first_rows(void **state) {
  (void)state;
  bench one, many;
  float states[2 * HIDDEN], facts[2 * M4_N_FACTS], scaled[2 * M4_N_PARAMS];
  const float params[M4_N_PARAMS] = {7, 8, 9};
  const int32_t rows[] = {2, 0};
  open_bench(&one);
  open_bench(&many);
  for (int32_t i = 0; i < 2; i++) {
    m4_state_init_flow(&one.state, one.model, rows[i], 4.5f, i, params);
    m4_first_row(many.model, 4.5f, i, params, states + i * HIDDEN, facts + i * M4_N_FACTS,
                 scaled + i * M4_N_PARAMS);
  }
  m4_state_start(&many.state, many.tape, rows, 2, (m4_first_rows){states, facts, scaled});
  assert_int_equal(ag_tape_status(many.tape, NULL), M4_OK);
  assert_memory_equal(one.state.flows.data, many.state.flows.data, N_FLOWS * HIDDEN * sizeof(float));
  assert_memory_equal(one.state.facts.data, many.state.facts.data, N_FLOWS * M4_N_FACTS * sizeof(float));
  assert_memory_equal(one.state.params.data, many.state.params.data, N_FLOWS * M4_N_PARAMS * sizeof(float));
  close_bench(&one);
  close_bench(&many);
}

/* The time step happens iff dt > 0, and before the auxiliary readouts. */
static void test_time_step(void **state) {
  (void)state;
  float labels[2] = {0.5f, 0.5f};
  const int32_t queue_rows[] = {3, 1, 3};
  m4_event_data event = shared_link;
  event.n_size_labels = 2;
  event.size_labels = labels;
  event.n_queue_labels = 3;
  event.queue_rows = queue_rows;
  event.queue_labels = labels;
  float size[3], queue[3], after[3][HIDDEN];
  const double dt_us[] = {0, -1, 4};
  for (int i = 0; i < 3; i++) {
    bench b;
    open_bench(&b);
    m4_event_aux aux;
    event.dt_us = dt_us[i];
    m4_event(b.model, b.tape, &b.state, &event, 0, &aux);
    assert_int_equal(ag_tape_status(b.tape, NULL), M4_OK);
    assert_int_equal(aux.size_prediction->rows, 2);
    assert_int_equal(aux.queue_prediction->rows, 3);
    const float *queues = aux.queue_prediction->data;
    assert_true(queues[0] == queues[2] && queues[0] == queues[1]); /* every link still has the same state */
    size[i] = *(const float *)aux.size_prediction->data;
    queue[i] = queues[0];
    memcpy(after[i], flow_row(&b, 0), sizeof after[i]);
    close_bench(&b);
  }
  assert_true(size[0] == size[1] && queue[0] == queue[1]);
  assert_memory_equal(after[0], after[1], sizeof after[0]);
  assert_true(size[0] != size[2] && queue[0] != queue[2]);
  assert_memory_not_equal(after[0], after[2], sizeof after[0]);
}

/* Recording, readouts and dropout change nothing of the states. */
static void test_states_do_not_depend_on_observation(void **state) {
  (void)state;
  float labels[2] = {0.5f, 0.5f};
  m4_event_data event = shared_link;
  event.n_size_labels = event.n_queue_labels = 2;
  event.size_labels = event.queue_labels = labels;
  event.queue_rows = link_rows;
  event.dt_us = 7;
  bench plain, observed;
  open_bench(&plain);
  open_bench(&observed);
  ag_tape_record(observed.tape, true);
  m4_event_aux aux;
  for (int i = 0; i < 5; i++) {
    m4_event(plain.model, plain.tape, &plain.state, &event, 0, NULL);
    m4_event(observed.model, observed.tape, &observed.state, &event, 0.2, &aux);
  }
  assert_int_equal(ag_tape_status(observed.tape, NULL), M4_OK);
  assert_memory_equal(plain.state.flows.data, observed.state.flows.data, N_FLOWS * HIDDEN * sizeof(float));
  assert_memory_equal(plain.state.links.data, observed.state.links.data, N_LINKS * HIDDEN * sizeof(float));
  close_bench(&plain);
  close_bench(&observed);
}

/* Scaled inputs are the raw network on features divided by their units and a logarithmic time step. */
static void test_scaled_inputs(void **state) {
  (void)state;
  const float params[M4_N_PARAMS] = {20, 5, 0, 1, 0, 0, 40, 10, 20, 50, 5, 25, 250},
              shares[M4_N_PARAMS] = {2, 0.5f, 0, 1, 0, 0, 2, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 2};
  m4_event_data event = shared_link;
  bench raw, scaled;
  open_bench(&raw);
  open_bench(&scaled);
  scaled.model->input_form = M4_INPUTS_SCALED;
  for (int32_t i = 0; i < N_FLOWS; i++) {
    m4_state_init_flow(&raw.state, raw.model, i, 0.25f, 1, shares);
    m4_state_init_flow(&scaled.state, scaled.model, i, 2.0f, 4, params);
  }
  event.dt_us = 0.75; /* log2(1 + 7) / 4 */
  m4_event(raw.model, raw.tape, &raw.state, &event, 0, NULL);
  event.dt_us = 7;
  m4_event(scaled.model, scaled.tape, &scaled.state, &event, 0, NULL);
  assert_memory_equal(raw.state.flows.data, scaled.state.flows.data, N_FLOWS * HIDDEN * sizeof(float));
  assert_memory_equal(raw.state.links.data, scaled.state.links.data, N_LINKS * HIDDEN * sizeof(float));
  const ag_tensor *one = m4_readout(raw.model, raw.tape, &raw.state, flow_rows, 2, NULL, 0),
                  *other = m4_readout(scaled.model, scaled.tape, &scaled.state, flow_rows, 2, NULL, 0);
  assert_memory_equal(one->data, other->data, 2 * sizeof(float));
  close_bench(&raw);
  close_bench(&scaled);
}

static void test_full_arena_is_an_error(void **state) {
  (void)state;
  bench b;
  open_bench(&b);
  m4_event_data event = shared_link;
  event.dt_us = 1;
  size_t mark = m4_arena_mark(&b.arena);
  for (size_t left = 0; left < 8192; left += 192) {
    m4_arena_release(&b.arena, mark);
    ag_tape_reset_status(b.tape);
    assert_non_null(m4_arena_alloc(&b.arena, b.arena.reserved_bytes - mark - left, 1));
    m4_event(b.model, b.tape, &b.state, &event, 0, NULL);
    m4_error err = {0};
    if (left < 2048) assert_int_equal(ag_tape_status(b.tape, &err), M4_MEMORY);
    assert_true(ag_tape_status(b.tape, NULL) == M4_OK || ag_tape_status(b.tape, NULL) == M4_MEMORY);
  }
  close_bench(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_counts),
      cmocka_unit_test(test_order_names_and_shapes),
      cmocka_unit_test(test_one_layer),
      cmocka_unit_test(test_impossible_widths),
      cmocka_unit_test(test_initial_rows),
      cmocka_unit_test(test_untouched_rows_stay),
      cmocka_unit_test(test_empty_event_does_nothing),
      cmocka_unit_test(test_two_scenarios_in_one_event),
      cmocka_unit_test(test_many_first_rows),
      cmocka_unit_test(test_time_step),
      cmocka_unit_test(test_states_do_not_depend_on_observation),
      cmocka_unit_test(test_scaled_inputs),
      cmocka_unit_test(test_full_arena_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
