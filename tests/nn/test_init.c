/* nn/init: distributions, and the same numbers from the same seed. */
#include "tests/nn/small_model.h"

#include <math.h>

/* U(-bound, bound): limits, mean and variance of many draws. */
static void assert_uniform(const ag_param *param, double bound) {
  const float *values = param->data;
  int64_t count = param_count(param);
  double sum = 0, squares = 0, largest = 0;
  for (int64_t i = 0; i < count; ++i) {
    sum += (double)values[i];
    squares += (double)values[i] * (double)values[i];
    largest = fmax(largest, fabs((double)values[i]));
  }
  assert_true(largest <= bound * 1.0000001);
  double sigma_of_mean = bound / sqrt(3.0 * (double)count);
  assert_true(fabs(sum / (double)count) < 5.0 * sigma_of_mean);
  double relative_sigma = sqrt(0.8 / (double)count); /* of the mean square of a uniform number */
  assert_true(fabs(squares / (double)count / (bound * bound / 3.0) - 1.0) < 5.0 * relative_sigma);
}

static void follows_pytorch(void **state) {
  (void)state;
  m4_model *model = model_of(m4_default_widths(), AG_F32, 11);
  const double hidden = 1.0 / sqrt(200.0), gcn = 1.0 / sqrt(300.0), head = 1.0 / sqrt(214.0);
  assert_uniform(model->flow_rate.weight_x, hidden);
  assert_uniform(model->flow_time.weight_x, hidden);
  assert_uniform(model->link_rate.weight_h, hidden);
  assert_uniform(model->link_time.bias_h, hidden);
  assert_uniform(model->sage[0].project, hidden);
  assert_uniform(model->sage[0].neighbour_bias, hidden);
  assert_uniform(model->sage[1].neighbour, gcn);
  assert_uniform(model->sage[2].root, gcn);
  assert_uniform(model->sage[2].project_bias, gcn);
  assert_uniform(model->fct_head.weight1, head);
  assert_uniform(model->fct_head.bias1, head);
  assert_uniform(model->fct_head.weight2, hidden);
  assert_uniform(model->size_head.weight1, hidden);
  for (int32_t i = 0; i < 300; ++i) {
    assert_true(((const float *)model->sage[1].norm_gain->data)[i] == 1.0f);
    assert_true(((const float *)model->sage[1].norm_bias->data)[i] == 0.0f);
  }
  m4_model_free(model);
}

static void seeds_and_parameters_have_their_own_numbers(void **state) {
  (void)state;
  m4_model *a = model_of(small_widths(), AG_F32, 1), *again = model_of(small_widths(), AG_F32, 1),
           *b = model_of(small_widths(), AG_F32, 2);
  assert_same_weights(a, again);
  assert_memory_not_equal(a->flow_rate.weight_h->data, b->flow_rate.weight_h->data, 48 * sizeof(float));
  assert_memory_not_equal(a->flow_rate.weight_h->data, a->flow_time.weight_h->data, 48 * sizeof(float));
  m4_model_free(again);
  m4_model_free(b);
  m4_widths deployed = small_widths();
  deployed.has_size_head = deployed.has_queue_head = false;
  b = model_of(deployed, AG_F32, 1);
  assert_same_weights(a, b); /* the parameters that both have */
  m4_model_free(b);
  m4_model_free(a);
}

static void transposed_copies_are_fresh(void **state) {
  (void)state;
  m4_model *model = model_of(small_widths(), AG_F32, 3);
  const ag_param *weight = model->fct_head.weight1;
  const float *plain = weight->data, *transposed = weight->transposed;
  for (int32_t in = 0; in < weight->rows; ++in)
    for (int32_t out = 0; out < weight->cols; ++out)
      assert_true(transposed[out * weight->rows + in] == plain[in * weight->cols + out]);
  m4_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(follows_pytorch),
      cmocka_unit_test(seeds_and_parameters_have_their_own_numbers),
      cmocka_unit_test(transposed_copies_are_fresh),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
