/* Which busy periods are tested. */
#include "base/file.h"
#include "train/m4_test.h"

#include <stdlib.h>
#include <string.h>

static m4_status keep(test_list *list, const int64_t *source, int64_t count, m4_error *err) {
  list->periods = malloc(((size_t)count + 1) * sizeof *list->periods);
  if (!list->periods) return m4_fail(err, M4_MEMORY, NULL, "no memory for the list of periods");
  if (count > 0) memcpy(list->periods, source, (size_t)count * sizeof *source);
  list->count = count;
  return M4_OK;
}

static m4_status list_of_run(test_list *list, const ds_dataset *dataset, const char *run, bool on_train,
                             m4_error *err) {
  char path[TEST_PATH_BYTES];
  ds_split split;
  M4_TRY(m4_path_join(path, sizeof path, run, "data_list.json", err));
  M4_TRY(ds_split_read(&split, dataset, path, err));
  m4_status status =
      keep(list, on_train ? split.train : split.val, on_train ? split.n_train : split.n_val, err);
  ds_split_free(&split);
  return status;
}

static m4_status all_usable(test_list *list, const ds_dataset *dataset, m4_error *err) {
  int64_t count = ds_n_periods(dataset);
  list->periods = malloc(((size_t)count + 1) * sizeof *list->periods);
  if (!list->periods) return m4_fail(err, M4_MEMORY, NULL, "no memory for the list of periods");
  for (int64_t p = 0; p < count; ++p)
    if (ds_scenario_usable(dataset, ds_period(dataset, p).scenario)) list->periods[list->count++] = p;
  return M4_OK;
}

static int compare_periods(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Reading is fastest in the dataset's order. */
static m4_status draw(test_list *list, int64_t wanted, uint64_t seed, m4_error *err) {
  int64_t *order = malloc((size_t)list->count * sizeof *order);
  if (!order) return m4_fail(err, M4_MEMORY, NULL, "no memory for the list of periods");
  ds_epoch_order(order, list->count, seed, 0);
  for (int64_t i = 0; i < list->count; ++i) order[i] = list->periods[order[i]];
  list->count = wanted;
  memcpy(list->periods, order, (size_t)wanted * sizeof *order);
  free(order);
  return M4_OK;
}

m4_status test_list_make(test_list *list, const ds_dataset *dataset, const char *run, bool on_train,
                         const tr_config *values, m4_error *err) {
  *list = (test_list){0};
  M4_TRY(run ? list_of_run(list, dataset, run, on_train, err) : all_usable(list, dataset, err));
  int64_t wanted = values->test.max_samples;
  if (wanted > 0 && wanted < list->count) M4_TRY(draw(list, wanted, (uint64_t)values->dataset.shard, err));
  if (list->count == 0) return m4_fail(err, M4_DATA, values->dataset.path, "no busy period to test");
  qsort(list->periods, (size_t)list->count, sizeof *list->periods, compare_periods);
  return M4_OK;
}

void test_list_free(test_list *list) {
  free(list->periods);
  *list = (test_list){0};
}
