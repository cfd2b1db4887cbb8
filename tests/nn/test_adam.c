/* nn/adam and nn/plateau against PyTorch 1.13. */
#include "nn/adam.h"

#include "tests/nn/small_model.h"

#include <math.h>

enum { N = 8, STEPS = 12 };

/* torch.optim.Adam(lr=1e-3), float32, 12 steps from p[i] = 0.1 (i + 1) (-1)^i with the gradients below. */
static const float TORCH_P[N] = {0x1.a8f3dcp-4f, -0x1.9d4294p-3f, 0x1.34ef74p-2f, -0x1.9a6d78p-2f,
                                 0x1.fc41b0p-2f, -0x1.326558p-1f, 0x1.664cf2p-1f, -0x1.9a4b1ap-1f};
static const double TORCH_M[N] = {-0.02417631447315216,  0.0017036813078448176, -0.0001767636276781559,
                                  6.677633064100519e-05, -0.019389182329177856, -0.004160684999078512,
                                  0.0005827239365316927, -8.847991011862177e-06};
static const double TORCH_V[N] = {0.002098243683576584,   1.770116068655625e-05, 1.7728523005189345e-07,
                                  2.0973889292008607e-09, 0.0017240955494344234, 1.850807348091621e-05,
                                  1.9565919728847803e-07, 1.7093255699762722e-09};

static double start(int i) {
  return 0.1 * (i + 1) * (i % 2 ? -1.0 : 1.0);
}
static double gradient(int i, int step) {
  return ((i * 7 + step * 13) % 11 - 5) * 0.125 * pow(10.0, -(i % 4));
}

static bool close_to(double value, double expected) {
  return fabs(value - expected) <= 4e-7 * fabs(expected);
}

static double element(const void *data, ag_dtype dtype, int64_t i) {
  return dtype == AG_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}
static void set_element(void *data, ag_dtype dtype, int64_t i, double value) {
  if (dtype == AG_F64)
    ((double *)data)[i] = (double)(float)value;
  else
    ((float *)data)[i] = (float)value;
}

/* The eight numbers are the first of the second parameter (a matrix); everything else has no gradient. */
static void follow_torch(ag_dtype dtype) {
  m4_model *model = model_of(small_widths(), dtype, 1), *untouched = model_of(small_widths(), dtype, 1);
  ag_param *param = model->params[1];
  for (int i = 0; i < N; ++i) set_element(param->data, dtype, i, start(i));
  ag_grads *grads = NULL;
  nn_adam *adam = NULL;
  assert_int_equal(ag_grads_create(&grads, model->backend, model->params, model->n_params, NULL), M4_OK);
  assert_int_equal(nn_adam_create(&adam, model, NULL), M4_OK);
  assert_int_equal(adam->n_elements, m4_model_count(model));
  for (int step = 0; step < STEPS; ++step) {
    ag_grads_zero(grads);
    for (int i = 0; i < N; ++i) set_element(ag_grads_data(grads, 1), dtype, i, gradient(i, step));
    nn_adam_step(adam, model, grads, 1e-3);
  }
  assert_int_equal(adam->step, STEPS);
  int64_t first = param_count(model->params[0]);
  for (int i = 0; i < N; ++i) {
    assert_true(close_to(element(param->data, dtype, i), (double)TORCH_P[i]));
    assert_true(close_to(element(adam->m, dtype, first + i), TORCH_M[i]));
    assert_true(close_to(element(adam->v, dtype, first + i), TORCH_V[i]));
    int32_t in = i / param->cols, out = i % param->cols;
    assert_true(element(param->transposed, dtype, (int64_t)out * param->rows + in) ==
                element(param->data, dtype, i));
  }
  size_t bytes = (size_t)param_count(model->params[0]) * (dtype == AG_F64 ? 8 : 4);
  assert_memory_equal(model->params[0]->data, untouched->params[0]->data, bytes);
  nn_adam_free(adam);
  ag_grads_free(grads);
  m4_model_free(untouched);
  m4_model_free(model);
}

static void adam_follows_torch(void **state) {
  (void)state;
  follow_torch(AG_F32);
}

static void adam_in_double(void **state) {
  (void)state;
  follow_torch(AG_F64);
}

/* torch.optim.lr_scheduler.ReduceLROnPlateau on this sequence of metrics: the epochs (from 0) after which the
 * rate changed. */
enum { EPOCHS = 52 };
static const double METRIC[32] = {1.0,    0.9,      0.90001, 0.89999, 0.9,     0.95,    0.91,    0.92,
                                  0.8999, 0.899905, 0.5,     0.5,     0.5,     0.5,     0.5,     0.5,
                                  0.5,    0.5,      0.49999, 0.49999, 0.49999, 0.49999, 0.49999, 0.49999,
                                  NAN,    NAN,      NAN,     NAN,     NAN,     NAN,     NAN,     0.4};

typedef struct change {
  int epoch;
  double rate;
} change;

static void follow_plateau(nn_plateau plateau, const change *changes, int n_changes) {
  double rate = 1e-4;
  int next = 0;
  for (int epoch = 0; epoch < EPOCHS; ++epoch) {
    double expected = rate;
    if (next < n_changes && changes[next].epoch == epoch) expected = changes[next++].rate;
    rate = nn_plateau_step(&plateau, epoch < 32 ? METRIC[epoch] : 0.6, rate);
    assert_true(rate == expected);
  }
  assert_int_equal(next, n_changes);
}

static void plateau_follows_torch(void **state) {
  (void)state;
  const change changes[] = {{7, 2e-05}, {16, 4.000000000000001e-06}, {22, 1e-06}};
  follow_plateau(nn_plateau_default(), changes, 3);
}

static void plateau_with_cooldown_follows_torch(void **state) {
  (void)state;
  nn_plateau plateau = nn_plateau_default();
  plateau.factor = 0.5;
  plateau.patience = 1;
  plateau.cooldown = 2;
  plateau.min_lr = 1e-5;
  plateau.threshold = 1e-3;
  const change changes[] = {{3, 5e-05}, {7, 2.5e-05}, {12, 1.25e-05}, {16, 1e-05}};
  follow_plateau(plateau, changes, 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(adam_follows_torch),
      cmocka_unit_test(adam_in_double),
      cmocka_unit_test(plateau_follows_torch),
      cmocka_unit_test(plateau_with_cooldown_follows_torch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
