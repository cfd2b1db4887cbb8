/* Passes of the full-size model shared by several threads: the same bits as on one; and nothing is allocated
 * once a workspace has seen a sample. */
#include "nn/init.h"
#include "nn/m4_pass.h"
#include "tests/nn/synthetic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const ag_rng_state rng = {.seed = 77, .step = 3};

/* Everything one thread needs. */
typedef struct bench {
  m4_arena arena;
  m4_model *model;
  m4_sample *sample;
  m4_workspace *workspace;
  ag_grads *grads;
  m4_loss_options options;
  m4_losses losses;
} bench;

static void open_bench(bench *b, const ag_backend *backend, size_t budget_bytes) {
  const synthetic_plan plan = {
      .seed = 3, .n_flows = 40, .n_links = 24, .n_hops = 4, .active_flows = 14, .labels = true};
  m4_error err = {0};
  memset(b, 0, sizeof *b);
  b->options = m4_default_loss();
  m4_status status = m4_arena_init(&b->arena, (size_t)1 << 30, &err);
  m4_period period = synthetic_period(&plan, &b->arena);
  if (status == M4_OK) status = m4_model_create(&b->model, m4_default_widths(), backend, &err);
  if (status == M4_OK)
    status = m4_sample_from_period(&b->sample, &period, M4_SIZE_KILOBYTES, &b->arena, &err);
  if (status == M4_OK) status = m4_workspace_create(&b->workspace, b->model, budget_bytes, &err);
  if (status == M4_OK)
    status = ag_grads_create(&b->grads, b->model->backend, b->model->params, b->model->n_params, &err);
  if (status != M4_OK) fail_msg("%s", err.what);
  m4_model_init(b->model, 9);
}

static void close_bench(bench *b) {
  ag_grads_free(b->grads);
  m4_workspace_free(b->workspace);
  m4_model_free(b->model);
  m4_arena_free(&b->arena);
}

static void train(bench *b) {
  m4_error err = {0};
  ag_grads_zero(b->grads);
  if (m4_pass_gradients(b->workspace, b->model, b->sample, &b->options, 0.5, rng, b->grads, &b->losses, NULL,
                        &err) != M4_OK)
    fail_msg("%s", err.what);
}

static void evaluate(bench *b) {
  m4_error err = {0};
  if (m4_pass_forward(b->workspace, b->model, b->sample, &b->options, &b->losses, NULL, &err) != M4_OK)
    fail_msg("%s", err.what);
}

static void check_threads(const ag_backend *backend) {
  bench alone, shared;
  int64_t count;
  open_bench(&alone, backend, 0);
  open_bench(&shared, backend, (size_t)32 << 20);
  train(&alone);
  for (int n_threads = 1; n_threads <= 4; n_threads++) {
    m4_pool *pool;
    assert_int_equal(m4_pool_create(&pool, n_threads, NULL), M4_OK);
    m4_workspace_share(shared.workspace, pool);
    train(&shared);
    assert_true(m4_workspace_segments(shared.workspace) > 1);
    assert_memory_equal(&shared.losses, &alone.losses, sizeof alone.losses);
    const float *expected = ag_grads_all(alone.grads, &count);
    assert_memory_equal(ag_grads_all(shared.grads, &count), expected, (size_t)count * sizeof(float));
    m4_workspace_share(shared.workspace, NULL);
    m4_pool_free(pool);
  }
  close_bench(&alone);
  close_bench(&shared);
}

static void test_threads_change_no_bit(void **state) {
  (void)state;
  check_threads(ag_cpu_backend(AG_F32));
  if (ag_cpu_bf16_backend()) check_threads(ag_cpu_bf16_backend());
}

/* With products in bfloat16: losses and the direction of the gradient nearly those of float32. */
static void test_bf16_products(void **state) {
  (void)state;
  if (!ag_cpu_bf16_backend()) skip();
  bench exact, rounded;
  int64_t count;
  open_bench(&exact, ag_cpu_backend(AG_F32), 0);
  open_bench(&rounded, ag_cpu_bf16_backend(), 0);
  train(&exact);
  train(&rounded);
  const float *expected = ag_grads_all(exact.grads, &count), *found = ag_grads_all(rounded.grads, &count);
  double squares = 0, errors = 0;
  for (int64_t i = 0; i < count; i++) {
    squares += (double)expected[i] * (double)expected[i];
    errors += pow((double)found[i] - (double)expected[i], 2);
  }
  double loss_error = fabs(rounded.losses.total / exact.losses.total - 1);
  print_message("relative error: loss %.2g, gradient %.2g\n", loss_error, sqrt(errors / squares));
  assert_true(loss_error < 2e-3 && loss_error > 0);
  assert_true(errors / squares < 0.02 * 0.02);
  close_bench(&exact);
  close_bench(&rounded);
}

/* ---- heap: the linker sends every call here ---- */

static atomic_long heap_calls;
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes) {
  return atomic_fetch_add(&heap_calls, 1), __real_malloc(bytes);
}
void *__wrap_calloc(size_t count, size_t bytes) {
  return atomic_fetch_add(&heap_calls, 1), __real_calloc(count, bytes);
}
void *__wrap_realloc(void *memory, size_t bytes) {
  return atomic_fetch_add(&heap_calls, 1), __real_realloc(memory, bytes);
}
void *__wrap_aligned_alloc(size_t alignment, size_t bytes) {
  return atomic_fetch_add(&heap_calls, 1), __real_aligned_alloc(alignment, bytes);
}

static void test_nothing_is_allocated_after_warm_up(void **state) {
  (void)state;
  bench b;
  m4_pool *pool;
  open_bench(&b, ag_cpu_backend(AG_F32), (size_t)32 << 20);
  assert_int_equal(m4_pool_create(&pool, 2, NULL), M4_OK);
  m4_workspace_share(b.workspace, pool);
  assert_true(atomic_load(&heap_calls) > 0); /* the count works */
  train(&b);
  evaluate(&b);
  size_t peak = m4_workspace_peak_bytes(b.workspace);
  atomic_store(&heap_calls, 0);
  train(&b);
  evaluate(&b);
  assert_int_equal(atomic_load(&heap_calls), 0);
  assert_int_equal(m4_workspace_peak_bytes(b.workspace), peak);
  m4_pool_free(pool);
  close_bench(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_threads_change_no_bit),
      cmocka_unit_test(test_bf16_products),
      cmocka_unit_test(test_nothing_is_allocated_after_warm_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
