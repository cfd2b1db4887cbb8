/* The folder of a run. Knows base. */
#include "train/run_folder.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

m4_status tr_folder_create(tr_folder *folder, const char *dir_output, const char *note, m4_error *err) {
  char series[TR_PATH_BYTES], name[32];
  M4_TRY(m4_path_join(series, sizeof series, dir_output, note, err));
  M4_TRY(m4_dir_make(series, err));
  for (int version = 0; version < 1000000; ++version) {
    snprintf(name, sizeof name, "version_%d", version);
    M4_TRY(m4_path_join(folder->dir, sizeof folder->dir, series, name, err));
    if (mkdir(folder->dir, 0777) == 0) {
      M4_TRY(m4_path_join(folder->checkpoints, sizeof folder->checkpoints, folder->dir, "checkpoints", err));
      return m4_dir_make(folder->checkpoints, err);
    }
    if (errno != EEXIST)
      return m4_fail(err, M4_IO, folder->dir, "cannot create the run folder: %s", strerror(errno));
  }
  return m4_fail(err, M4_IO, series, "no free version number");
}

/* dir = path without its last component; "." when there is only one. */
static m4_status parent_of(char *dir, const char *path, m4_error *err) {
  const char *slash = strrchr(path, '/');
  int length = slash ? (int)(slash - path) : 1;
  if (length >= TR_PATH_BYTES) return m4_fail(err, M4_USAGE, path, "file name is too long");
  snprintf(dir, TR_PATH_BYTES, "%.*s", length, slash ? path : ".");
  return M4_OK;
}

static bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), n = strlen(end);
  return length >= n && strcmp(text + length - n, end) == 0;
}

m4_status tr_folder_resume(tr_folder *folder, const char *what, char *state_path, m4_error *err) {
  if (strlen(what) >= TR_PATH_BYTES) return m4_fail(err, M4_USAGE, what, "folder name is too long");
  if (ends_with(what, ".state.safetensors")) {
    snprintf(state_path, TR_PATH_BYTES, "%s", what);
    M4_TRY(parent_of(folder->checkpoints, what, err));
    if (strcmp(folder->checkpoints, ".") == 0)
      snprintf(folder->dir, sizeof folder->dir, "..");
    else
      M4_TRY(parent_of(folder->dir, folder->checkpoints, err));
  } else {
    snprintf(folder->dir, sizeof folder->dir, "%s", what);
    M4_TRY(m4_path_join(folder->checkpoints, sizeof folder->checkpoints, what, "checkpoints", err));
    M4_TRY(tr_folder_checkpoint(folder, "last.state.safetensors", state_path, err));
  }
  if (m4_file_exists(state_path)) return M4_OK;
  return m4_hint(err, m4_fail(err, M4_IO, state_path, "no such file: nothing to resume here"),
                 "give the run folder: .../version_N");
}

m4_status tr_folder_file(const tr_folder *folder, const char *name, char *path, m4_error *err) {
  return m4_path_join(path, TR_PATH_BYTES, folder->dir, name, err);
}

m4_status tr_folder_checkpoint(const tr_folder *folder, const char *name, char *path, m4_error *err) {
  return m4_path_join(path, TR_PATH_BYTES, folder->checkpoints, name, err);
}

static bool is_temporary(const char *name) {
  const char *mark = strstr(name, ".tmp.");
  return mark && mark[5] && strspn(mark + 5, "0123456789") == strlen(mark + 5);
}

static void sweep(const char *dir) {
  DIR *entries = opendir(dir);
  if (!entries) return;
  for (struct dirent *entry; (entry = readdir(entries));) {
    char path[TR_PATH_BYTES];
    if (is_temporary(entry->d_name) && m4_path_join(path, sizeof path, dir, entry->d_name, NULL) == M4_OK)
      unlink(path);
  }
  closedir(entries);
}

void tr_folder_sweep(const tr_folder *folder) {
  sweep(folder->dir);
  sweep(folder->checkpoints);
}

void tr_folder_remove_epoch(const tr_folder *folder, int64_t epoch) {
  static const char *const endings[] = {"safetensors", "state.safetensors"};
  for (int i = 0; i < 2; ++i) {
    char name[64], path[TR_PATH_BYTES];
    snprintf(name, sizeof name, "epoch=%03lld.%s", (long long)epoch, endings[i]);
    if (tr_folder_checkpoint(folder, name, path, NULL) == M4_OK) unlink(path);
  }
}

m4_status tr_folder_config(const tr_folder *folder, char *path, m4_error *err) {
  char *text;
  size_t length;
  M4_TRY(tr_folder_file(folder, "config.yaml", path, err));
  M4_TRY(m4_file_read(path, 1 << 20, &text, &length, err));
  bool whole = ends_with(text, TR_CONFIG_END);
  free(text);
  if (whole) return M4_OK;
  return m4_fail(err, M4_DATA, path, "is cut: its last line is not \"%.*s\"", (int)strlen(TR_CONFIG_END) - 1,
                 TR_CONFIG_END);
}

m4_status tr_config_text(const m4_config *config, char **text, m4_error *err) {
  size_t length = 0;
  *text = NULL;
  FILE *stream = open_memstream(text, &length);
  if (!stream) return m4_fail(err, M4_MEMORY, NULL, "no memory for the resolved configuration");
  m4_status status = m4_config_print(config, stream, false, err);
  fputs(TR_CONFIG_END, stream);
  if (fclose(stream) != 0 && status == M4_OK)
    status = m4_fail(err, M4_MEMORY, NULL, "no memory for the resolved configuration");
  if (status != M4_OK) {
    free(*text);
    *text = NULL;
  }
  return status;
}

m4_status tr_folder_write(const tr_folder *folder, const char *name, const char *text, m4_error *err) {
  char path[TR_PATH_BYTES];
  M4_TRY(tr_folder_file(folder, name, path, err));
  m4_outfile file;
  M4_TRY(m4_outfile_open(&file, path, err));
  if (fputs(text, file.stream) == EOF) {
    m4_outfile_abandon(&file);
    return m4_fail(err, M4_IO, path, "cannot write: %s", strerror(errno));
  }
  return m4_outfile_commit(&file, err);
}
