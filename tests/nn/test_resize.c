/* Models at other widths: wider ones predict the same and learn with all their units, narrower ones keep what
 * matters. */
#include "base/philox.h"
#include "nn/m4_pass.h"
#include "nn/m4_resize.h"
#include "tests/nn/small_model.h"
#include "tests/nn/synthetic.h"

#include <math.h>

typedef struct prediction {
  float slowdown[30], size[4096], queue[4096];
  double loss;
} prediction;

static m4_arena arena;
static m4_sample *sample;

static int make_sample(void **state) {
  (void)state;
  const synthetic_plan plan = {
      .seed = 5, .n_flows = 30, .n_links = 12, .n_hops = 3, .active_flows = 6, .labels = true};
  if (m4_arena_init(&arena, (size_t)1 << 30, NULL) != M4_OK) return -1;
  m4_period period = synthetic_period(&plan, &arena);
  if (m4_sample_from_period(&sample, &period, M4_SIZE_KILOBYTES, &arena, NULL) != M4_OK) return -1;
  bool fits = sample->size_offset[sample->n_events] <= 4096 && sample->queue_offset[sample->n_events] <= 4096;
  return fits ? 0 : -1;
}

static int free_sample(void **state) {
  (void)state;
  m4_arena_free(&arena);
  return 0;
}

/* ---- models ---- */

static m4_widths old_widths(void) {
  m4_widths widths = small_widths();
  widths.hidden = 8;
  return widths;
}

/* A model whose every number matters: gains, shifts and biases as well. */
static m4_model *old_model(m4_widths widths, ag_dtype dtype) {
  m4_model *model = model_of(widths, dtype, 4);
  m4_rng rng = m4_rng_make(6, M4_RNG_TEST, 0);
  model->input_form = M4_INPUTS_SCALED;
  for (int32_t layer = 0; layer < widths.gcn_layers; ++layer) {
    ag_param *const norm[] = {model->sage[layer].norm_gain, model->sage[layer].norm_bias};
    for (int k = 0; k < 2; ++k)
      for (int32_t i = 0; i < norm[k]->cols; ++i) {
        double value = 0.5 + m4_rng_uniform(&rng);
        if (dtype == AG_F64)
          ((double *)norm[k]->data)[i] = value;
        else
          ((float *)norm[k]->data)[i] = (float)value;
      }
  }
  return model;
}

static m4_model *resized(const m4_model *from, m4_widths widths, uint64_t seed) {
  m4_model *to = NULL;
  m4_error err = {0};
  assert_int_equal(m4_model_create(&to, widths, from->backend, &err), M4_OK);
  if (m4_resize(from, to, seed, &err) != M4_OK) fail_msg("%s", err.what);
  return to;
}

/* Gradients where wanted. */
static void predict(const m4_model *model, prediction *p, ag_grads *grads) {
  m4_workspace *workspace;
  m4_losses losses;
  m4_error err = {0};
  m4_loss_options options = m4_default_loss();
  m4_pass_output output = {.slowdown = p->slowdown, .size_prediction = p->size, .queue_prediction = p->queue};
  memset(p, 0, sizeof *p);
  options.dropout = 0;
  options.weight_size = options.weight_queue = options.weight_every = 0.1;
  assert_int_equal(m4_workspace_create(&workspace, model, 0, NULL), M4_OK);
  m4_status status = grads ? m4_pass_gradients(workspace, model, sample, &options, 1, (ag_rng_state){0},
                                               grads, &losses, &output, &err)
                           : m4_pass_forward(workspace, model, sample, &options, &losses, &output, &err);
  if (status != M4_OK) fail_msg("%s", err.what);
  p->loss = losses.total;
  m4_workspace_free(workspace);
}

static double largest_difference(const float *a, const float *b, int64_t n) {
  double largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = fmax(largest, fabs((double)a[i] - (double)b[i]));
  return largest;
}

static double difference(const m4_model *a, const m4_model *b) {
  static prediction of_a, of_b;
  predict(a, &of_a, NULL);
  predict(b, &of_b, NULL);
  double slowdown = largest_difference(of_a.slowdown, of_b.slowdown, sample->n_flows);
  double size = largest_difference(of_a.size, of_b.size, sample->size_offset[sample->n_events]);
  double queue = largest_difference(of_a.queue, of_b.queue, sample->queue_offset[sample->n_events]);
  return fmax(fmax(slowdown, size), queue);
}

/* ---- wider ---- */

static m4_widths with_widths(m4_widths widths, int32_t hidden, int32_t gcn, int32_t heads) {
  widths.hidden = hidden;
  widths.gcn_hidden = gcn;
  widths.head_hidden = widths.aux_hidden = heads;
  return widths;
}

/* From 8 states, 6 graph units, 5 and 3 units inside the heads. */
static void expect_same_predictions(m4_widths widths) {
  const m4_widths wider[] = {with_widths(widths, 16, 12, 10), with_widths(widths, 24, 18, 15),
                             with_widths(widths, 8, 12, 5),   with_widths(widths, 21, 6, 7),
                             with_widths(widths, 9, 7, 6),    with_widths(widths, 27, 23, 31)};
  for (int dtype = 0; dtype < 2; ++dtype) {
    m4_model *old = old_model(widths, dtype ? AG_F64 : AG_F32);
    for (size_t i = 0; i < sizeof wider / sizeof *wider; ++i) {
      m4_model *new = resized(old, wider[i], 1);
      double largest = difference(old, new);
      print_message("%d/%d/%d %s: %.2g\n", (int)wider[i].hidden, (int)wider[i].gcn_hidden,
                    (int)wider[i].head_hidden, dtype ? "float64" : "float32", largest);
      assert_true(largest < 1e-5);
      m4_model_free(new);
    }
    m4_model_free(old);
  }
}

static void wider_predicts_the_same(void **state) {
  (void)state;
  expect_same_predictions(old_widths());
}

static void wider_variants_predict_the_same(void **state) {
  (void)state;
  m4_widths no_gnn = old_widths(), no_gru = old_widths(), no_link_state = old_widths(), one = old_widths();
  no_gnn.gcn_layers = 0;
  no_gru.without_gru = true;
  no_link_state.without_link_state = true;
  one.gcn_layers = 1;
  one.has_queue_head = false;
  expect_same_predictions(no_gnn);
  expect_same_predictions(no_gru);
  expect_same_predictions(no_link_state);
  expect_same_predictions(one);
}

/* All 4 states start with features: the new ones are copies that nobody listens to yet. */
static void wider_than_the_features(void **state) {
  (void)state;
  m4_widths widths = old_widths();
  widths.hidden = 4;
  m4_model *old = old_model(widths, AG_F64), *new = resized(old, with_widths(widths, 11, 8, 9), 1);
  assert_true(difference(old, new) < 1e-5);
  m4_model_free(old);
  m4_model_free(new);
}

static m4_model *make_fluid(void) {
  m4_widths widths = old_widths();
  widths.n_fluid = M4_N_FLUID;
  return old_model(widths, AG_F64);
}

static void wider_with_fluid_predicts_the_same(void **state) {
  (void)state;
  m4_model *old = make_fluid(), *new = resized(old, with_widths(old->widths, 20, 13, 20), 1);
  assert_int_equal(new->input_form, M4_INPUTS_SCALED);
  assert_true(difference(old, new) < 1e-5);
  m4_model_free(old);
  m4_model_free(new);
}

static const double *gradient_of(const ag_grads *grads, const m4_model *model, const ag_param *param) {
  int32_t i = 0;
  while (model->params[i] != param) ++i;
  return ag_grads_data(grads, i);
}

/* Of columns a and b of a gradient: proportional ones would be the same to Adam. */
static double angle(const double *gradient, const ag_param *param, int32_t a, int32_t b) {
  double dot = 0, square_a = 0, square_b = 0;
  for (int32_t row = 0; row < param->rows; ++row) {
    double x = gradient[row * param->cols + a], y = gradient[row * param->cols + b];
    dot += x * y;
    square_a += x * x;
    square_b += y * y;
  }
  assert_true(square_a > 0 && square_b > 0);
  return acos(fmin(1, fabs(dot) / sqrt(square_a * square_b)));
}

static void copies_learn_different_things(void **state) {
  (void)state;
  static prediction p;
  ag_grads *grads;
  m4_model *old = make_fluid(), *new = resized(old, with_widths(old->widths, 20, 13, 20), 1);
  assert_int_equal(ag_grads_create(&grads, new->backend, new->params, new->n_params, NULL), M4_OK);
  predict(new, &p, grads);
  /* 8 states to 20: state 8 is a copy of state 4 (candidate gate: columns from 40); 6 graph units to 13: unit
   * 6 of unit 0, and 12 fresh. */
  const ag_param *recurrence = new->flow_rate.weight_h, *root = new->sage[0].root;
  assert_true(angle(gradient_of(grads, new, recurrence), recurrence, 40 + 4, 40 + 8) > 0.01);
  assert_true(angle(gradient_of(grads, new, root), root, 0, 6) > 0.01);
  assert_true(angle(gradient_of(grads, new, root), root, 0, 12) > 0.01);
  ag_grads_free(grads);
  m4_model_free(old);
  m4_model_free(new);
}

static void same_seed_same_bytes(void **state) {
  (void)state;
  m4_model *old = old_model(old_widths(), AG_F32);
  m4_widths widths = with_widths(old_widths(), 20, 13, 9);
  m4_model *a = resized(old, widths, 3), *b = resized(old, widths, 3), *other = resized(old, widths, 4);
  assert_same_weights(a, b);
  const ag_param *mine = a->flow_rate.weight_h, *its = other->flow_rate.weight_h;
  assert_true(memcmp(mine->data, its->data, (size_t)param_count(mine) * sizeof(float)) != 0);
  m4_model *same = resized(old, old_widths(), 3);
  assert_same_weights(old, same);
  m4_model_free(old);
  m4_model_free(a);
  m4_model_free(b);
  m4_model_free(other);
  m4_model_free(same);
}

/* ---- narrower ---- */

/* Rows first .. first + n - 1, which are what certain units say, become zero. */
static void silence(ag_param *param, int32_t first, int32_t n) {
  memset((double *)param->data + (size_t)first * (size_t)param->cols, 0,
         (size_t)n * (size_t)param->cols * sizeof(double));
  ag_param_refresh(param, ag_cpu_backend(AG_F64));
}

static void silence_states(m4_model *model, int32_t first, int32_t n) {
  ag_param *const after_states[] = {model->flow_rate.weight_h, model->flow_time.weight_h,
                                    model->link_rate.weight_h, model->link_time.weight_h,
                                    model->size_head.weight1,  model->queue_head.weight1};
  for (size_t i = 0; i < sizeof after_states / sizeof *after_states; ++i) silence(after_states[i], first, n);
  silence(model->fct_head.weight1, M4_N_FACTS + first, n);
}

/* Without LayerNorm, units that say nothing are left out and nothing changes. */
static void silent_units_are_left_out(void **state) {
  (void)state;
  m4_widths widths = old_widths();
  widths.gcn_layers = 0;
  m4_model *old = old_model(widths, AG_F64);
  silence_states(old, 5, 2);
  silence(old->flow_rate.weight_x, 5, 2);
  silence(old->link_rate.weight_x, 5, 2);
  silence(old->fct_head.weight2, 1, 2);
  silence(old->size_head.weight2, 0, 1);
  silence(old->queue_head.weight2, 2, 1);
  m4_widths narrow = widths;
  narrow.hidden = 6;
  narrow.head_hidden = 3;
  narrow.aux_hidden = 2;
  m4_model *new = resized(old, narrow, 1);
  assert_true(difference(old, new) < 1e-5);
  m4_model_free(new);
  narrow.hidden = 5; /* one that matters */
  new = resized(old, narrow, 1);
  assert_true(difference(old, new) > 1e-4);
  m4_model_free(new);
  m4_model_free(old);
}

/* With graph layers: messages of the first layer and states shrink together; the LayerNorms keep their units,
 * but for the last, whose units are compared by hand. */
static void narrower_keeps_features_and_the_important(void **state) {
  (void)state;
  m4_model *old = old_model(old_widths(), AG_F64);
  silence_states(old, 0, 8); /* all alike: only features are kept for what they are */
  silence(old->sage[0].project, 0, 8);
  silence(old->sage[0].root, 0, 7);
  m4_model *new = resized(old, with_widths(old->widths, 5, 4, 3), 1);
  for (int32_t gate = 0; gate < 3; ++gate)
    for (int32_t unit = 0; unit < 5; ++unit) {
      int32_t source = unit < 4 ? unit : 7; /* the only state that says something */
      assert_true(((double *)new->flow_time.bias_h->data)[5 * gate + unit] ==
                  ((double *)old->flow_time.bias_h->data)[8 * gate + source]);
      assert_true(((double *)new->flow_time.weight_x->data)[5 * gate + unit] ==
                  ((double *)old->flow_time.weight_x->data)[8 * gate + source]);
    }
  assert_true(isfinite(difference(old, new)));
  m4_model_free(old);
  m4_model_free(new);
}

/* Wider and narrower at once, and back. */
static void mixed(void **state) {
  (void)state;
  m4_widths no_gnn = old_widths();
  no_gnn.gcn_layers = 0;
  m4_model *old = old_model(no_gnn, AG_F64), *wide = resized(old, with_widths(no_gnn, 30, 6, 20), 1);
  m4_model *mixed = resized(old, with_widths(no_gnn, 30, 6, 2), 1);
  assert_true(difference(old, wide) < 1e-5 && difference(old, mixed) > 1e-4);
  m4_model_free(old);
  m4_model_free(wide);
  m4_model_free(mixed);
}

static void only_widths_may_differ(void **state) {
  (void)state;
  m4_model *old = old_model(old_widths(), AG_F32), *new;
  m4_error err = {0};
  m4_widths widths = old_widths();
  widths.gcn_layers = 2;
  assert_int_equal(m4_model_create(&new, widths, old->backend, NULL), M4_OK);
  assert_int_equal(m4_resize(old, new, 1, &err), M4_USAGE);
  assert_non_null(strstr(err.what, "more than their widths"));
  m4_model_free(new);
  m4_model_free(old);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(wider_predicts_the_same),
                                     cmocka_unit_test(wider_variants_predict_the_same),
                                     cmocka_unit_test(wider_than_the_features),
                                     cmocka_unit_test(wider_with_fluid_predicts_the_same),
                                     cmocka_unit_test(copies_learn_different_things),
                                     cmocka_unit_test(same_seed_same_bytes),
                                     cmocka_unit_test(silent_units_are_left_out),
                                     cmocka_unit_test(narrower_keeps_features_and_the_important),
                                     cmocka_unit_test(mixed),
                                     cmocka_unit_test(only_widths_may_differ)};
  return cmocka_run_group_tests(tests, make_sample, free_sample);
}
