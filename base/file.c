/* Files: reading with limits, folders and paths. Writing is in outfile.c. Knows status and zlib only. */
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
