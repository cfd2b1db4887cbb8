/* A busy period on a device whose memory the host cannot touch: the same losses, predictions and gradients as
 * on the CPU, the same bits whatever the segments and from run to run, and no waiting for single events. */
#include "autograd/backend.h"
#include "autograd/memory.h"
#include "nn/adam.h"
#include "nn/init.h"
#include "nn/m4_pass.h"
#include "tests/autograd/cuda_on_host.h"
#include "tests/nn/synthetic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double tolerance = 1e-5;
static const ag_rng_state rng = {.seed = 77, .step = 3};

/* ---- the device, counted ---- */

static const ag_backend *device;
static ag_backend counted;
static int n_uploads, n_downloads;

static void counted_upload(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  ++n_uploads;
  device->upload(backend, to, from, bytes);
}

static void counted_download(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  ++n_downloads;
  device->download(backend, to, from, bytes);
}

static int open_device(void **state) {
  (void)state;
  device = cuda_on_host();
  if (!device) return -1;
  counted = *device;
  counted.upload = counted_upload;
  counted.download = counted_download;
  return 0;
}

/* ---- one model in two places ---- */

typedef struct setup {
  m4_arena arena;
  m4_model *here, *there;
  m4_sample *sample;
  m4_loss_options options;
} setup;

static m4_widths usual_widths(void) {
  return (m4_widths){.hidden = 8,
                     .gcn_hidden = 12,
                     .gcn_layers = 3,
                     .head_hidden = 8,
                     .aux_hidden = 6,
                     .has_size_head = true,
                     .has_queue_head = true};
}

static m4_model *make_model(m4_widths widths, const ag_backend *backend) {
  m4_model *model = NULL;
  m4_error err = {0};
  if (m4_model_create(&model, widths, backend, &err) != M4_OK) fail_msg("%s", err.what);
  m4_model_init(model, 9);
  return model;
}

static setup open_setup(m4_widths widths, int32_t n_flows) {
  const synthetic_plan plan = {
      .seed = 5, .n_flows = n_flows, .n_links = 12, .n_hops = 3, .active_flows = 8, .labels = true};
  setup s = {.here = make_model(widths, ag_cpu_backend(AG_F32)), .there = make_model(widths, &counted)};
  m4_error err = {0};
  assert_int_equal(m4_arena_init(&s.arena, (size_t)1 << 32, NULL), M4_OK);
  m4_period period = synthetic_period(&plan, &s.arena);
  int64_t *rates = m4_arena_alloc(&s.arena, (size_t)period.path_offset[n_flows], sizeof *rates);
  for (int32_t k = 0; k < period.path_offset[n_flows]; ++k) rates[k] = 10000000000;
  period.path_rate_bps = rates;
  if (m4_sample_from_period(&s.sample, &period, M4_SIZE_KILOBYTES, &s.arena, &err) != M4_OK)
    fail_msg("%s", err.what);
  s.options = m4_default_loss();
  return s;
}

static void close_setup(setup *s) {
  m4_model_free(s->here);
  m4_model_free(s->there);
  m4_arena_free(&s->arena);
}

typedef struct result {
  m4_losses losses;
  float *gradient;
  int64_t n;
  int32_t n_segments;
  float *slowdown, *sizes, *queues;
} result;

static result gradients(setup *s, m4_model *model, size_t budget_bytes) {
  const m4_sample *sample = s->sample;
  m4_workspace *workspace;
  ag_grads *grads;
  m4_error err = {0};
  result r = {.slowdown = m4_arena_calloc(&s->arena, (size_t)sample->n_flows, sizeof(float)),
              .sizes = m4_arena_calloc(&s->arena, (size_t)sample->size_offset[sample->n_events] + 1, 4),
              .queues = m4_arena_calloc(&s->arena, (size_t)sample->queue_offset[sample->n_events] + 1, 4)};
  m4_pass_output output = {.slowdown = r.slowdown, .size_prediction = r.sizes, .queue_prediction = r.queues};
  assert_int_equal(m4_workspace_create(&workspace, model, budget_bytes, &err), M4_OK);
  assert_int_equal(ag_grads_create(&grads, model->backend, model->params, model->n_params, &err), M4_OK);
  n_uploads = n_downloads = 0;
  if (m4_pass_gradients(workspace, model, sample, &s->options, 0.5, rng, grads, &r.losses, &output, &err) !=
      M4_OK)
    fail_msg("%s", err.what);
  const void *all = ag_grads_all(grads, &r.n);
  r.gradient = m4_arena_alloc(&s->arena, (size_t)r.n, sizeof *r.gradient);
  r.n_segments = m4_workspace_segments(workspace);
  int seen = n_downloads;
  ag_download(model->backend, r.gradient, all, (size_t)r.n * sizeof *r.gradient);
  n_downloads = seen;
  ag_grads_free(grads);
  m4_workspace_free(workspace);
  return r;
}

/* ---- comparing ---- */

static void expect_number(const char *what, double found, double expected) {
  if (!(fabs(found - expected) <= tolerance * fabs(expected) + 1e-9))
    fail_msg("%s is %.9g, expected %.9g", what, found, expected);
}

static void expect_losses(const m4_losses *a, const m4_losses *b) {
  expect_number("total", a->total, b->total);
  expect_number("fct", a->fct, b->fct);
  expect_number("size", a->size, b->size);
  expect_number("queue", a->queue, b->queue);
  expect_number("every", a->every, b->every);
}

/* Relative to the largest. */
static void expect_values(const char *what, const float *a, const float *b, int64_t n) {
  double largest = 0, difference = 0;
  for (int64_t i = 0; i < n; ++i) {
    largest = fmax(largest, fabs((double)b[i]));
    double gap = fabs((double)a[i] - (double)b[i]);
    if (!(gap <= difference)) difference = gap;
  }
  if (!(difference <= tolerance * largest)) fail_msg("%s differ by %g of %g", what, difference, largest);
}

static void compare_places(setup *s) {
  result here = gradients(s, s->here, 0), there = gradients(s, s->there, 0);
  const m4_sample *sample = s->sample;
  expect_losses(&there.losses, &here.losses);
  expect_values("slowdowns", there.slowdown, here.slowdown, sample->n_flows);
  expect_values("sizes", there.sizes, here.sizes, sample->size_offset[sample->n_events]);
  expect_values("queues", there.queues, here.queues, sample->queue_offset[sample->n_events]);
  assert_true(here.n == there.n);
  expect_values("gradients", there.gradient, here.gradient, here.n);
}

/* ---- tests ---- */

static void a_device_computes_what_the_cpu_does(void **state) {
  (void)state;
  setup s = open_setup(usual_widths(), 40);
  compare_places(&s);
  s.options.dropout = 0;
  s.options.averaged = true;
  s.options.weight_size = s.options.weight_queue = 0.1;
  compare_places(&s);
  s.options.fct_form = M4_FCT_LOG;
  s.options.weight_every = 0.4;
  s.options.tail_weight = 0.5;
  compare_places(&s);
  close_setup(&s);
}

static void every_variant_runs_on_a_device(void **state) {
  (void)state;
  m4_widths variants[6];
  for (int i = 0; i < 6; ++i) variants[i] = usual_widths();
  variants[0].gcn_layers = 0;
  variants[1].without_gru = true;
  variants[2].without_link_state = true;
  variants[3].n_fluid = M4_N_FLUID;
  variants[4].has_size_head = false;
  variants[5].has_queue_head = false;
  for (int i = 0; i < 6; ++i) {
    setup s = open_setup(variants[i], 25);
    s.options.weight_every = 0.2;
    compare_places(&s);
    close_setup(&s);
  }
}

static void forward_alone_gives_the_same_predictions(void **state) {
  (void)state;
  setup s = open_setup(usual_widths(), 40);
  m4_model *models[] = {s.here, s.there};
  float slowdown[2][40];
  m4_losses losses[2];
  for (int i = 0; i < 2; ++i) {
    m4_workspace *workspace;
    m4_pass_output output = {.slowdown = slowdown[i]};
    assert_int_equal(m4_workspace_create(&workspace, models[i], 1, NULL), M4_OK);
    n_uploads = n_downloads = 0;
    for (int again = 0; again < 2; ++again)
      assert_int_equal(m4_pass_forward(workspace, models[i], s.sample, &s.options, &losses[i], &output, NULL),
                       M4_OK);
    m4_workspace_free(workspace);
  }
  assert_int_equal(n_uploads, 2); /* a block for each pass */
  assert_int_equal(n_downloads, 2);
  expect_losses(&losses[1], &losses[0]);
  expect_values("slowdowns", slowdown[1], slowdown[0], 40);
  close_setup(&s);
}

static void segments_change_no_bit_on_a_device(void **state) {
  (void)state;
  setup s = open_setup(usual_widths(), 40);
  s.options.weight_every = 0.3;
  result whole = gradients(&s, s.there, 0), again = gradients(&s, s.there, 0);
  assert_int_equal(whole.n_segments, 1);
  assert_memory_equal(whole.gradient, again.gradient, (size_t)whole.n * sizeof(float));
  assert_memory_equal(&whole.losses, &again.losses, sizeof whole.losses);
  const size_t budgets[] = {1, 60000, 400000};
  for (int i = 0; i < 3; ++i) {
    result cut = gradients(&s, s.there, budgets[i]);
    assert_true(cut.n_segments > 1);
    assert_memory_equal(whole.gradient, cut.gradient, (size_t)whole.n * sizeof(float));
    assert_memory_equal(&whole.losses, &cut.losses, sizeof whole.losses);
  }
  close_setup(&s);
}

/* One block goes up; then, for every segment, readings come down and their gradients go up. */
static void events_are_not_waited_for(void **state) {
  (void)state;
  for (int32_t n_flows = 20; n_flows <= 80; n_flows *= 2) {
    setup s = open_setup(usual_widths(), n_flows);
    s.options.weight_every = 0.3;
    gradients(&s, s.there, 0);
    assert_int_equal(n_uploads, 2);
    assert_int_equal(n_downloads, 1);
    result cut = gradients(&s, s.there, 200000);
    assert_int_equal(n_uploads, 1 + cut.n_segments);
    assert_int_equal(n_downloads, cut.n_segments);
    close_setup(&s);
  }
}

static void a_workspace_serves_samples_of_any_size(void **state) {
  (void)state;
  setup small = open_setup(usual_widths(), 10), large = open_setup(usual_widths(), 60);
  const m4_sample *samples[] = {small.sample, large.sample, small.sample};
  m4_workspace *workspace;
  m4_losses losses[3], expected;
  assert_int_equal(m4_workspace_create(&workspace, small.there, 0, NULL), M4_OK);
  for (int i = 0; i < 3; ++i)
    assert_int_equal(
        m4_pass_forward(workspace, small.there, samples[i], &small.options, &losses[i], NULL, NULL), M4_OK);
  assert_memory_equal(&losses[0], &losses[2], sizeof losses[0]);
  m4_workspace_free(workspace);
  assert_int_equal(m4_workspace_create(&workspace, large.here, 0, NULL), M4_OK);
  assert_int_equal(
      m4_pass_forward(workspace, large.here, large.sample, &large.options, &expected, NULL, NULL), M4_OK);
  expect_losses(&losses[1], &expected);
  m4_workspace_free(workspace);
  close_setup(&small);
  close_setup(&large);
}

/* A weight that is not a number: the op is named as on the CPU. */
static void failures_are_told(void **state) {
  (void)state;
  setup s = open_setup(usual_widths(), 10);
  m4_workspace *workspace;
  m4_losses losses;
  m4_error err = {0};
  float bad = NAN;
  ag_param_put(s.there->flow_rate.weight_h, s.there->backend, 3, 1, &bad);
  assert_int_equal(m4_workspace_create(&workspace, s.there, 0, NULL), M4_OK);
  assert_int_equal(m4_pass_forward(workspace, s.there, s.sample, &s.options, &losses, NULL, &err),
                   M4_NUMERIC);
  m4_workspace_check_finite(workspace, true);
  assert_int_equal(m4_pass_forward(workspace, s.there, s.sample, &s.options, &losses, NULL, &err),
                   M4_NUMERIC);
  assert_non_null(strstr(err.what, "op gru_cell"));
  m4_workspace_free(workspace);
  close_setup(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_device_computes_what_the_cpu_does),
      cmocka_unit_test(every_variant_runs_on_a_device),
      cmocka_unit_test(forward_alone_gives_the_same_predictions),
      cmocka_unit_test(segments_change_no_bit_on_a_device),
      cmocka_unit_test(events_are_not_waited_for),
      cmocka_unit_test(a_workspace_serves_samples_of_any_size),
      cmocka_unit_test(failures_are_told),
  };
  return cmocka_run_group_tests(tests, open_device, NULL);
}
