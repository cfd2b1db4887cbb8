/* nn/weights and nn/arrays: model files, good and bad. */
#include "nn/weights.h"

#include "base/philox.h"
#include "nn/safetensors.h"
#include "tests/nn/small_model.h"

#include <math.h>

static const char *saved_model(void **state, const m4_model *model, bool with_aux) {
  const char *path = scratch_path(state, "model.safetensors");
  m4_error err = {0};
  if (m4_weights_save(model, path, NULL, with_aux, &err) != M4_OK) fail_msg("%s", err.what);
  return path;
}

static m4_model *loaded(const char *path) {
  m4_model *model = NULL;
  m4_error err = {0};
  if (m4_weights_load(&model, ag_cpu_backend(AG_F32), path, NULL, &err) != M4_OK) fail_msg("%s", err.what);
  return model;
}

static void assert_refused(const char *path, const char *expected) {
  m4_model *model = NULL;
  m4_metadata notes = {0};
  m4_error err = {0};
  assert_int_equal(m4_weights_load(&model, ag_cpu_backend(AG_F32), path, &notes, &err), M4_DATA);
  if (!strstr(err.what, expected)) fail_msg("\"%s\" lacks \"%s\"", err.what, expected);
  assert_null(model);
  assert_int_equal(notes.count, 0);
}

static void round_trip_keeps_every_bit(void **state) {
  for (int32_t layers = 1; layers <= 4; ++layers) {
    m4_widths widths = small_widths();
    widths.gcn_layers = layers;
    widths.n_fluid = layers % 2 ? M4_N_FLUID : 0;
    m4_model *model = model_of(widths, AG_F32, (uint64_t)layers);
    model->size_feature = M4_SIZE_BYTES;
    model->input_form = M4_INPUTS_SCALED;
    m4_model *copy = loaded(saved_model(state, model, true));
    assert_int_equal(copy->n_params, model->n_params);
    assert_same_weights(model, copy);
    assert_int_equal(copy->size_feature, M4_SIZE_BYTES);
    assert_int_equal(copy->input_form, M4_INPUTS_SCALED);
    assert_int_equal(copy->widths.n_fluid, widths.n_fluid);
    assert_int_equal(copy->widths.head_hidden, 5);
    assert_int_equal(copy->widths.aux_hidden, 3);
    assert_int_equal(copy->widths.gcn_layers, layers);
    if (layers > 1) assert_int_equal(copy->widths.gcn_hidden, 6);
    m4_model_free(copy);
    m4_model_free(model);
  }
}

static void auxiliary_heads_can_stay_out(void **state) {
  m4_model *model = model_of(small_widths(), AG_F32, 1);
  m4_model *copy = loaded(saved_model(state, model, false));
  assert_false(copy->widths.has_size_head || copy->widths.has_queue_head);
  assert_int_equal(copy->n_params, model->n_params - 8);
  assert_same_weights(model, copy);
  m4_model_free(copy);
  m4_model_free(model);
}

/* Outside, a matrix is [out, in] and a bias [out]; inside, [in, out]. */
static void files_have_the_reference_layout(void **state) {
  m4_model *model = model_of(small_widths(), AG_F32, 2);
  nn_safetensors content;
  assert_int_equal(nn_safetensors_read(&content, saved_model(state, model, true), NULL), M4_OK);
  const nn_tensor *weight = nn_safetensors_find(&content, "gcn_layers.0.homogeneous_layer.conv.lin_l.weight");
  assert_int_equal(weight->rank, 2);
  assert_int_equal(weight->shape[0], 6);
  assert_int_equal(weight->shape[1], 4);
  float value;
  memcpy(&value, (const char *)weight->bytes + 4 * (5 * 4 + 2), 4); /* out 5, in 2 */
  assert_true(value == ((const float *)model->sage[0].neighbour->data)[2 * 6 + 5]);
  const nn_tensor *time = nn_safetensors_find(&content, "lstmcell_time.seq_cell.weight_ih");
  assert_int_equal(time->rank, 2);
  assert_int_equal(time->shape[0], 12);
  assert_int_equal(time->shape[1], 1);
  assert_int_equal(nn_safetensors_find(&content, "gcn_layers.0.homogeneous_layer.norm.weight")->rank, 1);
  assert_int_equal(nn_safetensors_find(&content, "output_layer.3.bias")->rank, 1);
  assert_string_equal(m4_metadata_get(&content.metadata, "format"), "m4");
  assert_string_equal(m4_metadata_get(&content.metadata, "hidden_size"), "4");
  assert_string_equal(m4_metadata_get(&content.metadata, "gcn_hidden_size"), "6");
  assert_string_equal(m4_metadata_get(&content.metadata, "gcn_n_layer"), "3");
  assert_string_equal(m4_metadata_get(&content.metadata, "size_feature"), "kilobytes");
  nn_safetensors_free(&content);
  m4_model_free(model);
}

static void notes_travel_along(void **state) {
  m4_model *model = model_of(small_widths(), AG_F32, 3);
  m4_metadata notes = {0}, back = {0};
  assert_int_equal(m4_metadata_set(&notes, "epoch", "7", NULL), M4_OK);
  assert_int_equal(m4_metadata_set(&notes, "hidden_size", "999", NULL), M4_OK); /* the model knows better */
  const char *path = scratch_path(state, "notes.safetensors");
  assert_int_equal(m4_weights_save(model, path, &notes, true, NULL), M4_OK);
  m4_model *copy = NULL;
  assert_int_equal(m4_weights_load(&copy, ag_cpu_backend(AG_F32), path, &back, NULL), M4_OK);
  assert_string_equal(m4_metadata_get(&back, "epoch"), "7");
  assert_string_equal(m4_metadata_get(&back, "hidden_size"), "4");
  m4_metadata_free(&notes);
  m4_metadata_free(&back);
  m4_model_free(copy);
  m4_model_free(model);
}

static void double_models_load_and_save(void **state) {
  m4_model *model = model_of(small_widths(), AG_F64, 4);
  const char *path = saved_model(state, model, true);
  m4_model *copy = loaded(path), *wide = NULL;
  assert_int_equal(m4_weights_load(&wide, ag_cpu_backend(AG_F64), path, NULL, NULL), M4_OK);
  for (int32_t i = 0; i < model->n_params; ++i)
    for (int64_t k = 0; k < param_count(model->params[i]); ++k) {
      double original = ((const double *)model->params[i]->data)[k];
      assert_true(((const double *)wide->params[i]->data)[k] == original);
      assert_true((double)((const float *)copy->params[i]->data)[k] ==
                  original); /* initial values are float32 numbers */
    }
  m4_model_free(wide);
  m4_model_free(copy);
  m4_model_free(model);
}

/* A copy of a good file with one tensor changed by `edit`, or left out when it returns false. */
typedef bool (*edit_fn)(nn_tensor *tensor, const char *name);

static const char *edited(void **state, edit_fn edit, const char *name, const m4_metadata *notes) {
  m4_model *model = model_of(small_widths(), AG_F32, 5);
  nn_safetensors content;
  assert_int_equal(nn_safetensors_read(&content, saved_model(state, model, true), NULL), M4_OK);
  nn_tensor tensors[64];
  int32_t count = 0;
  for (int32_t i = 0; i < content.n_tensors; ++i) {
    tensors[count] = content.tensors[i];
    if (!edit || edit(&tensors[count], name)) ++count;
  }
  const char *path = scratch_path(state, "edited.safetensors");
  assert_int_equal(nn_safetensors_write(path, tensors, count, notes, NULL), M4_OK);
  nn_safetensors_free(&content);
  m4_model_free(model);
  return path;
}

static bool leave_out(nn_tensor *tensor, const char *name) {
  return strcmp(tensor->name, name) != 0;
}
static bool shorten(nn_tensor *tensor, const char *name) {
  if (strcmp(tensor->name, name) != 0) return true;
  tensor->count = tensor->count / tensor->shape[0] * (tensor->shape[0] - 1);
  --tensor->shape[0];
  return true;
}
static bool flatten(nn_tensor *tensor, const char *name) {
  if (strcmp(tensor->name, name) != 0) return true;
  tensor->rank = 1;
  tensor->shape[0] = tensor->count;
  return true;
}
static bool rename_to_stranger(nn_tensor *tensor, const char *name) {
  if (strcmp(tensor->name, name) == 0) tensor->name = "queue_len_layer.6.weight";
  return true;
}

/* Without any tensor, with too short a tensor, or as a vector: the message names it. */
static void every_tensor_is_checked(void **state) {
  m4_model *model = model_of(small_widths(), AG_F32, 5);
  for (int32_t i = 0; i < model->n_params; ++i) {
    const char *name = model->params[i]->name;
    /* Without its first tensor an auxiliary head does not exist, and the others are strangers. */
    bool head_absent = strstr(name, "remain_size_layer.0.weight") || strstr(name, "queue_len_layer.0.weight");
    assert_refused(edited(state, leave_out, name, NULL), head_absent ? "not part of the model" : name);
    if (param_count(model->params[i]) > 1 && model->params[i]->cols > 1)
      assert_refused(edited(state, shorten, name, NULL), strstr(name, "layer.0.weight") ? "tensor" : name);
    if (!strstr(name, "bias") && !strstr(name, "norm"))
      assert_refused(edited(state, flatten, name, NULL), name);
  }
  m4_model_free(model);
}

static void strangers_are_refused(void **state) {
  assert_refused(edited(state, rename_to_stranger, "queue_len_layer.3.bias", NULL),
                 "queue_len_layer.3.bias is missing");
  m4_model *model = model_of(small_widths(), AG_F32, 5);
  nn_safetensors content;
  assert_int_equal(nn_safetensors_read(&content, saved_model(state, model, true), NULL), M4_OK);
  nn_tensor tensors[64];
  memcpy(tensors, content.tensors, (size_t)content.n_tensors * sizeof *tensors);
  tensors[content.n_tensors] = tensors[0];
  tensors[content.n_tensors].name = "output_layer.6.weight";
  const char *path = scratch_path(state, "more.safetensors");
  assert_int_equal(nn_safetensors_write(path, tensors, content.n_tensors + 1, NULL, NULL), M4_OK);
  assert_refused(path, "output_layer.6.weight is not part of the model");
  nn_safetensors_free(&content);
  m4_model_free(model);
}

static void notes_are_checked(void **state) {
  static const struct {
    const char *key, *value, *expected;
  } cases[] = {{"size_feature", "megabytes", "must be kilobytes or bytes"},
               {"inputs", "cooked", "must be raw or scaled"},
               {"format_version", "2", "format_version"}};
  for (int i = 0; i < 3; ++i) {
    m4_metadata notes = {0};
    assert_int_equal(m4_metadata_set(&notes, "format", "m4", NULL), M4_OK);
    assert_int_equal(m4_metadata_set(&notes, cases[i].key, cases[i].value, NULL), M4_OK);
    assert_refused(edited(state, NULL, NULL, &notes), cases[i].expected);
    m4_metadata_free(&notes);
  }
  m4_model *model = loaded(edited(state, NULL, NULL, NULL)); /* no notes at all */
  assert_int_equal(model->size_feature, M4_SIZE_KILOBYTES);
  assert_int_equal(model->input_form, M4_INPUTS_RAW);
  m4_model_free(model);
}

static void loads_into_a_model_of_the_same_shape(void **state) {
  m4_model *model = model_of(small_widths(), AG_F32, 6), *other = model_of(small_widths(), AG_F32, 7);
  const char *path = saved_model(state, model, true);
  assert_int_equal(m4_weights_load_into(other, path, NULL, NULL), M4_OK);
  assert_same_weights(model, other);
  m4_model_free(other);
  m4_widths widths = small_widths();
  widths.gcn_hidden = 7;
  other = model_of(widths, AG_F32, 7);
  m4_error err = {0};
  assert_int_equal(m4_weights_load_into(other, path, NULL, &err), M4_DATA);
  assert_non_null(strstr(err.what, "has shape [6, 4], expected [7, 4]"));
  m4_model_free(other);
  m4_model_free(model);
}

static void spoiled_models_are_not_saved(void **state) {
  m4_model *model = model_of(small_widths(), AG_F32, 8);
  ((float *)model->fct_head.weight2->data)[3] = NAN;
  m4_error err = {0};
  const char *path = scratch_path(state, "spoiled.safetensors");
  assert_int_equal(m4_weights_save(model, path, NULL, true, &err), M4_NUMERIC);
  assert_non_null(strstr(err.what, "output_layer.3.weight"));
  assert_int_equal(access(path, F_OK), -1);
  m4_model_free(model);
}

/* Widths are believed only as far as the file holds numbers for them. */
static void widths_cannot_outgrow_the_file(void **state) {
  static const float few[64] = {0};
  const nn_tensor tensors[] = {{"lstmcell_rate.seq_cell.weight_hh", 2, {12, 4}, 48, few},
                               {"gcn_layers.0.homogeneous_layer.conv.lin.weight", 2, {4, 4}, 16, few},
                               {"gcn_layers.1.homogeneous_layer.conv.lin.weight", 2, {2000000000, 0}, 0, few},
                               {"output_layer.0.weight", 2, {5, 0}, 0, few}};
  const char *path = scratch_path(state, "wide.safetensors");
  assert_int_equal(nn_safetensors_write(path, tensors, 4, NULL, NULL), M4_OK);
  assert_refused(path, "gcn_layers.1");
  nn_tensor empty = {"lstmcell_rate.seq_cell.weight_hh", 2, {0, 0}, 0, few};
  assert_int_equal(nn_safetensors_write(path, &empty, 1, NULL, NULL), M4_OK);
  assert_refused(path, "weight_hh");
}

/* Truncated at every 97th byte: refused. Flipped bits: refused, or a model with other numbers. */
static void damaged_models_are_refused(void **state) {
  m4_model *model = model_of(small_widths(), AG_F32, 9);
  const char *path = saved_model(state, model, true);
  static unsigned char bytes[1 << 16];
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t length = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  for (size_t cut = 0; cut < length; cut += 97) {
    write_bytes(path, bytes, cut);
    assert_refused(path, "");
  }
  for (uint32_t round = 0; round < 1500; ++round) {
    size_t range = round % 3 ? length / 2 : length; /* mostly the header, which is the first half or more */
    size_t bit = (size_t)(m4_random_u64(2, M4_RNG_TEST, round, 0) % (8 * range));
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    write_bytes(path, bytes, length);
    m4_model *copy = NULL;
    m4_status status = m4_weights_load(&copy, ag_cpu_backend(AG_F32), path, NULL, NULL);
    assert_true((status == M4_OK && copy) || ((status == M4_DATA || status == M4_NUMERIC) && !copy));
    m4_model_free(copy);
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
  }
  m4_model_free(model);
}

static void arrays_round_trip(void **state) {
  float first[6] = {1, 2, 3, 4, 5, 6}, second[2] = {-1, 0};
  const m4_named_array arrays[] = {{"adam.m", 2, 3, first}, {"adam.v", 1, 2, second}};
  m4_metadata notes = {0}, back = {0};
  assert_int_equal(m4_metadata_set(&notes, "step", "12", NULL), M4_OK);
  const char *path = scratch_path(state, "arrays.safetensors");
  assert_int_equal(m4_arrays_save(path, arrays, 2, &notes, NULL), M4_OK);
  m4_named_array *read = NULL;
  int32_t count = 0;
  assert_int_equal(m4_arrays_load(path, &read, &count, &back, NULL), M4_OK);
  assert_int_equal(count, 2);
  assert_string_equal(read[0].name, "adam.m");
  assert_int_equal(read[0].rows, 2);
  assert_int_equal(read[0].cols, 3);
  assert_memory_equal(read[0].data, first, sizeof first);
  assert_memory_equal(read[1].data, second, sizeof second);
  assert_string_equal(m4_metadata_get(&back, "step"), "12");
  m4_arrays_free(read, count);
  m4_metadata_free(&notes);
  m4_metadata_free(&back);
  const nn_tensor cube = {"cube", 3, {1, 2, 1}, 2, second};
  assert_int_equal(nn_safetensors_write(path, &cube, 1, NULL, NULL), M4_OK);
  m4_error err = {0};
  assert_int_equal(m4_arrays_load(path, &read, &count, NULL, &err), M4_DATA);
  assert_null(read);
}

/* Made by PyTorch's safetensors writer. */
static void reads_files_of_other_writers(void **state) {
  (void)state;
  m4_model *model = loaded(M4_TEST_DATA "/golden/m4_sim.safetensors");
  assert_int_equal(model->widths.hidden, 64);
  assert_int_equal(model->widths.gcn_hidden, 96);
  assert_int_equal(model->widths.gcn_layers, 3);
  assert_false(model->widths.has_size_head);
  m4_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(round_trip_keeps_every_bit),
      cmocka_unit_test(auxiliary_heads_can_stay_out),
      cmocka_unit_test(files_have_the_reference_layout),
      cmocka_unit_test(notes_travel_along),
      cmocka_unit_test(double_models_load_and_save),
      cmocka_unit_test(every_tensor_is_checked),
      cmocka_unit_test(strangers_are_refused),
      cmocka_unit_test(notes_are_checked),
      cmocka_unit_test(loads_into_a_model_of_the_same_shape),
      cmocka_unit_test(spoiled_models_are_not_saved),
      cmocka_unit_test(widths_cannot_outgrow_the_file),
      cmocka_unit_test(damaged_models_are_refused),
      cmocka_unit_test(arrays_round_trip),
      cmocka_unit_test(reads_files_of_other_writers),
  };
  return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
