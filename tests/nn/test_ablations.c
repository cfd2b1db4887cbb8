/* Models without graph layers, without GRUs or without link states: what they may depend on, their gradients,
 * and that their files say what they are. */
#include "nn/m4_pass.h"
#include "nn/weights.h"
#include "tests/nn/small_model.h"
#include "tests/nn/synthetic.h"

#include "base/philox.h"

#include <math.h>

enum { WITHOUT_GNN, WITHOUT_GRU, WITHOUT_LINK_STATE, N_ABLATIONS };

static m4_widths ablated(int ablation) {
  m4_widths widths = small_widths();
  widths.hidden = 16; /* wide enough that no ReLU cuts a flow off */
  widths.gcn_hidden = 24;
  if (ablation == WITHOUT_GNN) widths.gcn_layers = 0;
  widths.without_gru = ablation == WITHOUT_GRU;
  widths.without_link_state = ablation == WITHOUT_LINK_STATE;
  return widths;
}

static m4_sample *make_sample(m4_arena *arena) {
  const synthetic_plan plan = {
      .seed = 5, .n_flows = 30, .n_links = 12, .n_hops = 3, .active_flows = 6, .labels = true};
  m4_sample *sample;
  m4_error err = {0};
  assert_int_equal(m4_arena_init(arena, (size_t)1 << 30, NULL), M4_OK);
  m4_period period = synthetic_period(&plan, arena);
  if (m4_sample_from_period(&sample, &period, M4_SIZE_KILOBYTES, arena, &err) != M4_OK)
    fail_msg("%s", err.what);
  return sample;
}

/* Loss; slowdowns and gradients where wanted. */
static double pass(const m4_model *model, const m4_sample *sample, float *slowdown, ag_grads *grads) {
  m4_workspace *workspace;
  m4_losses losses;
  m4_error err = {0};
  m4_loss_options options = m4_default_loss();
  m4_pass_output output = {.slowdown = slowdown};
  options.dropout = 0;
  options.weight_size = options.weight_queue = 0.1;
  assert_int_equal(m4_workspace_create(&workspace, model, 200000, NULL), M4_OK);
  m4_status status = grads ? m4_pass_gradients(workspace, model, sample, &options, 1, (ag_rng_state){0},
                                               grads, &losses, &output, &err)
                           : m4_pass_forward(workspace, model, sample, &options, &losses, &output, &err);
  if (status != M4_OK) fail_msg("%s", err.what);
  m4_workspace_free(workspace);
  return losses.total;
}

static bool any_differs(const float *a, const float *b, int32_t n) {
  for (int32_t i = 0; i < n; ++i)
    if (a[i] != b[i]) return true;
  return false;
}

static void numbers_of_parameters(void **state) {
  (void)state;
  /* model.md 2: the published model less its graph layers, GRUs, link GRUs */
  const int64_t expected[N_ABLATIONS] = {1501003 - 161100 - 271200 - 210900,
                                         1501003 - 249000 - 241200 - 2 * 121800, 1501003 - 241200 - 121800};
  for (int ablation = 0; ablation < N_ABLATIONS; ++ablation) {
    m4_widths widths = m4_default_widths(), small = ablated(ablation);
    if (small.gcn_layers == 0) widths.gcn_layers = 0;
    widths.without_gru = small.without_gru;
    widths.without_link_state = small.without_link_state;
    m4_model *model = model_of(widths, AG_F32, 1);
    assert_int_equal(m4_model_count(model), expected[ablation]);
    m4_model_free(model);
  }
  m4_widths nothing = ablated(WITHOUT_GNN);
  m4_model *model;
  m4_error err = {0};
  nothing.without_gru = true;
  assert_int_equal(m4_model_create(&model, nothing, ag_cpu_backend(AG_F32), &err), M4_DATA);
  assert_non_null(strstr(err.what, "computes nothing"));
}

/* Without graph layers other flows do not matter; without GRUs times do not; all other models see both. */
static void what_predictions_depend_on(void **state) {
  (void)state;
  for (int ablation = 0; ablation < N_ABLATIONS + 1; ++ablation) {
    m4_arena arena;
    m4_sample *sample = make_sample(&arena);
    m4_model *model = model_of(ablated(ablation), AG_F32, 4);
    float before[30], after[30];
    int32_t last = sample->n_flows - 1;
    pass(model, sample, before, NULL);
    float size_feature = sample->size_feature[0];
    sample->size_feature[0] += 3;
    pass(model, sample, after, NULL);
    assert_true(before[0] != after[0]);
    assert_int_equal(any_differs(before + 1, after + 1, last), ablation != WITHOUT_GNN);
    sample->size_feature[0] = size_feature;
    for (int32_t j = 0; j < sample->n_events; ++j) sample->events[j].dt_us *= 3;
    pass(model, sample, after, NULL);
    assert_int_equal(any_differs(before, after, sample->n_flows), ablation != WITHOUT_GRU);
    m4_model_free(model);
    m4_arena_free(&arena);
  }
}

static void without_link_state_links_stay(void **state) {
  (void)state;
  m4_arena arena;
  m4_sample *sample = make_sample(&arena);
  m4_model *model = model_of(ablated(WITHOUT_LINK_STATE), AG_F32, 4);
  ag_tape *tape;
  m4_state states;
  assert_int_equal(ag_tape_create(&tape, model->backend, &arena, NULL), M4_OK);
  assert_int_equal(m4_state_create(&states, model, &arena, sample->n_flows, sample->n_links, NULL), M4_OK);
  for (int32_t i = 0; i < sample->n_links; ++i) m4_state_init_link(&states, model, i);
  for (int32_t i = 0; i < sample->n_flows; ++i)
    m4_state_init_flow(&states, model, i, sample->size_feature[i], 3, sample->params + i * M4_N_PARAMS);
  for (int32_t j = 0; j < sample->n_events; ++j) m4_event(model, tape, &states, &sample->events[j], 0, NULL);
  assert_int_equal(ag_tape_status(tape, NULL), M4_OK);
  for (int32_t i = 0; i < sample->n_links * 16; ++i)
    assert_true(((float *)states.links.data)[i] == (i % 16 == 1 || i % 16 == 2 ? 1.0f : 0.0f));
  ag_tape_free(tape);
  m4_model_free(model);
  m4_arena_free(&arena);
}

static void shift(m4_model *model, double step) {
  m4_rng direction = m4_rng_make(123, M4_RNG_TEST, 0);
  for (int32_t i = 0; i < model->n_params; ++i) {
    for (int64_t k = 0; k < param_count(model->params[i]); ++k)
      ((double *)model->params[i]->data)[k] += step * m4_rng_normal(&direction);
    ag_param_refresh(model->params[i], model->backend);
  }
}

static void gradients_match_differences(void **state) {
  (void)state;
  const double step = 1e-7;
  for (int ablation = 0; ablation < N_ABLATIONS; ++ablation) {
    m4_arena arena;
    ag_grads *grads;
    int64_t count;
    double slope = 0;
    m4_rng direction = m4_rng_make(123, M4_RNG_TEST, 0);
    m4_sample *sample = make_sample(&arena);
    m4_model *model = model_of(ablated(ablation), AG_F64, 4);
    assert_int_equal(ag_grads_create(&grads, model->backend, model->params, model->n_params, NULL), M4_OK);
    pass(model, sample, NULL, grads);
    const double *gradient = ag_grads_all(grads, &count);
    for (int64_t k = 0; k < count; ++k) slope += gradient[k] * m4_rng_normal(&direction);
    shift(model, step);
    double above = pass(model, sample, NULL, NULL);
    shift(model, -2 * step);
    double difference = (above - pass(model, sample, NULL, NULL)) / (2 * step);
    print_message("ablation %d: slope %.10g, difference %.10g\n", ablation, slope, difference);
    assert_true(fabs(difference / slope - 1) < 1e-6);
    ag_grads_free(grads);
    m4_model_free(model);
    m4_arena_free(&arena);
  }
}

static void files_say_what_is_left_out(void **state) {
  static const char *const notes[N_ABLATIONS] = {"enable_gnn", "enable_lstm", "enable_link_state"};
  const char *path = scratch_path(state, "ablated.safetensors");
  for (int ablation = 0; ablation < N_ABLATIONS; ++ablation) {
    m4_model *model = model_of(ablated(ablation), AG_F32, 4), *copy = NULL;
    m4_model *whole = model_of(ablated(N_ABLATIONS), AG_F32, 1);
    m4_metadata metadata = {0};
    m4_error err = {0};
    assert_int_equal(m4_weights_save(model, path, NULL, true, NULL), M4_OK);
    if (m4_weights_load(&copy, ag_cpu_backend(AG_F32), path, &metadata, &err) != M4_OK)
      fail_msg("%s", err.what);
    for (int note = 0; note < N_ABLATIONS; ++note) {
      const char *text = m4_metadata_get(&metadata, notes[note]);
      assert_true(note == ablation ? text && strcmp(text, "false") == 0 : !text);
    }
    assert_int_equal(copy->n_params, model->n_params);
    assert_same_weights(model, copy);
    assert_int_equal(copy->widths.gcn_layers, model->widths.gcn_layers);
    assert_int_equal(copy->widths.without_gru, model->widths.without_gru);
    assert_int_equal(copy->widths.without_link_state, model->widths.without_link_state);
    assert_int_equal(m4_weights_load_into(whole, path, NULL, &err), M4_DATA); /* not a whole model */
    assert_non_null(strstr(err.what, "another variant"));
    assert_int_equal(m4_weights_save(whole, path, NULL, true, NULL), M4_OK);
    assert_int_equal(m4_weights_load_into(model, path, NULL, &err), M4_DATA); /* nor the other way round */
    m4_metadata_free(&metadata);
    m4_model_free(whole);
    m4_model_free(copy);
    m4_model_free(model);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_of_parameters),
      cmocka_unit_test(what_predictions_depend_on),
      cmocka_unit_test(without_link_state_links_stay),
      cmocka_unit_test(gradients_match_differences),
      cmocka_unit_test_setup_teardown(files_say_what_is_left_out, scratch_setup, scratch_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
