/* Whole busy periods: losses against their definition, gradients against finite differences, segments against
 * no segments. */
#include "nn/init.h"
#include "nn/m4_pass.h"
#include "tests/nn/synthetic.h"

#include "base/philox.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A model, a sample and what passes need. */
typedef struct setup {
  m4_arena arena;
  m4_model *model;
  m4_sample *sample;
  m4_loss_options options;
} setup;

static const synthetic_plan small_plan = {
    .seed = 5, .n_flows = 40, .n_links = 12, .n_hops = 3, .active_flows = 8, .labels = true};
static const ag_rng_state rng = {.seed = 77, .step = 3};

static setup open_setup(const synthetic_plan *plan, ag_dtype dtype) {
  setup s;
  m4_widths widths = {.hidden = 8,
                      .gcn_hidden = 12,
                      .gcn_layers = 3,
                      .head_hidden = 8,
                      .aux_hidden = 6,
                      .has_size_head = true,
                      .has_queue_head = true};
  assert_int_equal(m4_arena_init(&s.arena, (size_t)1 << 32, NULL), M4_OK);
  assert_int_equal(m4_model_create(&s.model, widths, ag_cpu_backend(dtype), NULL), M4_OK);
  m4_model_init(s.model, 9);
  m4_period period = synthetic_period(plan, &s.arena);
  m4_error err = {0};
  m4_status status = m4_sample_from_period(&s.sample, &period, M4_SIZE_KILOBYTES, &s.arena, &err);
  if (status != M4_OK) fail_msg("%s", err.what);
  s.options = m4_default_loss();
  return s;
}

static void close_setup(setup *s) {
  m4_model_free(s->model);
  m4_arena_free(&s->arena);
}

/* Gradients with a budget; caller frees the copy. */
typedef struct result {
  m4_losses losses;
  void *gradient;
  size_t bytes, peak_bytes;
  int32_t n_segments;
} result;

static result gradients(const setup *s, size_t budget_bytes, double scale) {
  result r = {0};
  m4_workspace *workspace;
  ag_grads *grads;
  m4_error err = {0};
  assert_int_equal(m4_workspace_create(&workspace, s->model, budget_bytes, &err), M4_OK);
  assert_int_equal(ag_grads_create(&grads, s->model->backend, s->model->params, s->model->n_params, &err),
                   M4_OK);
  m4_status status = m4_pass_gradients(workspace, s->model, s->sample, &s->options, scale, rng, grads,
                                       &r.losses, NULL, &err);
  if (status != M4_OK) fail_msg("%s", err.what);
  int64_t n_elements;
  const void *all = ag_grads_all(grads, &n_elements);
  r.bytes = (size_t)n_elements * (s->model->params[0]->dtype == AG_F64 ? sizeof(double) : sizeof(float));
  r.gradient = malloc(r.bytes);
  assert_non_null(r.gradient);
  memcpy(r.gradient, all, r.bytes);
  r.peak_bytes = m4_workspace_peak_bytes(workspace);
  r.n_segments = m4_workspace_segments(workspace);
  ag_grads_free(grads);
  m4_workspace_free(workspace);
  return r;
}

static m4_losses forward(const setup *s, m4_pass_output *output) {
  m4_workspace *workspace;
  m4_losses losses;
  m4_error err = {0};
  assert_int_equal(m4_workspace_create(&workspace, s->model, 0, &err), M4_OK);
  m4_status status = m4_pass_forward(workspace, s->model, s->sample, &s->options, &losses, output, &err);
  if (status != M4_OK) fail_msg("%s", err.what);
  m4_workspace_free(workspace);
  return losses;
}

/* ---- losses ---- */

typedef struct outputs {
  float *slowdown, *sizes, *queues;
  double *size_sum, *queue_sum;
  m4_pass_output output;
} outputs;

static outputs make_outputs(setup *s) {
  const m4_sample *sample = s->sample;
  outputs o = {
      .slowdown = m4_arena_calloc(&s->arena, (size_t)sample->n_flows, sizeof(float)),
      .sizes = m4_arena_calloc(&s->arena, (size_t)sample->size_offset[sample->n_events], sizeof(float)),
      .queues = m4_arena_calloc(&s->arena, (size_t)sample->queue_offset[sample->n_events], sizeof(float)),
      .size_sum = m4_arena_calloc(&s->arena, (size_t)sample->n_flows, sizeof(double)),
      .queue_sum = m4_arena_calloc(&s->arena, (size_t)sample->n_links, sizeof(double)),
  };
  o.output = (m4_pass_output){o.slowdown, o.sizes, o.queues, o.size_sum, o.queue_sum};
  return o;
}

/* A flow's share of the FCT part, from the definition in words. */
static double flow_error_by_definition(const m4_sample *sample, const outputs *o,
                                       const m4_loss_options *options, int32_t f) {
  double predicted = (double)o->slowdown[f], target = (double)sample->target_slowdown[f], mean_weight = 0;
  for (int32_t i = 0; i < sample->n_flows; i++)
    mean_weight += pow((double)sample->target_slowdown[i], options->tail_weight) / sample->n_flows;
  double weight = pow(target, options->tail_weight) / mean_weight;
  if (options->fct_form == M4_FCT_RELATIVE) return weight * fabs(predicted / target - 1);
  double floor = M4_LOG_FLOOR, level = log(fmax(predicted, floor)) + fmin(predicted - floor, 0) / floor;
  return weight * fabs(level - log(target));
}

/* Loss parts from the definition in words, flow by flow and link by link. */
static m4_losses losses_by_definition(const m4_sample *sample, const outputs *o,
                                      const m4_loss_options *options) {
  m4_losses losses = {0};
  for (int32_t f = 0; f < sample->n_flows; f++) {
    double target = (double)sample->target_slowdown[f], sum = 0;
    int32_t count = 0;
    losses.error += fabs((double)o->slowdown[f] / target - 1) / sample->n_flows;
    losses.fct += flow_error_by_definition(sample, o, options, f) / sample->n_flows;
    for (int32_t j = 0; j < sample->n_events; j++)
      for (int32_t i = 0; i < sample->events[j].n_size_labels; i++) {
        int64_t k = sample->size_offset[j] + i;
        if (sample->events[j].flow_rows[i] != f) continue;
        sum += fabs((double)o->sizes[k] - (double)sample->size_labels[k]);
        count++;
      }
    losses.size += sum / (options->averaged ? count + 1 : 1) / sample->n_flows;
  }
  for (int32_t l = 0; l < sample->n_links; l++) {
    double sum = 0;
    int32_t count = 0;
    for (int64_t k = 0; k < sample->queue_offset[sample->n_events]; k++) {
      if (sample->queue_rows[k] != l) continue;
      sum += fabs((double)o->queues[k] - (double)sample->queue_labels[k]);
      count++;
    }
    losses.queue += sum / (options->averaged ? count + 1 : 1) / options->link_slots;
  }
  losses.total = losses.fct + options->weight_size * losses.size + options->weight_queue * losses.queue;
  if (!options->averaged) { /* logged as they enter the total */
    losses.size *= options->weight_size;
    losses.queue *= options->weight_queue;
  }
  return losses;
}

static void assert_close(double value, double expected) {
  assert_true(fabs(value / expected - 1) < 1e-6);
}

static void test_losses(void **state) {
  (void)state;
  setup s = open_setup(&small_plan, AG_F32);
  outputs o = make_outputs(&s);
  for (int averaged = 0; averaged < 2; averaged++) {
    s.options.averaged = averaged;
    s.options.weight_size = averaged ? 0.1 : 0.005;
    s.options.weight_queue = averaged ? 0.1 : 0.005;
    m4_losses losses = forward(&s, &o.output), expected = losses_by_definition(s.sample, &o, &s.options);
    assert_close(losses.fct, expected.fct);
    assert_close(losses.size, expected.size);
    assert_close(losses.queue, expected.queue);
    assert_close(losses.total, expected.total);
    assert_close(losses.error, expected.error);
    assert_true(losses.fct == losses.error || fabs(losses.fct - losses.error) < 1e-6);
  }
  close_setup(&s);
}

static const struct fct_case {
  m4_fct_form form;
  double tail_weight;
} fct_cases[] = {{M4_FCT_LOG, 0}, {M4_FCT_RELATIVE, 1}, {M4_FCT_LOG, 0.5}, {M4_FCT_RELATIVE, 0.01}};
enum { N_FCT_CASES = sizeof fct_cases / sizeof *fct_cases };

static void set_fct(setup *s, const struct fct_case *fct) {
  s->options.fct_form = fct->form;
  s->options.tail_weight = fct->tail_weight;
}

/* Adds to the bias of the slowdown head: predictions beyond the floor of the logarithm, some above the
 * targets. */
static void raise_predictions(setup *s, double by) {
  const ag_param *bias = s->model->fct_head.bias2;
  if (bias->dtype == AG_F64)
    ((double *)bias->data)[0] += by;
  else
    ((float *)bias->data)[0] += (float)by;
}

static void test_fct_forms(void **state) {
  (void)state;
  const double raised[] = {0, 1.5, 4};
  for (size_t level = 0; level < 3; level++)
    for (int i = 0; i < N_FCT_CASES; i++) {
      setup s = open_setup(&small_plan, AG_F32);
      outputs o = make_outputs(&s);
      set_fct(&s, &fct_cases[i]);
      raise_predictions(&s, raised[level]);
      m4_losses losses = forward(&s, &o.output), expected = losses_by_definition(s.sample, &o, &s.options);
      assert_close(losses.fct, expected.fct);
      assert_close(losses.total, expected.total);
      assert_close(losses.error, expected.error);
      assert_true(losses.fct != losses.error);
      close_setup(&s);
    }
}

/* A sample cut short says of the flows that depart in it what the whole sample says, and learns from them
 * alone. */
static void test_cut_short(void **state) {
  (void)state;
  setup s = open_setup(&small_plan, AG_F32);
  outputs whole = make_outputs(&s), part = make_outputs(&s);
  forward(&s, &whole.output);
  int32_t n_events = 37, n_departures = 0;
  m4_sample_cut_short(s.sample, n_events);
  assert_int_equal(s.sample->n_events, n_events);
  m4_losses losses = forward(&s, &part.output);
  double error = 0;
  for (int32_t i = 0; i < s.sample->n_flows; i++) {
    if (s.sample->departure_event[i] >= n_events) continue;
    assert_true(part.slowdown[i] == whole.slowdown[i]);
    error += fabs((double)part.slowdown[i] / (double)s.sample->target_slowdown[i] - 1);
    n_departures++;
  }
  assert_true(n_departures > 5 && n_departures < s.sample->n_flows - 5);
  assert_close(losses.fct, error / n_departures);
  assert_close(losses.error, error / n_departures);
  m4_sample_cut_short(s.sample, 2 * s.sample->n_flows);
  assert_int_equal(s.sample->n_events, n_events);
  close_setup(&s);
}

static void test_negative_tail_weight_is_refused(void **state) {
  (void)state;
  setup s = open_setup(&small_plan, AG_F32);
  s.options.tail_weight = -1;
  m4_workspace *workspace;
  m4_error err = {0};
  assert_int_equal(m4_workspace_create(&workspace, s.model, 0, NULL), M4_OK);
  assert_int_equal(m4_pass_forward(workspace, s.model, s.sample, &s.options, NULL, NULL, &err), M4_USAGE);
  assert_non_null(strstr(err.what, "tail_weight"));
  m4_workspace_free(workspace);
  close_setup(&s);
}

/* Without dropout the recorded pass says exactly what the forward pass says. */
static void test_forward_and_gradients_agree(void **state) {
  (void)state;
  setup s = open_setup(&small_plan, AG_F32);
  m4_losses evaluated = forward(&s, NULL);
  s.options.dropout = 0;
  result r = gradients(&s, 200000, 1.0);
  assert_true(r.n_segments > 1);
  assert_memory_equal(&evaluated, &r.losses, sizeof evaluated);
  free(r.gradient);
  s.options.dropout = 0.2;
  r = gradients(&s, 200000, 1.0);
  assert_true(r.losses.total != evaluated.total && r.losses.size != evaluated.size &&
              r.losses.queue != evaluated.queue);
  free(r.gradient);
  close_setup(&s);
}

static void test_nan_is_numeric_failure(void **state) {
  (void)state;
  setup s = open_setup(&small_plan, AG_F32);
  ((float *)s.model->flow_rate.bias_x->data)[3] = NAN;
  m4_workspace *workspace;
  m4_losses losses;
  m4_error err = {0};
  assert_int_equal(m4_workspace_create(&workspace, s.model, 0, NULL), M4_OK);
  assert_int_equal(m4_pass_forward(workspace, s.model, s.sample, &s.options, &losses, NULL, &err),
                   M4_NUMERIC);
  assert_non_null(strstr(err.what, "not finite"));
  m4_workspace_free(workspace);
  close_setup(&s);
}

/* ---- gradients ---- */

/* Loss at parameters + step * direction (direction: Philox numbers in model order); parameters are put back.
 */
static double loss_along(const setup *s, double *const *saved, double step) {
  m4_rng direction = m4_rng_make(123, M4_RNG_TEST, 0);
  for (int32_t i = 0; i < s->model->n_params; i++) {
    ag_param *param = s->model->params[i];
    for (int64_t k = 0; k < (int64_t)param->rows * param->cols; k++)
      ((double *)param->data)[k] = saved[i][k] + step * m4_rng_normal(&direction);
    ag_param_refresh(param, s->model->backend);
  }
  result r = gradients(s, 0, 1.0);
  free(r.gradient);
  return r.losses.total;
}

static double slope_of_gradient(const double *gradient, int64_t count) {
  m4_rng direction = m4_rng_make(123, M4_RNG_TEST, 0);
  double slope = 0;
  for (int64_t k = 0; k < count; k++) slope += gradient[k] * m4_rng_normal(&direction);
  return slope;
}

/* Takes the setup. */
static void check_finite_difference(setup s) {
  s.options.weight_size = s.options.weight_queue = 0.1;
  double **saved = calloc((size_t)s.model->n_params, sizeof *saved);
  assert_non_null(saved);
  for (int32_t i = 0; i < s.model->n_params; i++) {
    size_t bytes = (size_t)s.model->params[i]->rows * (size_t)s.model->params[i]->cols * sizeof(double);
    saved[i] = malloc(bytes);
    assert_non_null(saved[i]);
    memcpy(saved[i], s.model->params[i]->data, bytes);
  }
  result r = gradients(&s, 300000, 1.0);
  assert_true(r.n_segments > 1);
  /* Small, because a longer step crosses kinks of ReLU and absolute values. */
  double slope = slope_of_gradient(r.gradient, m4_model_count(s.model)), step = 1e-7;
  double difference = (loss_along(&s, saved, step) - loss_along(&s, saved, -step)) / (2 * step);
  print_message("slope %.12g, finite difference %.12g, relative %.2g\n", slope, difference,
                fabs(difference / slope - 1));
  assert_true(fabs(difference / slope - 1) < 1e-6);
  for (int32_t i = 0; i < s.model->n_params; i++) free(saved[i]);
  free(saved);
  free(r.gradient);
  close_setup(&s);
}

static void test_finite_difference(void **state) {
  (void)state;
  for (int averaged = 0; averaged < 2; averaged++) {
    setup s = open_setup(&small_plan, AG_F64);
    s.options.averaged = averaged;
    check_finite_difference(s);
  }
}

/* Below the floor of the logarithm, above it, and above the targets. */
static void test_finite_difference_of_fct_forms(void **state) {
  (void)state;
  const double raised[] = {0, 1.5, 4};
  for (int i = 0; i < N_FCT_CASES; i++) {
    setup s = open_setup(&small_plan, AG_F64);
    set_fct(&s, &fct_cases[i]);
    raise_predictions(&s, raised[i % 3]);
    check_finite_difference(s);
  }
}

/* The whole setup with another model. */
static setup open_fluid_setup(const synthetic_plan *plan, ag_dtype dtype) {
  setup s = open_setup(plan, dtype);
  m4_widths widths = s.model->widths;
  widths.n_fluid = M4_N_FLUID;
  m4_model_free(s.model);
  assert_int_equal(m4_model_create(&s.model, widths, ag_cpu_backend(dtype), NULL), M4_OK);
  m4_model_init(s.model, 9);
  s.model->input_form = M4_INPUTS_SCALED;
  return s;
}

static void test_finite_difference_with_fluid(void **state) {
  (void)state;
  for (int form = 0; form < 2; form++) {
    setup s = open_fluid_setup(&small_plan, AG_F64);
    s.options.fct_form = form ? M4_FCT_LOG : M4_FCT_RELATIVE;
    check_finite_difference(s);
  }
}

static void test_losses_with_fluid(void **state) {
  (void)state;
  setup s = open_fluid_setup(&small_plan, AG_F32);
  outputs o = make_outputs(&s);
  m4_losses losses = forward(&s, &o.output), expected = losses_by_definition(s.sample, &o, &s.options);
  assert_close(losses.total, expected.total);
  s.options.dropout = 0;
  result r = gradients(&s, 200000, 1.0);
  assert_true(r.n_segments > 1);
  assert_memory_equal(&losses, &r.losses, sizeof losses);
  free(r.gradient);
  s.sample->fluid = NULL;
  m4_workspace *workspace;
  m4_error err = {0};
  assert_int_equal(m4_workspace_create(&workspace, s.model, 0, NULL), M4_OK);
  assert_int_equal(m4_pass_forward(workspace, s.model, s.sample, &s.options, NULL, NULL, &err), M4_DATA);
  assert_non_null(strstr(err.what, "line rates"));
  m4_workspace_free(workspace);
  close_setup(&s);
}

/* Slowdowns read after every event: the definition, event by event. */
static double every_by_definition(setup *s) {
  const m4_sample *sample = s->sample;
  double *sum = m4_arena_calloc(&s->arena, (size_t)sample->n_flows, sizeof *sum), total = 0;
  m4_state state;
  ag_tape *tape;
  assert_int_equal(m4_state_create(&state, s->model, &s->arena, sample->n_flows, sample->n_links, NULL),
                   M4_OK);
  assert_int_equal(ag_tape_create(&tape, s->model->backend, &s->arena, NULL), M4_OK);
  for (int32_t i = 0; i < sample->n_flows; i++)
    m4_state_init_flow(&state, s->model, i, sample->size_feature[i], (int32_t)sample->flow_n_links[i],
                       sample->params + (size_t)i * M4_N_PARAMS);
  for (int32_t i = 0; i < sample->n_links; i++) m4_state_init_link(&state, s->model, i);
  for (int32_t j = 0; j < sample->n_events; j++) {
    const m4_event_data *event = &sample->events[j];
    if (event->n_flows == 0) continue;
    m4_event(s->model, tape, &state, event, 0, NULL);
    const ag_tensor *head =
        m4_readout(s->model, tape, &state, event->flow_rows, event->n_flows, event->fluid, 0);
    for (int32_t i = 0; i < event->n_flows; i++) {
      int32_t f = event->flow_rows[i];
      double predicted = m4_slowdown(s->model, ((const double *)head->data)[i], event->fluid + 4 * i);
      sum[f] += fabs(predicted / (double)sample->target_slowdown[f] - 1);
    }
  }
  for (int32_t i = 0; i < sample->n_flows; i++)
    total += sum[i] / (sample->departure_event[i] - sample->arrival_event[i]);
  ag_tape_free(tape);
  return total / sample->n_flows;
}

static void test_every_readout(void **state) {
  (void)state;
  setup s = open_fluid_setup(&small_plan, AG_F64);
  m4_losses last = forward(&s, NULL);
  assert_true(last.every == 0);
  s.options.weight_every = 0.25;
  m4_losses losses = forward(&s, NULL);
  assert_close(losses.every, 0.25 * every_by_definition(&s));
  assert_close(losses.total, last.total + losses.every);
  assert_true(losses.fct == last.fct && losses.error == last.error);
  result whole = gradients(&s, 0, 1.0), cut = gradients(&s, 300000, 1.0); /* with dropout */
  assert_true(cut.n_segments > 1);
  assert_memory_equal(whole.gradient, cut.gradient, whole.bytes);
  assert_memory_equal(&whole.losses, &cut.losses, sizeof whole.losses);
  free(whole.gradient);
  free(cut.gradient);
  s.options.fct_form = M4_FCT_LOG;
  s.options.tail_weight = 0.5;
  check_finite_difference(s);
  setup part = open_fluid_setup(&small_plan, AG_F64);
  part.options.weight_every = 1;
  m4_sample_cut_short(part.sample, 43);
  check_finite_difference(part);
}

/* Only sizes and queues are learned: no slowdown, neither the last nor those before, moves a weight. */
static void test_auxiliary_only(void **state) {
  (void)state;
  setup s = open_fluid_setup(&small_plan, AG_F64);
  s.options.weight_every = 0.25;
  m4_losses all = forward(&s, NULL);
  s.options.auxiliary_only = true;
  m4_losses losses = forward(&s, NULL);
  assert_true(all.fct > 0 && all.every > 0 && all.size > 0 && all.queue > 0);
  assert_true(losses.fct == 0 && losses.every == 0);
  assert_true(losses.size == all.size && losses.queue == all.queue && losses.error == all.error);
  assert_close(losses.total, all.total - all.fct - all.every);
  check_finite_difference(s);
}

static void test_finite_difference_cut_short(void **state) {
  (void)state;
  setup s = open_setup(&small_plan, AG_F64);
  s.options.tail_weight = 0.5;
  m4_sample_cut_short(s.sample, 51);
  check_finite_difference(s);
}

static void test_segments_change_no_bit(void **state) {
  (void)state;
  setup s = open_setup(&small_plan, AG_F32);
  result whole = gradients(&s, 0, 0.5);
  assert_int_equal(whole.n_segments, 1);
  const size_t budgets[] = {1, 60000, 150000, 400000, 1 << 20};
  int32_t last = s.sample->n_events + 1;
  for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
    result cut = gradients(&s, budgets[i], 0.5);
    assert_true(cut.n_segments < last && cut.n_segments > 1);
    assert_memory_equal(&cut.losses, &whole.losses, sizeof whole.losses);
    assert_memory_equal(cut.gradient, whole.gradient, whole.bytes);
    last = cut.n_segments;
    if (i == 0) assert_int_equal(cut.n_segments, s.sample->n_events);
    free(cut.gradient);
  }
  free(whole.gradient);
  close_setup(&s);
}

/* A workspace used for something else before gives the same bits. */
static void test_workspace_can_be_reused(void **state) {
  (void)state;
  const synthetic_plan tiny = {
      .seed = 6, .n_flows = 3, .n_links = 5, .n_hops = 2, .active_flows = 2, .labels = true};
  setup large = open_setup(&small_plan, AG_F32), small = open_setup(&tiny, AG_F32);
  result fresh = gradients(&large, 100000, 1.0);
  m4_workspace *workspace;
  ag_grads *grads;
  m4_losses losses;
  assert_int_equal(m4_workspace_create(&workspace, large.model, 100000, NULL), M4_OK);
  assert_int_equal(
      ag_grads_create(&grads, large.model->backend, large.model->params, large.model->n_params, NULL), M4_OK);
  for (int i = 0; i < 3; i++) {
    const m4_sample *sample = i == 1 ? small.sample : large.sample;
    ag_grads_zero(grads);
    assert_int_equal(m4_pass_gradients(workspace, large.model, sample, &large.options, 1.0, rng, grads,
                                       &losses, NULL, NULL),
                     M4_OK);
    assert_int_equal(m4_pass_forward(workspace, large.model, small.sample, &large.options, NULL, NULL, NULL),
                     M4_OK);
  }
  int64_t n_elements;
  assert_memory_equal(ag_grads_all(grads, &n_elements), fresh.gradient, fresh.bytes);
  assert_memory_equal(&losses, &fresh.losses, sizeof losses);
  ag_grads_free(grads);
  m4_workspace_free(workspace);
  free(fresh.gradient);
  close_setup(&large);
  close_setup(&small);
}

static void test_scale(void **state) {
  (void)state;
  setup s = open_setup(&small_plan, AG_F64);
  result one = gradients(&s, 0, 1.0), quarter = gradients(&s, 0, 0.25);
  for (size_t i = 0; i < one.bytes / sizeof(double); i++)
    assert_true(((double *)quarter.gradient)[i] == 0.25 * ((double *)one.gradient)[i]);
  assert_memory_equal(&one.losses, &quarter.losses, sizeof one.losses);
  free(one.gradient);
  free(quarter.gradient);
  close_setup(&s);
}

/* ---- special periods ---- */

static bool all_zero(const result *r, int64_t first, int64_t count) {
  for (int64_t i = first; i < first + count; i++)
    if (((float *)r->gradient)[i] != 0) return false;
  return true;
}

static void test_single_flow(void **state) {
  (void)state;
  const synthetic_plan plan = {
      .seed = 8, .n_flows = 1, .n_links = 6, .n_hops = 4, .active_flows = 1, .labels = true};
  setup s = open_setup(&plan, AG_F32);
  result r = gradients(&s, 1, 1.0);
  assert_int_equal(r.n_segments, 2);
  assert_true(r.losses.total > 0 && isfinite(r.losses.total));
  int64_t rate = (int64_t)(8 + M4_N_PARAMS) * 24 + 8 * 24 + 48, time = 24 + 8 * 24 + 48;
  assert_false(all_zero(&r, 0, rate));
  assert_true(all_zero(&r, rate, time)); /* the only event with an active flow has dt = 0 */
  free(r.gradient);
  close_setup(&s);
}

static void test_unsupervised_period(void **state) {
  (void)state;
  synthetic_plan plan = small_plan;
  plan.labels = false;
  setup s = open_setup(&plan, AG_F32);
  result whole = gradients(&s, 0, 1.0), cut = gradients(&s, 100000, 1.0);
  assert_true(whole.losses.size == 0 && whole.losses.queue == 0 && whole.losses.total == whole.losses.fct);
  assert_memory_equal(whole.gradient, cut.gradient, whole.bytes);
  int64_t aux = 2 * (8 * 6 + 6 + 6 + 1), count = m4_model_count(s.model);
  assert_true(all_zero(&whole, count - aux, aux));
  assert_false(all_zero(&whole, 0, count - aux));
  free(whole.gradient);
  free(cut.gradient);
  close_setup(&s);
}

/* Labels are ignored by a model without auxiliary heads. */
static void test_model_without_auxiliary_heads(void **state) {
  (void)state;
  setup s = open_setup(&small_plan, AG_F32);
  m4_widths widths = s.model->widths;
  widths.has_size_head = widths.has_queue_head = false;
  m4_model_free(s.model);
  assert_int_equal(m4_model_create(&s.model, widths, ag_cpu_backend(AG_F32), NULL), M4_OK);
  m4_model_init(s.model, 9);
  result whole = gradients(&s, 0, 1.0), cut = gradients(&s, 100000, 1.0);
  assert_true(whole.losses.size == 0 && whole.losses.queue == 0 && whole.losses.fct > 0);
  assert_memory_equal(whole.gradient, cut.gradient, whole.bytes);
  free(whole.gradient);
  free(cut.gradient);
  close_setup(&s);
}

/* 2000 flows, about 120 active nodes: the tape stays inside its budget. */
static void test_memory_of_a_large_period(void **state) {
  (void)state;
  const synthetic_plan plan = {
      .seed = 4, .n_flows = 2000, .n_links = 80, .n_hops = 6, .active_flows = 40, .labels = true};
  setup s = open_setup(&plan, AG_F32);
  size_t budget_bytes = 8 << 20;
  result r = gradients(&s, budget_bytes, 1.0);
  size_t tables = ((size_t)s.sample->n_flows + (size_t)s.sample->n_links) * (2 * 8 + 27) * sizeof(float);
  size_t labels =
      (size_t)(s.sample->size_offset[s.sample->n_events] + s.sample->queue_offset[s.sample->n_events]) *
      sizeof(double);
  size_t borders = (size_t)r.n_segments * 400 * (8 + 1) * sizeof(float);
  print_message("%lld node events, largest %d, %d segments, peak %zu bytes\n",
                (long long)s.sample->node_events, (int)s.sample->max_nodes, (int)r.n_segments, r.peak_bytes);
  assert_true(r.n_segments > 10);
  assert_true(r.peak_bytes > budget_bytes / 2);
  assert_true(r.peak_bytes < budget_bytes * 1.05 + (double)(tables + labels + borders) + 200000);
  free(r.gradient);
  close_setup(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_losses),
      cmocka_unit_test(test_fct_forms),
      cmocka_unit_test(test_cut_short),
      cmocka_unit_test(test_negative_tail_weight_is_refused),
      cmocka_unit_test(test_forward_and_gradients_agree),
      cmocka_unit_test(test_nan_is_numeric_failure),
      cmocka_unit_test(test_finite_difference),
      cmocka_unit_test(test_finite_difference_of_fct_forms),
      cmocka_unit_test(test_finite_difference_cut_short),
      cmocka_unit_test(test_finite_difference_with_fluid),
      cmocka_unit_test(test_losses_with_fluid),
      cmocka_unit_test(test_every_readout),
      cmocka_unit_test(test_auxiliary_only),
      cmocka_unit_test(test_segments_change_no_bit),
      cmocka_unit_test(test_workspace_can_be_reused),
      cmocka_unit_test(test_scale),
      cmocka_unit_test(test_single_flow),
      cmocka_unit_test(test_unsupervised_period),
      cmocka_unit_test(test_model_without_auxiliary_heads),
      cmocka_unit_test(test_memory_of_a_large_period),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
