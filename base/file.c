/* Files: reading with limits, folders and paths, atomic output. Knows status and zlib only. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { FIRST_READ_BYTES = 1 << 16, MAX_PATH_BYTES = 4096 };

void m4_file_source(char *out, size_t out_bytes, const char *path) {
  int length = snprintf(out, out_bytes, "%s.gz", path);
  bool fits = length > 0 && (size_t)length < out_bytes;
  if (!fits || access(path, F_OK) == 0 || access(out, F_OK) != 0) snprintf(out, out_bytes, "%s", path);
}

/* Makes room for at least one more byte and the final NUL, never much beyond max_bytes. */
static m4_status grow(char **text, size_t *capacity, size_t max_bytes, m4_error *err, const char *path) {
  size_t wanted = *capacity ? *capacity * 2 : FIRST_READ_BYTES;
  if (wanted > max_bytes + 2) wanted = max_bytes + 2;
  char *larger = realloc(*text, wanted);
  if (!larger) return m4_fail(err, M4_MEMORY, path, "no memory for %zu bytes of file content", wanted);
  *text = larger;
  *capacity = wanted;
  return M4_OK;
}

/* Reads until the end; one byte more than max_bytes is asked for, to notice files that are too long. */
static m4_status read_all(gzFile in, const char *path, size_t max_bytes, char **text, size_t *length,
                          m4_error *err) {
  size_t capacity = 0, used = 0;
  for (;;) {
    if (used + 1 >= capacity) M4_TRY(grow(text, &capacity, max_bytes, err, path));
    size_t room = capacity - 1 - used;
    int got = gzread(in, *text + used, room > INT32_MAX ? INT32_MAX : (unsigned)room);
    int code = Z_OK;
    const char *reason = gzerror(in, &code);
    if (code == Z_ERRNO) return m4_fail(err, M4_IO, path, "cannot read: %s", strerror(errno));
    if (code == Z_BUF_ERROR) return m4_fail(err, M4_DATA, path, "damaged gzip: the file ends too early");
    if (code != Z_OK && code != Z_STREAM_END) return m4_fail(err, M4_DATA, path, "damaged gzip: %s", reason);
    if (got <= 0) break;
    used += (size_t)got;
    if (used > max_bytes) return m4_fail(err, M4_DATA, path, "longer than the limit of %zu bytes", max_bytes);
  }
  (*text)[used] = '\0';
  *length = used;
  return M4_OK;
}

m4_status m4_file_read(const char *name, size_t max_bytes, char **text, size_t *length, m4_error *err) {
  char path[MAX_PATH_BYTES];
  *text = NULL;
  *length = 0;
  if (max_bytes > SIZE_MAX / 4) max_bytes = SIZE_MAX / 4;
  if (strlen(name) >= sizeof path) return m4_fail(err, M4_IO, name, "the name is too long");
  m4_file_source(path, sizeof path, name);
  /* A FIFO must not make it wait. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return m4_fail(err, M4_IO, path, "cannot open: %s", strerror(errno));
  struct stat info = {0};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return m4_fail(err, M4_IO, path,
                   S_ISDIR(info.st_mode) ? "is a folder, not a file" : "is not a regular file");
  }
  gzFile in = gzdopen(fd, "rb");
  if (!in) {
    close(fd);
    return m4_fail(err, M4_MEMORY, path, "no memory to read");
  }
  m4_status status = read_all(in, path, max_bytes, text, length, err);
  gzclose_r(in);
  if (status != M4_OK) {
    free(*text);
    *text = NULL;
  }
  return status;
}

bool m4_file_exists(const char *path) {
  if (access(path, F_OK) == 0) return true;
  char packed[MAX_PATH_BYTES];
  int length = snprintf(packed, sizeof packed, "%s.gz", path);
  return length > 0 && (size_t)length < sizeof packed && access(packed, F_OK) == 0;
}

static m4_status make_one_dir(const char *path, m4_error *err) {
  if (mkdir(path, 0777) == 0) return M4_OK;
  int reason = errno;
  struct stat info;
  if (stat(path, &info) == 0) {
    if (S_ISDIR(info.st_mode)) return M4_OK;
    reason = ENOTDIR;
  }
  return m4_fail(err, M4_IO, path, "cannot make this folder: %s", strerror(reason));
}

m4_status m4_dir_make(const char *path, m4_error *err) {
  char part[MAX_PATH_BYTES];
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof part)
    return m4_fail(err, M4_USAGE, NULL, "folder name of %zu bytes", length);
  memcpy(part, path, length + 1);
  for (char *slash = part + 1; (slash = strchr(slash, '/')); ++slash) {
    *slash = '\0';
    M4_TRY(make_one_dir(part, err));
    *slash = '/';
  }
  return make_one_dir(part, err);
}

m4_status m4_path_join(char *out, size_t out_bytes, const char *dir, const char *name, m4_error *err) {
  size_t dir_length = strlen(dir);
  const char *separator = dir_length == 0 || dir[dir_length - 1] == '/' ? "" : "/";
  int length = snprintf(out, out_bytes, "%s%s%s", dir, separator, name);
  if (length >= 0 && (size_t)length < out_bytes) return M4_OK;
  return m4_fail(err, M4_USAGE, dir, "path with %s is longer than %zu bytes", name, out_bytes);
}

void m4_path_last(char *out, size_t out_bytes, const char *path) {
  if (out_bytes == 0) return;
  size_t end = strlen(path);
  while (end > 1 && path[end - 1] == '/') --end;
  size_t start = end;
  while (start > 0 && path[start - 1] != '/') --start;
  size_t length = end - start;
  if (length >= out_bytes) length = out_bytes - 1;
  memcpy(out, path + start, length);
  out[length] = '\0';
}

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
