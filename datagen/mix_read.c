/* Mixes from JSON, one table of keys. Knows no file but the mix itself. */
#include "datagen/mix.h"

#include "base/text.h"
#include "datagen/json.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PATH_BYTES = 4096 };

typedef enum mix_kind { TEXT, INTEGER, REAL, BOOLEAN, CC } mix_kind;

typedef struct mix_field {
  const char *key;
  mix_kind kind;
  size_t offset;
  bool required;
  double low, high;
} mix_field;

#define AT(name) offsetof(dg_mix_entry, name)
static const mix_field fields[] = {{"id", INTEGER, AT(id), false, 0, 1e9},
                                   {"spatial", TEXT, AT(spatial), true, 0, 0},
                                   {"size_dist", TEXT, AT(size_dist), true, 0, 0},
                                   {"cluster", TEXT, AT(cluster), true, 0, 0},
                                   {"lognorm_sigma", REAL, AT(lognorm_sigma), true, 0, 5},
                                   {"max_load", REAL, AT(max_load), true, 0.001, 2},
                                   {"duration", REAL, AT(duration_s), false, 0, 1e6},
                                   {"param_id", INTEGER, AT(param_id), false, 0, 1e9},
                                   {"bfsz", REAL, AT(bfsz), false, 0.1, 1e5},
                                   {"window", INTEGER, AT(window_bytes), false, 1, 1e9},
                                   {"enable_pfc", BOOLEAN, AT(enable_pfc), false, 0, 1},
                                   {"cc", CC, AT(cc), false, 0, 0},
                                   {"param_1", REAL, AT(param_1), false, 0, 1e6},
                                   {"param_2", REAL, AT(param_2), false, 0, 1e6},
                                   {"max_inflight_flows", INTEGER, AT(max_inflight_flows), false, 0, 1e9}};
enum { N_FIELDS = sizeof fields / sizeof *fields };

/* Where in the file, for errors. */
typedef struct mix_place {
  const char *path;
  size_t entry;
} mix_place;

/* "entry 3: window" */
static const char *name_place(char out[160], const mix_place *at, const char *key) {
  snprintf(out, 160, "entry %zu: %.100s", at->entry, key);
  return out;
}

static m4_status fail_type(const mix_place *at, const mix_field *field, const char *wanted,
                           const json_t *value, m4_error *err) {
  char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT), shown[48];
  m4_text_show(shown, sizeof shown, text ? text : "?");
  free(text);
  char place[160];
  return dg_json_fail(at->path, name_place(place, at, field->key), err, "is %s, must be %s", shown, wanted);
}

/* ---- values ---- */

static m4_status store_text(char **target, const mix_place *at, const mix_field *field, const json_t *value,
                            m4_error *err) {
  size_t length = json_string_length(value);
  if (!json_is_string(value) || length == 0 || length >= MAX_PATH_BYTES)
    return fail_type(at, field, "the name of a file", value, err);
  *target = strdup(json_string_value(value));
  return *target ? M4_OK : m4_fail(err, M4_MEMORY, at->path, "no memory for a mix");
}

static m4_status store_cc(pkt_cc_mode *target, const mix_place *at, const mix_field *field,
                          const json_t *value, m4_error *err) {
  const char *name = json_string_value(value);
  if (name && dg_cc_of_name(target, name)) return M4_OK;
  return fail_type(at, field, "\"dctcp\", \"dcqcn\", \"timely\" or \"hp\"", value, err);
}

static m4_status store_number(void *target, const mix_place *at, const mix_field *field, const json_t *value,
                              m4_error *err) {
  char wanted[96];
  bool whole = field->kind != REAL;
  snprintf(wanted, sizeof wanted, "%s from %.10g to %.10g", whole ? "a whole number" : "a number", field->low,
           field->high);
  double number = json_is_number(value) ? json_number_value(value) : (double)NAN;
  if (!(number >= field->low && number <= field->high) || (whole && number != floor(number)))
    return fail_type(at, field, wanted, value, err);
  if (field->kind == REAL) *(double *)target = number;
  if (field->kind == INTEGER) *(int64_t *)target = (int64_t)number;
  if (field->kind == BOOLEAN) *(bool *)target = number == 1;
  return M4_OK;
}

static m4_status store(dg_mix_entry *entry, const mix_place *at, const mix_field *field, const json_t *value,
                       m4_error *err) {
  void *target = (unsigned char *)entry + field->offset;
  if (field->kind == TEXT) return store_text(target, at, field, value, err);
  if (field->kind == CC) return store_cc(target, at, field, value, err);
  if (field->kind == BOOLEAN && json_is_boolean(value)) {
    *(bool *)target = json_is_true(value);
    return M4_OK;
  }
  return store_number(target, at, field, value, err);
}

/* ---- entries ---- */

static m4_status fail_unknown(const mix_place *at, const char *key, m4_error *err) {
  char shown[64], place[160];
  m4_text_show(shown, sizeof shown, key);
  m4_nearest nearest = m4_nearest_to(key);
  for (size_t i = 0; i < N_FIELDS; ++i) m4_nearest_offer(&nearest, fields[i].key);
  m4_status status = dg_json_fail(at->path, name_place(place, at, shown), err, "unknown key");
  return m4_nearest_is_close(&nearest) ? m4_hint(err, status, "did you mean %s?", nearest.name) : status;
}

static m4_status check_keys(const mix_place *at, json_t *object, m4_error *err) {
  const char *key;
  json_t *value;
  json_object_foreach(object, key, value) {
    size_t i = 0;
    while (i < N_FIELDS && strcmp(fields[i].key, key) != 0) ++i;
    if (i == N_FIELDS) return fail_unknown(at, key, err);
  }
  return M4_OK;
}

static m4_status read_entry(dg_mix_entry *entry, const mix_place *at, json_t *object, m4_error *err) {
  *entry = (dg_mix_entry){.id = (int64_t)at->entry,
                          .bfsz = 40,
                          .window_bytes = 18000,
                          .enable_pfc = true,
                          .cc = PKT_CC_DCTCP,
                          .param_1 = 30,
                          .param_2 = 30};
  char place[160];
  if (!json_is_object(object))
    return dg_json_fail(at->path, name_place(place, at, "object"), err, "the entry is not an object in { }");
  M4_TRY(check_keys(at, object, err));
  for (size_t i = 0; i < N_FIELDS; ++i) {
    const json_t *value = json_object_get(object, fields[i].key);
    if (value) M4_TRY(store(entry, at, &fields[i], value, err));
    if (!value && fields[i].required)
      return dg_json_fail(at->path, name_place(place, at, fields[i].key), err, "the key is missing");
  }
  return M4_OK;
}

static int compare_ids(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Scenarios are named after ids. */
static m4_status check_ids(const dg_mix *mix, const char *path, m4_error *err) {
  int64_t *ids = malloc(mix->n_entries * sizeof *ids);
  if (!ids) return m4_fail(err, M4_MEMORY, path, "no memory for %zu ids", mix->n_entries);
  for (size_t i = 0; i < mix->n_entries; ++i) ids[i] = mix->entries[i].id;
  qsort(ids, mix->n_entries, sizeof *ids, compare_ids);
  m4_status status = M4_OK;
  for (size_t i = 1; i < mix->n_entries && status == M4_OK; ++i)
    if (ids[i] == ids[i - 1])
      status = m4_fail(err, M4_DATA, path, "two entries have id %lld", (long long)ids[i]);
  free(ids);
  return status;
}

static m4_status read_all(dg_mix **mix, const char *path, json_t *root, m4_error *err) {
  bool single = json_is_object(root);
  size_t n_entries = single ? 1 : json_array_size(root);
  if (n_entries == 0)
    return m4_fail(err, M4_DATA, path, "a mix is an array of objects, or a single object; this is neither");
  M4_TRY(dg_mix_create(mix, n_entries, err));
  for (size_t i = 0; i < n_entries; ++i) {
    mix_place at = {path, i};
    M4_TRY(read_entry(&(*mix)->entries[i], &at, single ? root : json_array_get(root, i), err));
  }
  return check_ids(*mix, path, err);
}

m4_status dg_mix_read(dg_mix **mix, const char *path, m4_error *err) {
  *mix = NULL;
  json_t *root;
  M4_TRY(dg_json_read(&root, path, err));
  dg_mix *made = NULL;
  m4_status status = read_all(&made, path, root, err);
  json_decref(root);
  if (status == M4_OK)
    *mix = made;
  else
    dg_mix_free(made);
  return status;
}
