/* Checkpoints: weights with metadata, and the state file. Knows nn and base. */
#include "train/checkpoint.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const range_names[3] = {"size_feature", "n_links", "dt_us"};

void tr_ranges_clear(tr_ranges *ranges) {
  for (int i = 0; i < TR_N_RANGES; ++i) {
    ranges->low[i] = INFINITY;
    ranges->high[i] = -INFINITY;
  }
}

static void widen(tr_ranges *ranges, int slot, double value) {
  if (value < ranges->low[slot]) ranges->low[slot] = value;
  if (value > ranges->high[slot]) ranges->high[slot] = value;
}

void tr_ranges_add(tr_ranges *ranges, const m4_sample *sample) {
  for (int32_t flow = 0; flow < sample->n_flows; ++flow) {
    widen(ranges, 0, sample->size_feature[flow]);
    widen(ranges, 1, sample->flow_n_links[flow]);
    for (int i = 0; i < M4_N_PARAMS; ++i)
      widen(ranges, 3 + i, sample->params[(size_t)flow * M4_N_PARAMS + (size_t)i]);
  }
  for (int32_t event = 0; event < sample->n_events; ++event) widen(ranges, 2, sample->dt_us[event]);
}

static json_t *pair(const tr_ranges *ranges, int slot) {
  bool seen = ranges->low[slot] <= ranges->high[slot];
  return json_pack("[f,f]", seen ? ranges->low[slot] : 0.0, seen ? ranges->high[slot] : 0.0);
}

char *tr_ranges_json(const tr_ranges *ranges) {
  json_t *root = json_object();
  for (int i = 0; i < 3; ++i) json_object_set_new(root, range_names[i], pair(ranges, i));
  json_t *params = json_array();
  for (int i = 0; i < M4_N_PARAMS; ++i) json_array_append_new(params, pair(ranges, 3 + i));
  json_object_set_new(root, "params", params);
  char *text = json_dumps(root, JSON_COMPACT);
  json_decref(root);
  return text;
}

/* ---- state <-> JSON: numbers as hexadecimal floats, so that they come back bit for bit ---- */

/* name, field of tr_state */
#define STATE_REALS(X)                                                                                       \
  X(learning_rate, learning_rate)                                                                            \
  X(best_metric, best_metric)                                                                                \
  X(plateau_factor, plateau.factor)                                                                          \
  X(plateau_threshold, plateau.threshold)                                                                    \
  X(plateau_min_lr, plateau.min_lr)                                                                          \
  X(plateau_best, plateau.best)                                                                              \
  X(sum_total, sums.total)                                                                                   \
  X(sum_fct, sums.fct)                                                                                       \
  X(sum_size, sums.size)                                                                                     \
  X(sum_queue, sums.queue)                                                                                   \
  X(sum_error, sums.error)                                                                                   \
  X(sum_samples, sums.samples)

#define STATE_INTEGERS(X)                                                                                    \
  X(epoch, epoch)                                                                                            \
  X(batch, batch)                                                                                            \
  X(step, step)                                                                                              \
  X(plateau_patience, plateau.patience)                                                                      \
  X(plateau_cooldown, plateau.cooldown)                                                                      \
  X(plateau_bad_epochs, plateau.bad_epochs)                                                                  \
  X(plateau_cooldown_left, plateau.cooldown_left)

static json_t *real_json(double value) {
  char text[64];
  snprintf(text, sizeof text, "%a", value);
  return json_string(text);
}

static bool real_from(const json_t *json, double *value) {
  const char *text = json_string_value(json);
  if (!text) return false;
  char *end;
  *value = strtod(text, &end);
  return end != text && *end == '\0' && !isnan(*value);
}

static char *state_to_json(const tr_state *state) {
  json_t *root = json_object();
#define X(name, field) json_object_set_new(root, #name, real_json(state->field));
  STATE_REALS(X)
#undef X
#define X(name, field) json_object_set_new(root, #name, json_integer((json_int_t)state->field));
  STATE_INTEGERS(X)
#undef X
  json_t *low = json_array(), *high = json_array();
  for (int i = 0; i < TR_N_RANGES; ++i) {
    json_array_append_new(low, real_json(state->ranges.low[i]));
    json_array_append_new(high, real_json(state->ranges.high[i]));
  }
  json_object_set_new(root, "range_low", low);
  json_object_set_new(root, "range_high", high);
  char *text = json_dumps(root, JSON_COMPACT);
  json_decref(root);
  return text;
}

static bool state_fields_from(const json_t *root, tr_state *state) {
#define X(name, field)                                                                                       \
  if (!real_from(json_object_get(root, #name), &state->field)) return false;
  STATE_REALS(X)
#undef X
#define X(name, field)                                                                                       \
  if (!json_is_integer(json_object_get(root, #name))) return false;                                          \
  state->field = json_integer_value(json_object_get(root, #name));
  STATE_INTEGERS(X)
#undef X
  const json_t *low = json_object_get(root, "range_low"), *high = json_object_get(root, "range_high");
  if (json_array_size(low) != TR_N_RANGES || json_array_size(high) != TR_N_RANGES) return false;
  for (size_t i = 0; i < TR_N_RANGES; ++i)
    if (!real_from(json_array_get(low, i), &state->ranges.low[i]) ||
        !real_from(json_array_get(high, i), &state->ranges.high[i]))
      return false;
  return state->epoch >= 0 && state->batch >= 0 && state->step >= 0;
}

static m4_status state_from_json(const char *text, tr_state *state, const char *path, m4_error *err) {
  json_t *root = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
  bool good = root && state_fields_from(root, state);
  json_decref(root);
  return good ? M4_OK : m4_fail(err, M4_DATA, path, "trainer_state is missing or damaged");
}

/* ---- files ---- */

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

static const char *const state_groups[3] = {"param", "adam_m", "adam_v"};

/* The three arrays of every parameter: weights, first and second moment; data points into model and adam. */
static m4_named_array *list_arrays(const m4_model *model, const nn_adam *adam, int32_t *count) {
  *count = 3 * model->n_params;
  m4_named_array *arrays = calloc((size_t)*count, sizeof *arrays);
  if (!arrays) return NULL;
  int64_t offset = 0;
  for (int32_t p = 0; p < model->n_params; ++p) {
    const ag_param *param = model->params[p];
    float *sources[3] = {param->data, (float *)adam->m + offset, (float *)adam->v + offset};
    for (int32_t group = 0; group < 3; ++group) {
      m4_named_array *array = &arrays[3 * p + group];
      snprintf(array->name, sizeof array->name, "%s/%s", state_groups[group], param->name);
      array->rows = param->rows;
      array->cols = param->cols;
      array->data = sources[group];
    }
    offset += (int64_t)param->rows * param->cols;
  }
  return arrays;
}

m4_status tr_save_state(const char *path, const m4_model *model, const nn_adam *adam, const tr_state *state,
                        const tr_origin *origin, m4_error *err) {
  int32_t count;
  m4_named_array *arrays = list_arrays(model, adam, &count);
  if (!arrays) return m4_fail(err, M4_MEMORY, path, "no memory to list %d arrays", (int)count);
  m4_metadata metadata = {0};
  m4_status status = common_metadata(&metadata, state, origin, err);
  char number[32];
  snprintf(number, sizeof number, "%lld", (long long)adam->step);
  if (status == M4_OK) status = m4_metadata_set(&metadata, "format", "m4-trainer-state", err);
  if (status == M4_OK) status = m4_metadata_set(&metadata, "format_version", "1", err);
  if (status == M4_OK) status = m4_metadata_set(&metadata, "adam_step", number, err);
  if (status == M4_OK) status = set_owned(&metadata, "trainer_state", state_to_json(state), err);
  if (status == M4_OK) status = m4_arrays_save(path, arrays, count, &metadata, err);
  m4_metadata_free(&metadata);
  free(arrays);
  return status;
}

static const m4_named_array *find_array(const m4_named_array *arrays, int32_t count, const char *name) {
  for (int32_t i = 0; i < count; ++i)
    if (strcmp(arrays[i].name, name) == 0) return &arrays[i];
  return NULL;
}

static m4_status copy_arrays(const m4_named_array *wanted, int32_t n_wanted, const m4_named_array *found,
                             int32_t n_found, const char *path, m4_error *err) {
  if (n_wanted != n_found)
    return m4_fail(err, M4_DATA, path, "%d arrays found, this model and optimiser have %d", (int)n_found,
                   (int)n_wanted);
  for (int32_t i = 0; i < n_wanted; ++i) {
    const m4_named_array *source = find_array(found, n_found, wanted[i].name);
    if (!source || source->rows != wanted[i].rows || source->cols != wanted[i].cols)
      return m4_fail(err, M4_DATA, path, "array %s is %s", wanted[i].name,
                     source ? "of another shape" : "missing");
    memcpy(wanted[i].data, source->data, (size_t)(source->rows * source->cols) * sizeof(float));
  }
  return M4_OK;
}

static m4_status check_metadata(const m4_metadata *metadata, const char *dataset_hash, const char *path,
                                m4_error *err) {
  const char *format = m4_metadata_get(metadata, "format");
  if (!format || strcmp(format, "m4-trainer-state") != 0)
    return m4_hint(err, m4_fail(err, M4_DATA, path, "not a trainer state file"),
                   "resume from a run folder or its last.state.safetensors");
  const char *hash = m4_metadata_get(metadata, "dataset_hash");
  if (!hash || strcmp(hash, dataset_hash) != 0)
    return m4_fail(err, M4_DATA, path, "was made with dataset %s, this one is %s", hash ? hash : "(none)",
                   dataset_hash);
  return M4_OK;
}

m4_status tr_load_state(const char *path, m4_model *model, nn_adam *adam, tr_state *state,
                        const char *dataset_hash, m4_error *err) {
  m4_metadata metadata = {0};
  m4_named_array *found = NULL;
  int32_t n_found = 0, n_wanted = 0;
  M4_TRY(m4_arrays_load(path, &found, &n_found, &metadata, err));
  m4_named_array *wanted = list_arrays(model, adam, &n_wanted);
  m4_status status = wanted ? check_metadata(&metadata, dataset_hash, path, err)
                            : m4_fail(err, M4_MEMORY, path, "no memory");
  if (status == M4_OK)
    status = state_from_json(m4_metadata_get(&metadata, "trainer_state"), state, path, err);
  if (status == M4_OK) status = copy_arrays(wanted, n_wanted, found, n_found, path, err);
  if (status == M4_OK) {
    const char *adam_step = m4_metadata_get(&metadata, "adam_step");
    adam->step = adam_step ? strtoll(adam_step, NULL, 10) : -1;
    if (adam->step != state->step)
      status = m4_fail(err, M4_DATA, path, "adam_step does not match the trainer state");
  }
  for (int32_t p = 0; status == M4_OK && p < model->n_params; ++p)
    ag_param_refresh(model->params[p], model->backend);
  free(wanted);
  m4_arrays_free(found, n_found);
  m4_metadata_free(&metadata);
  return status;
}
