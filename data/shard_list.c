/* The shards of a dataset, by name. */
#include "data/shard_list.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int is_shard_name(const struct dirent *item) {
  size_t length = strlen(item->d_name);
  return item->d_name[0] != '.' && length > 3 && strcmp(item->d_name + length - 3, ".h5") == 0;
}

/* Locale-independent, unlike alphasort. */
static int compare_items(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static m4_status add(ds_shard_list *list, const char *path, m4_error *err) {
  char *copy = strdup(path);
  if (!copy) return m4_fail(err, M4_MEMORY, path, "no memory for a file name");
  list->paths[list->count++] = copy;
  return M4_OK;
}

static m4_status reserve(ds_shard_list *list, size_t count, const char *path, m4_error *err) {
  list->paths = calloc(count, sizeof *list->paths);
  return list->paths ? M4_OK : m4_fail(err, M4_MEMORY, path, "no memory for %zu file names", count);
}

static m4_status list_folder(ds_shard_list *list, const char *folder, m4_error *err) {
  struct dirent **items = NULL;
  int count = scandir(folder, &items, is_shard_name, compare_items);
  if (count < 0) return m4_fail(err, M4_IO, folder, "cannot list: %s", strerror(errno));
  m4_status status = count > 0 ? reserve(list, (size_t)count, folder, err)
                               : m4_fail(err, M4_DATA, folder, "holds no *.h5 shard");
  for (int i = 0; i < count; ++i) {
    char path[4096];
    if (status == M4_OK) status = m4_path_join(path, sizeof path, folder, items[i]->d_name, err);
    if (status == M4_OK) status = add(list, path, err);
    free(items[i]);
  }
  free(items);
  return status;
}

m4_status ds_shard_list_make(ds_shard_list *list, const char *path, m4_error *err) {
  struct stat info;
  *list = (ds_shard_list){0};
  if (stat(path, &info) != 0) return m4_fail(err, M4_IO, path, "cannot open: %s", strerror(errno));
  list->is_folder = S_ISDIR(info.st_mode);
  m4_status status = list->is_folder ? list_folder(list, path, err) : reserve(list, 1, path, err);
  if (status == M4_OK && !list->is_folder) status = add(list, path, err);
  if (status != M4_OK) ds_shard_list_free(list);
  return status;
}

void ds_shard_list_free(ds_shard_list *list) {
  for (int32_t i = 0; i < list->count; ++i) free(list->paths[i]);
  free(list->paths);
  *list = (ds_shard_list){0};
}
