/* data_list.json: the drawn split as a file. Knows sampler.h and jansson. */
#include "base/file.h"
#include "data/sampler.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const size_t MAX_LIST_BYTES = (size_t)1 << 30;

/* ---- writing ---- */

static json_t *make_rows(const ds_dataset *dataset, const int64_t *periods, int64_t n,
                         const char *topo_type) {
  json_t *rows = json_array();
  for (int64_t i = 0; rows && i < n; ++i) {
    ds_period_info info = ds_period(dataset, periods[i]);
    json_t *row = json_pack("[s, s, i, i]", ds_scenario_name(dataset, info.scenario), topo_type, info.segment,
                            info.n_flows);
    if (!row || json_array_append_new(rows, row) != 0) {
      json_decref(rows);
      return NULL;
    }
  }
  return rows;
}

static json_t *make_list(const ds_split *split, const ds_dataset *dataset, const char *topo_type,
                         uint64_t seed) {
  char seed_text[24]; /* JSON integers are signed */
  snprintf(seed_text, sizeof seed_text, "%llu", (unsigned long long)seed);
  json_t *train = make_rows(dataset, split->train, split->n_train, topo_type);
  json_t *val = make_rows(dataset, split->val, split->n_val, topo_type);
  if (!train || !val) {
    json_decref(train);
    json_decref(val);
    return NULL;
  }
  json_t *seed_value = seed <= INT64_MAX ? json_integer((json_int_t)seed) : json_string(seed_text);
  return json_pack("{s:o, s:s, s:o, s:O, s:o}", "seed", seed_value, "dataset_hash", ds_hash(dataset), "train",
                   train, "val", val, "test", val);
}

m4_status ds_split_write(const ds_split *split, const ds_dataset *dataset, const char *topo_type,
                         uint64_t seed, const char *path, m4_error *err) {
  json_t *list = make_list(split, dataset, topo_type, seed);
  if (!list) return m4_fail(err, M4_MEMORY, path, "no memory for the list, or a name that is not UTF-8");
  m4_outfile file;
  m4_status status = m4_outfile_open(&file, path, err);
  if (status == M4_OK) {
    bool ok = json_dumpf(list, file.stream, JSON_COMPACT) == 0 && fputc('\n', file.stream) != EOF;
    if (ok) {
      status = m4_outfile_commit(&file, err);
    } else {
      m4_outfile_abandon(&file);
      status = m4_fail(err, M4_IO, path, "cannot write the list");
    }
  }
  json_decref(list);
  return status;
}

/* ---- reading ---- */

static m4_status read_row(int64_t *period, const json_t *row, const ds_dataset *dataset, const char *path,
                          m4_error *err) {
  const char *name = json_string_value(json_array_get(row, 0));
  const json_t *segment = json_array_get(row, 2), *n_flows = json_array_get(row, 3);
  if (json_array_size(row) != 4 || !name || !json_is_string(json_array_get(row, 1)) ||
      !json_is_integer(segment) || !json_is_integer(n_flows))
    return m4_fail(err, M4_DATA, path, "a row is not [scenario, topo_type, segment, n_flows]");
  int32_t scenario = ds_find_scenario(dataset, name);
  if (scenario < 0) return m4_fail(err, M4_DATA, path, "the data set has no scenario \"%.200s\"", name);
  int64_t first = ds_scenario_first_period(dataset, scenario), number = json_integer_value(segment);
  if (number < 0 || number >= ds_n_periods(dataset) - first ||
      ds_period(dataset, first + number).scenario != scenario)
    return m4_fail(err, M4_DATA, path, "scenario \"%.200s\" has no busy period %lld", name,
                   (long long)number);
  if (ds_period(dataset, first + number).n_flows != json_integer_value(n_flows))
    return m4_fail(err, M4_DATA, path, "busy period %lld of \"%.200s\" has %d flows, not %lld",
                   (long long)number, name, ds_period(dataset, first + number).n_flows,
                   (long long)json_integer_value(n_flows));
  *period = first + number;
  return M4_OK;
}

static m4_status read_rows(int64_t **periods, int64_t *n, const json_t *list, const char *key,
                           const ds_dataset *dataset, const char *path, m4_error *err) {
  const json_t *rows = json_object_get(list, key);
  if (!json_is_array(rows)) return m4_fail(err, M4_DATA, path, "\"%s\" is not a list", key);
  *n = (int64_t)json_array_size(rows);
  *periods = calloc((size_t)*n + 1, sizeof **periods);
  if (!*periods) return m4_fail(err, M4_MEMORY, path, "no memory for %lld rows", (long long)*n);
  for (int64_t i = 0; i < *n; ++i)
    M4_TRY(read_row(&(*periods)[i], json_array_get(rows, (size_t)i), dataset, path, err));
  return M4_OK;
}

static m4_status read_list(ds_split *split, const json_t *list, const ds_dataset *dataset, const char *path,
                           m4_error *err) {
  const char *hash = json_string_value(json_object_get(list, "dataset_hash"));
  if (!hash) return m4_fail(err, M4_DATA, path, "\"dataset_hash\" is missing");
  if (strcmp(hash, ds_hash(dataset)) != 0)
    return m4_hint(
        err,
        m4_fail(err, M4_DATA, path, "was drawn from data set %.32s, this one is %s", hash, ds_hash(dataset)),
        "resume with the data set the run was started with");
  M4_TRY(read_rows(&split->train, &split->n_train, list, "train", dataset, path, err));
  M4_TRY(read_rows(&split->val, &split->n_val, list, "val", dataset, path, err));
  if (!json_equal(json_object_get(list, "val"), json_object_get(list, "test")))
    return m4_fail(err, M4_DATA, path, "\"test\" differs from \"val\"");
  return M4_OK;
}

m4_status ds_split_read(ds_split *split, const ds_dataset *dataset, const char *path, m4_error *err) {
  memset(split, 0, sizeof *split);
  char *text;
  size_t length;
  M4_TRY(m4_file_read(path, MAX_LIST_BYTES, &text, &length, err));
  json_error_t reason;
  json_t *list = json_loadb(text, length, JSON_REJECT_DUPLICATES, &reason);
  free(text);
  if (!list)
    return m4_fail(err, M4_DATA, path, "line %d, column %d: %s", reason.line, reason.column, reason.text);
  m4_status status = read_list(split, list, dataset, path, err);
  json_decref(list);
  if (status != M4_OK) ds_split_free(split);
  return status;
}
