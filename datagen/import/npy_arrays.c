/* Finds and reads the .npy files of a folder. */
#include "datagen/import/npy_arrays.h"

#include "base/file.h"

#include <dirent.h>
#include <math.h>
#include <string.h>

enum { PATH_BYTES = 4096, NAME_BYTES = 256 };

/* ---- names ---- */

/* The middle of the one file called PREFIXmiddle.npy; empty when there is no such file. */
static m4_status find_middle(char middle[NAME_BYTES], const char *dir, const char *prefix, m4_error *err) {
  DIR *folder = opendir(dir);
  if (!folder) return m4_fail(err, M4_IO, dir, "cannot list the folder");
  m4_status status = M4_OK;
  size_t before = strlen(prefix), after = strlen(".npy");
  middle[0] = '\0';
  for (struct dirent *entry = readdir(folder); entry && status == M4_OK; entry = readdir(folder)) {
    const char *name = entry->d_name;
    size_t length = strlen(name);
    if (strncmp(name, prefix, before) != 0 || length < before + 1 + after || length - before >= NAME_BYTES ||
        strcmp(name + length - after, ".npy") != 0)
      continue;
    if (middle[0])
      status = m4_fail(err, M4_DATA, dir, "more than one file %s*.npy", prefix);
    else
      snprintf(middle, NAME_BYTES, "%.*s", (int)(length - before - after), name + before);
  }
  closedir(folder);
  return status;
}

static m4_status path_of(char path[PATH_BYTES], const char *dir, const char *prefix, const char *middle,
                         m4_error *err) {
  char name[4 * NAME_BYTES];
  snprintf(name, sizeof name, "%s%s.npy", prefix, middle);
  return m4_path_join(path, PATH_BYTES, dir, name, err);
}

/* ---- files ---- */

/* A one-dimensional array of `count` elements; any number when count is -1. */
static m4_status read_array(ds_npy *array, const char *dir, const char *prefix, const char *middle,
                            int64_t count, m4_error *err) {
  char path[PATH_BYTES];
  M4_TRY(path_of(path, dir, prefix, middle, err));
  M4_TRY(ds_npy_read(array, path, err));
  if (array->values.rank < 1 || (count >= 0 && array->values.count != count))
    return m4_fail(err, M4_DATA, path, "%lld elements, must be %lld", (long long)array->values.count,
                   (long long)count);
  return M4_OK;
}

static m4_status read_params(double params[SIM_N_PARAMS], const char *dir, const char *middle,
                             m4_error *err) {
  ds_npy array = {0};
  m4_status status = read_array(&array, dir, "param", middle, SIM_N_PARAMS, err);
  for (int i = 0; status == M4_OK && i < SIM_N_PARAMS; ++i)
    if (!ds_sequence_real(&params[i], &array.values, i) || !isfinite(params[i]))
      status = m4_fail(err, M4_DATA, dir, "parameter %d (param%s.npy) is no finite number", i, middle);
  ds_npy_free(&array);
  return status;
}

static m4_status read_queues(dg_npy_arrays *arrays, const char *middle, m4_error *err) {
  char path[PATH_BYTES];
  M4_TRY(path_of(path, arrays->dir, "qlen", middle, err));
  arrays->has_queues = m4_file_exists(path);
  if (!arrays->has_queues) return M4_OK;
  M4_TRY(ds_npy_read(&arrays->queues, path, err));
  const ds_sequence *values = &arrays->queues.values;
  if (values->rank == 0 && values->items && values->items[0]->kind == DS_PICKLE_DICT) return M4_OK;
  return m4_fail(err, M4_DATA, path, "is not one dict of flows");
}

static m4_status read_rows(dg_npy_arrays *arrays, const char *middle, m4_error *err) {
  char prefix[NAME_BYTES + 16], threshold[NAME_BYTES], rest[2 * NAME_BYTES], path[PATH_BYTES];
  snprintf(prefix, sizeof prefix, "period_remainsize%s_t", middle);
  M4_TRY(find_middle(threshold, arrays->dir, prefix, err));
  arrays->has_rows = threshold[0] != '\0';
  if (!arrays->has_rows) return M4_OK;
  snprintf(rest, sizeof rest, "%s_t%s", middle, threshold);
  M4_TRY(path_of(path, arrays->dir, "period", rest, err));
  M4_TRY(read_array(&arrays->periods, arrays->dir, "period", rest, -1, err));
  return read_array(&arrays->rows, arrays->dir, "period_remainsize", rest, arrays->periods.values.count, err);
}

static m4_status read_all(dg_npy_arrays *arrays, m4_error *err) {
  const char *dir = arrays->dir;
  char middle[NAME_BYTES];
  M4_TRY(find_middle(middle, dir, "fid", err));
  M4_TRY(read_array(&arrays->size_bytes, dir, "fsize", "", -1, err));
  arrays->n_flows = arrays->size_bytes.values.count;
  M4_TRY(read_array(&arrays->start_ns, dir, "fat", "", arrays->n_flows, err));
  M4_TRY(read_array(&arrays->paths, dir, "flow_to_path", "", arrays->n_flows, err));
  M4_TRY(read_array(&arrays->id, dir, "fid", middle, -1, err));
  arrays->n_finished = arrays->id.values.count;
  M4_TRY(read_array(&arrays->fct_ns, dir, "fct", middle, arrays->n_finished, err));
  M4_TRY(read_array(&arrays->ideal_fct_ns, dir, "fct_i", middle, arrays->n_finished, err));
  M4_TRY(read_params(arrays->params, dir, middle, err));
  M4_TRY(read_queues(arrays, middle, err));
  return read_rows(arrays, middle, err);
}

m4_status dg_npy_arrays_read(dg_npy_arrays *arrays, const char *dir, m4_error *err) {
  *arrays = (dg_npy_arrays){.dir = dir};
  m4_status status = read_all(arrays, err);
  if (status != M4_OK) dg_npy_arrays_free(arrays);
  return status;
}

void dg_npy_arrays_free(dg_npy_arrays *arrays) {
  ds_npy *all[] = {&arrays->size_bytes,   &arrays->start_ns, &arrays->paths,   &arrays->id,  &arrays->fct_ns,
                   &arrays->ideal_fct_ns, &arrays->queues,   &arrays->periods, &arrays->rows};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) ds_npy_free(all[i]);
}
