/* Sessions whose states and steps are in memory that the host cannot touch, beside sessions on the CPU. */
#include "autograd/memory.h"
#include "base/philox.h"
#include "infer/stack.h"
#include "nn/init.h"
#include "tests/autograd/cuda_on_host.h"
#include "tests/infer/golden_model.h"

#include <math.h>

enum { LINKS = 30, SESSIONS = 3, ROUNDS = 120 };
static const double TOLERANCE = 1e-4;

static void expect_ok(m4_status status, const m4_error *err) {
  if (status != M4_OK) fail_msg("%s", err->what);
}

/* Everything that a model can have. */
static m4_model *create(const ag_backend *backend, int32_t n_fluid) {
  m4_widths widths = {.hidden = 20,
                      .gcn_hidden = 24,
                      .gcn_layers = 2,
                      .head_hidden = 12,
                      .aux_hidden = 12,
                      .has_size_head = true,
                      .has_queue_head = true,
                      .n_fluid = n_fluid};
  m4_model *model;
  m4_error err = {0};
  expect_ok(m4_model_create(&model, widths, backend, &err), &err);
  return model;
}

/* The same numbers near and far. */
static void create_both(m4_model **near, m4_model **far, int32_t n_fluid) {
  *near = create(ag_cpu_backend(AG_F32), n_fluid);
  *far = create(cuda_on_host(), n_fluid);
  m4_model_init(*near, 3);
  for (int32_t i = 0; i < (*near)->n_params; ++i) {
    const ag_param *from = (*near)->params[i];
    ag_param *to = (*far)->params[i];
    ag_upload((*far)->backend, to->data, from->data, (size_t)from->rows * (size_t)from->cols * sizeof(float));
    ag_param_refresh(to, (*far)->backend);
  }
}

/* Sessions of one stack, or (stack NULL) each on its own. */
typedef struct group {
  inf_stack *stack;
  inf_session *sessions[SESSIONS];
} group;

static void open_group(group *g, const m4_model *model, bool stacked) {
  m4_error err = {0};
  *g = (group){0};
  if (stacked) expect_ok(inf_stack_create(&g->stack, model, &err), &err);
  for (int i = 0; i < SESSIONS; ++i) {
    expect_ok(stacked ? inf_stack_session(&g->sessions[i], g->stack, LINKS, NULL, &err)
                      : inf_session_create(&g->sessions[i], model, LINKS, NULL, &err),
              &err);
    for (int32_t link = 0; link < LINKS; ++link) inf_set_link_rate(g->sessions[i], link, 10000000000);
  }
}

static void close_group(group *g) {
  for (int i = 0; i < SESSIONS; ++i) inf_session_free(g->sessions[i]);
  inf_stack_free(g->stack);
}

/* One event of one session: mostly arrivals at first, so that tables grow; then mostly departures. */
static void live(inf_session *session, int round, m4_rng *rng) {
  double now_ns = 1000.0 * (round / 2); /* every other event has no time step */
  int32_t n_active = inf_n_active(session), first = (int32_t)m4_rng_below(rng, LINKS - 4);
  int32_t path[4], n_links = 1 + (int32_t)m4_rng_below(rng, 4);
  int64_t size = 1000 + (int64_t)m4_rng_below(rng, 100000);
  uint32_t which = m4_rng_below(rng, 1000);
  bool comes = m4_rng_below(rng, 10) < (round < ROUNDS * 2 / 3 ? 9u : 2u);
  m4_error err = {0};
  if (!comes && n_active > 0) {
    int64_t leaver = inf_active_tag(session, (int32_t)(which % (uint32_t)n_active));
    expect_ok(inf_complete(session, now_ns, leaver, &err), &err);
    return;
  }
  for (int32_t i = 0; i < n_links; ++i) path[i] = first + i;
  const inf_flow flow = {round, size, 20000, path, n_links, GOLDEN_PARAMS};
  expect_ok(inf_arrive(session, now_ns, &flow, &err), &err);
}

static void play(group *g, int round) {
  m4_error err = {0};
  for (int i = 0; i < SESSIONS; ++i) {
    m4_rng rng = m4_rng_make((uint64_t)round, M4_RNG_TEST, (uint64_t)i);
    live(g->sessions[i], round, &rng);
  }
  if (g->stack) expect_ok(inf_stack_step(g->stack, &err), &err);
}

static bool close_to(double a, double b) {
  return fabs(a - b) <= TOLERANCE * fmax(fabs(b), 1e-3);
}

/* Predictions and, asked now and then, what the auxiliary heads say, which must change nothing. */
static void assert_alike(const group *a, const group *b, bool ask_heads, bool exactly) {
  for (int i = 0; i < SESSIONS; ++i) {
    inf_session *x = a->sessions[i], *y = b->sessions[i];
    double u, v, release_ns, now_ns = inf_clock(x) + 500;
    m4_error err = {0};
    assert_int_equal(inf_n_active(x), inf_n_active(y));
    for (int32_t k = 0; k < inf_n_active(x); ++k) {
      int64_t tag = inf_active_tag(x, k);
      assert_true(inf_prediction(x, tag, &u, &release_ns) && inf_prediction(y, tag, &v, &release_ns));
      assert_true(exactly ? u == v : close_to(u, v));
    }
    if (!ask_heads || inf_n_active(x) == 0) continue;
    expect_ok(inf_remaining(x, now_ns, inf_active_tag(x, 0), &u, &err), &err);
    expect_ok(inf_remaining(y, now_ns, inf_active_tag(x, 0), &v, &err), &err);
    assert_true(exactly ? u == v : close_to(u, v));
    expect_ok(inf_queue(x, now_ns, 5, &u, &err), &err);
    expect_ok(inf_queue(y, now_ns, 5, &v, &err), &err);
    assert_true(exactly ? u == v : close_to(u, v));
  }
}

/* On the CPU one by one; far away one by one and in a stack, which agree in every bit. */
static void follow(int32_t n_fluid) {
  m4_model *near, *far;
  create_both(&near, &far, n_fluid);
  group cpu, alone, stacked, again;
  open_group(&cpu, near, false);
  open_group(&alone, far, false);
  open_group(&stacked, far, true);
  open_group(&again, far, true);
  int32_t most = 0;
  for (int round = 0; round < ROUNDS; ++round) {
    play(&cpu, round);
    play(&alone, round);
    play(&stacked, round);
    play(&again, round);
    assert_alike(&alone, &cpu, round % 10 == 0, false);
    assert_alike(&stacked, &alone, round % 10 == 0, true);
    assert_alike(&again, &stacked, false, true);
    int32_t n_active = inf_n_active(cpu.sessions[0]);
    most = n_active > most ? n_active : most;
  }
  assert_true(most * SESSIONS > 64); /* the tables have grown */
  close_group(&cpu);
  close_group(&alone);
  close_group(&stacked);
  close_group(&again);
  m4_model_free(near);
  m4_model_free(far);
}

static void a_device_says_what_the_cpu_says(void **state) {
  (void)state;
  follow(0);
}

static void also_with_a_fluid(void **state) {
  (void)state;
  follow(M4_N_FLUID);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_device_says_what_the_cpu_says),
      cmocka_unit_test(also_with_a_fluid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
