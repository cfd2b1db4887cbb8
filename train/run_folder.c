/* The folder of a run. Knows base. */
#include "train/run_folder.h"

#include "base/file.h"

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

m4_status tr_folder_open(tr_folder *folder, const char *dir, m4_error *err) {
  if (snprintf(folder->dir, sizeof folder->dir, "%s", dir) >= (int)sizeof folder->dir)
    return m4_fail(err, M4_USAGE, dir, "folder name is too long");
  M4_TRY(m4_path_join(folder->checkpoints, sizeof folder->checkpoints, dir, "checkpoints", err));
  char state[TR_PATH_BYTES];
  M4_TRY(tr_folder_checkpoint(folder, "last.state.safetensors", state, err));
  if (m4_file_exists(state)) return M4_OK;
  return m4_hint(err, m4_fail(err, M4_IO, state, "no such file: nothing to resume here"),
                 "give the run folder: .../version_N");
}

m4_status tr_folder_file(const tr_folder *folder, const char *name, char *path, m4_error *err) {
  return m4_path_join(path, TR_PATH_BYTES, folder->dir, name, err);
}

m4_status tr_folder_checkpoint(const tr_folder *folder, const char *name, char *path, m4_error *err) {
  return m4_path_join(path, TR_PATH_BYTES, folder->checkpoints, name, err);
}

void tr_folder_prune(const tr_folder *folder, int64_t last_epoch, int64_t keep) {
  if (keep <= 0) return;
  for (int64_t epoch = last_epoch - keep; epoch >= 0; --epoch) {
    char name[64], path[TR_PATH_BYTES];
    snprintf(name, sizeof name, "epoch=%03lld.safetensors", (long long)epoch);
    if (tr_folder_checkpoint(folder, name, path, NULL) != M4_OK || unlink(path) != 0) return;
  }
}

m4_status tr_config_text(const m4_config *config, char **text, m4_error *err) {
  size_t length = 0;
  *text = NULL;
  FILE *stream = open_memstream(text, &length);
  if (!stream) return m4_fail(err, M4_MEMORY, NULL, "no memory for the resolved configuration");
  m4_status status = m4_config_print(config, stream, false, err);
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
