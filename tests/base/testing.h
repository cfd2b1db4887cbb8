/* cmocka with what it needs, and a scratch folder per test program. */
#ifndef M4_TESTS_BASE_TESTING_H
#define M4_TESTS_BASE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Setup and teardown: *state is the path of a fresh folder. */
static inline int scratch_setup(void **state) {
  char *path = strdup(M4_BUILD_DIR "/tests/scratch-XXXXXX");
  *state = path ? mkdtemp(path) : NULL;
  return *state ? 0 : -1;
}

static inline int scratch_teardown(void **state) {
  char command[4096];
  snprintf(command, sizeof command, "chmod -R u+w '%s' && rm -r '%s'", (char *)*state, (char *)*state);
  int status = system(command);
  free(*state);
  return status;
}

static inline const char *scratch_path(void **state, const char *name) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/%s", (char *)*state, name);
  return path;
}

static inline void write_bytes(const char *path, const void *bytes, size_t length) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
}

static inline void write_text(const char *path, const char *text) {
  write_bytes(path, text, strlen(text));
}

/* Content of a small file; freed by the caller. */
static inline char *read_text(const char *path) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  char *text = calloc(1, 1 << 20);
  assert_non_null(text);
  size_t length = fread(text, 1, (1 << 20) - 1, file);
  text[length] = '\0';
  fclose(file);
  return text;
}

/* Sends file descriptor `fd` (1 or 2) into the file; returns what restore_output needs. */
static inline int capture_output(int fd, const char *path) {
  fflush(NULL);
  int saved = dup(fd);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(dup2(fileno(file), fd), fd);
  fclose(file);
  return saved;
}

static inline void restore_output(int fd, int saved) {
  fflush(NULL);
  dup2(saved, fd);
  close(saved);
}

#endif
