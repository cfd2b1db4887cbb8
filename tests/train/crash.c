/* A library for LD_PRELOAD that ends a program, or fills its disk, at a chosen moment of its writing. Every
 * call that opens, writes, flushes, closes, syncs, renames or removes a file is a moment, counted from 1.
 *
 *   CRASH_AT=N     SIGKILL before moment N
 *   FULL_AT=N      from moment N on no file that is written has space left (its descriptor becomes /dev/full)
 *   CRASH_COUNT=F  the number of moments is written to file F when the program ends
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long moments, crash_at, full_at;

static long number(const char *name) {
  const char *text = getenv(name);
  return text ? atol(text) : 0;
}

__attribute__((constructor)) static void start(void) {
  crash_at = number("CRASH_AT");
  full_at = number("FULL_AT");
}

__attribute__((destructor)) static void finish(void) {
  const char *path = getenv("CRASH_COUNT");
  int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
  if (fd < 0) return;
  dprintf(fd, "%ld\n", moments);
  close(fd);
}

static int is_file(FILE *stream) {
  struct stat info;
  return stream && fstat(fileno(stream), &info) == 0 && S_ISREG(info.st_mode);
}

/* stream: NULL when the moment has none. */
static void pass_moment(FILE *stream) {
  ++moments;
  if (moments == crash_at) kill(getpid(), SIGKILL);
  if (full_at == 0 || moments < full_at || !stream) return;
  int full = open("/dev/full", O_WRONLY);
  dup2(full, fileno(stream));
  close(full);
}

/* The next function of that name: what the program would have called. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

FILE *fopen(const char *path, const char *mode) {
  FILE *stream = REAL(fopen)(path, mode);
  if (stream && mode[0] != 'r') pass_moment(is_file(stream) ? stream : NULL);
  return stream;
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *stream) {
  if (is_file(stream)) pass_moment(stream);
  return REAL(fwrite)(data, size, count, stream);
}

int fflush(FILE *stream) {
  if (is_file(stream)) pass_moment(stream);
  return REAL(fflush)(stream);
}

int fclose(FILE *stream) {
  if (is_file(stream) && (fcntl(fileno(stream), F_GETFL) & O_ACCMODE) != O_RDONLY) pass_moment(stream);
  return REAL(fclose)(stream);
}

int fsync(int fd) {
  pass_moment(NULL);
  return REAL(fsync)(fd);
}

int rename(const char *from, const char *to) {
  pass_moment(NULL);
  return REAL(rename)(from, to);
}

int unlink(const char *path) {
  pass_moment(NULL);
  return REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode) {
  pass_moment(NULL);
  return REAL(mkdir)(path, mode);
}
