/* State of a training as values and as text. Knows nn. */
#include "train/state.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- sums ---- */

void tr_sums_add(tr_sums *sums, const m4_losses *losses) {
  sums->total += losses->total;
  sums->fct += losses->fct;
  sums->size += losses->size;
  sums->queue += losses->queue;
  sums->error += losses->error;
  sums->samples += 1;
}

m4_losses tr_sums_mean(const tr_sums *sums) {
  if (sums->samples <= 0) return (m4_losses){0};
  double n = sums->samples;
  return (m4_losses){.total = sums->total / n,
                     .fct = sums->fct / n,
                     .size = sums->size / n,
                     .queue = sums->queue / n,
                     .error = sums->error / n};
}

/* ---- ranges ---- */

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

#define SUM_REALS(X, prefix, field)                                                                          \
  X(prefix##_total, field.total)                                                                             \
  X(prefix##_fct, field.fct)                                                                                 \
  X(prefix##_size, field.size)                                                                               \
  X(prefix##_queue, field.queue)                                                                             \
  X(prefix##_error, field.error)                                                                             \
  X(prefix##_samples, field.samples)

/* name, field of tr_state */
#define STATE_REALS(X)                                                                                       \
  X(learning_rate, learning_rate)                                                                            \
  X(best_metric, best_metric)                                                                                \
  X(stop_metric, stop_metric)                                                                                \
  X(plateau_factor, plateau.factor)                                                                          \
  X(plateau_threshold, plateau.threshold)                                                                    \
  X(plateau_min_lr, plateau.min_lr)                                                                          \
  X(plateau_best, plateau.best)                                                                              \
  X(last_gnn_norm, last_epoch.norms.gnn)                                                                     \
  X(last_lstm_norm, last_epoch.norms.lstm)                                                                   \
  X(last_lstm_link_norm, last_epoch.norms.lstm_link)                                                         \
  X(last_global_norm, last_epoch.norms.global)                                                               \
  X(last_rate, last_epoch.rate)                                                                              \
  X(last_clipped, last_epoch.clipped)                                                                        \
  SUM_REALS(X, sum, sums)                                                                                    \
  SUM_REALS(X, step, step_sums)                                                                              \
  SUM_REALS(X, last_train, last_epoch.train)                                                                 \
  SUM_REALS(X, last_val, last_epoch.val)

#define STATE_INTEGERS(X)                                                                                    \
  X(epoch, epoch)                                                                                            \
  X(batch, batch)                                                                                            \
  X(step, step)                                                                                              \
  X(in_step, in_step)                                                                                        \
  X(clipped, clipped)                                                                                        \
  X(skipped, skipped)                                                                                        \
  X(bad_epochs, bad_epochs)                                                                                  \
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

static void put_reals(json_t *root, const char *name, const double *values, size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; i < count; ++i) json_array_append_new(list, real_json(values[i]));
  json_object_set_new(root, name, list);
}

static bool reals_from(const json_t *root, const char *name, double *values, size_t count) {
  const json_t *list = json_object_get(root, name);
  if (!json_is_array(list) || json_array_size(list) != count) return false;
  for (size_t i = 0; i < count; ++i)
    if (!real_from(json_array_get(list, i), &values[i])) return false;
  return true;
}

static void put_ranking(json_t *root, const tr_ranking *ranking) {
  json_t *epochs = json_array();
  for (int64_t i = 0; i < ranking->count; ++i)
    json_array_append_new(epochs, json_integer((json_int_t)ranking->epoch[i]));
  json_object_set_new(root, "best_epochs", epochs);
  put_reals(root, "best_metrics", ranking->metric, (size_t)ranking->count);
}

static bool ranking_from(const json_t *root, tr_ranking *ranking) {
  const json_t *epochs = json_object_get(root, "best_epochs");
  if (!json_is_array(epochs) || json_array_size(epochs) > TR_MAX_BEST) return false;
  ranking->count = (int64_t)json_array_size(epochs);
  for (int64_t i = 0; i < ranking->count; ++i) {
    const json_t *epoch = json_array_get(epochs, (size_t)i);
    if (!json_is_integer(epoch)) return false;
    ranking->epoch[i] = json_integer_value(epoch);
  }
  return reals_from(root, "best_metrics", ranking->metric, (size_t)ranking->count);
}

char *tr_state_json(const tr_state *state) {
  json_t *root = json_object();
#define X(name, field) json_object_set_new(root, #name, real_json(state->field));
  STATE_REALS(X)
#undef X
#define X(name, field) json_object_set_new(root, #name, json_integer((json_int_t)state->field));
  STATE_INTEGERS(X)
#undef X
  put_ranking(root, &state->ranking);
  put_reals(root, "range_low", state->ranges.low, TR_N_RANGES);
  put_reals(root, "range_high", state->ranges.high, TR_N_RANGES);
  char *text = json_dumps(root, JSON_COMPACT);
  json_decref(root);
  return text;
}

static bool state_from(const json_t *root, tr_state *state) {
#define X(name, field)                                                                                       \
  if (!real_from(json_object_get(root, #name), &state->field)) return false;
  STATE_REALS(X)
#undef X
#define X(name, field)                                                                                       \
  if (!json_is_integer(json_object_get(root, #name))) return false;                                          \
  state->field = json_integer_value(json_object_get(root, #name));                                           \
  if (state->field < 0) return false;
  STATE_INTEGERS(X)
#undef X
  return ranking_from(root, &state->ranking) &&
         reals_from(root, "range_low", state->ranges.low, TR_N_RANGES) &&
         reals_from(root, "range_high", state->ranges.high, TR_N_RANGES);
}

m4_status tr_state_parse(tr_state *state, const char *text, const char *path, m4_error *err) {
  json_t *root = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
  bool good = root && state_from(root, state);
  json_decref(root);
  return good ? M4_OK : m4_fail(err, M4_DATA, path, "trainer_state is missing or damaged");
}
