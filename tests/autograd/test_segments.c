/* A recurrent chain over a state table, as training uses the tape: gradients with and without recomputation
 * of segments must be equal bit for bit, close to float64, and no step may touch the heap once warm. */
#include "autograd/backend.h"
#include "base/philox.h"
#include "tests/autograd/cmocka_all.h"

#include <stdlib.h>

enum { TABLE_ROWS = 9, WIDTH = 24, FACTS = 5, EVENTS = 150, EVENT_ROWS = 6, N_PARAMS = 10 };

static const struct {
  const char *name;
  int32_t rows, cols;
} shapes[N_PARAMS] = {{"time.x", 1, 3 * WIDTH},
                      {"time.h", WIDTH, 3 * WIDTH},
                      {"rate.x", WIDTH + FACTS, 3 * WIDTH},
                      {"rate.h", WIDTH, 3 * WIDTH},
                      {"bias.x", 1, 3 * WIDTH},
                      {"bias.h", 1, 3 * WIDTH},
                      {"project", WIDTH, WIDTH},
                      {"project.b", 1, WIDTH},
                      {"gain", 1, WIDTH},
                      {"head", WIDTH, 1}};
enum { TIME_X, TIME_H, RATE_X, RATE_H, BIAS_X, BIAS_H, PROJECT, PROJECT_B, GAIN, HEAD };

typedef struct chain {
  const ag_backend *backend;
  m4_arena arena;
  ag_tape *tape;
  ag_param param[N_PARAMS];
  ag_param *list[N_PARAMS];
  ag_grads *grads;
  ag_table state, facts;
  int32_t rows[EVENTS][EVENT_ROWS];
  int32_t count[EVENTS]; /* 0 .. EVENT_ROWS active rows */
  double loss;
} chain;

/* A ring: every row gets itself and its left neighbour, one edge twice. */
static const int32_t ring_offset[EVENT_ROWS + 1] = {0, 2, 4, 6, 8, 10, 12};
static int32_t ring_index[EVENT_ROWS + 1][2 * EVENT_ROWS], ring_back[EVENT_ROWS + 1][2 * EVENT_ROWS];
static float targets[EVENT_ROWS], intervals[EVENT_ROWS];

static void build_rings(void) {
  for (int32_t n = 1; n <= EVENT_ROWS; ++n) {
    for (int32_t i = 0; i < n; ++i) {
      ring_index[n][2 * i] = ring_back[n][2 * i] = i;
      ring_index[n][2 * i + 1] = (i + n - 1) % n;
      ring_back[n][2 * i + 1] = (i + 1) % n;
    }
  }
  for (int i = 0; i < EVENT_ROWS; ++i) targets[i] = 0.3f * (float)i - 0.7f, intervals[i] = 0.4f;
}

static void fill(const ag_backend *backend, void *to, size_t n, m4_rng *rng, double size) {
  for (size_t i = 0; i < n; ++i) {
    double value = (float)(size * (2 * m4_rng_uniform(rng) - 1));
    if (backend->dtype == AG_F64)
      ((double *)to)[i] = value;
    else
      ((float *)to)[i] = (float)value;
  }
}

static void chain_create(chain *c, ag_dtype dtype) {
  m4_rng rng = m4_rng_make(11, M4_RNG_TEST, 0);
  memset(c, 0, sizeof *c);
  c->backend = ag_cpu_backend(dtype);
  assert_int_equal(m4_arena_init(&c->arena, (size_t)1 << 30, NULL), M4_OK);
  assert_int_equal(ag_tape_create(&c->tape, c->backend, &c->arena, NULL), M4_OK);
  for (int i = 0; i < N_PARAMS; ++i) {
    size_t n = (size_t)shapes[i].rows * (size_t)shapes[i].cols;
    c->list[i] = &c->param[i];
    assert_int_equal(
        ag_param_init(c->list[i], c->backend, shapes[i].name, shapes[i].rows, shapes[i].cols, NULL), M4_OK);
    fill(c->backend, c->param[i].data, n, &rng, i == GAIN ? 1 : 0.25);
    ag_param_refresh(c->list[i], c->backend);
  }
  assert_int_equal(ag_grads_create(&c->grads, c->backend, c->list, N_PARAMS, NULL), M4_OK);
  c->state = (ag_table){.rows = TABLE_ROWS,
                        .cols = WIDTH,
                        .data = m4_arena_calloc(&c->arena, TABLE_ROWS * WIDTH, sizeof(double))};
  c->facts = (ag_table){.rows = TABLE_ROWS,
                        .cols = FACTS,
                        .data = m4_arena_alloc(&c->arena, TABLE_ROWS * FACTS, sizeof(double)),
                        .constant = true};
  fill(c->backend, c->facts.data, TABLE_ROWS * FACTS, &rng, 1);
  for (int e = 0; e < EVENTS; ++e) {
    c->count[e] = (int32_t)m4_rng_below(&rng, EVENT_ROWS + 1);
    int32_t first = (int32_t)m4_rng_below(&rng, TABLE_ROWS);
    for (int i = 0; i < c->count[e]; ++i) c->rows[e][i] = (first + 2 * i) % TABLE_ROWS;
  }
}

static void chain_free(chain *c) {
  for (int i = 0; i < N_PARAMS; ++i) ag_param_free(&c->param[i], c->backend);
  ag_grads_free(c->grads);
  ag_tape_free(c->tape);
  m4_arena_free(&c->arena);
}

/* One event; the scalar error of its rows. */
static ag_tensor *event(chain *c, int e) {
  ag_tape *t = c->tape;
  const int32_t *rows = c->rows[e];
  int32_t n = c->count[e];
  ag_param *p = c->param;
  ag_tensor *h = ag_gather(t, &c->state, rows, n);
  h = ag_gru_cell(t, ag_input(t, n, 1, intervals), h, &p[TIME_X], &p[TIME_H], &p[BIAS_X], &p[BIAS_H]);
  ag_tensor *message = ag_linear_relu(t, h, &p[PROJECT], &p[PROJECT_B]);
  ag_tensor *sum = ag_segment_sum(t, message, n, ring_offset, ring_index[n], ring_offset, ring_back[n]);
  ag_tensor *mixed = ag_layer_norm(t, ag_linear2(t, sum, &p[PROJECT], &p[PROJECT_B], h, &p[PROJECT]),
                                   &p[GAIN], &p[PROJECT_B]);
  ag_tensor *x = ag_concat_cols(t, mixed, ag_gather(t, &c->facts, rows, n));
  h = ag_gru_cell(t, x, h, &p[RATE_X], &p[RATE_H], &p[BIAS_X], &p[BIAS_H]);
  ag_scatter(t, &c->state, rows, h);
  return ag_l1(t, ag_linear(t, ag_dropout(t, h, 0.2), &p[HEAD], NULL), targets, NULL);
}

/* Events first .. last-1; recording: also backward, with the arena given back. */
static void run_events(chain *c, int first, int last, bool recording) {
  ag_mark mark = ag_tape_mark(c->tape);
  ag_tape_record(c->tape, recording);
  for (int e = first; e < last; ++e) {
    ag_mark event_mark = ag_tape_mark(c->tape);
    ag_tensor *error = event(c, e);
    ag_seed(c->tape, error, 1.0 / EVENTS); /* nothing when not recording */
    c->loss += recording ? 0 : ag_item(c->tape, error);
    if (!recording) ag_tape_release(c->tape, event_mark);
  }
  assert_int_equal(ag_backward(c->tape, c->grads, NULL), M4_OK);
  ag_tape_release(c->tape, mark);
}

enum { MAX_BORDERS = EVENTS + 1 };
static double saved_state[MAX_BORDERS][TABLE_ROWS * WIDTH];
static ag_rng_state saved_rng[MAX_BORDERS];

/* Forward once without recording, keeping the borders; then segments from the last to the first: restore,
 * record, backward. */
static void run_chain(chain *c, int segment) {
  size_t state_bytes = TABLE_ROWS * WIDTH * (c->backend->dtype == AG_F64 ? sizeof(double) : sizeof(float));
  int n_segments = (EVENTS + segment - 1) / segment;
  memset(c->state.data, 0, state_bytes);
  ag_grads_zero(c->grads);
  assert_int_equal(ag_table_grad(c->tape, &c->state, NULL), M4_OK);
  ag_tape_set_rng(c->tape, (ag_rng_state){.seed = 3, .step = 8, .next_index = 0});
  c->loss = 0;
  for (int s = 0; s < n_segments; ++s) {
    memcpy(saved_state[s], c->state.data, state_bytes);
    saved_rng[s] = ag_tape_rng(c->tape);
    run_events(c, s * segment, s == n_segments - 1 ? EVENTS : (s + 1) * segment, false);
  }
  for (int s = n_segments - 1; s >= 0; --s) {
    memcpy(c->state.data, saved_state[s], state_bytes);
    ag_tape_set_rng(c->tape, saved_rng[s]);
    run_events(c, s * segment, s == n_segments - 1 ? EVENTS : (s + 1) * segment, true);
  }
  ag_grads_finish(c->grads);
  assert_int_equal(ag_tape_status(c->tape, NULL), M4_OK);
}

static void segments_change_no_bit(void **state) {
  (void)state;
  static const int segments[] = {1, 7, 64, 149};
  chain whole, cut;
  int64_t n;
  chain_create(&whole, AG_F32);
  run_chain(&whole, EVENTS);
  const float *expected = ag_grads_all(whole.grads, &n);
  assert_true(whole.loss > 1);
  for (size_t i = 0; i < sizeof segments / sizeof *segments; ++i) {
    chain_create(&cut, AG_F32);
    run_chain(&cut, segments[i]);
    assert_memory_equal(ag_grads_all(cut.grads, &n), expected, (size_t)n * sizeof(float));
    assert_memory_equal(cut.state.grad, whole.state.grad, TABLE_ROWS * WIDTH * sizeof(float));
    assert_true(cut.loss == whole.loss);
    chain_free(&cut);
  }
  chain_free(&whole);
}

static void single_precision_agrees_with_double(void **state) {
  (void)state;
  chain single, wide;
  int64_t n;
  chain_create(&single, AG_F32);
  chain_create(&wide, AG_F64);
  run_chain(&single, 10);
  run_chain(&wide, EVENTS);
  assert_true(fabs(single.loss - wide.loss) < 1e-5 * wide.loss);
  for (int32_t i = 0; i < N_PARAMS; ++i) {
    const float *found = ag_grads_data(single.grads, i);
    const double *expected = ag_grads_data(wide.grads, i);
    double scale = 0, worst = 0;
    n = (int64_t)shapes[i].rows * shapes[i].cols;
    for (int64_t k = 0; k < n; ++k)
      scale = fmax(scale, fabs(expected[k])), worst = fmax(worst, fabs((double)found[k] - expected[k]));
    assert_true(scale > 1e-6);
    assert_true(worst <= 2e-5 * scale);
  }
  chain_free(&single);
  chain_free(&wide);
}

/* The whole chain against a central difference along one random direction: tables, replay and staging
 * together. */
static void gradient_matches_a_directional_difference(void **state) {
  (void)state;
  const double step = 1e-6;
  chain c;
  double slope = 0, losses[2];
  m4_rng rng = m4_rng_make(21, M4_RNG_TEST, 0);
  chain_create(&c, AG_F64);
  run_chain(&c, 16);
  double *direction[N_PARAMS];
  for (int32_t i = 0; i < N_PARAMS; ++i) {
    size_t n = (size_t)shapes[i].rows * (size_t)shapes[i].cols;
    direction[i] = malloc(n * sizeof(double));
    fill(c.backend, direction[i], n, &rng, 1);
    for (size_t k = 0; k < n; ++k) slope += direction[i][k] * ((const double *)ag_grads_data(c.grads, i))[k];
  }
  for (int side = 0; side < 2; ++side) {
    double shift = side == 0 ? step : -2 * step;
    for (int32_t i = 0; i < N_PARAMS; ++i)
      for (int32_t k = 0; k < shapes[i].rows * shapes[i].cols; ++k)
        ((double *)c.param[i].data)[k] += shift * direction[i][k];
    ag_tape_set_rng(c.tape, (ag_rng_state){.seed = 3, .step = 8, .next_index = 0});
    memset(c.state.data, 0, TABLE_ROWS * WIDTH * sizeof(double));
    c.loss = 0;
    run_events(&c, 0, EVENTS, false);
    losses[side] = c.loss / EVENTS;
  }
  double expected = (losses[0] - losses[1]) / (2 * step);
  assert_true(fabs(slope) > 1e-3);
  assert_true(fabs(slope - expected) <= 1e-6 * fabs(expected));
  for (int32_t i = 0; i < N_PARAMS; ++i) free(direction[i]);
  chain_free(&c);
}

/* ---- heap ---- */

static int64_t heap_calls;
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes) {
  return ++heap_calls, __real_malloc(bytes);
}
void *__wrap_calloc(size_t count, size_t bytes) {
  return ++heap_calls, __real_calloc(count, bytes);
}
void *__wrap_realloc(void *memory, size_t bytes) {
  return ++heap_calls, __real_realloc(memory, bytes);
}
void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
  return ++heap_calls, __real_aligned_alloc(alignment, bytes);
}

static void a_warm_tape_leaves_the_heap_alone(void **state) {
  (void)state;
  chain c;
  heap_calls = 0;
  chain_create(&c, AG_F32);
  assert_true(heap_calls > 0); /* the counter works */
  run_chain(&c, 16);
  heap_calls = 0;
  size_t used = m4_arena_mark(&c.arena);
  run_chain(&c, 16);
  run_chain(&c, 5);
  assert_int_equal(heap_calls, 0);
  assert_int_equal(m4_arena_mark(&c.arena), used);
  chain_free(&c);
}

static void empty_events_are_allowed(void **state) {
  (void)state;
  chain c;
  chain_create(&c, AG_F32);
  for (int e = 0; e < EVENTS; ++e) c.count[e] = 0;
  run_chain(&c, 10);
  int64_t n;
  const float *gradient = ag_grads_all(c.grads, &n);
  for (int64_t i = 0; i < n; ++i) assert_true(gradient[i] == 0);
  assert_true(c.loss == 0);
  chain_free(&c);
}

static int build(void **state) {
  (void)state;
  build_rings();
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(segments_change_no_bit),
      cmocka_unit_test(single_precision_agrees_with_double),
      cmocka_unit_test(gradient_matches_a_directional_difference),
      cmocka_unit_test(a_warm_tape_leaves_the_heap_alone),
      cmocka_unit_test(empty_events_are_allowed),
  };
  return cmocka_run_group_tests(tests, build, NULL);
}
