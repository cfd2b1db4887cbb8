/* Files written atomically: under a temporary name, synced, renamed. Knows status only. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_PATH_BYTES = 4096 };

/* The rename is durable only when the folder is, too. */
static m4_status sync_folder_of(const char *path, m4_error *err) {
  char folder[MAX_PATH_BYTES];
  const char *slash = strrchr(path, '/');
  size_t length = slash ? (size_t)(slash - path) : 0;
  if (length >= sizeof folder) return m4_fail(err, M4_IO, path, "path too long");
  memcpy(folder, path, length);
  folder[length] = '\0';
  if (length == 0) strcpy(folder, slash ? "/" : ".");
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return m4_fail(err, M4_IO, folder, "cannot open folder: %s", strerror(errno));
  int failure = fsync(fd) != 0 && errno != EINVAL ? errno : 0; /* EINVAL: file systems without folder sync */
  close(fd);
  return failure ? m4_fail(err, M4_IO, folder, "cannot sync folder: %s", strerror(failure)) : M4_OK;
}

static m4_status sync_file(const char *path, const char *shown, m4_error *err) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return m4_fail(err, M4_IO, shown, "cannot reopen what was written: %s", strerror(errno));
  int failure = fsync(fd) != 0 && errno != EINVAL ? errno : 0;
  close(fd);
  return failure ? m4_fail(err, M4_IO, shown, "cannot write to disk: %s", strerror(failure)) : M4_OK;
}

m4_status m4_file_publish(const char *temp_path, const char *path, m4_error *err) {
  m4_status status = sync_file(temp_path, path, err);
  if (status == M4_OK && rename(temp_path, path) != 0)
    status = m4_fail(err, M4_IO, path, "cannot rename into place: %s", strerror(errno));
  if (status != M4_OK) {
    unlink(temp_path);
    return status;
  }
  return sync_folder_of(path, err);
}

/* Renaming over a folder or a device would fail late or destroy it. */
static m4_status check_replaceable(const char *path, m4_error *err) {
  struct stat info;
  if (stat(path, &info) != 0 || S_ISREG(info.st_mode)) return M4_OK;
  return m4_fail(err, M4_IO, path, "cannot write: exists and is not a regular file");
}

m4_status m4_outfile_open(m4_outfile *file, const char *path, m4_error *err) {
  memset(file, 0, sizeof *file);
  M4_TRY(check_replaceable(path, err));
  size_t temp_bytes = strlen(path) + sizeof ".tmp." + 20;
  file->path = strdup(path);
  file->temp_path = malloc(temp_bytes);
  if (!file->path || !file->temp_path) {
    m4_outfile_abandon(file);
    return m4_fail(err, M4_MEMORY, path, "no memory for the file name");
  }
  snprintf(file->temp_path, temp_bytes, "%s.tmp.%ld", path, (long)getpid());
  file->stream = fopen(file->temp_path, "wbe");
  if (!file->stream) {
    int reason = errno;
    m4_outfile_abandon(file);
    return m4_fail(err, M4_IO, path, "cannot write: %s", strerror(reason));
  }
  return M4_OK;
}

m4_status m4_outfile_commit(m4_outfile *file, m4_error *err) {
  if (!file->stream) return m4_fail(err, M4_INTERNAL, NULL, "commit of a file that is not open");
  errno = 0;
  bool broken = ferror(file->stream) != 0;
  broken |= fclose(file->stream) != 0;
  file->stream = NULL;
  m4_status status;
  if (broken) {
    const char *reason = errno ? strerror(errno) : "an earlier write failed";
    status = m4_fail(err, M4_IO, file->path, "cannot write: %s", reason);
    unlink(file->temp_path);
  } else {
    status = m4_file_publish(file->temp_path, file->path, err);
  }
  m4_outfile_abandon(file);
  return status;
}

void m4_outfile_abandon(m4_outfile *file) {
  if (file->stream) {
    fclose(file->stream);
    unlink(file->temp_path);
  }
  free(file->path);
  free(file->temp_path);
  memset(file, 0, sizeof *file);
}
