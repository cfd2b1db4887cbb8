/* The state file: everything comes back bit for bit; damage and foreign files are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn/init.h"
#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const tr_origin origin = {"0123456789abcdef", "training: {}\n"};

static m4_model *small_model(uint64_t seed) {
  m4_widths widths = m4_default_widths();
  widths.hidden = widths.head_hidden = widths.aux_hidden = 8;
  widths.gcn_hidden = 12;
  m4_model *model;
  assert_int_equal(m4_model_create(&model, widths, ag_cpu_backend(AG_F32), NULL), M4_OK);
  m4_model_init(model, seed);
  return model;
}

static nn_adam *adam_with(const m4_model *model, float value) {
  nn_adam *adam;
  assert_int_equal(nn_adam_create(&adam, model, NULL), M4_OK);
  for (int64_t i = 0; i < adam->n_elements; ++i) {
    ((float *)adam->m)[i] = value * (float)i;
    ((float *)adam->v)[i] = value + (float)i;
  }
  return adam;
}

static tr_state some_state(void) {
  tr_state state;
  memset(&state, 0, sizeof state);
  state.epoch = 3;
  state.batch = 17;
  state.step = 417;
  state.learning_rate = 1.0 / 3.0;
  state.plateau = nn_plateau_default();
  state.plateau.best = 0.1;
  state.plateau.bad_epochs = 2;
  state.best_metric = INFINITY;
  state.sums = (tr_sums){0.1, 0.2, 0.3, 1e-300, 0.4, 34};
  state.stop_metric = 0.25;
  state.bad_epochs = 3;
  state.ranking = (tr_ranking){.count = 2, .epoch = {4, 1}, .metric = {0.1, 1.0 / 3.0}};
  state.last_epoch =
      (tr_epoch_record){.train = state.sums, .norms = {1, 2, 3, 4}, .rate = 1e-4, .clipped = 5};
  tr_ranges_clear(&state.ranges);
  state.ranges.low[0] = -1.0 / 7.0;
  state.ranges.high[0] = 12.5;
  return state;
}

static bool same_weights(const m4_model *a, const m4_model *b) {
  for (int32_t p = 0; p < a->n_params; ++p)
    if (memcmp(a->params[p]->data, b->params[p]->data,
               (size_t)a->params[p]->rows * (size_t)a->params[p]->cols * sizeof(float)))
      return false;
  return true;
}

static ag_grads *gradient_of(const m4_model *model, float value) {
  ag_grads *grads;
  assert_int_equal(ag_grads_create(&grads, model->backend, model->params, model->n_params, NULL), M4_OK);
  int64_t n;
  float *all = ag_grads_all(grads, &n);
  for (int64_t i = 0; i < n; ++i) all[i] = value + (float)i;
  return grads;
}

static void check_round_trip(int64_t in_step) {
  char path[] = "checkpoint_XXXXXX";
  close(mkstemp(path));
  m4_error error = {0};
  m4_model *model = small_model(1), *other = small_model(2);
  nn_adam *adam = adam_with(model, 0.7f), *other_adam = adam_with(other, 0.1f);
  ag_grads *gradient = gradient_of(model, 3), *other_gradient = gradient_of(model, 5);
  const tr_numbers numbers = {model, adam, gradient}, others = {other, other_adam, other_gradient};
  tr_state state = some_state(), read;
  adam->step = state.step;
  state.in_step = in_step;
  assert_false(same_weights(model, other));
  assert_int_equal(tr_save_state(path, &numbers, &state, &origin, &error), M4_OK);
  memset(&read, 0, sizeof read);
  assert_int_equal(tr_load_state(path, &others, &read, origin.dataset_hash, &error), M4_OK);
  assert_true(same_weights(model, other));
  assert_memory_equal(adam->m, other_adam->m, (size_t)adam->n_elements * sizeof(float));
  assert_memory_equal(adam->v, other_adam->v, (size_t)adam->n_elements * sizeof(float));
  assert_int_equal(other_adam->step, 417);
  assert_memory_equal(&state, &read, sizeof state);
  /* The gradient of a half-finished step belongs to the state; that of a finished one does not. */
  int64_t n;
  const float *saved = ag_grads_all(gradient, &n), *loaded = ag_grads_all(other_gradient, &n);
  assert_int_equal(memcmp(saved, loaded, (size_t)n * sizeof *saved) == 0, in_step > 0);
  /* Another dataset is refused. */
  assert_int_equal(tr_load_state(path, &others, &read, "fedcba9876543210", &error), M4_DATA);
  assert_non_null(strstr(error.what, "dataset"));
  ag_grads_free(gradient);
  ag_grads_free(other_gradient);
  nn_adam_free(adam);
  nn_adam_free(other_adam);
  m4_model_free(model);
  m4_model_free(other);
  unlink(path);
}

static void comes_back_bit_for_bit(void **unused) {
  (void)unused;
  check_round_trip(0);
  check_round_trip(2);
}

static void damage_is_an_error(void **unused) {
  (void)unused;
  char path[] = "checkpoint_XXXXXX";
  close(mkstemp(path));
  m4_error error = {0};
  m4_model *model = small_model(1);
  nn_adam *adam = adam_with(model, 0.7f);
  const tr_numbers numbers = {model, adam, NULL};
  tr_state state = some_state(), read;
  adam->step = state.step;
  assert_int_equal(tr_save_state(path, &numbers, &state, &origin, &error), M4_OK);
  FILE *stream = fopen(path, "rb");
  char *data = malloc(1 << 20);
  assert_true(stream && data);
  size_t length = fread(data, 1, 1 << 20, stream);
  fclose(stream);
  for (size_t cut = 0; cut < length; cut += 997) {
    stream = fopen(path, "wb");
    assert_int_equal(fwrite(data, 1, cut, stream), cut);
    fclose(stream);
    assert_int_equal(tr_load_state(path, &numbers, &read, origin.dataset_hash, &error), M4_DATA);
  }
  assert_int_equal(tr_save_weights(path, model, &state, &origin, &error),
                   M4_OK); /* weights are not a state file */
  assert_int_equal(tr_load_state(path, &numbers, &read, origin.dataset_hash, &error), M4_DATA);
  assert_int_equal(tr_load_state("no-such-file", &numbers, &read, origin.dataset_hash, &error), M4_IO);
  free(data);
  nn_adam_free(adam);
  m4_model_free(model);
  unlink(path);
}

static void weights_tell_their_origin(void **unused) {
  (void)unused;
  char path[] = "checkpoint_XXXXXX";
  close(mkstemp(path));
  m4_error error = {0};
  m4_model *model = small_model(1), *loaded;
  tr_state state = some_state();
  m4_metadata metadata = {0};
  assert_int_equal(tr_save_weights(path, model, &state, &origin, &error), M4_OK);
  assert_int_equal(m4_weights_load(&loaded, ag_cpu_backend(AG_F32), path, &metadata, &error), M4_OK);
  assert_true(same_weights(model, loaded));
  static const char *const keys[] = {"format",      "format_version", "hidden_size",  "gcn_hidden_size",
                                     "gcn_n_layer", "size_feature",   "input_ranges", "dataset_hash",
                                     "epoch",       "step",           "config",       "version"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; ++i) {
    if (!m4_metadata_get(&metadata, keys[i])) print_error("%s\n", keys[i]);
    assert_non_null(m4_metadata_get(&metadata, keys[i]));
  }
  assert_string_equal(m4_metadata_get(&metadata, "dataset_hash"), origin.dataset_hash);
  assert_string_equal(m4_metadata_get(&metadata, "step"), "417");
  m4_metadata_free(&metadata);
  m4_model_free(model);
  m4_model_free(loaded);
  unlink(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(comes_back_bit_for_bit),
                                     cmocka_unit_test(damage_is_an_error),
                                     cmocka_unit_test(weights_tell_their_origin)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
