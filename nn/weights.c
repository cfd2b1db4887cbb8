/* safetensors <-> model: which tensors a model file must hold, their shapes, transposition, widths. Knows
 * safetensors and m4.h. */
#include "nn/weights.h"

#include "nn/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT         "m4"
#define FORMAT_VERSION "1"
static const char *const SIZE_FEATURE_TEXT[] = {[M4_SIZE_KILOBYTES] = "kilobytes", [M4_SIZE_BYTES] = "bytes"};
static const char *const SWITCH_TEXT[] = {"true", "false"}; /* of the ablations' notes, absent = true */
static const char *const INPUT_FORM_TEXT[] = {[M4_INPUTS_RAW] = "raw", [M4_INPUTS_SCALED] = "scaled"};

/* ---- shapes ---- */

/* Biases and LayerNorm parameters are [n] in files; everything else is a matrix [out, in]. */
static bool is_vector(const ag_param *param) {
  return strstr(param->name, "bias") || strstr(param->name, ".norm.");
}

/* What a file holds for a parameter; bytes stay unset. */
static nn_tensor file_tensor(const ag_param *param) {
  nn_tensor tensor = {.name = param->name, .count = (int64_t)param->rows * param->cols};
  tensor.rank = is_vector(param) ? 1 : 2;
  tensor.shape[0] = param->cols;
  tensor.shape[1] = is_vector(param) ? 0 : param->rows;
  return tensor;
}

static bool is_aux(const ag_param *param) {
  return strncmp(param->name, "remain_size_layer.", 18) == 0 ||
         strncmp(param->name, "queue_len_layer.", 16) == 0;
}

static m4_status fail_shape(const char *path, const nn_tensor *tensor, const char *expected, m4_error *err) {
  char seen[64];
  nn_shape_text(seen, sizeof seen, tensor);
  return m4_fail(err, M4_DATA, path, "tensor %s has shape %s, expected %s", tensor->name, seen, expected);
}

/* ---- widths ---- */

/* The place of the note's text among two choices; the first when there is no such note. */
static m4_status read_choice(const m4_metadata *metadata, const char *key, const char *const choices[2],
                             int *choice, const char *path, m4_error *err) {
  const char *text = m4_metadata_get(metadata, key);
  for (*choice = 0; *choice < 2; ++*choice)
    if (!text || strcmp(text, choices[*choice]) == 0) return M4_OK;
  return m4_fail(err, M4_DATA, path, "metadata %s is \"%.32s\", must be %s or %s", key, text, choices[0],
                 choices[1]);
}

/* A matrix that must be there, with an upper limit that keeps widths in int32. */
static m4_status need_matrix(const nn_safetensors *content, const char *path, const char *name,
                             const nn_tensor **tensor, m4_error *err) {
  *tensor = nn_safetensors_find(content, name);
  if (!*tensor) return m4_fail(err, M4_DATA, path, "tensor %s is missing", name);
  if ((*tensor)->rank != 2) return fail_shape(path, *tensor, "a matrix", err);
  if ((*tensor)->shape[0] > INT32_MAX / 4 || (*tensor)->shape[1] > INT32_MAX / 4)
    return fail_shape(path, *tensor, "a smaller matrix", err);
  return M4_OK;
}

/* One more than the largest N of the names "gcn_layers.N.": a file that lacks part of a layer is not one of a
 * smaller model. */
static int32_t count_layers(const nn_safetensors *content) {
  int32_t layers = 1;
  for (int32_t i = 0; i < content->n_tensors; ++i) {
    int number;
    if (sscanf(content->tensors[i].name, "gcn_layers.%3d.", &number) == 1 && number >= layers)
      layers = number + 1;
  }
  return layers;
}

/* The graph layers: their number and inner width. The projections are square, so that every width is backed
 * by bytes in the file: the model made from these widths is never much larger than the file. */
static m4_status read_graph_widths(m4_widths *widths, const nn_safetensors *content, const char *path,
                                   m4_error *err) {
  widths->gcn_layers = widths->gcn_layers == 0 ? 0 : count_layers(content);
  widths->gcn_hidden = widths->hidden;
  for (int32_t layer = 0; layer < widths->gcn_layers; ++layer) {
    char name[96], expected[64];
    const nn_tensor *tensor;
    snprintf(name, sizeof name, "gcn_layers.%d.homogeneous_layer.conv.lin.weight", (int)layer);
    M4_TRY(need_matrix(content, path, name, &tensor, err));
    if (layer == 1) widths->gcn_hidden = (int32_t)tensor->shape[0];
    int32_t width = layer == 0 ? widths->hidden : widths->gcn_hidden;
    snprintf(expected, sizeof expected, "[%d, %d]", (int)width, (int)width);
    if (tensor->shape[0] != width || tensor->shape[1] != width)
      return fail_shape(path, tensor, expected, err);
  }
  return M4_OK;
}

/* Which parts of the model the file says it lacks. */
static m4_status read_ablations(m4_widths *widths, const m4_metadata *metadata, const char *path,
                                m4_error *err) {
  int no_gnn, no_gru, no_link_state;
  M4_TRY(read_choice(metadata, "enable_gnn", SWITCH_TEXT, &no_gnn, path, err));
  M4_TRY(read_choice(metadata, "enable_lstm", SWITCH_TEXT, &no_gru, path, err));
  M4_TRY(read_choice(metadata, "enable_link_state", SWITCH_TEXT, &no_link_state, path, err));
  *widths =
      (m4_widths){.gcn_layers = no_gnn ? 0 : 1, .without_gru = no_gru, .without_link_state = no_link_state};
  return M4_OK;
}

static m4_status read_hidden(m4_widths *widths, const nn_safetensors *content, const char *path,
                             m4_error *err) {
  const nn_tensor *tensor;
  const char *name = widths->without_gru ? "gcn_layers.0.homogeneous_layer.conv.lin.weight"
                                         : "lstmcell_rate.seq_cell.weight_hh";
  M4_TRY(need_matrix(content, path, name, &tensor, err));
  if (tensor->shape[0] != (widths->without_gru ? 1 : 3) * tensor->shape[1] || tensor->shape[1] < 4)
    return fail_shape(path, tensor,
                      widths->without_gru ? "[hidden, hidden] with hidden >= 4"
                                          : "[3 * hidden, hidden] with hidden >= 4",
                      err);
  widths->hidden = (int32_t)tensor->shape[1];
  return M4_OK;
}

static m4_status read_widths(m4_widths *widths, const nn_safetensors *content, const char *path,
                             m4_error *err) {
  const nn_tensor *tensor;
  M4_TRY(read_ablations(widths, &content->metadata, path, err));
  M4_TRY(read_hidden(widths, content, path, err));
  M4_TRY(read_graph_widths(widths, content, path, err));
  M4_TRY(need_matrix(content, path, "output_layer.0.weight", &tensor, err));
  widths->head_hidden = (int32_t)tensor->shape[0];
  if (tensor->shape[1] == widths->hidden + M4_N_FACTS + M4_N_FLUID) widths->n_fluid = M4_N_FLUID;
  widths->aux_hidden = widths->head_hidden;
  widths->has_size_head = nn_safetensors_find(content, "remain_size_layer.0.weight") != NULL;
  widths->has_queue_head = nn_safetensors_find(content, "queue_len_layer.0.weight") != NULL;
  if (!widths->has_size_head && !widths->has_queue_head) return M4_OK;
  const char *aux = widths->has_size_head ? "remain_size_layer.0.weight" : "queue_len_layer.0.weight";
  M4_TRY(need_matrix(content, path, aux, &tensor, err));
  widths->aux_hidden = (int32_t)tensor->shape[0];
  return M4_OK;
}

/* ---- values ---- */

/* Room for a parameter's values on the host. */
static m4_status take_copy(float **copy, const ag_param *param, m4_error *err) {
  *copy = calloc((size_t)param->rows * (size_t)param->cols, sizeof **copy);
  return *copy ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for a copy of %s", param->name);
}

/* Files are [out, in], parameters [in, out]; the same loops serve vectors (rows = 1). */
static m4_status read_values(ag_param *param, const ag_backend *backend, const nn_tensor *tensor,
                             m4_error *err) {
  const char *bytes = tensor->bytes;
  float *copy;
  M4_TRY(take_copy(&copy, param, err));
  for (int64_t in = 0; in < param->rows; ++in)
    for (int64_t out = 0; out < param->cols; ++out)
      memcpy(&copy[in * param->cols + out], bytes + 4 * (out * param->rows + in), sizeof *copy);
  ag_param_put(param, backend, 0, tensor->count, copy);
  free(copy);
  return M4_OK;
}

static m4_status write_values(const ag_param *param, const ag_backend *backend, float *values,
                              m4_error *err) {
  float *copy;
  M4_TRY(take_copy(&copy, param, err));
  ag_param_get(param, backend, 0, (int64_t)param->rows * param->cols, copy);
  for (int64_t in = 0; in < param->rows; ++in)
    for (int64_t out = 0; out < param->cols; ++out)
      values[out * param->rows + in] = copy[in * param->cols + out];
  free(copy);
  return M4_OK;
}

static m4_status load_param(ag_param *param, const ag_backend *backend, const nn_safetensors *content,
                            const char *path, m4_error *err) {
  const nn_tensor *tensor = nn_safetensors_find(content, param->name);
  if (!tensor) return m4_fail(err, M4_DATA, path, "tensor %s is missing", param->name);
  nn_tensor expected = file_tensor(param);
  if (tensor->rank != expected.rank || memcmp(tensor->shape, expected.shape, sizeof expected.shape) != 0) {
    char text[64];
    nn_shape_text(text, sizeof text, &expected);
    return fail_shape(path, tensor, text, err);
  }
  return read_values(param, backend, tensor, err);
}

static m4_status refuse_strangers(const m4_model *model, const nn_safetensors *content, const char *path,
                                  m4_error *err) {
  for (int32_t t = 0; t < content->n_tensors; ++t) {
    int32_t i = 0;
    while (i < model->n_params && strcmp(model->params[i]->name, content->tensors[t].name) != 0) ++i;
    if (i < model->n_params) continue;
    m4_fail(err, M4_DATA, path, "tensor %.200s is not part of the model", content->tensors[t].name);
    return m4_hint(err, M4_DATA,
                   "the reference's state_dict names are expected, and exactly the tensors of one model");
  }
  return M4_OK;
}

/* ---- notes ---- */

static m4_status read_format(const m4_metadata *metadata, m4_model *model, const char *path, m4_error *err) {
  const char *format = m4_metadata_get(metadata, "format"),
             *version = m4_metadata_get(metadata, "format_version");
  if (format && strcmp(format, FORMAT) == 0 && version && strcmp(version, FORMAT_VERSION) != 0)
    return m4_fail(err, M4_DATA, path, "format_version %.32s; this program reads version " FORMAT_VERSION,
                   version);
  int size_feature, input_form;
  M4_TRY(read_choice(metadata, "size_feature", SIZE_FEATURE_TEXT, &size_feature, path, err));
  M4_TRY(read_choice(metadata, "inputs", INPUT_FORM_TEXT, &input_form, path, err));
  m4_widths ablations;
  M4_TRY(read_ablations(&ablations, metadata, path, err));
  if ((ablations.gcn_layers == 0) != (model->widths.gcn_layers == 0) ||
      ablations.without_gru != model->widths.without_gru ||
      ablations.without_link_state != model->widths.without_link_state)
    return m4_fail(err, M4_DATA, path,
                   "the weights are of another variant of the model: enable_gnn, enable_lstm or "
                   "enable_link_state differ");
  model->size_feature = (m4_size_feature)size_feature;
  model->input_form = (m4_input_form)input_form;
  return M4_OK;
}

static m4_status set_number(m4_metadata *metadata, const char *key, int32_t value, m4_error *err) {
  char text[16];
  snprintf(text, sizeof text, "%d", (int)value);
  return m4_metadata_set(metadata, key, text, err);
}

/* Notes of parts that are left out; a whole model has none. */
static m4_status set_ablations(m4_metadata *notes, const m4_widths *widths, m4_error *err) {
  const char *off = SWITCH_TEXT[1];
  if (widths->gcn_layers == 0) M4_TRY(m4_metadata_set(notes, "enable_gnn", off, err));
  if (widths->without_gru) M4_TRY(m4_metadata_set(notes, "enable_lstm", off, err));
  if (widths->without_link_state) M4_TRY(m4_metadata_set(notes, "enable_link_state", off, err));
  return M4_OK;
}

static m4_status fill_notes(m4_metadata *notes, const m4_model *model, const m4_metadata *extra,
                            m4_error *err) {
  M4_TRY(m4_metadata_set(notes, "format", FORMAT, err));
  M4_TRY(m4_metadata_set(notes, "format_version", FORMAT_VERSION, err));
  M4_TRY(set_number(notes, "hidden_size", model->widths.hidden, err));
  M4_TRY(set_number(notes, "gcn_hidden_size", model->widths.gcn_hidden, err));
  M4_TRY(set_number(notes, "gcn_n_layer", model->widths.gcn_layers, err));
  M4_TRY(m4_metadata_set(notes, "size_feature", SIZE_FEATURE_TEXT[model->size_feature], err));
  M4_TRY(m4_metadata_set(notes, "inputs", INPUT_FORM_TEXT[model->input_form], err));
  M4_TRY(set_ablations(notes, &model->widths, err));
  for (int32_t i = 0; extra && i < extra->count; ++i)
    if (!m4_metadata_get(notes, extra->keys[i]))
      M4_TRY(m4_metadata_set(notes, extra->keys[i], extra->values[i], err));
  return M4_OK;
}

/* ---- loading ---- */

static m4_status load_content(m4_model *model, const nn_safetensors *content, const char *path,
                              m4_error *err) {
  M4_TRY(read_format(&content->metadata, model, path, err));
  for (int32_t i = 0; i < model->n_params; ++i)
    M4_TRY(load_param(model->params[i], model->backend, content, path, err));
  M4_TRY(refuse_strangers(model, content, path, err));
  for (int32_t i = 0; i < model->n_params; ++i) ag_param_refresh(model->params[i], model->backend);
  return ag_backend_status(model->backend, err);
}

static void move_notes(nn_safetensors *content, m4_metadata *metadata) {
  if (!metadata) return;
  *metadata = content->metadata;
  memset(&content->metadata, 0, sizeof content->metadata);
}

static m4_status create_and_load(m4_model **model, const ag_backend *backend, const nn_safetensors *content,
                                 const char *path, m4_error *err) {
  m4_widths widths;
  M4_TRY(read_widths(&widths, content, path, err));
  m4_status created = m4_model_create(model, widths, backend, err);
  if (created != M4_OK) return m4_within(err, created, path);
  m4_status status = load_content(*model, content, path, err);
  if (status == M4_OK) return M4_OK;
  m4_model_free(*model);
  *model = NULL;
  return status;
}

m4_status m4_weights_load(m4_model **model, const ag_backend *backend, const char *path,
                          m4_metadata *metadata, m4_error *err) {
  *model = NULL;
  nn_safetensors content;
  M4_TRY(nn_safetensors_read(&content, path, err));
  m4_status status = create_and_load(model, backend, &content, path, err);
  if (status == M4_OK) move_notes(&content, metadata);
  nn_safetensors_free(&content);
  return status;
}

m4_status m4_weights_load_into(m4_model *model, const char *path, m4_metadata *metadata, m4_error *err) {
  nn_safetensors content;
  M4_TRY(nn_safetensors_read(&content, path, err));
  m4_status status = load_content(model, &content, path, err);
  if (status == M4_OK) move_notes(&content, metadata);
  nn_safetensors_free(&content);
  return status;
}

/* ---- saving ---- */

static m4_status list_tensors(const m4_model *model, bool with_aux, nn_tensor *tensors, int32_t *n_tensors,
                              float *values, m4_error *err) {
  *n_tensors = 0;
  for (int32_t i = 0; i < model->n_params; ++i) {
    if (!with_aux && is_aux(model->params[i])) continue;
    nn_tensor *tensor = &tensors[(*n_tensors)++];
    *tensor = file_tensor(model->params[i]);
    M4_TRY(write_values(model->params[i], model->backend, values, err));
    tensor->bytes = values;
    values += tensor->count;
  }
  return ag_backend_status(model->backend, err);
}

m4_status m4_weights_save(const m4_model *model, const char *path, const m4_metadata *metadata, bool with_aux,
                          m4_error *err) {
  m4_metadata notes = {0};
  int32_t n_tensors;
  m4_status status = fill_notes(&notes, model, metadata, err);
  nn_tensor *tensors = calloc((size_t)model->n_params, sizeof *tensors);
  float *values = malloc((size_t)m4_model_count(model) * sizeof *values);
  if (status == M4_OK && (!tensors || !values))
    status = m4_fail(err, M4_MEMORY, path, "no memory for a copy of the weights");
  if (status == M4_OK) status = list_tensors(model, with_aux, tensors, &n_tensors, values, err);
  if (status == M4_OK) status = nn_safetensors_write(path, tensors, n_tensors, &notes, err);
  free(values);
  free(tensors);
  m4_metadata_free(&notes);
  return status;
}
