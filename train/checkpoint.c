/* Checkpoints: weights with metadata, and the state file. Knows nn and base. */
#include "train/checkpoint.h"

#include "autograd/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static m4_status common_metadata(m4_metadata *metadata, const tr_state *state, const tr_origin *origin,
                                 m4_error *err) {
  char number[32];
  M4_TRY(m4_metadata_set(metadata, "dataset_hash", origin->dataset_hash, err));
  M4_TRY(m4_metadata_set(metadata, "config", origin->config_yaml, err));
  M4_TRY(m4_metadata_set(metadata, "version", M4_VERSION, err));
  snprintf(number, sizeof number, "%lld", (long long)state->epoch);
  M4_TRY(m4_metadata_set(metadata, "epoch", number, err));
  snprintf(number, sizeof number, "%lld", (long long)state->step);
  return m4_metadata_set(metadata, "step", number, err);
}

static m4_status set_owned(m4_metadata *metadata, const char *key, char *text, m4_error *err) {
  m4_status status = text ? m4_metadata_set(metadata, key, text, err)
                          : m4_fail(err, M4_MEMORY, key, "no memory for metadata");
  free(text);
  return status;
}

m4_status tr_save_weights(const char *path, const m4_model *model, const tr_state *state,
                          const tr_origin *origin, m4_error *err) {
  m4_metadata metadata = {0};
  m4_status status = common_metadata(&metadata, state, origin, err);
  if (status == M4_OK) status = set_owned(&metadata, "input_ranges", tr_ranges_json(&state->ranges), err);
  if (status == M4_OK) status = m4_weights_save(model, path, &metadata, true, err);
  m4_metadata_free(&metadata);
  return status;
}

enum { N_GROUPS = 4 };
static const char *const group_names[N_GROUPS] = {"param", "adam_m", "adam_v", "gradient"};

/* The arrays of every parameter: weight, first and second moment and, with a half-finished step, gradient;
 * data points into the numbers, in the backend's memory. */
static m4_named_array *list_arrays(const tr_numbers *numbers, bool gradient, int32_t *count) {
  const m4_model *model = numbers->model;
  int32_t n_groups = gradient ? N_GROUPS : N_GROUPS - 1;
  *count = n_groups * model->n_params;
  m4_named_array *arrays = calloc((size_t)*count, sizeof *arrays);
  if (!arrays) return NULL;
  int64_t offset = 0;
  for (int32_t p = 0; p < model->n_params; ++p) {
    const ag_param *param = model->params[p];
    float *sources[N_GROUPS] = {param->data, (float *)numbers->adam->m + offset,
                                (float *)numbers->adam->v + offset,
                                gradient ? ag_grads_data(numbers->gradient, p) : NULL};
    for (int32_t group = 0; group < n_groups; ++group) {
      m4_named_array *array = &arrays[n_groups * p + group];
      snprintf(array->name, sizeof array->name, "%s/%s", group_names[group], param->name);
      array->rows = param->rows;
      array->cols = param->cols;
      array->data = sources[group];
    }
    offset += (int64_t)param->rows * param->cols;
  }
  return arrays;
}

static size_t array_bytes(const m4_named_array *array) {
  return (size_t)(array->rows * array->cols) * sizeof(float);
}

/* Arrays of a device become copies on the host, all in *copies, which the caller frees. */
static m4_status fetch_arrays(const ag_backend *backend, m4_named_array *arrays, int32_t count,
                              float **copies, m4_error *err) {
  size_t bytes = 0;
  *copies = NULL;
  if (ag_on_host(backend)) return M4_OK;
  for (int32_t i = 0; i < count; ++i) bytes += array_bytes(&arrays[i]);
  float *place = *copies = malloc(bytes ? bytes : 1);
  if (!place) return m4_fail(err, M4_MEMORY, NULL, "no memory for a copy of the state");
  for (int32_t i = 0; i < count; place += arrays[i].rows * arrays[i].cols, ++i) {
    ag_download(backend, place, arrays[i].data, array_bytes(&arrays[i]));
    arrays[i].data = place;
  }
  return ag_backend_status(backend, err);
}

#define STATE_VERSION "2"

m4_status tr_save_state(const char *path, const tr_numbers *numbers, const tr_state *state,
                        const tr_origin *origin, m4_error *err) {
  int32_t count;
  m4_named_array *arrays = list_arrays(numbers, state->in_step > 0, &count);
  if (!arrays) return m4_fail(err, M4_MEMORY, path, "no memory to list %d arrays", (int)count);
  float *copies;
  m4_metadata metadata = {0};
  m4_status status = fetch_arrays(numbers->model->backend, arrays, count, &copies, err);
  if (status == M4_OK) status = common_metadata(&metadata, state, origin, err);
  char number[32];
  snprintf(number, sizeof number, "%lld", (long long)numbers->adam->step);
  if (status == M4_OK) status = m4_metadata_set(&metadata, "format", "m4-trainer-state", err);
  if (status == M4_OK) status = m4_metadata_set(&metadata, "format_version", STATE_VERSION, err);
  if (status == M4_OK) status = m4_metadata_set(&metadata, "adam_step", number, err);
  if (status == M4_OK) status = set_owned(&metadata, "trainer_state", tr_state_json(state), err);
  if (status == M4_OK) status = m4_arrays_save(path, arrays, count, &metadata, err);
  m4_metadata_free(&metadata);
  free(copies);
  free(arrays);
  return status;
}

static const m4_named_array *find_array(const m4_named_array *arrays, int32_t count, const char *name) {
  for (int32_t i = 0; i < count; ++i)
    if (strcmp(arrays[i].name, name) == 0) return &arrays[i];
  return NULL;
}

static m4_status copy_arrays(const ag_backend *backend, const m4_named_array *wanted, int32_t n_wanted,
                             const m4_named_array *found, int32_t n_found, const char *path, m4_error *err) {
  if (n_wanted != n_found)
    return m4_fail(err, M4_DATA, path, "%d arrays found, this model and optimiser have %d", (int)n_found,
                   (int)n_wanted);
  for (int32_t i = 0; i < n_wanted; ++i) {
    const m4_named_array *source = find_array(found, n_found, wanted[i].name);
    if (!source || source->rows != wanted[i].rows || source->cols != wanted[i].cols)
      return m4_fail(err, M4_DATA, path, "array %s is %s", wanted[i].name,
                     source ? "of another shape" : "missing");
    ag_upload(backend, wanted[i].data, source->data, array_bytes(source));
  }
  return ag_backend_status(backend, err);
}

static m4_status check_metadata(const m4_metadata *metadata, const char *dataset_hash, const char *path,
                                m4_error *err) {
  const char *format = m4_metadata_get(metadata, "format");
  if (!format || strcmp(format, "m4-trainer-state") != 0)
    return m4_hint(err, m4_fail(err, M4_DATA, path, "not a trainer state file"),
                   "resume from a run folder or a *.state.safetensors inside its checkpoints");
  const char *version = m4_metadata_get(metadata, "format_version");
  if (!version || strcmp(version, STATE_VERSION) != 0)
    return m4_hint(err,
                   m4_fail(err, M4_DATA, path, "state format %s, this m4-train reads %s",
                           version ? version : "(none)", STATE_VERSION),
                   "start a new run from its weights: --set training.init_from=...");
  const char *hash = m4_metadata_get(metadata, "dataset_hash");
  if (!hash || strcmp(hash, dataset_hash) != 0)
    return m4_fail(err, M4_DATA, path, "was made with dataset %s, this one is %s", hash ? hash : "(none)",
                   dataset_hash);
  return M4_OK;
}

/* What the file says besides its arrays. */
static m4_status read_metadata(const m4_metadata *metadata, const char *dataset_hash, const char *path,
                               tr_state *state, nn_adam *adam, m4_error *err) {
  M4_TRY(check_metadata(metadata, dataset_hash, path, err));
  M4_TRY(tr_state_parse(state, m4_metadata_get(metadata, "trainer_state"), path, err));
  const char *adam_step = m4_metadata_get(metadata, "adam_step");
  adam->step = adam_step ? strtoll(adam_step, NULL, 10) : -1;
  if (adam->step == state->step) return M4_OK;
  return m4_fail(err, M4_DATA, path, "adam_step does not match the trainer state");
}

m4_status tr_load_state(const char *path, const tr_numbers *numbers, tr_state *state,
                        const char *dataset_hash, m4_error *err) {
  m4_metadata metadata = {0};
  m4_named_array *found = NULL, *wanted = NULL;
  int32_t n_found = 0, n_wanted = 0;
  M4_TRY(m4_arrays_load(path, &found, &n_found, &metadata, err));
  m4_status status = read_metadata(&metadata, dataset_hash, path, state, numbers->adam, err);
  if (status == M4_OK && !(wanted = list_arrays(numbers, state->in_step > 0, &n_wanted)))
    status = m4_fail(err, M4_MEMORY, path, "no memory");
  if (status == M4_OK)
    status = copy_arrays(numbers->model->backend, wanted, n_wanted, found, n_found, path, err);
  for (int32_t p = 0; status == M4_OK && p < numbers->model->n_params; ++p)
    ag_param_refresh(numbers->model->params[p], numbers->model->backend);
  free(wanted);
  m4_arrays_free(found, n_found);
  m4_metadata_free(&metadata);
  return status;
}
