/* Looks for scenario folders. */
#include "datagen/import/folders.h"

#include "base/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096 };

static m4_status add(dg_folders *folders, const char *path, const char *named_after, m4_error *err) {
  char name[PATH_BYTES];
  if (folders->count == folders->capacity) {
    size_t capacity = 2 * folders->capacity + 16;
    dg_folder *items = realloc(folders->items, capacity * sizeof *items);
    if (!items) return m4_fail(err, M4_MEMORY, path, "no memory for a list of folders");
    folders->items = items;
    folders->capacity = capacity;
  }
  char *whole = realpath(named_after, NULL); /* a name for "." and ".." */
  m4_path_last(name, sizeof name, whole ? whole : named_after);
  free(whole);
  dg_folder *folder = &folders->items[folders->count++];
  *folder = (dg_folder){strdup(path), strdup(name)};
  return folder->path && folder->name ? M4_OK : m4_fail(err, M4_MEMORY, path, "no memory for a name");
}

/* DIR or DIR/ns3. */
static m4_status try_folder(dg_folders *folders, const char *dir, bool (*is_scenario)(const char *dir),
                            bool *added, m4_error *err) {
  char inner[PATH_BYTES];
  M4_TRY(m4_path_join(inner, sizeof inner, dir, "ns3", err));
  const char *path = is_scenario(dir) ? dir : is_scenario(inner) ? inner : NULL;
  *added = path != NULL;
  return path ? add(folders, path, dir, err) : M4_OK;
}

static m4_status try_entries(dg_folders *folders, const char *dir, struct dirent **entries, int count,
                             bool (*is_scenario)(const char *dir), m4_error *err) {
  for (int i = 0; i < count; ++i) {
    char path[PATH_BYTES];
    bool added;
    if (entries[i]->d_name[0] == '.') continue;
    M4_TRY(m4_path_join(path, sizeof path, dir, entries[i]->d_name, err));
    M4_TRY(try_folder(folders, path, is_scenario, &added, err));
  }
  return M4_OK;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static m4_status look_inside(dg_folders *folders, const char *dir, bool (*is_scenario)(const char *dir),
                             m4_error *err) {
  size_t before = folders->count;
  struct dirent **entries = NULL;
  int count = scandir(dir, &entries, NULL, by_bytes);
  if (count < 0) return m4_fail(err, M4_IO, dir, "cannot list the folder");
  m4_status status = try_entries(folders, dir, entries, count, is_scenario, err);
  for (int i = 0; i < count; ++i) free(entries[i]);
  free(entries);
  if (status == M4_OK && folders->count == before)
    status = m4_fail(err, M4_DATA, dir, "neither a scenario folder nor a folder of such folders");
  return status;
}

static int compare_names(const void *a, const void *b) {
  const dg_folder *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

static m4_status check_names(const dg_folders *folders, m4_error *err) {
  const dg_folder **sorted = calloc(folders->count + 1, sizeof *sorted);
  if (!sorted) return m4_fail(err, M4_MEMORY, NULL, "no memory for a list of folders");
  for (size_t i = 0; i < folders->count; ++i) sorted[i] = &folders->items[i];
  qsort(sorted, folders->count, sizeof *sorted, compare_names);
  m4_status status = M4_OK;
  for (size_t i = 1; i < folders->count && status == M4_OK; ++i)
    if (compare_names(&sorted[i - 1], &sorted[i]) == 0)
      status = m4_fail(err, M4_DATA, sorted[i]->path, "two scenarios are called \"%s\"; the other is %s",
                       sorted[i]->name, sorted[i - 1]->path);
  free(sorted);
  return status;
}

m4_status dg_folders_find(dg_folders *folders, const char *const *dirs, size_t n_dirs,
                          bool (*is_scenario)(const char *dir), m4_error *err) {
  for (size_t i = 0; i < n_dirs; ++i) {
    bool added;
    M4_TRY(try_folder(folders, dirs[i], is_scenario, &added, err));
    if (!added) M4_TRY(look_inside(folders, dirs[i], is_scenario, err));
  }
  return check_names(folders, err);
}

void dg_folders_free(dg_folders *folders) {
  for (size_t i = 0; i < folders->count; ++i) {
    free(folders->items[i].path);
    free(folders->items[i].name);
  }
  free(folders->items);
  *folders = (dg_folders){0};
}
