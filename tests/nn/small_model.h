/* A tiny model for tests, initialised from a seed. */
#ifndef TESTS_NN_SMALL_MODEL_H
#define TESTS_NN_SMALL_MODEL_H

#include "nn/init.h"
#include "tests/base/testing.h"

static inline m4_widths small_widths(void) {
  return (m4_widths){.hidden = 4,
                     .gcn_hidden = 6,
                     .gcn_layers = 3,
                     .head_hidden = 5,
                     .aux_hidden = 3,
                     .has_size_head = true,
                     .has_queue_head = true};
}

static inline m4_model *model_of(m4_widths widths, ag_dtype dtype, uint64_t seed) {
  m4_model *model = NULL;
  m4_error err = {0};
  if (m4_model_create(&model, widths, ag_cpu_backend(dtype), &err) != M4_OK) fail_msg("%s", err.what);
  m4_model_init(model, seed);
  return model;
}

static inline int64_t param_count(const ag_param *param) {
  return (int64_t)param->rows * param->cols;
}

/* Same shapes, same values. */
static inline void assert_same_weights(const m4_model *a, const m4_model *b) {
  for (int32_t i = 0; i < a->n_params && i < b->n_params; ++i) {
    assert_string_equal(a->params[i]->name, b->params[i]->name);
    assert_int_equal(a->params[i]->rows, b->params[i]->rows);
    assert_int_equal(a->params[i]->cols, b->params[i]->cols);
    assert_memory_equal(a->params[i]->data, b->params[i]->data,
                        (size_t)param_count(a->params[i]) * sizeof(float));
  }
}

#endif
