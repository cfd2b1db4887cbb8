/* From gradients to weights on every backend: sums, norms, limits, Adam against plain loops in double. */
#include "autograd/update.h"

#include "autograd/memory.h"
#include "tests/autograd/cmocka_all.h"
#include "tests/autograd/cuda_on_host.h"

/* The second is longer than one slice of a device's sums. */
enum { N_PARAMS = 3, MOST = 20000 };
static const int32_t rows[N_PARAMS] = {1, 150, 1}, cols[N_PARAMS] = {7, 133, 1};

typedef struct fixture {
  const ag_backend *backend;
  ag_param params[N_PARAMS], *list[N_PARAMS];
  ag_grads *grads;
  double values[MOST];
  int64_t n;
} fixture;

static double value_of(int64_t i) {
  return (double)(float)(sin((double)(7 * i + 1)) * (i % 3 == 0 ? 4 : 0.25));
}

static void put(const fixture *f, void *there, const double *values, int64_t n) {
  static float single[MOST];
  for (int64_t i = 0; i < n; ++i) single[i] = (float)values[i];
  bool wide = f->backend->dtype == AG_F64;
  ag_upload(f->backend, there, wide ? (const void *)values : single, (size_t)n * (wide ? 8 : 4));
}

static void get(const fixture *f, double *values, const void *there, int64_t n) {
  static float single[MOST];
  bool wide = f->backend->dtype == AG_F64;
  ag_download(f->backend, wide ? (void *)values : single, there, (size_t)n * (wide ? 8 : 4));
  for (int64_t i = 0; !wide && i < n; ++i) values[i] = (double)single[i];
}

static void start(fixture *f, const ag_backend *backend) {
  f->backend = backend;
  for (int i = 0; i < N_PARAMS; ++i) {
    f->list[i] = &f->params[i];
    assert_int_equal(ag_param_init(&f->params[i], backend, "p", rows[i], cols[i], NULL), M4_OK);
  }
  assert_int_equal(ag_grads_create(&f->grads, backend, f->list, N_PARAMS, NULL), M4_OK);
  void *all = ag_grads_all(f->grads, &f->n);
  assert_true(f->n <= MOST);
  for (int64_t i = 0; i < f->n; ++i) f->values[i] = value_of(i);
  put(f, all, f->values, f->n);
}

static void finish(fixture *f) {
  ag_grads_free(f->grads);
  for (int i = 0; i < N_PARAMS; ++i) ag_param_free(&f->params[i], f->backend);
}

static void expect_close(double found, double expected) {
  if (!(fabs(found - expected) <= 1e-6 * fabs(expected) + 1e-12))
    fail_msg("%g, expected %g", found, expected);
}

static void expect_gradients(const fixture *f, double (*expected)(double)) {
  static double found[MOST];
  int64_t n;
  get(f, found, ag_grads_all(f->grads, &n), f->n);
  for (int64_t i = 0; i < f->n; ++i) expect_close(found[i], expected(f->values[i]));
}

static double twice(double x) {
  return 2 * x;
}
static double limited(double x) {
  return fabs(x) <= 1.5 ? x : copysign(1.5, x);
}

static void check_sums(fixture *f) {
  double squares[N_PARAMS], expected = 0;
  int64_t k = 0;
  ag_grads_squares(f->grads, squares);
  for (int i = 0; i < N_PARAMS; ++i, expected = 0) {
    for (int64_t end = k + (int64_t)rows[i] * cols[i]; k < end; ++k) expected += f->values[k] * f->values[k];
    expect_close(squares[i], expected);
  }
  ag_grads *other = NULL;
  assert_int_equal(ag_grads_create(&other, f->backend, f->list, N_PARAMS, NULL), M4_OK);
  int64_t n;
  put(f, ag_grads_all(other, &n), f->values, f->n);
  ag_grads_add(f->grads, other, 0, 5);
  ag_grads_add(f->grads, other, 5, f->n);
  expect_gradients(f, twice);
  ag_grads_free(other);
  ag_grads_scale(f->grads, 0.5);
}

static void check_limits(fixture *f) {
  assert_false(ag_grads_limit(f->grads, 4));
  assert_true(ag_grads_limit(f->grads, 1.5));
  expect_gradients(f, limited);
  int64_t n;
  void *all = ag_grads_all(f->grads, &n);
  assert_true(ag_grads_finite(f->grads));
  for (int i = 0; i < 2; ++i) {
    double kept = f->values[f->n - 1];
    f->values[f->n - 1] = i ? NAN : -INFINITY;
    put(f, all, f->values, f->n);
    assert_false(ag_grads_finite(f->grads));
    f->values[f->n - 1] = kept;
  }
  put(f, all, f->values, f->n);
}

/* Three steps on the first parameter's elements, with the gradients at hand. */
static void check_adam(fixture *f) {
  enum { N = 7, STEPS = 3 };
  double x[N], m[N] = {0}, v[N] = {0}, found[N];
  size_t bytes = N * (f->backend->dtype == AG_F64 ? sizeof(double) : sizeof(float));
  ag_adam step = {.x = f->params[0].data, .m = ag_take(f->backend, bytes), .v = ag_take(f->backend, bytes)};
  ag_zero(f->backend, step.m, bytes);
  ag_zero(f->backend, step.v, bytes);
  for (int i = 0; i < N; ++i) x[i] = 0.1 * i - 0.3;
  put(f, step.x, x, N);
  step.gradient = ag_grads_data(f->grads, 0);
  step.beta1 = 0.9, step.beta2 = 0.99, step.epsilon = 1e-3;
  for (int k = 1; k <= STEPS; ++k) {
    step.step_size = 0.01 / (1 - pow(0.9, k));
    step.root_correction2 = sqrt(1 - pow(0.99, k));
    ag_adam_step(f->backend, &step, N);
    for (int i = 0; i < N; ++i) {
      double g = f->values[i];
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.99 * v[i] + 0.01 * g * g;
      x[i] -= step.step_size * m[i] / (sqrt(v[i]) / step.root_correction2 + 1e-3);
    }
  }
  get(f, found, step.x, N);
  for (int i = 0; i < N; ++i) expect_close(found[i], x[i]);
  get(f, found, step.m, N);
  for (int i = 0; i < N; ++i) expect_close(found[i], m[i]);
  ag_give_back(f->backend, step.m);
  ag_give_back(f->backend, step.v);
}

static void check_values(fixture *f) {
  static float given[MOST], found[MOST];
  int64_t n = (int64_t)rows[1] * cols[1];
  for (int64_t i = 0; i < n; ++i) given[i] = (float)value_of(i + 3);
  ag_param_put(&f->params[1], f->backend, 0, n, given);
  ag_param_put(&f->params[1], f->backend, 5, 3, given);
  memcpy(given + 5, given, 3 * sizeof *given);
  ag_param_get(&f->params[1], f->backend, 0, n, found);
  assert_memory_equal(given, found, (size_t)n * sizeof *given);
}

static void check(const ag_backend *backend) {
  static fixture f;
  start(&f, backend);
  check_sums(&f);
  check_limits(&f);
  check_adam(&f);
  check_values(&f);
  finish(&f);
}

static void on_the_cpu(void **state) {
  (void)state;
  check(ag_cpu_backend(AG_F32));
}
static void in_double(void **state) {
  (void)state;
  check(ag_cpu_backend(AG_F64));
}
static void on_a_device(void **state) {
  (void)state;
  check(cuda_on_host());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(on_the_cpu),
      cmocka_unit_test(in_double),
      cmocka_unit_test(on_a_device),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
