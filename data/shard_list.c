/* The shards of a dataset, by name. */
#include "data/shard_list.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int is_visible(const struct dirent *item) {
  return item->d_name[0] != '.';
}

static bool is_shard_name(const char *name) {
  size_t length = strlen(name);
  return length > 3 && strcmp(name + length - 3, ".h5") == 0;
}

/* Locale-independent, unlike alphasort. */
static int compare_items(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static m4_status add(ds_shard_list *list, const char *path, m4_error *err) {
  size_t bytes = ((size_t)list->count + 1) * sizeof *list->paths;
  char **paths = realloc(list->paths, bytes), *copy = strdup(path);
  if (paths) list->paths = paths;
  if (paths && copy) {
    list->paths[list->count++] = copy;
    return M4_OK;
  }
  free(copy);
  return m4_fail(err, M4_MEMORY, path, "no memory for a file name");
}

static bool is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The shards of a folder and, from the dataset's own folder, of the folders in it. */
static m4_status list_folder(ds_shard_list *list, const char *folder, bool outermost, m4_error *err) {
  struct dirent **items = NULL;
  int count = scandir(folder, &items, is_visible, compare_items);
  if (count < 0) return m4_fail(err, M4_IO, folder, "cannot list: %s", strerror(errno));
  m4_status status = M4_OK;
  for (int i = 0; i < count; ++i) {
    char path[4096];
    if (status == M4_OK) status = m4_path_join(path, sizeof path, folder, items[i]->d_name, err);
    if (status == M4_OK && is_shard_name(items[i]->d_name))
      status = add(list, path, err);
    else if (status == M4_OK && outermost && is_directory(path))
      status = list_folder(list, path, false, err);
    free(items[i]);
  }
  free(items);
  return status;
}

static m4_status list_dataset(ds_shard_list *list, const char *folder, m4_error *err) {
  M4_TRY(list_folder(list, folder, true, err));
  return list->count > 0 ? M4_OK : m4_fail(err, M4_DATA, folder, "holds no *.h5 shard");
}

m4_status ds_shard_list_make(ds_shard_list *list, const char *path, m4_error *err) {
  struct stat info;
  *list = (ds_shard_list){0};
  if (stat(path, &info) != 0) return m4_fail(err, M4_IO, path, "cannot open: %s", strerror(errno));
  list->is_folder = S_ISDIR(info.st_mode);
  m4_status status = list->is_folder ? list_dataset(list, path, err) : add(list, path, err);
  if (status != M4_OK) ds_shard_list_free(list);
  return status;
}

void ds_shard_list_free(ds_shard_list *list) {
  for (int32_t i = 0; i < list->count; ++i) free(list->paths[i]);
  free(list->paths);
  *list = (ds_shard_list){0};
}
