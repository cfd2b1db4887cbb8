/* One model: a teacher-forced pass and an online session that are told the same events give the same bits. */
#include "infer/session.h"
#include "infer/unfold.h"

#include "base/philox.h"
#include "nn/init.h"
#include "nn/m4_pass.h"
#include "tests/infer/golden_model.h"

#include <math.h>

enum { FLOWS = 60, LINKS = 24, MAX_PATH = 6 };

typedef struct facts {
  int64_t id[FLOWS], size[FLOWS], start[FLOWS], fct[FLOWS], ideal[FLOWS];
  float params[FLOWS * M4_N_PARAMS];
  int32_t offset[FLOWS + 1], link[FLOWS * MAX_PATH];
  int64_t rate_bps[FLOWS * MAX_PATH];
} facts;

/* Links 0, 3, 6, ... are slower. */
static int64_t rate_of(int32_t link) {
  return link % 3 == 0 ? 4000000000 : 10000000000;
}

/* A busy period: flow 0 lasts from the first to the last event. Times are multiples of 500 ns, so that many
 * coincide. */
static void draw(facts *f, uint64_t seed) {
  m4_rng rng = m4_rng_make(seed, M4_RNG_TEST, 0);
  int64_t now = 1000000000;
  for (int i = 0; i < FLOWS; ++i) {
    f->id[i] = i;
    f->start[i] = now;
    now += 500 * (int64_t)m4_rng_below(&rng, 20);
    f->size[i] = 100 + (int64_t)m4_rng_below(&rng, 500000);
    f->ideal[i] = 4000 + f->size[i];
    f->fct[i] = f->ideal[i] + 500 * (int64_t)m4_rng_below(&rng, 300);
    f->fct[i] -= f->fct[i] % 500 - 500;
    memcpy(f->params + M4_N_PARAMS * i, GOLDEN_PARAMS, sizeof GOLDEN_PARAMS);
    int32_t length = 2 + (int32_t)m4_rng_below(&rng, MAX_PATH - 1),
            first = (int32_t)m4_rng_below(&rng, LINKS);
    f->offset[i + 1] = f->offset[i] + length;
    for (int32_t hop = 0; hop < length; ++hop)
      f->link[f->offset[i] + hop] = (first + 5 * hop) % LINKS; /* distinct, any order */
    for (int32_t k = f->offset[i]; k < f->offset[i + 1]; ++k) f->rate_bps[k] = rate_of(f->link[k]);
  }
  for (int i = 1; i < FLOWS; ++i)
    if (f->start[i] + f->fct[i] > f->start[0] + f->fct[0]) f->fct[0] = f->start[i] + f->fct[i] - f->start[0];
}

static m4_period period_of(const facts *f) {
  return (m4_period){.n_flows = FLOWS,
                     .flow_id = f->id,
                     .size_bytes = f->size,
                     .start_ns = f->start,
                     .fct_ns = f->fct,
                     .ideal_fct_ns = f->ideal,
                     .params = f->params,
                     .path_offset = f->offset,
                     .path_link = f->link,
                     .path_rate_bps = f->rate_bps};
}

static void teacher_forced(const m4_model *model, const facts *f, float *slowdown) {
  m4_arena arena;
  m4_workspace *workspace = NULL;
  m4_sample *sample = NULL;
  m4_error err = {0};
  const m4_period period = period_of(f);
  m4_pass_output output = {.slowdown = slowdown};
  m4_losses losses;
  m4_loss_options options = m4_default_loss();
  options.dropout = 0.0;
  m4_status status = m4_arena_init(&arena, (size_t)64 << 20, &err);
  if (status == M4_OK) status = m4_sample_from_period(&sample, &period, model->size_feature, &arena, &err);
  if (status == M4_OK) status = m4_workspace_create(&workspace, model, 0, &err);
  if (status == M4_OK) status = m4_pass_forward(workspace, model, sample, &options, &losses, &output, &err);
  if (status != M4_OK) fail_msg("%s", err.what);
  m4_workspace_free(workspace);
  m4_arena_free(&arena);
}

/* Bits, unless the matrix products of this build give a row other bits in a batch of another size. */
static bool same(double online_value, double forced_value) {
#ifdef ROW_BITS_VARY
  return fabs(online_value - forced_value) <= 1e-5 * forced_value;
#else
  return (float)online_value == (float)forced_value; /* a pass tells float */
#endif
}

/* The next event in (time, departures first, flow) order after `done` of them; true: a departure. */
static bool next_event(const facts *f, const bool *arrived, const bool *departed, int *flow) {
  int64_t earliest = INT64_MAX;
  bool departure = false;
  for (int i = 0; i < FLOWS; ++i)
    if (arrived[i] && !departed[i] && f->start[i] + f->fct[i] < earliest) {
      earliest = f->start[i] + f->fct[i];
      *flow = i;
      departure = true;
    }
  for (int i = 0; i < FLOWS; ++i)
    if (!arrived[i] && f->start[i] < earliest) {
      earliest = f->start[i];
      *flow = i;
      departure = false;
    }
  return departure;
}

/* The prediction of each flow from the last event before its departure. */
static void online(const m4_model *model, const facts *f, double *slowdown) {
  const inf_options options = {.global_scope = true, .link_reset_off = true};
  inf_session *session = NULL;
  assert_int_equal(inf_session_create(&session, model, LINKS, &options, NULL), M4_OK);
  for (int32_t link = 0; link < LINKS; ++link) inf_set_link_rate(session, link, rate_of(link));
  bool arrived[FLOWS] = {false}, departed[FLOWS] = {false};
  for (int event = 0; event < 2 * FLOWS; ++event) {
    int i = 0;
    double release_ns;
    if (next_event(f, arrived, departed, &i)) {
      assert_true(inf_prediction(session, i, &slowdown[i], &release_ns));
      departed[i] = true;
      assert_int_equal(inf_complete(session, (double)(f->start[i] + f->fct[i] - f->start[0]), i, NULL),
                       M4_OK);
    } else {
      arrived[i] = true;
      const inf_flow flow = {i,
                             f->size[i],
                             (double)f->ideal[i],
                             f->link + f->offset[i],
                             f->offset[i + 1] - f->offset[i],
                             f->params + M4_N_PARAMS * i};
      assert_int_equal(inf_arrive(session, (double)(f->start[i] - f->start[0]), &flow, NULL), M4_OK);
    }
  }
  inf_session_free(session);
}

static void check_agreement(m4_model *model) {
  int above_one = 0;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    static facts f;
    memset(&f, 0, sizeof f);
    draw(&f, seed);
    float forced[FLOWS];
    double predicted[FLOWS];
    teacher_forced(model, &f, forced);
    online(model, &f, predicted);
    for (int i = 0; i < FLOWS; ++i) {
      assert_true(same(predicted[i], fmax(1.0, (double)forced[i])));
      above_one += forced[i] > 1.0f;
    }
  }
  assert_true(above_one >
              2 * FLOWS); /* of four times FLOWS: the comparison is about numbers, not about the clamp */
  m4_model_free(model);
}

static void session_and_pass_agree_in_every_bit(void **state) {
  (void)state;
  check_agreement(golden_model());
}

static void so_they_do_with_fluid_features(void **state) {
  (void)state;
  m4_widths widths = m4_default_widths();
  widths.hidden = widths.head_hidden = 32;
  widths.gcn_hidden = 48;
  widths.n_fluid = M4_N_FLUID;
  m4_model *model;
  assert_int_equal(m4_model_create(&model, widths, ag_cpu_backend(AG_F32), NULL), M4_OK);
  m4_model_init(model, 3);
  model->input_form = M4_INPUTS_SCALED;
  check_agreement(model);
}

/* No graph layers; no GRUs; no link GRUs. */
static void so_do_models_without_parts(void **state) {
  (void)state;
  for (int part = 0; part < 3; ++part) {
    m4_widths widths = m4_default_widths();
    widths.hidden = widths.head_hidden = 32;
    widths.gcn_hidden = 48;
    if (part == 0) widths.gcn_layers = 0;
    widths.without_gru = part == 1;
    widths.without_link_state = part == 2;
    m4_model *model;
    assert_int_equal(m4_model_create(&model, widths, ag_cpu_backend(AG_F32), NULL), M4_OK);
    m4_model_init(model, 3);
    *(float *)model->fct_head.bias2->data = 2.0f; /* above the clamp */
    check_agreement(model);
  }
}

/* ---- departures of the model's own ---- */

/* A simulation by itself: the flow of every event, and what was predicted of it when it left. */
static void simulate(const m4_model *model, const facts *f, int32_t *event_flow, double *slowdown) {
  inf_session *session = NULL;
  assert_int_equal(inf_session_create(&session, model, LINKS, NULL, NULL), M4_OK);
  for (int32_t link = 0; link < LINKS; ++link) inf_set_link_rate(session, link, rate_of(link));
  for (int event = 0, next = 0; event < 2 * FLOWS; ++event) {
    double finish_ns, release_ns, arrival_ns = next < FLOWS ? (double)(f->start[next] - f->start[0]) : 1e300;
    int64_t tag;
    if (inf_next(session, &finish_ns, &tag) && finish_ns <= arrival_ns) {
      assert_true(inf_prediction(session, tag, &slowdown[tag], &release_ns));
      assert_int_equal(inf_complete(session, fmax(finish_ns, inf_clock(session)), tag, NULL), M4_OK);
      event_flow[event] = (int32_t)tag;
    } else {
      const inf_flow flow = {next,
                             f->size[next],
                             (double)f->ideal[next],
                             f->link + f->offset[next],
                             f->offset[next + 1] - f->offset[next],
                             f->params + M4_N_PARAMS * next};
      assert_int_equal(inf_arrive(session, arrival_ns, &flow, NULL), M4_OK);
      event_flow[event] = next++;
    }
  }
  inf_session_free(session);
}

/* The pass over the unfolded period predicts what the simulation predicted, event for event; a period cut
 * short is its beginning. */
static void check_unfolding(const m4_model *model, const facts *f, int32_t n_events) {
  m4_arena arena, room;
  m4_workspace *workspace = NULL;
  m4_sample *forced = NULL, *sample = NULL;
  m4_error err = {0};
  int32_t event_flow[2 * FLOWS];
  double predicted[FLOWS];
  float learned[FLOWS];
  simulate(model, f, event_flow, predicted);
  const m4_period period = period_of(f);
  m4_loss_options options = m4_default_loss();
  options.dropout = 0.0;
  options.weight_every = 1.0;
  m4_pass_output output = {.slowdown = learned};
  assert_int_equal(m4_arena_init(&arena, (size_t)64 << 20, NULL), M4_OK);
  assert_int_equal(m4_sample_from_period(&forced, &period, model->size_feature, &arena, NULL), M4_OK);
  m4_sample_cut_short(forced, n_events);
  assert_int_equal(m4_arena_init(&room, inf_unfold_most_bytes(forced), NULL), M4_OK);
  if (inf_unfold(&sample, model, &period, forced, &room, &err) != M4_OK) fail_msg("%s", err.what);
  assert_int_equal(sample->n_events, n_events);
  assert_memory_equal(sample->event_flow, event_flow, (size_t)n_events * sizeof *event_flow);
  assert_int_equal(m4_workspace_create(&workspace, model, 0, NULL), M4_OK);
  if (m4_pass_forward(workspace, model, sample, &options, NULL, &output, &err) != M4_OK)
    fail_msg("%s", err.what);
  int n_departed = 0;
  for (int i = 0; i < FLOWS; ++i) {
    if (sample->departure_event[i] >= n_events) continue;
    ++n_departed;
    assert_true(same(predicted[i], fmax(1.0, (double)learned[i])));
    assert_true(sample->target_slowdown[i] == (float)((double)f->fct[i] / (double)f->ideal[i]));
  }
  assert_true(n_departed == FLOWS || n_events < 2 * FLOWS);
  assert_true(n_departed > FLOWS / 4);
  m4_workspace_free(workspace);
  m4_arena_free(&room);
  m4_arena_free(&arena);
}

static void an_unfolded_period_is_what_a_simulation_sees(void **state) {
  (void)state;
  m4_widths widths = m4_default_widths();
  widths.hidden = widths.head_hidden = 32;
  widths.gcn_hidden = 48;
  widths.n_fluid = M4_N_FLUID;
  m4_model *fluid, *golden = golden_model();
  assert_int_equal(m4_model_create(&fluid, widths, ag_cpu_backend(AG_F32), NULL), M4_OK);
  m4_model_init(fluid, 3);
  fluid->input_form = M4_INPUTS_SCALED;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    static facts f;
    memset(&f, 0, sizeof f);
    draw(&f, seed);
    check_unfolding(golden, &f, 2 * FLOWS);
    check_unfolding(fluid, &f, 2 * FLOWS);
    check_unfolding(fluid, &f, 3 * FLOWS / 2);
  }
  m4_model_free(fluid);
  m4_model_free(golden);
}

static void a_fluid_model_needs_line_rates(void **state) {
  (void)state;
  static facts f;
  draw(&f, 1);
  m4_widths widths = m4_default_widths();
  widths.n_fluid = M4_N_FLUID;
  m4_model *model;
  inf_session *session;
  m4_error err = {0};
  assert_int_equal(m4_model_create(&model, widths, ag_cpu_backend(AG_F32), NULL), M4_OK);
  assert_int_equal(inf_session_create(&session, model, LINKS, NULL, NULL), M4_OK);
  const inf_flow flow = {0, f.size[0], (double)f.ideal[0], f.link, f.offset[1], f.params};
  assert_int_equal(inf_arrive(session, 0.0, &flow, &err), M4_USAGE);
  assert_non_null(strstr(err.what, "no line rate"));
  inf_session_free(session);
  m4_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(session_and_pass_agree_in_every_bit),
                                     cmocka_unit_test(so_they_do_with_fluid_features),
                                     cmocka_unit_test(so_do_models_without_parts),
                                     cmocka_unit_test(an_unfolded_period_is_what_a_simulation_sees),
                                     cmocka_unit_test(a_fluid_model_needs_line_rates)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
