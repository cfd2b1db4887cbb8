/* Walks a tree of folders; see folders.h. */
#include "sim/accuracy/folders.h"

#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_PATH_BYTES = 4096, MAX_DEPTH = 4 };

/* ---- order ---- */

/* Runs of digits compare as numbers. */
static int compare_natural(const char *a, const char *b) {
  while (*a && *b) {
    if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
      size_t zeros_a = strspn(a, "0"), zeros_b = strspn(b, "0");
      size_t digits_a = strspn(a + zeros_a, "0123456789"), digits_b = strspn(b + zeros_b, "0123456789");
      if (digits_a != digits_b) return digits_a < digits_b ? -1 : 1;
      int order = strncmp(a + zeros_a, b + zeros_b, digits_a);
      if (order != 0) return order;
      a += zeros_a + digits_a;
      b += zeros_b + digits_b;
    } else {
      if (*a != *b) return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
      a++;
      b++;
    }
  }
  return (*a != 0) - (*b != 0);
}

static int compare_names(const void *left, const void *right) {
  const char *a = *(const char *const *)left, *b = *(const char *const *)right;
  int order = compare_natural(a, b);
  return order != 0 ? order : strcmp(a, b);
}

/* ---- the walk ---- */

typedef struct walk {
  const char *root;
  acc_folders *found;
  size_t without_truth;
} walk;

static m4_status keep(acc_folders *folders, const char *name, m4_error *err) {
  char **names = realloc(folders->names, (folders->n + 1) * sizeof *names);
  if (names) folders->names = names;
  char *copy = names ? strdup(name) : NULL;
  if (!copy) return m4_fail(err, M4_MEMORY, name, "no memory for a list of folders");
  folders->names[folders->n++] = copy;
  return M4_OK;
}

static m4_status has_file(const char *dir, const char *name, bool *has, m4_error *err) {
  char path[MAX_PATH_BYTES];
  M4_TRY(m4_path_join(path, sizeof path, dir, name, err));
  *has = m4_file_exists(path);
  return M4_OK;
}

static m4_status visit(walk *self, const char *name, int depth, m4_error *err);

static m4_status visit_children(walk *self, const char *path, const char *name, int depth, m4_error *err) {
  m4_status status = M4_OK;
  DIR *stream = opendir(path);
  if (!stream) return m4_fail(err, M4_IO, path, "cannot read folder: %s", strerror(errno));
  for (const struct dirent *entry; status == M4_OK && (entry = readdir(stream));) {
    char child[MAX_PATH_BYTES], child_path[MAX_PATH_BYTES];
    struct stat info;
    if (entry->d_name[0] == '.') continue;
    status = m4_path_join(child, sizeof child, name, entry->d_name, err);
    if (status == M4_OK) status = m4_path_join(child_path, sizeof child_path, self->root, child, err);
    if (status == M4_OK && stat(child_path, &info) == 0 && S_ISDIR(info.st_mode))
      status = visit(self, child, depth + 1, err);
  }
  closedir(stream);
  return status;
}

/* name: below the root, "" for the root itself. */
static m4_status visit(walk *self, const char *name, int depth, m4_error *err) {
  char path[MAX_PATH_BYTES];
  bool is_scenario, has_truth;
  M4_TRY(m4_path_join(path, sizeof path, self->root, name, err));
  M4_TRY(has_file(path, "topology.txt", &is_scenario, err));
  if (!is_scenario) return depth < MAX_DEPTH ? visit_children(self, path, name, depth, err) : M4_OK;
  M4_TRY(has_file(path, "fct.txt", &has_truth, err));
  if (has_truth) return keep(self->found, name, err);
  self->without_truth++;
  return M4_OK;
}

m4_status acc_folders_find(acc_folders *folders, const char *dir, size_t *without_truth, m4_error *err) {
  walk self = {.root = dir, .found = folders};
  *folders = (acc_folders){0};
  M4_TRY(visit(&self, "", 0, err));
  if (folders->n > 1) qsort(folders->names, folders->n, sizeof *folders->names, compare_names);
  *without_truth = self.without_truth;
  return M4_OK;
}

void acc_folders_free(acc_folders *folders) {
  for (size_t i = 0; i < folders->n; i++) free(folders->names[i]);
  free(folders->names);
  *folders = (acc_folders){0};
}
