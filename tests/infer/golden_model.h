/* The small trained model of the golden simulations. */
#ifndef TESTS_INFER_GOLDEN_MODEL_H
#define TESTS_INFER_GOLDEN_MODEL_H

#include "nn/weights.h"
#include "tests/base/testing.h"

static inline m4_model *golden_model(void) {
  m4_model *model = NULL;
  m4_error err = {0};
  if (m4_weights_load(&model, ag_cpu_backend(AG_F32), M4_TEST_DATA "/golden/m4_sim.safetensors", NULL,
                      &err) != M4_OK)
    fail_msg("%s: %s", err.where, err.what);
  return model;
}

static const float GOLDEN_PARAMS[M4_N_PARAMS] = {10, 10, 1, 0, 0, 0, 10};

#endif
